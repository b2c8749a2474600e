"""Established connections and changes of policy: whoever may not open a connection now may not go on with it (NP-94).

Connection tracking is played by a table of marks: what is let through as new is remembered with the mark that it was
committed with. After every change each of these connections must fare as a new one would, in both directions.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from ryu_netpol.agent.events import Kind, Relisted
from ryu_netpol.flows.interpret import ConnState, Interpreter, Outcome, Packet
from ryu_netpol.flows.offline import OfflineNode
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.packet import Connection
from tests.sim.test_agent import change_of, node_of, started
from tests.support.edits import edited
from tests.support.fake import World
from tests.support.grid import grid
from tests.support.nodes import can_happen
from tests.support.strategies import OURS, random_cluster, random_history

SEEDS = range(20)
STEPS, PROBES = 8, 60


def gone(node: OfflineNode, connection: Connection, opened: frozenset[Address]) -> bool:
    """Whether an end belonged to a pod that is gone: it says nothing any more, until another pod has its address."""
    return not opened <= owned(node, connection)


def owned(node: OfflineNode, connection: Connection) -> frozenset[Address]:
    """Those of the ends that are addresses of pods."""
    ends = {connection.destination} | ({connection.source} if connection.origin is None else set())
    return frozenset(ends & node.policy.owners.keys())


def answer(node: OfflineNode, connection: Connection) -> Packet:
    """A reply, as it enters this node's bridge."""
    first = node.entry(connection)
    endpoint = node.policy.local.get(connection.destination)
    macs = {"eth_src": first["eth_dst"], "eth_dst": first["eth_src"]}
    if endpoint is not None:
        macs = {"eth_src": endpoint.mac, "eth_dst": node.bridge.gateway_mac}
    return first.reply(in_port=node.exit(connection), **macs)


def committed(outcome: Outcome, mark: int) -> int:
    """The connection's mark after the packet."""
    for commit in outcome.commits:
        mark = mark & ~commit.mask | commit.mark & commit.mask
    return mark


class Conntrack:
    """The connections that were let through."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.marks: dict[Connection, tuple[int, frozenset[Address]]] = {}

    def open(self, cluster: Cluster, rng: random.Random) -> None:
        """Open what may be opened of a sample of the grid."""
        node, run = node_of(cluster), Interpreter(self.world.flows).run
        for connection in grid(cluster, OURS).sample(rng, PROBES):
            outcome = run(node.entry(connection))
            if can_happen([node], connection) and outcome.ports == (node.exit(connection),):
                self.marks[connection] = committed(outcome, 0), owned(node, connection)

    def differences(self, cluster: Cluster) -> list[str]:
        """Connections that fare otherwise than new ones; those that pass are committed again, as by packets."""
        node, run = node_of(cluster), Interpreter(self.world.flows).run
        found = []
        for connection, (mark, opened) in list(self.marks.items()):
            if gone(node, connection, opened) or not can_happen([node], connection):
                continue
            wanted = run(node.entry(connection)).ports == (node.exit(connection),)
            forward = run(node.entry(connection), ConnState.established(mark))
            backward = run(answer(node, connection), ConnState.established(mark, reply=True))
            for way, outcome in (("forward", forward), ("backward", backward)):
                if bool(outcome.ports) != wanted:
                    found.append(f"{connection}: new {wanted}, established {way} {outcome.ports} by {outcome.path[-1]}")
            if wanted:
                self.marks[connection] = committed(forward, mark), owned(node, connection)
        return found


def differences_after_changes(seed: int) -> Iterator[str]:
    """Connections that fare otherwise than new ones after some change of a history, or edit of a policy."""
    rng = random.Random(seed)
    cluster = random_cluster(rng, policies=5)
    world = started(cluster)
    tracking = Conntrack(world)
    tracking.open(cluster, rng)
    for step in random_history(rng, cluster, STEPS):
        world.deliver(change_of(step))
        world.show_bridge(node_of(step.cluster), step.cluster)
        yield from tracking.differences(step.cluster)
        tracking.open(step.cluster, rng)
        if step.cluster.policies:
            # There and back: the history goes on from the policy as it was.
            for cluster in (edited(rng, step.cluster), step.cluster):
                world.deliver(Relisted(Kind.POLICY, frozenset(cluster.policies.values())))
                yield from tracking.differences(cluster)
                tracking.open(cluster, rng)


@pytest.mark.parametrize("seed", SEEDS)
def test_established_connections_fare_as_new_ones(seed: int) -> None:
    """NP-71, NP-90 to NP-94: after every change of a history, a connection goes on if and only if it may be opened."""
    assert list(differences_after_changes(seed)) == []


def test_the_checker_catches_an_epoch_that_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: where nothing raises the epoch, revoked connections are seen to go on."""
    monkeypatch.setattr("ryu_netpol.agent.core.narrows", lambda *_, **__: False)
    for seed in SEEDS:
        if any(differences_after_changes(seed)):
            return

    pytest.fail("twenty histories did not show the defect")
