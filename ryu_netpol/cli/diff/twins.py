"""What changes in one IP version, by sets of sources that the policies of both clusters see alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ryu_netpol.cli.diff.cause import Cause, Presence, causes
from ryu_netpol.model.names import Direction
from ryu_netpol.model.net import Version
from ryu_netpol.oracle.board import Board
from ryu_netpol.oracle.places import Places, places, union
from ryu_netpol.oracle.sight import Judged
from ryu_netpol.oracle.traffic import NOTHING, Traffic


class Found(NamedTuple):
    """A change between each two members of two parts."""

    gained: bool
    """False: lost."""
    causes: frozenset[Cause]
    traffic: Traffic
    version: Version | None = None
    """None: in each IP version that both have."""


Verdict = tuple[Judged, Judged]
"""What the policies at the source and those at the destination say."""

_Pair = tuple[Judged | None, Judged | None]
"""What one end says in the old and in the new cluster; None where one of the two ends is not there."""

_Numbers = tuple[int | None, int | None]
"""Numbers of a Sight, in the old and in the new cluster; None where it is not there."""


@dataclass(slots=True)
class _Group:
    """Sources at which the same policies count in both clusters."""

    places: Places
    said: list[tuple[Places, _Pair]] = field(default_factory=list)
    """What they say about destinations, as far as somebody wanted to know."""

    @property
    def first(self) -> int:
        """One of them."""
        return next(places(self.places))


class Twins:
    """The boards of two clusters in one IP version, with the same ends at the same places."""

    def __init__(self, old: Board, new: Board) -> None:
        self._boards = old, new
        groups: dict[_Numbers, Places] = defaultdict(int)
        self._seen: list[_Numbers] = []
        """By place: what is seen of a destination in both clusters."""
        for place, (before, after) in enumerate(zip(old.sights, new.sights, strict=True)):
            groups[before and before.egress, after and after.egress] |= 1 << place
            self._seen.append((before and before.seen_by_egress, after and after.seen_by_egress))
        self._changed = union(some for numbers, some in groups.items() if len({*numbers}) > 1)
        """Where other policies count for a source now."""
        self._groups = [_Group(some) for some in groups.values()]
        self._known: dict[tuple[Verdict | None, Verdict | None], tuple[Found, ...]] = {}

    def there(self, destination: int) -> Places:
        """Who is in one cluster with the destination, in one of the two at least."""
        old, new = (board.there if board.there >> destination & 1 else 0 for board in self._boards)
        return old | new

    def changes(self, destination: int, sources: Places) -> Mapping[tuple[Found, ...], Places]:
        """What changes from each of these sources; each of them is in one set, also those for which nothing does."""
        # Whose own policies may say something else now; the others matter only where the destination's do.
        changed = self._changed if len({*self._seen[destination]}) == 1 else sources
        at_destination = [
            (asked, pair)
            for some, pair in self._ingress(destination, sources)
            if (asked := some if pair[0] != pair[1] else some & changed)
        ]
        at_sources = self._egress(destination, union(asked for asked, _ in at_destination))
        found: dict[tuple[Found, ...], Places] = defaultdict(int)
        for some, ingress in at_destination:
            for others, egress in at_sources:
                if both := some & others:
                    found[self._compared(*map(_verdict, egress, ingress))] |= both
        found[()] |= sources & ~union(found.values())
        return found

    def _ingress(self, destination: int, sources: Places) -> Iterator[tuple[Places, _Pair]]:
        """Sources by what the policies at the destination say to them."""
        old, new = ([*self._shares(board, destination, sources)] for board in self._boards)
        for some, before in old:
            for others, after in new:
                if both := some & others:
                    yield both, _pair(before, after)

    @staticmethod
    def _shares(board: Board, destination: int, sources: Places) -> Iterator[tuple[Places, Judged | None]]:
        there = board.there if board.there >> destination & 1 else 0
        if sources & there:
            yield from board.shares(Direction.INGRESS, destination, sources)
        yield sources & ~there, None

    def _egress(self, destination: int, sources: Places) -> list[tuple[Places, _Pair]]:
        """Sources by what their policies say about the destination."""
        found: dict[_Pair, Places] = defaultdict(int)
        for group in self._groups:
            if some := group.places & sources:
                found[self._said(group, destination)] |= some
        return [(some, pair) for pair, some in found.items()]

    def _said(self, group: _Group, destination: int) -> _Pair:
        for alike, pair in group.said:
            if alike >> destination & 1:
                return pair
        (some, before), (others, after) = (_share(board, group.first, destination) for board in self._boards)
        pair = _pair(before, after)
        group.said.append((some & others, pair))
        return pair

    def _compared(self, old: Verdict | None, new: Verdict | None) -> tuple[Found, ...]:
        if (old, new) not in self._known:
            self._known[old, new] = compared(old, new)
        return self._known[old, new]


def compared(old: Verdict | None, new: Verdict | None) -> tuple[Found, ...]:
    """What changes where this is said in the old and in the new cluster; None where one of the ends is not there."""
    found = []
    for gained, closed, opened in ((True, old, new), (False, new, old)):
        if opened is not None and old != new and (traffic := _allowed(opened) - _allowed(closed)):
            found.append(Found(gained, _causes(traffic, closed, opened, gained=gained), traffic))
    return tuple(found)


def _pair(old: Judged | None, new: Judged | None) -> _Pair:
    """What one end says. Where that is the same in both clusters, it does not matter who says it."""
    if old is None or new is None or old.allowed != new.allowed:
        return old, new
    same = Judged(old.allowed)
    return same, same


def _share(board: Board, source: int, destination: int) -> tuple[Places, Judged | None]:
    """What a source's policies say about a destination, and about which others; None where one is not there."""
    if not board.there >> source & 1:
        return -1, None
    if not board.there >> destination & 1:
        return ~board.there, None
    return board.share(Direction.EGRESS, source, destination)


def _verdict(egress: Judged | None, ingress: Judged | None) -> Verdict | None:
    return None if egress is None or ingress is None else (egress, ingress)


def _allowed(verdict: Verdict | None) -> Traffic:
    return NOTHING if verdict is None else verdict[0].allowed & verdict[1].allowed


def _causes(traffic: Traffic, closed: Verdict | None, opened: Verdict, *, gained: bool) -> frozenset[Cause]:
    """What makes the difference at the destination; at the source only where nothing does there.

    To name both would make a group of every two policies, where each namespace has one that isolates both ways.
    """
    if closed is None:
        return frozenset({Presence(new=gained)})
    egress, ingress = (causes(traffic, *pair) for pair in zip(closed, opened, strict=True))
    return ingress or egress
