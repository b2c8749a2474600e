"""What some rules allow together, found by what a peer is or by where it is, and whether that is enough."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from ryu_netpol.model.net import BITS, Address, Cidr
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.resolve import PortMatch, Ports, ResolvedRule

Allowed = list[Ports | None]
"""The ports of each rule that allows something; None: any."""


Lacking = tuple[frozenset[Identity | None], Allowed]
"""Pods who are told apart by no rule, and what rules allow them."""


class Grants:
    """The rules of one subject in one direction; nothing is looked at before it is asked for."""

    def __init__(self, rules: Sequence[ResolvedRule]) -> None:
        """A rule may come twice; the first ones are tried first."""
        self._rules = rules

    def to_identity(self, identity: Identity | None) -> Allowed:
        """What pods are allowed for what they are; None: what no rule refers to."""
        wanted = frozenset({identity})
        return [
            rule.ports
            for rule in self._rules
            # Sets keep the hashes of what is in them: with `in` most of the time would go into computing one.
            if rule.peers is None or not wanted.isdisjoint(rule.peers.identities)
        ]

    def lacking(self, pods: frozenset[Identity | None], wanted: Ports | None) -> list[Lacking]:
        """Those of some pods who do not have all that is wanted for what they are, by what they have of it."""
        found: list[Lacking] = [(pods, [])]
        for rule in self._rules:
            if not found:
                break
            if _help(rule.ports, wanted):
                found = [part for some, allowed in found for part in _parts(some, allowed, rule, wanted)]
        return found

    def to_address(self, address: Address) -> Allowed:
        """What a pod is allowed for where it is."""
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


def _parts(
    pods: frozenset[Identity | None], allowed: Allowed, rule: ResolvedRule, wanted: Ports | None
) -> Iterator[Lacking]:
    """Pods who have the same, divided by one more rule, without those who have enough."""
    peers = pods if rule.peers is None else pods & rule.peers.identities
    if peers and not cover(more := [*allowed, rule.ports], wanted):
        yield peers, more
    if len(peers) < len(pods):
        yield pods - peers if peers else pods, allowed


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


def _help(ports: Ports | None, wanted: Ports | None) -> bool:
    """Whether some ports have anything to do with others."""
    if ports is None or wanted is None:
        return ports is None
    return any(
        match.protocol is asked.protocol and _ends(match)[0] <= _ends(asked)[1] and _ends(asked)[0] <= _ends(match)[1]
        for asked in wanted
        for match in ports
    )


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
