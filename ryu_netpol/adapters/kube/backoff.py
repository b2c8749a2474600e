"""How long to wait after failures, and what to tell of them.

0.1 s doubled up to 30 s, each with up to as much again by chance: it keeps the agents of a thousand nodes from asking a
server that comes back all at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ryu_netpol.adapters.kube.protocol import Tell

FIRST, LAST = 0.1, 30.0
"""Seconds."""
SOON = 3
"""So many failures count of those that were of another kind: a server that was away for minutes, comes back and
refuses something at first is asked again in 0.8 to 1.6 s. The gate waits 5 s for a kind, not a minute.
"""
LONGEST_REQUESTED = 120.0
"""Longest Retry-After that is obeyed, in seconds."""


class Trouble:
    """Failures in a row. `chance` returns a number from 0 to 1; who is in no hurry waits so many `times` as long."""

    def __init__(self, chance: Callable[[], float], *, times: float = 1.0) -> None:
        self._chance, self._times = chance, times
        self._failures = 0
        self._told: Tell | None = None
        self._eased = False
        """Once in a row: two kinds of failures in turn must not be tried without end."""
        self._delay = 0.0

    def failed(self, what: str, reason: str, *, at_least: float = 0.0) -> Iterator[Tell]:
        """Count a failure, and tell it where it is another one than before; `at_least` is what the server asked for."""
        self._turn(what)
        step = self._times * min(FIRST * 2 ** min(self._failures, 16), LAST)
        self._failures += 1
        self._delay = max(step * (1 + self._chance()), min(at_least, LONGEST_REQUESTED))
        yield from self.tell(what, reason)

    def tell(self, what: str, reason: str) -> Iterator[Tell]:
        """Tell something, where it is another thing than before, without waiting."""
        self._turn(what)
        told, self._told = self._told, Tell(what, reason)
        if told != self._told:
            yield self._told

    def _turn(self, what: str) -> None:
        if self._told is not None and self._told.what != what and not self._eased:
            self._failures, self._eased = min(self._failures, SOON), True

    def over(self) -> None:
        """It works again."""
        self._failures, self._told, self._eased = 0, None, False

    def take_delay(self) -> float:
        """Seconds to wait now, once."""
        delay, self._delay = self._delay, 0.0
        return delay
