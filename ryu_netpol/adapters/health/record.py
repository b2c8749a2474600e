"""What happens to an agent, counted while it happens: an event costs some microseconds."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram

from ryu_netpol.adapters.health.lag import Lag
from ryu_netpol.agent.effects import Effect, Program, SetAlarm
from ryu_netpol.agent.events import (
    CommitFailed,
    Deleted,
    Event,
    Reached,
    Relisted,
    Replaced,
    SwitchUp,
    Together,
    Upserted,
)
from ryu_netpol.agent.store import kind_of

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
LAST = 20
_FEED = (Upserted, Deleted, Relisted, Replaced, Reached, Together)


@dataclass(frozen=True, slots=True)
class Told:
    """A problem that an operator was told of."""

    at: float
    """Seconds since 1970."""
    what: str
    message: str


class Record:
    """No label names an object: there are as many time series in any cluster."""

    def __init__(self, registry: CollectorRegistry, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lag = Lag()
        self._lock = threading.Lock()
        self._told: deque[Told] = deque(maxlen=LAST)
        self.last_event: float | None = None
        """When the feed said something last, in seconds since 1970."""
        self.connections = 0
        self.refused = 0

        def counter(name: str, help_text: str, *labels: str) -> Counter:
            return Counter(f"ryu_netpol_{name}", help_text, labels, registry=registry)

        def seconds(name: str, help_text: str) -> Histogram:
            return Histogram(f"ryu_netpol_{name}", help_text, buckets=SECONDS, registry=registry)

        self._events = counter(
            "feed_events", "Events of the feed; what a list replaces is one event.", "kind", "change"
        )
        self._connected = counter("switch_connections", "Connections of the switch: the first, and reconnections.")
        self._sent = counter("bundles_sent", "Bundles of flows sent to the switch.")
        self._refused = counter("bundles_refused", "Bundles that failed: nothing of them was applied.")
        self._retried = counter("retries", "Times that the agent rested after a failed bundle, to try again.")
        changes = counter("flow_changes", "Flows in bundles that were sent.", "change")
        self._added, self._deleted = changes.labels("add"), changes.labels("delete")
        self._reports = counter("reports", "Problems told, by kind.", "what")
        self._written = counter(
            "api_writes", "What the API server was told: the status of the node, Events.", "what", "result"
        )
        self._planning = seconds("plan_seconds", "Computing a plan: the agent's time for the event that led to it.")
        self._taking = seconds(
            "change_seconds", "From the delivery of the oldest event in a bundle to its acknowledgement."
        )

    def handled(
        self, event: Event, effects: tuple[Effect, ...], *, delivered: float, took: float, pending: bool
    ) -> None:
        """Count an event and what came of it; in the agent's thread only."""
        if isinstance(event, _FEED):
            self.last_event = self._clock()
            self._count(event)
        elif isinstance(event, SwitchUp):
            self.connections += 1
            self._connected.inc()
        elif isinstance(event, CommitFailed):
            self.refused += 1
            self._refused.inc()
        for effect in effects:
            if isinstance(effect, Program):
                self._sent.inc()
                self._added.inc(len(effect.plan.adds))
                self._deleted.inc(len(effect.plan.deletes))
                self._planning.observe(took)
            elif isinstance(effect, SetAlarm):
                self._retried.inc()
        if (lag := self._lag.follow(event, effects, delivered=delivered, pending=pending)) is not None:
            self._taking.observe(lag)

    def reported(self, what: str, message: str) -> None:
        """Count a problem, and remember the last ones; from any thread."""
        self._reports.labels(what).inc()
        with self._lock:
            self._told.append(Told(self._clock(), what, message))

    def told(self, what: str, result: str) -> None:
        """Count what the API server was told; from any thread."""
        self._written.labels(what, result).inc()

    def last_reports(self) -> tuple[Told, ...]:
        """The last problems, oldest first."""
        with self._lock:
            return tuple(self._told)

    def _count(self, event: Upserted | Deleted | Relisted | Replaced | Reached | Together) -> None:
        match event:
            case Upserted(item) | Deleted(item):
                self._events.labels(kind_of(item), type(event).__name__.lower()).inc()
            case Relisted(kind, _):
                self._events.labels(kind, "relisted").inc()
            case Replaced():
                self._events.labels("all", "replaced").inc()
            case Reached():
                pass  # says only how far the others are
            case Together(events):
                for each in events:
                    self._count(each)
