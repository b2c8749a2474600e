"""The four kinds that are followed, and where the API server has them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ryu_netpol.agent.events import Kind
from ryu_netpol.model.names import Api


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of objects on the server."""

    kind: Kind
    api: str
    plural: str

    @property
    def path(self) -> str:
        """Of the list of all namespaces."""
        return f"{root(self.api)}/{self.plural}"

    def at(self, api: str) -> Resource:
        """The same in another API version."""
        return replace(self, api=api)


NETWORK_POLICIES = Resource(Kind.POLICY, Api.V1, "networkpolicies")
RESOURCES = (
    Resource(Kind.NAMESPACE, "v1", "namespaces"),
    Resource(Kind.NODE, "v1", "nodes"),
    Resource(Kind.POD, "v1", "pods"),
    NETWORK_POLICIES,
)
GROUPS = "/apis"
"""Discovery: all groups with their versions."""


def root(api: str) -> str:
    """Where an API version begins, which is where discovery lists what is in it."""
    return f"/apis/{api}" if "/" in api else f"/api/{api}"
