"""The thread that owns the agent: errands, questions, observers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import pytest

from ryu_netpol.agent.boundary import Database, Settler, SwitchLink
from ryu_netpol.agent.core import Agent
from ryu_netpol.agent.effects import Effect
from ryu_netpol.agent.events import Event, Kind, Relisted, SwitchUp
from ryu_netpol.agent.progress import Progress
from ryu_netpol.model.names import NodeName
from ryu_netpol.runtime import Runtime


class Around(SwitchLink, Database, Settler):
    """A world in which nothing ever happens."""


class Seen:
    """An observer that keeps what it sees."""

    def __init__(self) -> None:
        self.handled_: list[tuple[Event, int]] = []
        self.times: list[tuple[float, float]] = []
        self.reports: list[tuple[str, str]] = []

    def handled(
        self, event: Event, effects: tuple[Effect, ...], *, delivered: float, took: float, progress: Progress
    ) -> None:
        assert progress == Progress(pending=True, generation=0, in_force=None)
        self.handled_.append((event, len(effects)))
        self.times.append((delivered, took))

    def reported(self, what: str, message: str) -> None:
        self.reports.append((what, message))


@contextmanager
def running(runtime: Runtime) -> Iterator[None]:
    """The runtime in a thread of its own."""
    around = cast("Around", type("World", (Around,), {"dump": lambda *_: None})())
    thread = threading.Thread(target=runtime.run, args=(around, around, around))
    thread.start()
    yield
    runtime.stop()
    thread.join()


def agent() -> Agent:
    """One that has heard nothing."""
    return Agent(node=NodeName("node1"), pod_cidrs=())


def test_questions_are_answered_in_the_agents_thread() -> None:
    """Between two events, with the agent as it is then."""
    runtime = Runtime(agent())
    with running(runtime):
        runtime.deliver(Relisted(Kind.POD, frozenset()))
        asked = [runtime.ask(lambda found: (found.glance().heard.listed, threading.current_thread())) for _ in "12"]

    assert asked[1][0] == {Kind.POD}
    assert asked[0][1] is not threading.current_thread()


def test_an_errand_does_not_wait_behind_events() -> None:
    """However many are in the inbox before it."""
    asked = agent()
    runtime = Runtime(asked)
    runtime.deliver(*(Relisted(kind, frozenset()) for kind in Kind))
    listed: list[frozenset[Kind]] = []
    runtime.do(lambda: listed.append(asked.glance().heard.listed))
    with running(runtime):
        runtime.ask(Agent.glance)

    assert listed == [frozenset()]


def test_an_agent_that_is_busy_does_not_answer() -> None:
    """The question is given up after a while."""
    runtime = Runtime(agent())

    with pytest.raises(TimeoutError, match=r"the agent has not answered within 0.01 s"):
        runtime.ask(Agent.glance, patience=0.01)


def test_a_question_that_fails_is_the_askers() -> None:
    """It is raised there, and the agent goes on."""
    runtime = Runtime(agent())
    with running(runtime):
        with pytest.raises(ZeroDivisionError):
            runtime.ask(lambda _: 1 // 0)
        assert runtime.ask(lambda _: 2) == 2


def test_an_observer_sees_events_effects_and_times() -> None:
    """When an event was delivered, how long the agent took, and what it wants."""
    seen = Seen()
    runtime = Runtime(agent(), seen)
    before = time.monotonic()
    runtime.deliver(SwitchUp(1))
    after = time.monotonic()
    with running(runtime):
        runtime.ask(Agent.glance)
        runtime.ask(Agent.glance)

    ((delivered, took),) = seen.times
    assert seen.handled_ == [(SwitchUp(1), 1)]
    assert before <= delivered <= after
    assert 0 <= took < 10


def test_an_observer_hears_reports(caplog: pytest.LogCaptureFixture) -> None:
    """Those of adapters, and the log has them with their kind."""
    seen = Seen()
    Runtime(agent(), seen).report("gateway", "it is gone")

    assert seen.reports == [("gateway", "it is gone")]
    assert caplog.messages == ["gateway: it is gone"]
    assert vars(caplog.records[0])["what"] == "gateway"
