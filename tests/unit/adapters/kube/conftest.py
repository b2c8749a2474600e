"""A feed on a server that has some of everything; what takes seconds takes a tenth of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ryu_netpol.adapters.kube import backoff, gate, questions
from ryu_netpol.adapters.kube.protocol import Mode
from ryu_netpol.model.names import PodKey
from tests.unit.adapters.kube.followed import Followed
from tests.unit.adapters.kube.server import serving, wait
from tests.unit.adapters.kube.world import World, namespace, node, pod, policy


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that takes seconds takes a tenth of them."""
    monkeypatch.setattr(backoff, "FIRST", 0.01)
    monkeypatch.setattr(gate, "HOLD", 0.5)
    monkeypatch.setattr(gate, "SETTLE", 0.05)
    monkeypatch.setattr(questions, "LIMIT", 2)
    monkeypatch.setattr(questions, "SILENCE", {Mode.WATCH: 3.0, Mode.STREAM: 0.6})
    monkeypatch.setattr(questions, "USUAL_SILENCE", 1.0)


@pytest.fixture
def world() -> World:
    """Some of everything."""
    world = World()
    for document in (namespace("shop"), node("n1"), pod("shop/web"), pod("shop/db"), policy("shop/deny")):
        world.put(document)
    return world


@pytest.fixture
def followed(world: World, tmp_path: Path, hasty: None) -> Iterator[Followed]:
    """A feed that is not started yet."""
    with serving(world) as server:
        one = Followed(server, tmp_path)
        yield one
        one.feed.stop()


@pytest.fixture
def running(followed: Followed) -> Followed:
    """A feed that has told everything, and whose watches are open."""
    followed.feed.start()
    assert wait(lambda: followed.store.synced)
    followed.world.put(pod("shop/probe"))
    assert followed.wait_pod(PodKey("shop", "probe"), "1")
    return followed
