"""A server on which anything may go wrong at any time: what is delivered is always a state that it had.

No sockets and no clock: one follower against the store, a thousand times with other chances.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ryu_netpol.adapters.kube import backoff
from ryu_netpol.adapters.kube.follower import Follower
from ryu_netpol.adapters.kube.protocol import Query
from ryu_netpol.adapters.kube.resources import Resource
from ryu_netpol.adapters.kube.transport import ConnectionLost
from ryu_netpol.agent.events import Deleted, Kind, Reached, Relisted, Upserted
from ryu_netpol.agent.store import Store
from ryu_netpol.model.objects import Object, Pod
from tests.unit.adapters.kube.world import Json, Key, Reply, World, pod, refuse

PODS = Resource(Kind.POD, "v1", "pods")
State = tuple[tuple[str, str], ...]


def state_of(objects: dict[str, str]) -> State:
    """Names and versions."""
    return tuple(sorted(objects.items()))


def labels_of(objects: Mapping[Key, Json]) -> State:
    """The same of what a store has."""
    return state_of({key[2]: document["metadata"]["labels"]["version"] for key, document in objects.items()})


class Restless(World):
    """A store that remembers every state that it ever had, and changes whenever it is looked at."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self.rng = rng
        self.states: list[State] = [()]
        self.calm = False
        self.restored = False
        """A backup was put back, and the follower has not noticed: until then nothing happens. See docs/limitations."""

    def live(self) -> None:
        """Something happens, perhaps."""
        rng = self.rng
        if self.calm or self.restored:
            return
        for _ in range(rng.randrange(4)):
            name = f"ns/{rng.choice('abcde')}"
            if rng.random() < 0.3 and ("Pod", "ns", name[3:]) in self.objects:
                self.delete(pod(name))
            else:
                self.put(pod(name, version=str(self.version)))
            self.remember()
        what = rng.random()
        if what < 0.1:
            self.compact()
        elif what < 0.15:
            self.roll_back(rng.choice(list(self.history)))
            self.restored = True
            self.remember()
        elif what < 0.3:
            self.memory = rng.choice([None, *(v for v in self.history if v >= self.compacted)])
        elif what < 0.35:
            self.streams = rng.choice(["yes", "no"])
        if self.memory is not None and self.memory > self.version:
            self.memory = None

    def remember(self) -> None:
        """The state of now."""
        self.states.append(self.state())

    def state(self) -> State:
        """The pods of now."""
        return labels_of(self.objects)


@dataclass
class Answer:
    """A response that breaks off by chance."""

    reply: Reply
    world: Restless
    calm: bool
    retry_after: float = 0.0

    @property
    def status(self) -> int:
        return self.reply.code

    def patience(self, seconds: float) -> None:
        """As it likes."""

    def body(self, _came: object = None) -> memoryview:
        self._perhaps()
        return memoryview(b"".join(part for part in self.reply.body if part))

    def lines(self) -> Iterator[bytes]:
        for part in self.reply.body:
            if part is None:
                if self.calm:
                    raise ConnectionLost("silence", silent=True)
                self.world.live()
                self._perhaps()
                if self.world.rng.random() < 0.2:
                    return
            else:
                self._perhaps()
                yield part.rstrip(b"\n")

    def _perhaps(self) -> None:
        if not self.calm and self.world.rng.random() < 0.05:
            raise ConnectionLost("broken", silent=self.world.rng.random() < 0.3)


@dataclass
class Chance:
    """Asks the store, with faults by chance."""

    world: Restless
    calm: bool = False
    asked: list[Query] = field(default_factory=list)

    @contextlib.contextmanager
    def get(self, path: str, query: Query = (), *, silence: float) -> Iterator[Answer]:
        self.world.live()
        self.asked.append(query)
        rng = self.world.rng
        what = 1.0 if self.calm else rng.random()
        if what < 0.1:
            raise ConnectionLost("refused")
        if what < 0.25:
            code = rng.choice([401, 403, 410, 429, 500, 503, 504])
            yield Answer(refuse(code, "by chance"), self.world, True)
        elif what < 0.3:
            yield Answer(Reply(200, iter([b"<html>"])), self.world, True)
        else:
            yield Answer(self.world.answer(path, dict(query)), self.world, self.calm)

    broken = False

    def go_on(self) -> bool:
        """Nothing was broken off."""
        return False

    def renew(self) -> None:
        """Nothing to read."""

    def stop(self) -> None:
        """Nothing to break."""


