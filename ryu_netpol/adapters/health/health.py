"""An agent's health, put together: what observes it, and what answers questions about it."""

from __future__ import annotations

from collections.abc import Callable

from ryu_netpol.adapters.health.checks import Heart
from ryu_netpol.adapters.health.gauges import Gauges, Questions, make_registry, tell_build
from ryu_netpol.adapters.health.pages import Pages
from ryu_netpol.adapters.health.record import Record
from ryu_netpol.adapters.health.server import HealthServer
from ryu_netpol.adapters.health.status import About

__all__ = ["About", "Health", "Questions"]


class Health:
    """Of one agent."""

    def __init__(self, about: About) -> None:
        self._about = about
        self.registry = make_registry()
        tell_build(self.registry, version=about.version, stack=about.stack)
        self.record = Record(self.registry)
        """The runtime's observer."""

    def listen(
        self, host: str, port: int, *, questions: Questions, do: Callable[[Callable[[], None]], None]
    ) -> HealthServer:
        """Listen for questions; `do` has something done in the agent's thread. Raises AddressError."""
        self.registry.register(Gauges(questions, self.record))
        pages = Pages(
            about=self._about, registry=self.registry, record=self.record, questions=questions, heart=Heart(do)
        )
        return HealthServer(host, port, pages)
