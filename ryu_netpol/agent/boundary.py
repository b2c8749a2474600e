"""What the agent needs of the world, as protocols that the adapters fulfil. Every call returns at once."""

from __future__ import annotations

from typing import Protocol

from ryu_netpol.agent.effects import Effect
from ryu_netpol.agent.events import Event
from ryu_netpol.agent.progress import Progress
from ryu_netpol.flows.delta import Plan


class SwitchLink(Protocol):
    """The OpenFlow session."""

    def program(self, plan: Plan, connection: int) -> None:
        """Send the plan as one atomic bundle; delivers Committed or CommitFailed. Ignored for an earlier connection."""

    def dump(self, connection: int) -> None:
        """Read back what is ours; delivers FlowsDumped. Ignored for an earlier connection."""


class Database(Protocol):
    """The node's OVSDB."""

    def save_epoch(self, limit: int) -> None:
        """Write the epoch limit; delivers EpochSaved."""

    def mark_ready(self, port: str, container: str) -> None:
        """Write readiness into the port's Interface row."""

    def mark_synced(self, synced: bool) -> None:
        """Write `netpol-synced` into the Bridge row."""


class Settler(Protocol):
    """The switch's caches."""

    def settle(self, generation: int) -> None:
        """Find out when no cache of the switch knows what was before this generation; delivers InForce."""


class Observer(Protocol):
    """Sees what happens to the agent, and changes nothing. Times are of the monotonic clock, in seconds."""

    def handled(
        self, event: Event, effects: tuple[Effect, ...], *, delivered: float, took: float, progress: Progress
    ) -> None:
        """The agent took so long for an event, and is so far after it."""

    def reported(self, what: str, message: str) -> None:
        """An operator was told of a problem; from any thread."""
