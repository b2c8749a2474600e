"""adapters.settle: a generation is in force after two passes of the revalidators, and problems are told once."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ryu_netpol.adapters.settle import RevalidatorSettler
from ryu_netpol.agent.events import Event, InForce
from tests.support.daemon import Daemon

PASS = "revalidator/wait"


class Settling:
    """A settler, and what it did."""

    def __init__(self, run_dir: Path, *, patience: float = 5) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.reports: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self.nudges: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.settler = RevalidatorSettler(
            run_dir,
            nudge=lambda: self.nudges.put(None),
            deliver=self.events.put,
            report=lambda *report: self.reports.put(report),
            patience=patience,
        )
        self.settler.start()

    def event(self) -> Event:
        """The next event."""
        return self.events.get(timeout=5)

    def report(self) -> tuple[str, str]:
        """The next report."""
        return self.reports.get(timeout=5)


@pytest.fixture
def settling(tmp_path: Path) -> Iterator[Callable[..., Settling]]:
    """Makes settlers for tmp_path, and ends them."""
    made: list[Settling] = []

    def make(**options: float) -> Settling:
        made.append(Settling(tmp_path, **options))
        return made[-1]

    yield make
    for each in made:
        each.settler.stop()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon in tmp_path."""
    made = Daemon(tmp_path)
    yield made
    made.close()


def test_two_passes(settling: Callable[..., Settling], daemon: Daemon) -> None:
    """The pass that was under way may have begun before the commit: it takes the one after it as well."""
    world = settling()
    world.settler.settle(5)
    assert daemon.answer() == PASS
    command, connection = daemon.next()

    assert command == PASS
    assert world.events.empty()
    connection.sendall(b'{"id": 0, "result": "", "error": null}')
    assert world.event() == InForce(5)


def test_it_nudges_until_there_is_an_answer(settling: Callable[..., Settling], daemon: Daemon) -> None:
    """Each pass is started by a nudge after the question has been asked; where it is slow, by more of them."""
    world = settling()
    assert world.nudges.empty()
    world.settler.settle(5)
    command, connection = daemon.next()
    for _ in range(3):
        world.nudges.get(timeout=5)
    connection.sendall(b'{"id": 0, "result": "", "error": null}')
    daemon.answer()

    assert (command, world.event()) == (PASS, InForce(5))


def test_what_is_overtaken_is_left_out(settling: Callable[..., Settling], daemon: Daemon) -> None:
    """While one generation settles, only the newest of those that come is remembered."""
    world = settling()
    world.settler.settle(5)
    _, connection = daemon.next()
    for generation in (6, 7, 8):
        world.settler.settle(generation)
    connection.sendall(b'{"id": 0, "result": "", "error": null}')
    for _ in range(3):
        daemon.answer()

    assert [world.event(), world.event()] == [InForce(5), InForce(8)]
    assert daemon.asked.empty()


def test_a_missing_socket_is_told_once_and_looked_for_again(
    settling: Callable[..., Settling], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report names it; when it is there, the generation is settled."""
    monkeypatch.setattr("ryu_netpol.adapters.settle.RETRY", 0.02)
    world = settling()
    world.settler.settle(5)

    assert world.report() == (
        "in_force_unknown",
        "Policy is enforced, but nobody can say when it is in force. "
        f"ovs-vswitchd cannot be found by {tmp_path}/ovs-vswitchd.pid: No such file or directory.",
    )
    daemon = Daemon(tmp_path)
    daemon.answer()
    daemon.answer()
    assert world.event() == InForce(5)
    assert world.reports.empty()
    daemon.close()


def test_a_refusal_is_told(settling: Callable[..., Settling], daemon: Daemon) -> None:
    """Two datapath types in one ovs-vswitchd: it cannot wait for both."""
    world = settling()
    world.settler.settle(5)
    daemon.answer(error="can't wait on multiple udpifs.")

    assert world.report()[1].endswith("'revalidator/wait' failed: can't wait on multiple udpifs.")
    assert world.events.empty()


def test_patience_ends(settling: Callable[..., Settling], daemon: Daemon) -> None:
    """A switch that never answers holds up nobody for ever, and is reported."""
    world = settling(patience=0.05)
    world.settler.settle(5)
    daemon.next()

    assert world.report()[1].endswith("ovs-vswitchd has not gone through its cached flows within 0.05 s.")


def test_stop_does_not_wait_for_an_answer(settling: Callable[..., Settling], daemon: Daemon) -> None:
    """The agent ends although the switch does not answer; nothing is announced any more."""
    world = settling()
    world.settler.settle(5)
    daemon.next()
    world.settler.stop()

    assert world.events.empty()
    assert world.reports.empty()
