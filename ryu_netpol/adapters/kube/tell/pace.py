"""When to ask the agent what it can prove, and when to write it down. Pure: time and chance are arguments.

A change that somebody may wait for is written after a short pause in which others gather; five of them at once, then
one every ten seconds. Anything else, also that nothing has changed, is written every five minutes, the nodes spread
over half as much again.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ryu_netpol.adapters.kube.tell.urgency import Need

GATHER = 0.2
"""Seconds between a change and the question, and up to as much again by chance."""
BETWEEN = 1.0
"""Seconds between two questions, whatever happens: they take the agent's time."""
BURST, EVERY = 5, 10.0
"""Writes at once, and seconds between them in the long run."""
SELDOM = 300.0
"""Seconds between writes that nobody waits for."""
SPREAD = 5.0
"""Seconds over which the nodes are spread whose server has come back."""


class Bucket:
    """So many at once, then one every so many seconds, or half as many more by chance."""

    def __init__(self, size: int, every: float, chance: Callable[[], float]) -> None:
        self._size, self._every, self._chance = size, every, chance
        self._full = -math.inf
        """When it is full again."""

    @property
    def ready(self) -> float:
        """From when on there is one."""
        return self._full - (self._size - 1) * self._every

    def take(self, *, now: float) -> None:
        """Take one."""
        self._full = max(self._full, now) + self._every * (1 + self._chance() / 2)


class Pace:
    """The status of a node: when to ask and when to write."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._bucket = Bucket(BURST, EVERY, chance)
        self._woken: float | None = None
        self._asked = self._written = self._rest = -math.inf
        self._need = Need.NOTHING
        self._later: float | None = None

    @property
    def ask_at(self) -> float | None:
        """When to ask; None: not before something happens."""
        return None if self._woken is None else max(self._woken, self._asked + BETWEEN)

    @property
    def write_at(self) -> float | None:
        """When to write what was answered; None: it need not be written."""
        if self._need is Need.NOTHING:
            return None
        return max(self._bucket.ready, self._rest, self._later or self._rest)

    def wake(self, *, now: float) -> None:
        """Something may have changed."""
        if self._woken is None:
            self._woken = now + GATHER * (1 + self._chance())

    def reached(self, *, now: float) -> None:
        """The server is there again: it need not rest, but not all nodes at once."""
        self._rest = min(self._rest, now + SPREAD * self._chance())

    def asked(self, need: Need, *, now: float) -> None:
        """The agent has answered: how soon that is to be told."""
        self._asked, self._woken, self._need = now, None, need
        if need is not Need.LATER:
            self._later = None
        elif self._later is None:
            # A change that every node sees must not have all of them write at once.
            self._later = max(now, self._written + SELDOM) + self._chance() * SELDOM / 2

    def unanswered(self, *, now: float) -> None:
        """The agent was too busy to answer: ask again."""
        self._asked = now

    def began(self, *, now: float) -> None:
        """It is being written."""
        self._bucket.take(now=now)

    def written(self, *, now: float) -> None:
        """It was written."""
        self._written, self._need, self._later = now, Need.NOTHING, None

    def failed(self, *, now: float, delay: float) -> None:
        """It was not, or nobody knows: it must be written, but not before `delay` seconds."""
        self._rest, self._need, self._later = now + delay, Need.SOON, None
