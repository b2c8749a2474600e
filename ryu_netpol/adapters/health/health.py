"""An agent's health, put together: what observes it, and what answers questions about it."""

from __future__ import annotations

from collections.abc import Callable

from ryu_netpol.adapters.health.checks import Heart
from ryu_netpol.adapters.health.gauges import Gauges, Questions, make_registry, tell_build
from ryu_netpol.adapters.health.pages import Pages
from ryu_netpol.adapters.health.proven import Proven
from ryu_netpol.adapters.health.record import Record
from ryu_netpol.adapters.health.server import HealthServer
from ryu_netpol.adapters.health.status import About
from ryu_netpol.agent.effects import Effect
from ryu_netpol.agent.events import Event
from ryu_netpol.agent.progress import Progress

__all__ = ["About", "Health", "Questions"]


class Health:
    """Of one agent. Fulfils `agent.boundary.Observer`."""

    def __init__(self, about: About) -> None:
        self._about = about
        self.registry = make_registry()
        tell_build(self.registry, version=about.version, stack=about.stack)
        self.record = Record(self.registry)
        self.proven = Proven(self.registry, about.node)

    @property
    def agent(self) -> str:
        """What runs here, for others to read."""
        return f"ryu-netpol {self._about.version} on {self._about.stack}"

    def handled(
        self, event: Event, effects: tuple[Effect, ...], *, delivered: float, took: float, progress: Progress
    ) -> None:
        """Take in an event that the agent has handled; in its thread only."""
        self.record.handled(event, effects, delivered=delivered, took=took, pending=progress.pending)
        self.proven.follow(event, effects, delivered=delivered, progress=progress)

    def reported(self, what: str, message: str) -> None:
        """Take in what an operator was told; from any thread."""
        self.record.reported(what, message)

    def listen(
        self,
        host: str,
        port: int,
        *,
        questions: Questions,
        do: Callable[[Callable[[], None]], None],
        report: Callable[[str, str], None],
    ) -> HealthServer:
        """Listen for questions; `do` has something done in the agent's thread, `report` tells an operator."""
        self.registry.register(Gauges(questions, self.record))
        pages = Pages(
            about=self._about, registry=self.registry, record=self.record, questions=questions, heart=Heart(do)
        )
        return HealthServer(host, port, pages, report=report)
