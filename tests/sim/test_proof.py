"""What is said to be in force is: whatever the switch does meanwhile, flows mean the state that the proof names."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest

from ryu_netpol.agent.attach import attached
from ryu_netpol.agent.events import (
    Committed,
    Deleted,
    Event,
    InForce,
    Kind,
    Reached,
    Relisted,
    Said,
    Together,
    Upserted,
)
from ryu_netpol.agent.progress import Progress
from ryu_netpol.agent.proof import Proof
from ryu_netpol.agent.store import Store, key_of, kind_of
from ryu_netpol.flows.ir import FlowTable
from ryu_netpol.model.names import PolicyKey
from ryu_netpol.model.objects import Cluster, Object, Policy
from tests.sim.test_agent import assert_means, change_of, node_of
from tests.support.fake import World, bridge_seen
from tests.support.strategies import OURS, random_cluster, random_history

SEEDS = range(40)
API = {kind: "networking.k8s.io/v1" if kind is Kind.POLICY else "v1" for kind in Kind}


class Hasty(Proof):
    """Takes what was sent for what is in force."""

    def follow(self, event: Event, *, at: float, progress: Progress) -> tuple[float, ...]:
        sent = None if progress.in_force is None else progress.generation
        return super().follow(event, at=at, progress=progress._replace(in_force=sent))


class Careless(Proof):
    """Takes what waits for its turn for part of the last plan."""

    def follow(self, event: Event, *, at: float, progress: Progress) -> tuple[float, ...]:
        return super().follow(event, at=at, progress=progress._replace(pending=False))


class Server:
    """A cluster whose states are numbered, in a world that follows it; our node keeps the endpoints that it has."""

    def __init__(self, rng: random.Random, proof: Proof) -> None:
        self.rng, self.proof = rng, proof
        self.store = Store()
        self.states: list[Cluster] = []
        self.said: dict[PolicyKey, Said] = {}
        self.flows: dict[int, FlowTable] = {}
        """What each plan led to."""
        self.world = World()
        self.world.seen.append(self._follow)

    def _follow(self, event: Event) -> None:
        if isinstance(event, Committed):
            self.flows[event.generation] = self.world.flows
        self.proof.follow(event, at=float(len(self.states)), progress=self.world.agent.progress)
        if isinstance(event, InForce):
            self.check()

    def start(self, cluster: Cluster) -> None:
        """List everything."""
        self.store.apply(Together(tuple(relisted(cluster))))
        self.states.append(self.store.snapshot())
        self.said = {key: Said(f"u-{key}", "0", 1) for key in cluster.policies}
        reached = [self._reached(kind, self.said if kind is Kind.POLICY else {}, complete=True) for kind in Kind]
        self.world.deliver(Together((*relisted(cluster), *reached)))
        self.world.show_bridge(node_of(self.states[0]), self.states[0])
        self.world.connect()

    def change(self, change: Upserted | Deleted) -> None:
        """One object is another; not if that would change an endpoint of ours."""
        kind, key = kind_of(change.object), key_of(change.object)
        before, ports = self.store.snapshot(), self._ports()
        self.store.apply(change)
        after = self.store.snapshot()
        if self._ports() != ports:
            was = {key_of(item): item for item in before.objects() if kind_of(item) is kind}.get(key)
            self.store.apply(Upserted(was) if was is not None else change)
            if was is None:
                self.store.apply(Deleted(change.object))
            return
        self.states.append(after)
        told: Mapping[Any, Said | None] = {}
        if isinstance(change.object, Policy):
            told = {key: self._version(key) if isinstance(change, Upserted) else None}
        self.world.deliver(Together((change, self._reached(kind, told))))

    def _ports(self) -> object:
        """Our node's bridge as it is for the cluster of now, and what the agent makes of the one that it has seen."""
        now = self.store.snapshot()
        node, seen = node_of(now), node_of(self.states[0])
        was = attached(bridge_seen(seen, self.states[0]), self.store, OURS)
        return set(node.policy.endpoints), node.bridge, was

    def _version(self, key: PolicyKey) -> Said:
        was = self.said.get(key)
        self.said[key] = Said(f"u-{key}", str(len(self.states) - 1), was.generation + 1 if was else 1)
        return self.said[key]

    def _reached(self, kind: Kind, said: Mapping[Any, Said | None], *, complete: bool = False) -> Reached:
        return Reached(kind, API[kind], str(len(self.states) - 1), said, complete)

    def trouble(self) -> None:
        """Let the switch behave in another way, or say something."""
        world, dice = self.world, self.rng.random()
        if dice < 0.15:
            world.hold = True
        elif dice < 0.3:
            world.release()
        elif dice < 0.45:
            world.lag = True
        elif dice < 0.6:
            world.lag = False
            world.deliver(InForce(world.agent.progress.generation))
        elif dice < 0.7:
            world.reject = 1
        elif dice < 0.8:
            world.disconnect()
            if self.rng.random() < 0.3:
                world.flows = FlowTable()
            world.connect()

    def check(self) -> None:
        """What is said to be in force means that state."""
        now = self.proof.now
        if now is None:
            return
        state = self.states[max(int(version.version) for version in now.versions.values())]
        flows = self.flows.get(now.generation)
        assert flows is not None, f"generation {now.generation} was never committed"
        assert_means(self.world, state, self.rng, 12, flows=flows)
        for key, enforced in self.proof.enforced.items():
            assert int(enforced.said.version) <= int(now.versions[Kind.POLICY].version), key


def relisted(cluster: Cluster) -> list[Relisted]:
    """Everything, kind by kind."""
    objects: dict[Kind, set[Object]] = {kind: set() for kind in Kind}
    for item in cluster.objects():
        objects[kind_of(item)].add(item)
    return [Relisted(kind, frozenset(items)) for kind, items in objects.items()]


def history(seed: int, proof: Proof) -> Server:
    """Let a server change, and the switch make trouble; check after every step."""
    rng = random.Random(seed)
    cluster = random_cluster(rng, policies=5)
    server = Server(rng, proof)
    server.start(cluster)
    for step in random_history(rng, cluster, 25):
        server.trouble()
        server.change(change_of(step))
        server.check()
    return server


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_said_to_be_in_force_is(seed: int) -> None:
    """P2 of the proof: held, refused and lost bundles, caches that lag, flows that somebody took away."""
    proof = Proof()
    server = history(seed, proof)
    server.world.lag, server.world.reject = False, 0
    server.world.release()
    server.world.deliver(InForce(server.world.agent.progress.generation))
    server.world.disconnect()
    server.world.connect()

    assert proof.now is not None
    assert max(int(version.version) for version in proof.now.versions.values()) == len(server.states) - 1
    assert {key: enforced.said for key, enforced in proof.enforced.items()} == {
        key: server.said[key] for key in server.states[-1].policies
    }
    server.check()


@pytest.mark.parametrize("wrong", [Hasty, Careless])
def test_a_proof_that_says_too_much_is_found(wrong: type[Proof]) -> None:
    """The check above can fail."""

    def lies(seed: int) -> bool:
        try:
            history(seed, wrong())
        except AssertionError:
            return True
        return False

    assert any(lies(seed) for seed in SEEDS)
