"""An agent that is measured: on a real switch over a real connection, or alone, with a switch that agrees at once.

Both have the same two methods: `start` takes a cluster in, `event` one change; they return seconds to the
acknowledgement (where a change needs no flows: until that is known).
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

from ryu_netpol.agent.boundary import Database, Settler
from ryu_netpol.agent.core import Agent
from ryu_netpol.agent.effects import Dump, Effect, Program, SaveEpoch, Settle
from ryu_netpol.agent.events import CommitFailed, Committed, EpochSaved, Event, FlowsDumped, InForce, SwitchUp
from ryu_netpol.bench.bench import BenchError
from ryu_netpol.bench.clusters.scene import HERE, POD_CIDR, Scene
from ryu_netpol.bench.switch import Switch
from ryu_netpol.flows.delta import Plan
from ryu_netpol.flows.ir import FlowTable
from ryu_netpol.lab.switch import PrivateOvs
from ryu_netpol.runtime import Runtime

_PATIENCE = 600.0


class Measured(Protocol):
    """What a workload measures."""

    plan: Plan | None
    """The last one that was sent."""

    def start(self, scene: Scene) -> float:
        """From a cluster's objects to the acknowledgement, in seconds."""

    def event(self, event: Event) -> float:
        """From one event to the acknowledgement, in seconds."""


class PureNode:
    """The agent alone: whatever it sends is acknowledged at once, and nothing is encoded."""

    def __init__(self) -> None:
        self.agent = Agent(node=HERE, pod_cidrs=(POD_CIDR,))
        self.plan: Plan | None = None

    def start(self, scene: Scene) -> float:
        """Take a cluster in."""
        for event in (SwitchUp(1), *scene.bridge()):
            self.event(event)
        return self.event(scene.feed())

    def event(self, event: Event) -> float:
        """Handle an event and everything that follows from it."""
        started = perf_counter()
        inbox = deque([event])
        while inbox:
            for effect in self.agent.handle(inbox.popleft()):
                inbox.extend(self._answer(effect))
        return perf_counter() - started

    def _answer(self, effect: Effect) -> Iterable[Event]:
        match effect:
            case Dump(connection):
                yield FlowsDumped(connection, FlowTable())
            case Program(plan, _):
                self.plan = plan
                yield Committed(plan.generation)
            case SaveEpoch(limit):
                yield EpochSaved(limit)
            case Settle(generation):
                yield InForce(generation)


@dataclass(frozen=True, slots=True)
class Handled:
    """The agent has handled an event."""

    event: Event
    effects: tuple[Effect, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The switch has acknowledged."""

    at: float


class _Watched(Agent):
    """The agent; who wants to know hears what it has handled."""

    heard: queue.SimpleQueue[Handled | Acknowledged | BaseException]

    def handle(self, event: Event) -> tuple[Effect, ...]:
        """Handle an event, and tell."""
        try:
            effects = super().handle(event)
        except BaseException as error:
            self.heard.put(error)
            raise
        self.heard.put(Handled(event, effects, perf_counter()))
        return effects


class RealNode:
    """The agent in its runtime, on a switch without packets: everything of a node but its database. A context manager.

    The database is not there: whatever is to be written counts as written. In force is what is acknowledged.
    """

    def __init__(self, *, ovs: PrivateOvs | None = None) -> None:
        """On its own switch, or on one that runs."""
        self.plan: Plan | None = None
        self._heard: queue.SimpleQueue[Handled | Acknowledged | BaseException] = queue.SimpleQueue()
        agent = _Watched(node=HERE, pod_cidrs=(POD_CIDR,))
        agent.heard = self._heard
        self.runtime = Runtime(agent)
        self.switch = Switch(self._deliver, ovs=ovs)
        around = _Around(self.runtime)
        self._thread = threading.Thread(
            target=self.runtime.run, args=(self.switch.session, around, around), daemon=True
        )

    def __enter__(self) -> RealNode:
        self.switch.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.runtime.stop()
        self.switch.__exit__()

    def _deliver(self, event: Event) -> None:
        self.runtime.deliver(event)
        if isinstance(event, Committed):
            self._heard.put(Acknowledged(perf_counter()))

    def start(self, scene: Scene, bridge: Iterable[Event] = ()) -> float:
        """Take a cluster in, once the switch is connected and read; `bridge` replaces what the scene says of it."""
        self.switch.connect()
        while not isinstance(handled := self._next(), Handled) or not isinstance(handled.event, FlowsDumped):
            pass
        for event in bridge or scene.bridge():
            self.event(event)
        return self.event(scene.feed())

    def send(self, event: Event) -> None:
        """Deliver an event and go on; what becomes of it is in `heard`."""
        self.runtime.deliver(event)

    def heard(self) -> Iterator[Handled | Acknowledged]:
        """What has happened since the last call, in this order."""
        while not self._heard.empty():
            yield self._next()

    def event(self, event: Event) -> float:
        """Have an event handled, and wait until nothing follows from it any more."""
        started = end = perf_counter()
        self.runtime.deliver(event)
        waiting_for = 1
        acknowledged: float | None = None
        while waiting_for:
            heard = self._next()
            if isinstance(heard, Acknowledged):
                acknowledged = heard.at
                continue
            if isinstance(heard.event, CommitFailed):
                raise BenchError(f"the switch refused: {heard.event.errors[0]}")
            answers = heard.event is event or isinstance(heard.event, Committed | EpochSaved)
            waiting_for += sum(isinstance(effect, Program | SaveEpoch) for effect in heard.effects) - answers
            self.plan = next((e.plan for e in heard.effects if isinstance(e, Program)), self.plan)
            end = heard.at
        return (acknowledged or end) - started

    def _next(self) -> Handled | Acknowledged:
        heard = self._heard.get(timeout=_PATIENCE)
        if isinstance(heard, BaseException):
            raise BenchError(f"the agent failed: {heard!r}") from heard
        return heard


class _Around(Database, Settler):
    """Says at once that everything is written, and in force."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def save_epoch(self, limit: int) -> None:
        """Nothing is written."""
        self._runtime.deliver(EpochSaved(limit))

    def mark_ready(self, port: str, container: str) -> None:
        """Nobody waits for it."""

    def mark_synced(self, synced: bool) -> None:
        """Nobody waits for it."""

    def settle(self, generation: int) -> None:
        """Nothing is cached where there are no packets."""
        self._runtime.deliver(InForce(generation))
