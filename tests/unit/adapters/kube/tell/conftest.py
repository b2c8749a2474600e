"""A teller on a server that can be written to; what takes seconds takes a hundredth of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ryu_netpol.adapters.kube import access, backoff, questions
from ryu_netpol.adapters.kube.tell import occasions, pace
from ryu_netpol.adapters.kube.tell.teller import Teller
from ryu_netpol.agent.standing import Standing
from tests.unit.adapters.kube.server import Server, wait, write_kubeconfig
from tests.unit.adapters.kube.tell.samples import AGENT, NOTHING
from tests.unit.adapters.kube.world import Json, node
from tests.unit.adapters.kube.writable import Writable, writing


class Told:
    """A teller, the server that it tells, and what the agent says to it."""

    def __init__(self, server: Server, folder: Path) -> None:
        assert isinstance(server.world, Writable)
        self.server, self.world = server, server.world
        self.standing = NOTHING
        self.asked = 0
        self.busy = False
        self.reports: list[tuple[str, str]] = []
        self.counted: list[tuple[str, str]] = []
        self.config = write_kubeconfig(folder / "kubeconfig", server.url)
        self.teller = Teller(
            access.kubeconfig(self.config),
            node="n1",
            agent=AGENT,
            standing=self._ask,
            report=lambda what, message: self.reports.append((what, message)),
            counted=lambda what, result: self.counted.append((what, result)),
            chance=lambda: 0.1,
        )

    def _ask(self) -> Standing:
        assert threading.current_thread().name == "kube-tell"
        self.asked += 1
        if self.busy:
            raise TimeoutError("the agent has not answered within 3 s")
        return self.standing

    def say(self, standing: Standing) -> None:
        """What the agent can prove from now on."""
        self.standing = standing
        self.teller.wake()

    def status(self) -> Json:
        """What the server has."""
        return self.world.status("n1")

    def wait_written(self, count: int) -> bool:
        """Whether the status has been written so often."""
        return wait(lambda: self.counted.count(("status", "written")) == count)


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """A teller that has not begun, of node n1."""
    for module, name, value in (
        (pace, "GATHER", 0.01),
        (pace, "BETWEEN", 0.02),
        (pace, "EVERY", 0.1),
        (pace, "SELDOM", 0.6),
        (pace, "SPREAD", 0.01),
        (occasions, "LASTS", 0.01),
        (occasions, "SPREAD", 0.01),
        (occasions, "EVERY", 0.01),
        (backoff, "FIRST", 0.002),
        (questions, "USUAL_SILENCE", 2.0),
    ):
        monkeypatch.setattr(module, name, value)
    world = Writable()
    world.put(node("n1"))
    with writing(world) as server:
        one = Told(server, tmp_path)
        yield one
        one.teller.stop()
