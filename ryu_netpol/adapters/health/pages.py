"""Which path answers what."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from ryu_netpol.adapters.health import proven
from ryu_netpol.adapters.health.checks import Check, Heart, readiness, told
from ryu_netpol.adapters.health.gauges import Questions
from ryu_netpol.adapters.health.record import Record
from ryu_netpol.adapters.health.status import About, status
from ryu_netpol.agent.core import Agent

_TEXT, _JSON = "text/plain; charset=utf-8", "application/json"


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
            "/readyz": lambda: _checked(readiness(lambda: questions.ask(Agent.glance))),
            "/status": self._status,
            "/policies": self._policies,
            "/metrics/policies": self._policy_metrics,
        }

    def __call__(self, path: str, *, local: bool) -> Answer:
        """The answer; `local`: who asks is on this node. Names of pods, and what is wrong, are for them only."""
        page = self._pages.get(path.partition("?")[0])
        if page is None:
            return Answer(404, f"there is {', '.join(self._pages)}\n".encode())
        if page in (self._status, self._policies) and not local:
            return Answer(403, b"only this node itself may ask for it\n")
        return page()

    def _metrics(self) -> Answer:
        return Answer(200, generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4)

    def _status(self) -> Answer:
        said = status(self._about, self._record, self._questions)
        return Answer(200, json.dumps(said).encode(), _JSON)

    def _policies(self) -> Answer:
        try:
            said = proven.policies(self._questions.ask(self._questions.standing))
        except TimeoutError as error:
            return Answer(503, f"{error}\n".encode())
        return Answer(200, json.dumps(said).encode(), _JSON)

    def _policy_metrics(self) -> Answer:
        try:
            standing = self._questions.ask(self._questions.standing)
        except TimeoutError as error:
            return Answer(503, f"{error}\n".encode())
        return Answer(200, generate_latest(_Once(proven.policy_gauges(standing))), CONTENT_TYPE_PLAIN_0_0_4)


class _Once(CollectorRegistry):
    """A registry of what has been collected already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        super().__init__()
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """These metrics, once."""
        return self._metrics


def _checked(checks: Iterable[Check]) -> Answer:
    found = tuple(checks)
    return Answer(200 if all(check.ok for check in found) else 503, told(found).encode())
