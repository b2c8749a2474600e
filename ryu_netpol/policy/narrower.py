"""Whether one policy of a node allows everything that another one allows: if not, connections are judged again.

Exact in terms of the two policies, one direction at a time: pods that are there before and after under the same owner,
and everybody else by address. Pods that come open nothing that was judged before; pods that go say nothing any more;
that an address passes to another owner is not seen here, the agent keeps count of it (decision 0004).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from ryu_netpol.model.names import Direction, PodKey, Protocol
from ryu_netpol.model.net import BITS, Address, Cidr, PortRange, Version, merge_ranges
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.resolve import NodePolicy, Peers, Ports, ResolvedRule

ALL_PORTS = PortRange(0, 0xFFFF)
EVERYTHING = {4: Cidr(4, 0, 0), 6: Cidr(6, 0, 0)}

Change = tuple[Identity | None, Identity | None]
"""What a pod was and what it is; None: nothing that a rule refers to."""


@dataclass(frozen=True, slots=True)
class _Grant:
    """What a rule allows, without its subjects. None: any."""

    peers: Peers | None
    ports: Ports | None

    def to(self, identity: Identity | None, address: Address) -> bool:
        """Whether a pod is one of the peers."""
        if self.peers is None or identity in self.peers.identities:
            return True
        return any(address in block for block in self.peers.blocks)

    def blocks(self, version: Version) -> Iterable[Cidr]:
        """Where outsiders are peers."""
        if self.peers is None:
            return (EVERYTHING[version],)
        return (block for block in self.peers.blocks if block.version == version)


_ANYTHING = _Grant(None, None)


def narrower(before: NodePolicy, after: NodePolicy) -> bool:
    """Tell whether somebody may no longer do, at one of its ends here, what he might do before."""
    return _Comparison(before, after).narrower()


class _Comparison:
    def __init__(self, before: NodePolicy, after: NodePolicy) -> None:
        self._before = before
        self._after = after

    def narrower(self) -> bool:
        if any(address not in self._before.local for address in self._stayed if address in self._after.local):
            return True  # Its egress and ingress were judged on another node: nobody knows by which policy.
        return any(
            self._loses(direction, subject, was, addresses)
            for direction in Direction
            for (was, subject), addresses in self._subjects.items()
            if was is not None and subject in self._after.isolated[direction]
        )

    def _loses(self, direction: Direction, subject: Identity | None, was: Identity, addresses: list[Address]) -> bool:
        """Whether a subject loses something in a direction in which it is isolated now."""
        if was not in self._before.isolated[direction]:
            return not self._covered(direction, subject, _ANYTHING, addresses)
        return any(
            not self._kept(rule, subject)
            and not self._covered(direction, subject, _Grant(rule.peers, rule.ports), addresses)
            for rule in self._before.rules.values()
            if rule.key.direction is direction and was in rule.subjects
        )

    def _kept(self, rule: ResolvedRule, subject: Identity | None) -> bool:
        """The short way: the same rule is still there for this subject, with all peers that it had."""
        same = self._after.rules.get(rule.key)
        if same is None or subject not in same.subjects:
            return False
        if rule.peers is None or same.peers is None:
            return same.peers is None
        return rule.peers.blocks <= same.peers.blocks and all(
            now in same.peers.identities for identity in rule.peers.identities for now in self._became[identity]
        )

    def _covered(self, direction: Direction, subject: Identity | None, had: _Grant, addresses: list[Address]) -> bool:
        """The long way: whether all rules for this subject together allow what one of before allowed."""
        has = [
            _Grant(rule.peers, rule.ports)
            for rule in self._after.rules.values()
            if rule.key.direction is direction and subject in rule.subjects
        ]
        themselves = {self._after.local[address].pod for address in addresses}
        versions = {address.version for address in addresses}
        return all(
            _cover((grant.ports for grant in has if grant.to(now, peer)), had.ports)
            for peer, (was, now) in self._peers(themselves, versions, (had, *has))
            if had.to(was, peer)
        ) and all(
            self._covered_outside(region, had.ports, has) for version in versions for region in had.blocks(version)
        )

    def _covered_outside(self, region: Cidr, ports: Ports | None, grants: list[_Grant]) -> bool:
        """Whether outsiders in a region may still use these ports."""
        blocks = [(block, grant.ports) for grant in grants for block in grant.blocks(region.version)]
        if _cover((allowed for block, allowed in blocks if region in block), ports):
            return True
        if self._only_pods(region):
            return True
        if not any(block in region and block != region for block, _ in blocks):
            return False
        # The grants that split the region are those inside it; the ones around it count for both halves.
        inside = [grant for grant in grants if any(b in region or region in b for b in grant.blocks(region.version))]
        return all(self._covered_outside(half, ports, inside) for half in _halves(region))

    def _only_pods(self, region: Cidr) -> bool:
        """Whether every address of a region was a pod's, and so is no outsider's."""
        size = 1 << (BITS[region.version] - region.prefix)
        if size > len(self._before.owners):
            return False
        return all(region.address(offset) in self._before.owners for offset in range(size))

    # Who was there before and is now

    @cached_property
    def _stayed(self) -> dict[Address, Change]:
        """Addresses of pods that have not changed hands."""
        was, now = _identities(self._before), _identities(self._after)
        return {
            address: (was.get(address), now.get(address))
            for address, owner in self._after.owners.items()
            if self._before.owners.get(address) == owner
        }

    @cached_property
    def _subjects(self) -> dict[Change, list[Address]]:
        """Addresses of pods of this node that share what they were and what they are."""
        found: dict[Change, list[Address]] = defaultdict(list)
        for address, change in self._stayed.items():
            if address in self._after.local and address in self._before.local:
                found[change].append(address)
        return found

    @cached_property
    def _became(self) -> dict[Identity | None, set[Identity | None]]:
        """What pods of an identity are now."""
        found: dict[Identity | None, set[Identity | None]] = defaultdict(set)
        for was, now in self._stayed.values():
            found[was].add(now)
        return found

    @cached_property
    def _peers_by_change(self) -> dict[Change, list[Address]]:
        found: dict[Change, list[Address]] = defaultdict(list)
        for address, change in self._stayed.items():
            found[change].append(address)
        return found

    def _peers(
        self, themselves: set[PodKey], versions: set[Version], grants: Iterable[_Grant]
    ) -> Iterator[tuple[Address, Change]]:
        """Pods at the other end. One of each kind is enough where no block can tell their addresses apart.

        A subject that stands alone is no peer of itself: it always reaches itself (NP-52).
        """
        by_address = any(grant.peers is not None and grant.peers.blocks for grant in grants)
        alone = len(themselves) == 1
        for change, addresses in self._peers_by_change.items():
            others = [
                address
                for address in addresses
                if address.version in versions and not (alone and self._after.owners[address].pod in themselves)
            ]
            for address in others if by_address else others[:1]:
                yield address, change


def _identities(policy: NodePolicy) -> dict[Address, Identity]:
    return {a: policy.endpoints[e] for a, e in policy.local.items()} | dict(policy.remote)


def _halves(region: Cidr) -> tuple[Cidr, Cidr]:
    low = Cidr(region.version, region.network, region.prefix + 1)
    return low, Cidr(region.version, region.network | 1 << (BITS[region.version] - low.prefix), low.prefix)


def _cover(allowed: Iterable[Ports | None], wanted: Ports | None) -> bool:
    """Whether ports of several rules together are all that was wanted. None is more than all ports: NP-83."""
    ranges: dict[Protocol, set[PortRange]] = defaultdict(set)
    for ports in allowed:
        if ports is None:
            return True
        for match in ports:
            ranges[match.protocol].add(match.range or ALL_PORTS)
    if wanted is None:
        return False
    merged = {protocol: merge_ranges(frozenset(some)) for protocol, some in ranges.items()}
    return all(
        any(span.first <= asked.first and asked.last <= span.last for span in merged.get(match.protocol, ()))
        for match in wanted
        for asked in (match.range or ALL_PORTS,)
    )
