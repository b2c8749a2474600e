"""Who may open what to whom, for everybody at once.

The ends of a cluster stand in a list, and those that nobody can tell apart stand at one place of it. Whoever the
policies at a place see alike among the others gets one answer, by one question to the Space: what this costs follows
from what policies tell apart, not from how many ends there are.

Callers: `ryu-netpol reach`, `ryu-netpol diff`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ryu_netpol.model.names import Direction, PodKey
from ryu_netpol.model.net import Version
from ryu_netpol.oracle.look import Look
from ryu_netpol.oracle.places import Places, places
from ryu_netpol.oracle.sight import UNJUDGED, End, Judged, NodeAddress, Outside, Sight, Terms
from ryu_netpol.oracle.space import Space, free_address


@dataclass(slots=True)
class Alike:
    """Peers that the policies at some places see alike."""

    places: Places
    judged: Judged | None = None
    """What these policies say to them; None as long as nobody wanted to know."""


class Board:
    """The ends of one cluster in one IP version, all against all."""

    def __init__(self, space: Space, version: Version, ends: Sequence[Sequence[End]]) -> None:
        """Take the ends at each place: they have one Sight, and where they have none, nobody is there."""
        self._space = space
        self._version = version
        self._ends = ends
        self.sights: list[Sight | None] = [space.sight(some[0], version) if some else None for some in ends]
        self.there: Places = sum(1 << place for place, sight in enumerate(self.sights) if sight is not None)
        self._halves = {direction: _Half(self.sights, space.terms, direction) for direction in Direction}
        self._alike: dict[tuple[Direction, int], list[Alike]] = {}

    def shares(self, direction: Direction, subject: int, peers: Places) -> Iterator[tuple[Places, Judged]]:
        """What the policies at one place say to these others: each of them that is there is in one share."""
        number = self._number(direction, subject)
        for alike in self._classes(direction, number):
            if some := alike.places & peers:
                yield some, self._judged(direction, number, alike)

    def share(self, direction: Direction, subject: int, peer: int) -> tuple[Places, Judged]:
        """What the policies at one place say to another, and to whom else they say it. Both must be there."""
        number = self._number(direction, subject)
        alike = self._alike_at(direction, number, peer)
        return alike.places, self._judged(direction, number, alike)

    def heard(self, direction: Direction, peer: int, subjects: Places) -> Iterator[tuple[Places, Judged]]:
        """What the policies at these places say to one other: each place that is there is in one set."""
        for number, group in self._halves[direction].subjects.items():
            if some := group & subjects:
                yield some, self._judged(direction, number, self._alike_at(direction, number, peer))

    def _number(self, direction: Direction, subject: int) -> int:
        """The number for the policies at a place, 0 where there is nobody who could have any."""
        sight = self.sights[subject]
        return 0 if sight is None else sight.egress if direction is Direction.EGRESS else sight.ingress

    def _alike_at(self, direction: Direction, number: int, peer: int) -> Alike:
        return next(alike for alike in self._classes(direction, number) if alike.places >> peer & 1)

    def _classes(self, direction: Direction, number: int) -> list[Alike]:
        key = (direction, number)
        if key not in self._alike:
            look = self._space.terms.looks.get(number, Look())
            self._alike[key] = [Alike(some) for some in self._halves[direction].alike(look, self.there)]
        return self._alike[key]

    def _judged(self, direction: Direction, number: int, peers: Alike) -> Judged:
        if peers.judged is None:
            pair = self._pair(direction, number, peers.places) if number else None
            peers.judged = UNJUDGED if pair is None else self._space.judged(direction, *pair, self._version)
        return peers.judged

    def _pair(self, direction: Direction, number: int, peers: Places) -> tuple[End, End] | None:
        """A source and a destination to ask about; a pod and its own node only if all pairs are."""
        own = None
        subjects = self._halves[direction].subjects[number]
        for subject in self._ends_at(subjects):
            for peer in self._ends_at(peers):
                pair = (subject, peer) if direction is Direction.EGRESS else (peer, subject)
                if subject != peer and self._exists(pair[1]):
                    if not self._is_own_node(subject, peer):
                        return pair
                    own = pair
        return own

    def _ends_at(self, some: Places) -> Iterator[End]:
        return (end for place in places(some) for end in self._ends[place])

    def _exists(self, destination: End) -> bool:
        """Whether it has an address as a destination: ranges that pods and nodes fill up have none."""
        return not isinstance(destination, Outside) or free_address(destination, self._space.taken) is not None

    def _is_own_node(self, subject: End, peer: End) -> bool:
        if not isinstance(subject, PodKey) or not isinstance(peer, NodeAddress):
            return False
        return self._space.cluster.pods[subject].node == peer.node


class _Half:
    """The places as one direction has them: whose policies count, and what can be seen of the others."""

    def __init__(self, sights: Iterable[Sight | None], terms: Terms, direction: Direction) -> None:
        self.subjects: dict[int, Places] = defaultdict(int)
        """By the number for their policies."""
        self._entries: dict[int, Places] = defaultdict(int)
        self._named: dict[tuple[str, object], Places] = defaultdict(int)
        self._disputed: Places = 0
        egress = direction is Direction.EGRESS
        peers: dict[int, Places] = defaultdict(int)
        for place, sight in enumerate(sights):
            if sight is not None:
                self.subjects[sight.egress if egress else sight.ingress] |= 1 << place
                peers[sight.seen_by_egress if egress else sight.seen_by_ingress] |= 1 << place
        for number, some in peers.items():
            seen = terms.seen[number]
            for entry in places(seen.entries):
                self._entries[entry] |= some
            for port in seen.named:
                self._named[port.name, port] |= some
            self._disputed |= some if seen.disputed else 0

    def alike(self, look: Look, there: Places) -> list[Places]:
        """Cut all places so that those in one set are seen alike by rules that look at no more than this."""
        marks = [self._matching(entries) for entries in look.peers]
        marks += [some for (name, _), some in self._named.items() if name in look.names]
        found = [there]
        for mark in (*marks, self._disputed):
            found = [part for some in found for part in (some & mark, some & ~mark) if part]
        return found

    def _matching(self, entries: int) -> Places:
        """Everybody whom one of these entries matches."""
        found = 0
        for entry in places(entries):
            found |= self._entries.get(entry, 0)
        return found
