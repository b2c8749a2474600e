"""What some rules allow together, found by what a peer is or by where it is, and whether that is enough."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property

from ryu_netpol.model.net import BITS, Address, Cidr
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.resolve import PortMatch, Ports, ResolvedRule

Allowed = list[Ports | None]
"""The ports of each rule that allows something; None: any."""

Pods = frozenset[Identity | None]
"""Pods by what they are; None: nothing that a rule refers to."""


class Grants:
    """What the rules of a subject in one direction allow of some ports that are wanted."""

    def __init__(self, rules: Iterable[ResolvedRule], wanted: Ports | None) -> None:
        """A rule may come twice. The first ones are tried first."""
        self._wanted = wanted
        self._rules = [rule for rule in rules if _helps(rule.ports, wanted)]

    def enough(self, allowed: Allowed) -> bool:
        """Whether that is all that is wanted."""
        return cover(allowed, self._wanted)

    def to_identity(self, identity: Identity | None) -> Allowed:
        """What pods are allowed for what they are."""
        return [rule.ports for rule in self._rules if rule.peers is None or identity in rule.peers.identities]

    def lacking(self, pods: Pods) -> list[tuple[Pods, Allowed]]:
        """Those of some pods who are not allowed enough for what they are, by what they are allowed."""
        found: list[tuple[Pods, Allowed]] = [(pods, [])]
        for rule in self._rules:
            found = [part for some, allowed in found for part in self._parts(some, allowed, rule)]
        return found

    def _parts(self, pods: Pods, allowed: Allowed, rule: ResolvedRule) -> Iterator[tuple[Pods, Allowed]]:
        """Pods who are allowed the same, told apart by one more rule; who has enough is left out."""
        peers = pods if rule.peers is None else pods & rule.peers.identities
        if not peers:
            yield pods, allowed
            return
        if not self.enough(more := [*allowed, rule.ports]):
            yield peers, more
        if len(peers) < len(pods):
            yield pods - peers, allowed

    def to_address(self, address: Address) -> Allowed:
        """What everybody is allowed who has an address."""
        return self.throughout(Cidr(address.version, address.value, BITS[address.version]))

    def throughout(self, region: Cidr) -> Allowed:
        """What everybody in a region is allowed."""
        around = (Cidr(region.version, region.network, prefix) for prefix in self._prefixes if prefix <= region.prefix)
        return self._anybody + [ports for block in around for ports in self._blocks.get(block, ())]

    def splits(self, region: Cidr) -> bool:
        """Whether some block lies in a region and does not fill it, so that there is more to say about its halves."""
        return region in self._split

    @cached_property
    def _anybody(self) -> Allowed:
        return [rule.ports for rule in self._rules if rule.peers is None]

    @cached_property
    def _blocks(self) -> dict[Cidr, Allowed]:
        found: dict[Cidr, Allowed] = defaultdict(list)
        for rule in self._rules:
            for block in rule.peers.blocks if rule.peers is not None else ():
                found[block].append(rule.ports)
        return dict(found)

    @cached_property
    def _prefixes(self) -> frozenset[int]:
        return frozenset(block.prefix for block in self._blocks)

    @cached_property
    def _split(self) -> frozenset[Cidr]:
        found: set[Cidr] = set()
        for block in self._blocks:
            for prefix in range(block.prefix - 1, -1, -1):
                region = Cidr(block.version, block.network, prefix)
                if region in found:
                    break
                found.add(region)
        return frozenset(found)


def halves(region: Cidr) -> tuple[Cidr, Cidr]:
    """The two halves of a region that is more than one address."""
    low = Cidr(region.version, region.network, region.prefix + 1)
    return low, Cidr(region.version, region.network | 1 << (BITS[region.version] - low.prefix), low.prefix)


def cover(allowed: Iterable[Ports | None], wanted: Ports | None) -> bool:
    """Whether ports of several rules together are all that was wanted. None is more than all ports: NP-83."""
    matches: list[PortMatch] = []
    for ports in allowed:
        if ports is None:
            return True
        matches += ports
    if wanted is None:
        return False
    return all(_spanned(matches, asked) for asked in wanted)


def _spanned(matches: Iterable[PortMatch], asked: PortMatch) -> bool:
    reached, last = _ends(asked)
    spans = sorted(_ends(match) for match in matches if match.protocol is asked.protocol)
    for first, end in spans:
        if first > reached:
            break
        reached = max(reached, end + 1)
    return reached > last


def _ends(match: PortMatch) -> tuple[int, int]:
    return (0, 0xFFFF) if match.first < 0 else (match.first, match.last)


def _helps(ports: Ports | None, wanted: Ports | None) -> bool:
    """Whether some ports are among those that are wanted, at least in part."""
    if ports is None or wanted is None:
        return ports is None
    return any(
        match.protocol is asked.protocol
        and (match.first < 0 or asked.first < 0 or (match.first <= asked.last and asked.first <= match.last))
        for asked in wanted
        for match in ports
    )
