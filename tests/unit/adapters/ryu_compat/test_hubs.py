"""adapters.ryu_compat.hubs: the world that the framework's code runs in, as seen from other threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ryu_netpol.adapters.ryu_compat.framework import hub
from ryu_netpol.adapters.ryu_compat.hubs import Hub, new_hub
from tests.unit.adapters.ryu_compat.peer import PATIENCE, descriptors, eventually, threads


@pytest.fixture
def world() -> Iterator[Hub]:
    """A world that ends with the test."""
    made = new_hub()
    yield made
    made.close()


class Sleeper:
    """Something spawned that waits as the framework's code does, until it is woken."""

    def __init__(self, world: Hub) -> None:
        self._world = world
        self.woken = False
        self._queue: Any = None
        world.run(self._start)

    def _start(self) -> None:
        self._queue = hub.Queue()
        self._world.spawn(self._sleep)

    def _sleep(self) -> None:
        self._queue.get()
        self.woken = True

    def wake(self) -> None:
        """Let it end."""
        self._world.post(lambda: self._queue.put(None))


def test_run_waits_and_hands_on_what_is_raised(world: Hub) -> None:
    """What the function raises is raised to the caller, and the world goes on."""
    done: list[int] = []

    with pytest.raises(ZeroDivisionError):
        world.run(lambda: 1 // 0)
    world.run(lambda: done.append(1))

    assert done == [1]


def test_posts_keep_their_order(world: Hub) -> None:
    """Many threads post at once; what each of them posted is done in its order, and before a later run."""
    done: list[tuple[int, int]] = []
    posters = [
        threading.Thread(target=lambda n=n: [world.post(lambda i=i: done.append((n, i))) for i in range(500)])
        for n in range(8)
    ]
    for poster in posters:
        poster.start()
    for poster in posters:
        poster.join(PATIENCE)
    world.run(lambda: None)

    for n in range(8):
        assert list(range(500)) == [i for m, i in done if m == n]


def test_a_post_may_post(world: Hub) -> None:
    """From inside, too, nothing is lost: a chain of posts comes to its end."""
    ended = threading.Event()

    def chain(left: int) -> None:
        if left:
            world.post(lambda: chain(left - 1))
        else:
            ended.set()

    world.post(lambda: chain(200))

    assert ended.wait(PATIENCE)


def test_a_run_may_wait_for_a_post(world: Hub) -> None:
    """What is run waits as the framework waits; meanwhile others post, and one of the posts is what it waits for."""
    sleeper = Sleeper(world)
    joining = threading.Thread(target=world.join, args=(PATIENCE,))
    joining.start()

    sleeper.wake()
    joining.join(PATIENCE)

    assert not joining.is_alive()
    assert sleeper.woken


def test_join_does_not_wait_longer_than_asked(world: Hub) -> None:
    """What does not end is left where it is."""
    sleeper = Sleeper(world)
    started = time.monotonic()

    world.join(0.1)

    assert 0.1 <= time.monotonic() - started < 1.0
    assert not sleeper.woken
    sleeper.wake()
    world.join(PATIENCE)
    assert sleeper.woken


def test_what_has_ended_is_not_waited_for(world: Hub) -> None:
    """A thousand short threads leave nothing behind that join would have to look at."""
    world.run(lambda: None)
    before = threads()
    done: list[int] = []
    for n in range(1000):
        world.run(lambda n=n: world.spawn(done.append, n))

    world.join(PATIENCE)

    assert len(done) == 1000
    assert eventually(lambda: threads() == before)


@pytest.mark.parametrize("used", [False, True], ids=["never used", "used"])
def test_close_leaves_nothing(used: bool) -> None:
    """No thread and no file is left of a world that has ended, whatever was still posted."""
    new_hub().close()
    before = threads(), descriptors()
    for _ in range(50):
        made = new_hub()
        if used:
            made.run(lambda: None)
            made.post(lambda: None)
        made.close()
        del made

    assert before[1] == descriptors()
    assert before[0] == threads()


def test_an_error_in_a_post_is_fatal_for_its_world() -> None:
    """It must not happen; if it does, whoever comes next is told instead of waiting for ever."""
    world = new_hub()

    def post_and_run() -> None:
        world.post(lambda: 1 // 0)
        world.run(lambda: None)

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            post_and_run()
    world.close()
