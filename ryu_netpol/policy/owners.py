"""Who owns which address (NP-70 to NP-72): the pod that has it now, as far as one can tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ryu_netpol.model.hashed import Hashed, remembered
from ryu_netpol.model.names import NodeName, OfPort, PodKey
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Cluster, Pod


@dataclass(frozen=True, slots=True)
class Endpoint(Hashed):
    """A pod with a port on this node's bridge. Its addresses are those of the CNI result, never of Pod.status."""

    pod: PodKey
    port: OfPort
    mac: int
    addresses: tuple[Address, ...]
    created: int = 0
    """When it was attached, nanoseconds."""

    __hash__ = remembered


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has an address: another uid is another owner, also under the same name."""

    pod: PodKey
    uid: str


@dataclass(frozen=True, slots=True)
class Owners:
    """Every address of a policy-visible pod."""

    local: Mapping[Address, Endpoint]
    remote: Mapping[Address, Pod]
    contested: Mapping[Address, tuple[PodKey, ...]]
    """Claimed by several pods with equal right: closed."""

    def all(self, cluster: Cluster) -> dict[Address, Owner]:
        """The owner of every address that has one."""
        here = {address: Owner(e.pod, cluster.pods[e.pod].uid) for address, e in self.local.items()}
        return here | {address: Owner(pod.key, pod.uid) for address, pod in self.remote.items()}


def owners(cluster: Cluster, node: NodeName, endpoints: Iterable[Endpoint]) -> Owners:
    """Decide all claims (NP-71): here the newest ADD wins; elsewhere who is not terminating, then who started later."""
    local_claims: dict[Address, list[tuple[tuple[int, bool, str], Endpoint]]] = defaultdict(list)
    for endpoint in endpoints:
        pod = cluster.pods[endpoint.pod]
        for address in endpoint.addresses:
            local_claims[address].append(((endpoint.created, *right(pod)), endpoint))
    remote_claims: dict[Address, list[tuple[tuple[bool, str], Pod]]] = defaultdict(list)
    for pod in cluster.pods.values():
        if pod.visible and pod.node != node:
            for address in pod.addresses:
                if address not in local_claims:
                    remote_claims[address].append((right(pod), pod))

    contested: dict[Address, tuple[PodKey, ...]] = {}
    local: dict[Address, Endpoint] = {}
    for address, claims in local_claims.items():
        winners = strongest(claims)
        if len(winners) == 1:
            local[address] = winners[0]
        else:
            contested[address] = tuple(sorted(endpoint.pod for endpoint in winners))
    remote: dict[Address, Pod] = {}
    for address, rivals in remote_claims.items():
        pods = strongest(rivals)
        if len(pods) == 1:
            remote[address] = pods[0]
        else:
            contested[address] = tuple(sorted(pod.key for pod in pods))
    return Owners(local, remote, contested)


Claimant = TypeVar("Claimant")


def strongest(claims: Collection[tuple[Any, Claimant]]) -> list[Claimant]:
    """Those who have the best right, of all who claim an address by some right; where several do, nobody has it."""
    best = max(right for right, _ in claims)
    return [claimant for right, claimant in claims if right == best]


def right(pod: Pod) -> tuple[bool, str]:
    """The right by which a pod elsewhere claims its addresses; the greater one wins (NP-71)."""
    return not pod.terminating, pod.started
