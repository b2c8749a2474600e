"""Lets changes of all kinds pass together after a gap.

Old policies with new pods can open a connection that neither the old nor the new state allows. So what is heard after
a gap is held until every kind that has one has caught up, and then passes as one event. A kind that makes no progress
for `HOLD` seconds is not waited for any more, until it makes some; nothing is held longer than `LONGEST`.

Pure: the time is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable

from ryu_netpol.agent.events import Deleted, Kind, Reached, Relisted, Together, Upserted
from ryu_netpol.agent.store import kind_of

HOLD = 5.0
LONGEST = 60.0
SETTLE = 0.3
"""A watch that goes on after a gap has caught up when nothing came for so long: servers send at once what they have."""
BUSY = 3.0
"""Or after so long, where something comes all the time."""

Change = Relisted | Upserted | Deleted | Reached


class Gate:
    """What is held, and for whom."""

    def __init__(self, kinds: Iterable[Kind], *, now: float) -> None:
        self._progress: dict[Kind, float] = dict.fromkeys(kinds, now)
        """Kinds that have not caught up: when they last came further."""
        self._settling: dict[Kind, float] = {}
        """Those among them that have all but what the server may be sending, and since when."""
        self._given_up: set[Kind] = set()
        self._held: list[Change] = []
        self._since = now

    @property
    def late(self) -> frozenset[Kind]:
        """The kinds that have not caught up."""
        return frozenset(self._progress)

    def behind(self, kind: Kind, *, now: float) -> None:
        """Something may have happened to this kind that is not known yet."""
        # To fail again and again is no progress.
        self._progress.setdefault(kind, now)
        self._settling.pop(kind, None)

    def reached(self, kinds: Iterable[Kind], *, now: float) -> None:
        """The server is there again for these: nobody whom it did not answer was given up for good."""
        for kind in kinds:
            self.progress(kind, now=now)

    def resumed(self, kind: Kind, *, now: float) -> None:
        """Its watch goes on where it ended."""
        if kind in self._progress:
            self.progress(kind, now=now)
            self._settling[kind] = now

    def progress(self, kind: Kind, *, now: float) -> None:
        """Something came for it: it is worth waiting for, again."""
        if kind in self._progress:
            self._progress[kind] = now
            self._given_up.discard(kind)

    def caught_up(self, kind: Kind) -> None:
        """Nothing is missing of it."""
        self._progress.pop(kind, None)
        self._settling.pop(kind, None)
        self._given_up.discard(kind)

    def put(self, change: Change, *, now: float) -> None:
        """Hold a change."""
        if not self._held:
            self._since = now
        if isinstance(change, Relisted):
            self._held = [held for held in self._held if _kind(held) is not change.kind]
        self._held.append(change)

    def take(self, *, now: float) -> Change | Together | None:
        """What may pass now."""
        for kind in [kind for kind in self._settling if now >= self._settled(kind)]:
            self.caught_up(kind)
        if not self._held:
            return None
        waited_for = self._progress.keys() - self._given_up
        if waited_for and now < self._limit(waited_for):
            return None
        self._given_up |= waited_for
        held, self._held = self._held, []
        return held[0] if len(held) == 1 else Together(tuple(held))

    def next(self) -> float | None:
        """When to ask again, if nothing comes before."""
        settled = [self._settled(kind) for kind in self._settling]
        waited_for = self._progress.keys() - self._given_up
        limit = [self._limit(waited_for)] if self._held and waited_for else []
        return min((*settled, *limit), default=None)

    def _settled(self, kind: Kind) -> float:
        return min(self._progress[kind] + SETTLE, self._settling[kind] + BUSY)

    def _limit(self, kinds: Iterable[Kind]) -> float:
        return min(self._since + LONGEST, max(max(self._progress[kind], self._since) + HOLD for kind in kinds))


def _kind(change: Change) -> Kind:
    return change.kind if isinstance(change, Relisted | Reached) else kind_of(change.object)
