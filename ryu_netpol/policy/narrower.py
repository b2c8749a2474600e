"""Whether one policy of a node allows everything that another one allows: if not, connections are judged again.

Exact in terms of the two policies, one direction at a time: pods that are there before and after under the same owner,
and everybody else by address. Pods that come open nothing that was judged before; pods that go say nothing any more;
that an address passes to another owner is not seen here, the agent keeps count of it (decision 0004).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property

from ryu_netpol.model.names import Direction, PodKey, Protocol
from ryu_netpol.model.net import BITS, Address, Cidr, PortRange, Version, merge_ranges
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.resolve import NodePolicy, Peers, Ports, ResolvedRule

ALL_PORTS = PortRange(0, 0xFFFF)

Change = tuple[Identity | None, Identity | None]
"""What a pod was and what it is; None: nothing that a rule refers to."""


class _Grants:
    """What some rules allow together, without their subjects; found by address without a look at every block."""

    def __init__(self, rules: Iterable[tuple[Peers | None, Ports | None]]) -> None:
        self.anybody: tuple[Ports | None, ...] = ()
        self.pods: dict[Identity, tuple[Ports | None, ...]] = defaultdict(tuple)
        self.blocks: dict[Cidr, tuple[Ports | None, ...]] = defaultdict(tuple)
        self.split: set[Cidr] = set()
        """Every region that some block lies in and does not fill."""
        for peers, ports in rules:
            if peers is None:
                self.anybody += (ports,)
                continue
            for identity in peers.identities:
                self.pods[identity] += (ports,)
            for block in peers.blocks:
                self.blocks[block] += (ports,)
        for block in self.blocks:
            for region in _around(block):
                if region in self.split:
                    break
                self.split.add(region)

    def for_pod(self, identity: Identity | None, address: Address) -> tuple[Ports | None, ...]:
        """The ports that a pod may use, of each rule that it is a peer of."""
        of_identity = self.pods.get(identity, ()) if identity is not None else ()
        return (*of_identity, *self.throughout(Cidr(address.version, address.value, BITS[address.version])))

    def throughout(self, region: Cidr) -> tuple[Ports | None, ...]:
        """The ports that everybody in a region may use."""
        return (*self.anybody, *(p for r in (region, *_around(region)) for p in self.blocks.get(r, ())))

    def regions(self, version: Version) -> Iterable[Cidr]:
        """Where outsiders are peers."""
        if self.anybody:
            return (Cidr(version, 0, 0),)
        return (block for block in self.blocks if block.version == version)


_ANYTHING: tuple[Peers | None, Ports | None] = (None, None)


def narrower(before: NodePolicy, after: NodePolicy) -> bool:
    """Tell whether somebody may no longer do, at one of its ends here, what he might do before."""
    return _Comparison(before, after).narrower()


class _Comparison:
    def __init__(self, before: NodePolicy, after: NodePolicy) -> None:
        self._before = before
        self._after = after
        self._grants_of: dict[tuple[Direction, Identity | None], _Grants] = {}

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
            not self._kept(rule, subject) and not self._covered(direction, subject, (rule.peers, rule.ports), addresses)
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

    def _covered(
        self,
        direction: Direction,
        subject: Identity | None,
        rule: tuple[Peers | None, Ports | None],
        addresses: list[Address],
    ) -> bool:
        """The long way: whether all rules for this subject together allow what one of before allowed."""
        had, has, ports = _Grants([rule]), self._grants(direction, subject), rule[1]
        themselves = {self._after.local[address].pod for address in addresses}
        versions = {address.version for address in addresses}
        by_address = bool(had.blocks or has.blocks)
        return all(
            _cover(has.for_pod(now, peer), ports)
            for peer, (was, now) in self._peers(themselves, versions, by_address=by_address)
            if had.for_pod(was, peer)
        ) and all(
            self._covered_outside(region, ports, has, has.throughout(region))
            for version in versions
            for region in had.regions(version)
        )

    def _grants(self, direction: Direction, subject: Identity | None) -> _Grants:
        """What a subject is allowed now."""
        if (direction, subject) not in self._grants_of:
            self._grants_of[direction, subject] = _Grants(
                (rule.peers, rule.ports)
                for rule in self._after.rules.values()
                if rule.key.direction is direction and subject in rule.subjects
            )
        return self._grants_of[direction, subject]

    def _covered_outside(
        self, region: Cidr, ports: Ports | None, has: _Grants, throughout: tuple[Ports | None, ...]
    ) -> bool:
        """Whether outsiders in a region, who may use some ports throughout, may still use these ones."""
        if _cover(throughout, ports) or self._only_pods(region):
            return True
        return region in has.split and all(
            self._covered_outside(half, ports, has, (*throughout, *has.blocks.get(half, ())))
            for half in _halves(region)
        )

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
        self, themselves: set[PodKey], versions: set[Version], *, by_address: bool
    ) -> Iterator[tuple[Address, Change]]:
        """Pods at the other end. One of each kind is enough where no block can tell their addresses apart.

        A subject that stands alone is no peer of itself: it always reaches itself (NP-52).
        """
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


def _around(region: Cidr) -> Iterator[Cidr]:
    """All larger regions that a region lies in, the smallest first."""
    return (Cidr(region.version, region.network, prefix) for prefix in range(region.prefix - 1, -1, -1))


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
