"""Which path answers what."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from ryu_netpol.adapters.health.checks import Check, Heart, readiness, told
from ryu_netpol.adapters.health.gauges import Questions
from ryu_netpol.adapters.health.record import Record
from ryu_netpol.adapters.health.status import About, status

_TEXT = "text/plain; charset=utf-8"


class Answer(NamedTuple):
    """What is sent back."""

    code: int
    body: bytes
    type: str = _TEXT


class Pages:
    """Answers requests, from any thread."""

    def __init__(
        self, *, about: About, registry: CollectorRegistry, record: Record, questions: Questions, heart: Heart
    ) -> None:
        self._about = about
        self._registry = registry
        self._record = record
        self._questions = questions
        self._heart = heart
        self._pages: dict[str, Callable[[], Answer]] = {
            "/metrics": self._metrics,
            "/livez": lambda: _checked([self._heart.check()]),
            "/readyz": lambda: _checked(readiness(self._questions.glance)),
            "/status": self._status,
        }

    def __call__(self, path: str, *, local: bool) -> Answer:
        """The answer; `local`: who asks is on this node. Names of pods are for them only."""
        page = self._pages.get(path.partition("?")[0])
        if page is None:
            return Answer(404, f"there is {', '.join(self._pages)}\n".encode())
        if page == self._status and not local:
            return Answer(403, b"only this node itself may ask for it\n")
        return page()

    def _metrics(self) -> Answer:
        return Answer(200, generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4)

    def _status(self) -> Answer:
        said = status(self._about, self._record, self._questions)
        return Answer(200, json.dumps(said).encode(), "application/json")


def _checked(checks: Iterable[Check]) -> Answer:
    found = tuple(checks)
    return Answer(200 if all(check.ok for check in found) else 503, told(found).encode())
