"""How far behind the events of a stream an agent is: from each event to the acknowledgement of what it changes.

What arrives while a bundle is in flight gathers for the next one, so one acknowledgement may answer for many events; an
event that needs no flows is answered when that is known.
"""

from __future__ import annotations

from collections import deque

from ryu_netpol.agent.effects import Program, SaveEpoch
from ryu_netpol.agent.events import CommitFailed, Committed, EpochSaved, Event
from ryu_netpol.bench.bench import BenchError
from ryu_netpol.bench.node import Acknowledged, Handled


class Lags:
    """Fed with what is sent and what is heard; `seconds` has one entry for each event that is done."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._sent: deque[tuple[Event, float]] = deque()
        self._gathering: list[float] = []
        self._flying: list[float] = []
        self._acknowledged = 0.0
        self._busy = False

    @property
    def open(self) -> int:
        """How many events are not done."""
        return len(self._sent) + len(self._gathering) + len(self._flying)

    def sent(self, event: Event, at: float) -> None:
        """An event was delivered; the agent handles them in this order."""
        self._sent.append((event, at))

    def heard(self, message: Handled | Acknowledged) -> None:
        """The agent has handled something, or the switch has acknowledged. Raises BenchError where it refused."""
        if isinstance(message, Acknowledged):
            self._acknowledged = message.at
            return
        if isinstance(message.event, CommitFailed):
            raise BenchError(f"the switch refused: {message.event.errors[0]}")
        if isinstance(message.event, Committed):
            self._done(self._flying, self._acknowledged)
        if isinstance(message.event, Committed | EpochSaved):
            self._busy = False
        if self._sent and self._sent[0][0] is message.event:
            self._gathering.append(self._sent.popleft()[1])
        if any(isinstance(effect, Program) for effect in message.effects):
            self._flying, self._gathering, self._busy = self._gathering, [], True
        elif any(isinstance(effect, SaveEpoch) for effect in message.effects):
            self._busy = True
        elif not self._busy:
            self._done(self._gathering, message.at)

    def _done(self, since: list[float], at: float) -> None:
        self.seconds += (at - start for start in since)
        since.clear()
