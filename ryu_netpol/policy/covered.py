"""Whether all that a rule allowed is still allowed, by whatever rules: by peer, by address, by port."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ryu_netpol.model.names import Direction, PodKey
from ryu_netpol.model.net import BITS, Address, Cidr, Version
from ryu_netpol.policy.grants import Allowed, Grants, halves
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.resolve import NodePolicy, Peers, Ports, ResolvedRule
from ryu_netpol.policy.stayed import Stayed, identity_of


@dataclass(frozen=True, slots=True)
class Doubt:
    """What pods of this node were allowed, and may not be any more. Peers None: everybody; ports None: any."""

    direction: Direction
    was: Identity
    now: Identity
    """What these pods were and what they are."""
    peers: Peers | None
    ports: Ports | None


def covered(doubt: Doubt, rules: Iterable[ResolvedRule], stayed: Stayed) -> bool:
    """Whether the rules that these pods have now in this direction allow all of it."""
    versions, alone = _subject(stayed.here(doubt.was, doubt.now), stayed.after)
    if not versions:
        return True  # Of these pods none is here.
    coverage = _Coverage(Grants(rules, doubt.ports), stayed, versions, alone)
    if doubt.peers is None:
        return all(coverage.of_region(Cidr(version, 0, 0)) for version in versions)
    return coverage.of_pods(doubt.peers.identities) and all(
        coverage.of_region(block) for block in doubt.peers.blocks if block.version in versions
    )


def _subject(addresses: Iterable[Address], after: NodePolicy) -> tuple[frozenset[Version], PodKey | None]:
    """The IP versions that the pods at some addresses here speak, and who they are if it is one alone."""
    versions: set[Version] = set()
    pods: set[PodKey] = set()
    for address in addresses:
        if len(pods) < 2 or address.version not in versions:
            versions.add(address.version)
            pods.add(after.local[address].pod)
    return frozenset(versions), next(iter(pods)) if len(pods) == 1 else None


@dataclass(frozen=True, slots=True)
class _Coverage:
    has: Grants
    stayed: Stayed
    versions: frozenset[Version]
    """Those of the subject."""
    alone: PodKey | None
    """A subject that stands alone is no peer of itself: it always reaches itself (NP-52)."""

    def of_pods(self, identities: frozenset[Identity]) -> bool:
        """Of those that were of some identities, whatever they are now."""
        now = identities.union(*(self.stayed.became(was) for was in identities & self.stayed.moved))
        return all(
            self._of_some(self.stayed.among(identities, identity), allowed)
            for some, allowed in self.has.lacking(now)
            for identity in some
        )

    def of_region(self, region: Cidr) -> bool:
        """Of everybody in a region: of outsiders where one rule or another speaks of all of it, of pods one by one."""
        if self.has.enough(self.has.throughout(region)):
            return True
        if self._only_pods(region):
            return all(
                self._of_some([address], self.has.to_identity(identity_of(self.stayed.after, address)))
                for address in _addresses(region)
                if self.stayed.has(address)
            )
        return self.has.splits(region) and all(map(self.of_region, halves(region)))

    def _of_some(self, addresses: Iterable[Address], allowed: Allowed) -> bool:
        """Of pods who are allowed the same for what they are, each for where it is."""
        return all(
            self.has.enough(allowed + self.has.to_address(address))
            for address in addresses
            if address.version in self.versions and self.stayed.after.owners[address].pod != self.alone
        )

    def _only_pods(self, region: Cidr) -> bool:
        """Whether every address of a region was a pod's, and so is no outsider's."""
        owners = self.stayed.before.owners
        size = 1 << (BITS[region.version] - region.prefix)
        return size <= len(owners) and all(address in owners for address in _addresses(region))


def _addresses(region: Cidr) -> Iterable[Address]:
    return map(region.address, range(1 << (BITS[region.version] - region.prefix)))
