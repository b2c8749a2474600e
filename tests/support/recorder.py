"""What a feed of an API server tells, for tests of feeds: the state that it adds up to, the events, the problems."""

from __future__ import annotations

from ryu_netpol.agent.events import Deleted, Event, Reached, Relisted, Together, Upserted
from ryu_netpol.agent.store import Store
from ryu_netpol.model.objects import Cluster


class Recorder:
    """Takes what a feed delivers and reports, as an agent would."""

    def __init__(self) -> None:
        self.store = Store()
        self.events: list[Event] = []
        """What changed something, each with how far the feed is now; not what says only that."""
        self.reports: list[tuple[str, str]] = []

    def deliver(self, event: Event) -> None:
        """Take an event in."""
        assert isinstance(event, Upserted | Deleted | Relisted | Reached | Together)
        if not isinstance(event, Reached):
            self.events.append(event)
        self.store.apply(event)

    def report(self, what: str, message: str) -> None:
        """Take a problem in."""
        self.reports.append((what, message))

    @property
    def cluster(self) -> Cluster:
        """What is known."""
        return self.store.snapshot()

    def told(self, what: str) -> list[str]:
        """The problems that count as this."""
        return [message for kind, message in self.reports if kind == what]
