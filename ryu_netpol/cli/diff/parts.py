"""Everybody in two clusters, in parts: ends that no policy of either cluster can tell apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ryu_netpol.model.names import NodeName, PodKey
from ryu_netpol.model.net import VERSIONS, Address, Version
from ryu_netpol.oracle.sight import End, NodeAddress, Outside, Sight, Terms
from ryu_netpol.oracle.space import Space, free_address

Sights = tuple[Sight | None, ...]
"""What policies see of an end in each IP version, None where it is not there."""


class Nodes(NamedTuple):
    """Where a pod was and is."""

    old: NodeName | None
    new: NodeName | None


@dataclass(frozen=True, slots=True)
class Part:
    """Ends that nobody can tell apart, all of one kind."""

    number: int
    members: tuple[End, ...]
    old: Sights
    new: Sights
    moved: Nodes | None
    """Of pods that are on another node now."""
    destination: bool
    """False: as sources only. Behind the address of a node, as a destination, there is nobody but the node."""

    same_source: bool
    """Whether policies see the same of them in both clusters, as sources."""
    same_destination: bool

    @property
    def pods(self) -> bool:
        """Whether they are pods."""
        return isinstance(self.members[0], PodKey)

    @property
    def nodes(self) -> bool:
        """Whether they are nodes."""
        return isinstance(self.members[0], NodeAddress)

    def sights(self, version: Version) -> tuple[Sight | None, Sight | None]:
        """What policies see of each in the old and in the new cluster."""
        index = VERSIONS.index(version)
        return self.old[index], self.new[index]


def _seen(sights: Sights, *, source: bool) -> list[tuple[int, int] | None]:
    return [
        None
        if sight is None
        else (sight.egress, sight.seen_by_ingress)
        if source
        else (sight.ingress, sight.seen_by_egress)
        for sight in sights
    ]


def divide(old: Space, new: Space, terms: Terms) -> tuple[Part, ...]:
    """Put everybody into parts. Nodes that pods have moved from or to are apart from all others."""
    groups: dict[tuple[object, ...], list[End]] = defaultdict(list)
    keys: dict[tuple[object, ...], tuple[Sights, Sights, Nodes | None, bool]] = {}
    for end, moved, apart, destination in _ends(old, new, terms):
        fields = (_sights(old, end), _sights(new, end), moved, destination)
        key = (type(end), apart, *fields)
        groups[key].append(end)
        keys[key] = fields
    return tuple(_part(number, tuple(groups[key]), *fields) for number, (key, fields) in enumerate(keys.items()))


def _part(
    number: int, members: tuple[End, ...], old: Sights, new: Sights, moved: Nodes | None, destination: bool
) -> Part:
    same_source, same_destination = (_seen(old, source=side) == _seen(new, source=side) for side in (True, False))
    return Part(number, members, old, new, moved, destination, same_source, same_destination)


def _sights(space: Space, end: End) -> Sights:
    return tuple(space.sight(end, version) for version in VERSIONS)


def _ends(old: Space, new: Space, terms: Terms) -> Iterator[tuple[End, Nodes | None, NodeName | None, bool]]:
    """Everybody, with the nodes of a pod that has moved, such a node's name, and whether it can be a destination."""
    touched: set[NodeName | None] = set()
    for key in sorted({key for space in (old, new) for key, _ in space.pods}):
        moved = _moved(old, new, key)
        touched.update(moved or ())
        yield key, moved, None, True
    for node in sorted(old.nodes | new.nodes):
        yield node, None, node.node if node.node in touched else None, True
    for outside in _outside(old.owned | new.owned, terms):
        yield outside, None, None, free_address(outside, old.taken | new.taken) is not None


def _outside(owned: frozenset[Address], terms: Terms) -> Iterator[Outside]:
    for version in VERSIONS:
        yield from (outside for outside in terms.ranges(version) if free_address(outside, owned) is not None)


def _moved(old: Space, new: Space, key: PodKey) -> Nodes | None:
    before, after = old.cluster.pods.get(key), new.cluster.pods.get(key)
    if before is None or after is None or before.node == after.node:
        return None
    return Nodes(before.node, after.node)
