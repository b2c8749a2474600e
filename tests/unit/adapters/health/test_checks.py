"""Alive, and ready."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ryu_netpol.adapters.health.checks import STUCK, Check, Heart, readiness, told
from ryu_netpol.agent.events import Kind, Relisted, SwitchLost
from ryu_netpol.agent.glance import Glance
from tests.support.fake import World
from tests.unit.agent.test_glance import started


class Thread:
    """Stands in for the agent's thread: does what it is given when the test says so. Also the clock."""

    def __init__(self) -> None:
        self.errands: list[Callable[[], None]] = []
        self.now = 100.0
        self.heart = Heart(self.errands.append, clock=lambda: self.now)

    def check(self) -> Check:
        """Ask, without patience."""
        return self.heart.check(prompt=0)


def test_a_thread_that_answers_is_alive() -> None:
    """It is asked each time."""
    heart = Heart(lambda errand: errand(), clock=lambda: 0.0)

    assert heart.check() == Check("agent", True, "its thread answers")
    assert heart.check().ok


def test_a_busy_thread_is_alive_until_it_counts_as_stuck() -> None:
    """It is asked once; how long it has owed the answer counts from then."""
    thread = Thread()
    assert thread.check() == Check("agent", True, "its thread has been at one event for 0 s")

    thread.now += STUCK - 1
    assert thread.check().ok

    thread.now += 1
    assert thread.check() == Check("agent", False, "its thread has been at one event for 60 s")
    assert len(thread.errands) == 1


def test_a_thread_that_answers_late_is_alive_again() -> None:
    """The next question counts anew."""
    thread = Thread()
    thread.check()
    thread.now += 2 * STUCK
    assert not thread.check().ok

    thread.errands.pop()()
    assert thread.check().ok
    assert len(thread.errands) == 1


def test_ready_is_everything() -> None:
    """An agent that has installed everything it knows passes each check."""
    checks = readiness(started().agent.glance)

    assert [(check.name, check.ok) for check in checks] == [
        ("feed", True), ("node", True), ("switch", True), ("installed", True)
    ]  # fmt: skip


def failing(world: World) -> dict[str, str]:
    """What is not as it should be."""
    return {check.name: check.message for check in readiness(world.agent.glance) if not check.ok}


def test_what_is_missing_is_named() -> None:
    """One thing after the other comes, until everything is installed."""
    world = World()
    assert failing(world) == {
        "feed": "not listed yet: Pod, Namespace, Node, NetworkPolicy",
        "node": "not known yet: the bridge and its gateway port and the node's addresses",
        "switch": "not connected",
        "installed": "not since the switch connected",
    }

    world.connect()
    world.deliver(*(Relisted(kind, frozenset()) for kind in Kind if kind is not Kind.NODE))
    assert failing(world)["feed"] == "not listed yet: Node"
    assert "switch" not in failing(world)


def test_a_switch_that_goes_away() -> None:
    """It is not ready without the switch, and is again when everything has been read back."""
    world = started()
    world.deliver(SwitchLost(world.connection))
    assert set(failing(world)) == {"switch", "installed"}

    world.connect()
    assert failing(world) == {}


def test_an_agent_that_does_not_answer_is_not_ready() -> None:
    """Nobody knows then."""

    def silent() -> Glance:
        raise TimeoutError("the agent has not answered within 3 s")

    assert readiness(silent) == (Check("agent", False, "the agent has not answered within 3 s"),)


@pytest.mark.parametrize(
    ("check", "line"),
    [(Check("a", True, "fine"), "[+] a: fine\n"), (Check("b", False, "broken"), "[-] b: broken\n")],
    ids=["holds", "fails"],
)
def test_one_line_per_check(check: Check, line: str) -> None:
    """As Kubernetes' own components write it."""
    assert told([check, check]) == 2 * line
