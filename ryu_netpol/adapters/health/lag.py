"""How long a change takes: from the delivery of the oldest event in a bundle to the bundle's acknowledgement."""

from __future__ import annotations

from collections.abc import Iterable

from ryu_netpol.agent.effects import Effect, MarkSynced, Program
from ryu_netpol.agent.events import (
    BridgeSeen,
    CommitFailed,
    Committed,
    Deleted,
    Event,
    HostAddressesSeen,
    Relisted,
    Replaced,
    SwitchLost,
    SwitchUp,
    Together,
    Upserted,
)

CHANGES = (Upserted, Deleted, Relisted, Replaced, Together, BridgeSeen, HostAddressesSeen)
"""The events of which flows are made."""


class Lag:
    """Follows events and effects; reads no clock.

    What comes before the first complete installation does not count: an agent waits then for much else. After that
    everything counts, also what waits for a switch that is away.
    """

    def __init__(self) -> None:
        self._begun = False
        self._waiting: float | None = None
        """When the oldest event was delivered that is in no plan yet."""
        self._sent: tuple[int, float | None] | None = None
        """The generation that is in flight, and the same of it."""

    def follow(self, event: Event, effects: Iterable[Effect], *, delivered: float, pending: bool) -> float | None:
        """Take an event and its effects in; returns seconds if it acknowledges changes."""
        took = None
        if isinstance(event, CHANGES):
            if self._begun and self._waiting is None:
                self._waiting = delivered
        elif isinstance(event, Committed):
            took = self._acknowledged(event.generation, delivered)
        elif isinstance(event, CommitFailed | SwitchLost | SwitchUp):
            self._again()
        for effect in effects:
            if isinstance(effect, Program):
                self._sent = effect.plan.generation, self._waiting
            elif isinstance(effect, MarkSynced):
                self._begun |= effect.synced
        if not pending:
            self._waiting = None
        return took

    def _acknowledged(self, generation: int, at: float) -> float | None:
        if self._sent is None or self._sent[0] != generation:
            return None
        _, since = self._sent
        self._sent = None
        return None if since is None else at - since

    def _again(self) -> None:
        """What was in flight waits for the next plan."""
        if self._sent is not None:
            _, since = self._sent
            self._waiting, self._sent = since if since is not None else self._waiting, None
