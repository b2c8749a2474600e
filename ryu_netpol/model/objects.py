"""What the cluster consists of, decoded: pods, namespaces, nodes, policies.

Every value is frozen, canonical and compared whole (R3). Absent, empty and zero were told apart by the decoder (R10):
where a field here may be None, its docstring says what that means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ryu_netpol.model.hashed import Hashed, remembered
from ryu_netpol.model.labels import EVERYTHING, Labels, Selector
from ryu_netpol.model.names import Api, Direction, NodeName, PodKey, PolicyKey, Protocol
from ryu_netpol.model.net import Address, Cidr, PortRange, Version

METADATA_NAME = "kubernetes.io/metadata.name"
"""The label that every namespace carries (NP-27)."""


@dataclass(frozen=True, slots=True, order=True)
class NamedPort:
    """A container port that has a name (NP-46)."""

    name: str
    protocol: Protocol
    number: int


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod as policies, the lab and the CNI need it."""

    key: PodKey
    uid: str = ""
    labels: Labels = field(default_factory=Labels)
    node: NodeName | None = None
    """None while the scheduler has not placed it."""
    addresses: tuple[Address, ...] = ()
    """At most one per IP version, from status.podIPs; empty while it has none (NP-72)."""
    ports: tuple[NamedPort, ...] = ()
    container_ports: tuple[tuple[Protocol, int], ...] = ()
    """Every declared container port, named or not: what `reach` probes when nobody says otherwise."""
    host_network: bool = False
    finished: bool = False
    """Phase Succeeded or Failed (NP-70)."""
    terminating: bool = False
    """It has a deletionTimestamp (NP-71)."""
    started: str = ""
    """status.startTime, RFC 3339, which sorts as text; empty when unknown (NP-71)."""
    config_hash: str = ""
    """Annotation kubernetes.io/config.hash: what the kubelet calls the uid of a static pod."""

    @property
    def visible(self) -> bool:
        """Whether policies can see this pod, but for its address, which may come later (docs/semantics.md)."""
        return not self.host_network and not self.finished

    def address(self, version: Version) -> Address | None:
        """Its address of this IP version, if it has one."""
        return next((a for a in self.addresses if a.version == version), None)


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace. Its labels include kubernetes.io/metadata.name (NP-27)."""

    name: str
    labels: Labels = field(default_factory=Labels)
    default_deny: bool = False
    """The legacy annotation says DefaultDeny (LG-1 to LG-3)."""

    def __post_init__(self) -> None:
        if self.labels.get(METADATA_NAME) != self.name:
            object.__setattr__(self, "labels", Labels({**self.labels, METADATA_NAME: self.name}))


@dataclass(frozen=True, slots=True)
class Node:
    """A node and the addresses that its status names."""

    name: NodeName
    labels: Labels = field(default_factory=Labels)
    addresses: tuple[Address, ...] = ()
    pod_cidrs: tuple[Cidr, ...] = ()
    """From which its pods get their addresses, as its spec says. An agent is told by an option instead."""


@dataclass(frozen=True, slots=True)
class PodPeer:
    """Pods by label. At least one of the two selectors is there (NP-31 to NP-33)."""

    pods: Selector | None = None
    """None: every pod (of the namespaces chosen)."""
    namespaces: Selector | None = None
    """None: the policy's own namespace."""


@dataclass(frozen=True, slots=True)
class BlockPeer:
    """Addresses inside cidr and outside all excepts, whoever has them (NP-35, NP-36)."""

    cidr: Cidr
    excepts: tuple[Cidr, ...] = ()


Peer = PodPeer | BlockPeer


@dataclass(frozen=True, slots=True)
class PortSpec:
    """One entry of a rule's ports: a protocol with all its ports (None), a range, or a name (NP-42 to NP-47)."""

    protocol: Protocol = Protocol.TCP
    port: PortRange | str | None = None

    def __str__(self) -> str:
        return f"{self.protocol.name}/{'*' if self.port is None else self.port}"


@dataclass(frozen=True, slots=True)
class Rule(Hashed):
    """Peers and ports must both match (NP-6)."""

    peers: tuple[Peer, ...] | None = None
    """None: no restriction by peer. An empty tuple matches nobody, which only legacy rules can say (LG-7)."""
    ports: tuple[PortSpec, ...] | None = None
    """None: every port of every protocol. An empty tuple matches nothing (LG-7)."""

    __hash__ = remembered


@dataclass(frozen=True, slots=True)
class Policy:
    """A network policy of either API, with its defaults applied (NP-10 to NP-15, LG-6)."""

    key: PolicyKey
    subject: Selector = EVERYTHING
    directions: frozenset[Direction] = frozenset({Direction.INGRESS})
    """Effective policyTypes. Those of a legacy policy isolate nothing: the annotation does (LG-4)."""
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()
    uid: str = ""

    @property
    def legacy(self) -> bool:
        """Whether it is written in the API of 1.3 (LG-1 to LG-13)."""
        return self.key.api is Api.LEGACY

    def rules(self, direction: Direction) -> tuple[Rule, ...]:
        """The rules that count in this direction: those of an unlisted direction are dead text (NP-12)."""
        if direction not in self.directions:
            return ()
        return self.ingress if direction is Direction.INGRESS else self.egress


Object = Pod | Namespace | Node | Policy


@dataclass(frozen=True, slots=True)
class Cluster:
    """A snapshot of everything that policies depend on."""

    pods: Mapping[PodKey, Pod] = field(default_factory=dict)
    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    nodes: Mapping[NodeName, Node] = field(default_factory=dict)
    policies: Mapping[PolicyKey, Policy] = field(default_factory=dict)

    @classmethod
    def of(cls, *objects: Object) -> Cluster:
        """Build a snapshot from objects. Namespaces that are only mentioned come into being without labels."""
        pods = {o.key: o for o in objects if isinstance(o, Pod)}
        policies = {o.key: o for o in objects if isinstance(o, Policy)}
        mentioned = {key.namespace for key in pods} | {key.namespace for key in policies}
        namespaces = {name: Namespace(name) for name in mentioned}
        namespaces |= {o.name: o for o in objects if isinstance(o, Namespace)}
        return cls(pods, namespaces, {o.name: o for o in objects if isinstance(o, Node)}, policies)

    def objects(self) -> tuple[Object, ...]:
        """Everything in it, namespaces and nodes first."""
        return (*self.namespaces.values(), *self.nodes.values(), *self.policies.values(), *self.pods.values())
