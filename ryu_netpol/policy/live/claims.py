"""Who owns which address, kept up to date; the incremental twin of `policy.owners.owners`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeVar

from immutables import Map

from ryu_netpol.model.names import NodeName, PodKey
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Pod
from ryu_netpol.policy.live.changes import Change
from ryu_netpol.policy.owners import Endpoint, Owner, right, strongest

Claimant = TypeVar("Claimant")


class Claims:
    """Claims to addresses, of endpoints here and of pods elsewhere, and how they are decided (NP-70 to NP-72)."""

    def __init__(self, node: NodeName) -> None:
        self._node = node
        self._here: dict[Address, tuple[Endpoint, ...]] = {}
        self._elsewhere: dict[Address, tuple[PodKey, ...]] = {}
        self.local: Map[Address, Endpoint] = Map()
        self.contested: Map[Address, tuple[PodKey, ...]] = Map()
        self.owners: Map[Address, Owner] = Map()
        self.owned: dict[PodKey, frozenset[Address]] = {}
        """The addresses of every pod that owns one."""

    def update(
        self,
        pods: Mapping[PodKey, Pod],
        changed: Mapping[PodKey, Change[Pod]],
        gone: Iterable[Endpoint],
        come: Iterable[Endpoint],
    ) -> tuple[set[Address], set[PodKey]]:
        """Take changes in, of pods and of endpoints; returns the addresses that they concern, and whose those are.

        `pods` are all that there are now. An endpoint whose pod changed goes and comes: its right may be another.
        """
        concerned: set[Address] = set()
        for key, (old, new) in changed.items():
            was, now = self._claimed(old), self._claimed(new)
            for address in was:
                if address not in now:
                    _remove(self._elsewhere, address, key)
            for address in now:
                if address not in was:
                    self._elsewhere[address] = (*self._elsewhere.get(address, ()), key)
            concerned.update(was, now)
        for endpoint in gone:
            for address in endpoint.addresses:
                _remove(self._here, address, endpoint)
            concerned.update(endpoint.addresses)
        for endpoint in come:
            for address in endpoint.addresses:
                self._here[address] = (*self._here.get(address, ()), endpoint)
            concerned.update(endpoint.addresses)
        return concerned, self._decide(pods, concerned)

    def _claimed(self, pod: Pod | None) -> tuple[Address, ...]:
        """What a pod elsewhere claims."""
        return pod.addresses if pod is not None and pod.visible and pod.node != self._node else ()

    def _decide(self, pods: Mapping[PodKey, Pod], concerned: Collection[Address]) -> set[PodKey]:
        lost: dict[PodKey, set[Address]] = defaultdict(set)
        won: dict[PodKey, set[Address]] = defaultdict(set)
        with self.local.mutate() as local, self.contested.mutate() as contested, self.owners.mutate() as owners:
            for address in concerned:
                if (owner := owners.pop(address, None)) is not None:
                    lost[owner.pod].add(address)
                    local.pop(address, None)
                contested.pop(address, None)
                rivals = self._winners(pods, address)
                if len(rivals) > 1:
                    contested[address] = tuple(sorted(key for key, _ in rivals))
                for key, endpoint in rivals if len(rivals) == 1 else ():
                    if endpoint is not None:
                        local[address] = endpoint
                    owners[address] = Owner(key, pods[key].uid)
                    won[key].add(address)
            self.local, self.contested, self.owners = local.finish(), contested.finish(), owners.finish()
        concerned_pods = {*lost, *won}
        for key in concerned_pods:
            left = self.owned.get(key, frozenset()) - lost.get(key, frozenset()) | won.get(key, frozenset())
            if left:
                self.owned[key] = left
            else:
                self.owned.pop(key, None)
        return concerned_pods

    def _winners(self, pods: Mapping[PodKey, Pod], address: Address) -> list[tuple[PodKey, Endpoint | None]]:
        """Who has the best right: here the newest ADD, elsewhere who is not terminating, then who started later."""
        if here := self._here.get(address):
            if len(here) > 1:
                here = tuple(strongest([((e.created, *right(pods[e.pod])), e) for e in here]))
            return [(endpoint.pod, endpoint) for endpoint in here]
        elsewhere = self._elsewhere.get(address, ())
        if len(elsewhere) > 1:
            elsewhere = tuple(strongest([(right(pods[key]), key) for key in elsewhere]))
        return [(key, None) for key in elsewhere]

    def addresses(self, pods: Mapping[PodKey, Pod]) -> Iterator[tuple[Address, Pod]]:
        """All addresses, each with its owner."""
        return ((address, pods[owner.pod]) for address, owner in self.owners.items())


def _remove(claims: dict[Address, tuple[Claimant, ...]], address: Address, claimant: Claimant) -> None:
    left = tuple(other for other in claims[address] if other != claimant)
    if left:
        claims[address] = left
    else:
        del claims[address]