class Witness:
    """Takes what is delivered, and checks that the server had that state, not before the last one."""

    def __init__(self, world: Restless) -> None:
        self.world = world
        self.store = Store()
        self.last = 0
        self.delivered = self.versions = 0
        self.wrong: list[str] = []
        """What must not be; an exception would be one of the things that a follower survives."""

    def changed(self, *changes: Relisted | Upserted | Deleted | Reached, caught_up: Kind | None = None) -> None:
        for change in changes:
            if isinstance(change, Reached):
                self._check(change)
            else:
                self._change(change)

    def _change(self, change: Relisted | Upserted | Deleted) -> None:
        self.store.apply(change)
        self.delivered += 1
        if isinstance(change, Relisted):
            self.world.restored = False
        state = self.state()
        later = [at for at in range(self.last, len(self.world.states)) if self.world.states[at] == state]
        if later:
            self.last = later[0]
        else:
            self.wrong.append(f"{state} is no state after {self.world.states[self.last]}")

    def _check(self, reached: Reached) -> None:
        """The version that is said to be reached is that of what was told; not while nobody noticed a backup."""
        self.versions += 1
        there = self.world.history.get(int(reached.version))
        if not self.world.restored and there is not None and labels_of(there) != self.state():
            self.wrong.append(f"{self.state()} is not what there was at version {reached.version}")

    def state(self) -> State:
        """What the agent knows."""
        objects: list[Object] = list(self.store.pods.values())
        return state_of({pod.key.name: pod.labels["version"] for pod in objects if isinstance(pod, Pod)})

    def reached(self, kind: Kind) -> None: ...
    def older(self, kind: Kind) -> None: ...
    def behind(self, kind: Kind) -> None: ...
    def resumed(self, kind: Kind) -> None: ...
    def progress(self, kind: Kind) -> None: ...
    def report(self, what: str, message: str) -> None:
        if what == "kube_failed":
            self.wrong.append(message)


def follow(seed: int, *, steps: int = 40) -> tuple[Restless, Witness]:
    """Follow a restless server for so many requests, and then one that is calm."""
    rng = random.Random(seed)
    world = Restless(rng)
    client, witness = Chance(world), Witness(world)
    follower = Follower(PODS, client, witness, chance=lambda: 0.0)  # type: ignore[arg-type]
    for _ in range(steps):
        follower.step()
    world.calm = client.calm = True
    for _ in range(12):
        follower.step()
    return world, witness


@pytest.fixture(autouse=True)
def hasty() -> Iterator[None]:
    """No waiting."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backoff, "FIRST", 0.0)
        yield


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_state_is_one_that_the_server_had(seed: int) -> None:
    """Whatever breaks: no list lacks anything, nothing goes back, no event is lost, and in the end all is known."""
    world, witness = follow(seed)

    assert witness.wrong == []
    assert world.state() == witness.state()


def test_the_chances_are_fair() -> None:
    """The runs deliver something, and most of the ways to ask are taken."""
    witnesses = [follow(seed)[1] for seed in range(50)]

    assert sum(witness.delivered > 5 and witness.versions > 5 for witness in witnesses) > 40


def test_the_witness_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: a follower that loses one event in twenty does not pass."""
    put, count = Follower._apply, iter(range(10**9))

    def careless(self: Follower, what: str, raw: object) -> None:
        if next(count) % 20:
            put(self, what, raw)  # type: ignore[arg-type]

    monkeypatch.setattr(Follower, "_apply", careless)

    assert not all(map(passes, range(50)))


def passes(seed: int) -> bool:
    """Whether a run is as it should be."""
    world, witness = follow(seed)
    return world.state() == witness.state() and not witness.wrong
