"""The names by which things are known: keys of Kubernetes objects and small numbers of OpenFlow."""

from __future__ import annotations

import enum
from typing import NamedTuple, NewType

NodeName = NewType("NodeName", str)
NamespaceName = NewType("NamespaceName", str)

IdentityId = NewType("IdentityId", int)
"""The number of an identity, 1 or more; 0 in the register means: no pod that a policy on this node refers to."""

ConjId = NewType("ConjId", int)
"""The number of a conjunction (ovs-fields(7), "conj_id"), 1 or more."""

OfPort = NewType("OfPort", int)
"""An OpenFlow port number of this node's bridge."""

Epoch = NewType("Epoch", int)
"""Grows whenever the policy of the node becomes narrower; 16 bits of ct_mark."""


class PodKey(NamedTuple):
    """Namespace and name of a pod."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """`namespace/name`, as users write it."""
        return f"{self.namespace}/{self.name}"


class Api(enum.StrEnum):
    """The API a policy is written in; the apiVersion decides its meaning (LG-1 to LG-13)."""

    V1 = "networking.k8s.io/v1"
    LEGACY = "extensions/v1beta1"


class PolicyKey(NamedTuple):
    """Namespace, name and API of a policy: both APIs may hold an object of the same name."""

    namespace: str
    name: str
    api: Api = Api.V1

    def __str__(self) -> str:
        """`namespace/name`, as users write it."""
        return f"{self.namespace}/{self.name}"


class Direction(enum.StrEnum):
    """Seen from the subject: traffic to it, or from it."""

    INGRESS = "Ingress"
    EGRESS = "Egress"


class Protocol(enum.IntEnum):
    """IP protocol numbers (IANA) that policies or probes can name."""

    ICMP = 1
    TCP = 6
    UDP = 17
    SCTP = 132


PORT_PROTOCOLS = (Protocol.TCP, Protocol.UDP, Protocol.SCTP)
"""The protocols that have ports, which are those that a PortSpec can name (NP-41, NP-83)."""
