"""P2, P3, P4, P6 of the agent: whatever happens, what is installed is what a full recomputation gives."""

from __future__ import annotations

import random

import pytest

from ryu_netpol.agent import epochs
from ryu_netpol.agent.core import Agent
from ryu_netpol.agent.effects import MarkReady, MarkSynced, Program, Report, SaveEpoch
from ryu_netpol.agent.events import Deleted, HostAddressesSeen, SwitchUp, Upserted
from ryu_netpol.flows.bridge import Bridge
from ryu_netpol.flows.compile import compile_node
from ryu_netpol.flows.delta import apply, plan
from ryu_netpol.flows.ir import FlowTable
from ryu_netpol.flows.numbers import recover_epoch
from ryu_netpol.flows.offline import FlowJudge, OfflineNode, offline_node
from ryu_netpol.model.objects import Cluster
from ryu_netpol.oracle.evaluate import Oracle
from ryu_netpol.policy.resolve import resolve
from tests.support import build
from tests.support.fake import World, bridge_seen, own_addresses, relist
from tests.support.grid import grid
from tests.support.nodes import can_happen, pod_cidrs
from tests.support.strategies import OURS, Change, random_cluster, random_history

SEEDS = range(15)


def node_of(cluster: Cluster) -> OfflineNode:
    """Our node, with a port for each of its pods."""
    return offline_node(cluster, OURS, pod_cidrs(1))


def started(cluster: Cluster) -> World:
    """A world in which everything has been heard and installed once."""
    world = World()
    world.connect()
    world.list_all(cluster)
    world.show_bridge(node_of(cluster), cluster)
    return world


def recomputed(world: World, cluster: Cluster) -> FlowTable:
    """What a full recomputation gives, with the agent's numbers and epoch."""
    view = world.agent.view()
    assert view.numbers is not None
    assert view.epoch is not None
    node = node_of(cluster)
    bridge = Bridge(
        node.bridge.gateway_port, node.bridge.gateway_mac, pod_cidrs(1), node_addresses=own_addresses(cluster)
    )
    policy = resolve(cluster, OURS, node.policy.endpoints)
    return compile_node(policy, bridge, view.numbers, view.epoch)


def change_of(step: Change) -> Upserted | Deleted:
    """A step of a history as the feed reports it."""
    if step.new is not None:
        return Upserted(step.new)
    assert step.old is not None
    return Deleted(step.old)


def assert_means(
    world: World, cluster: Cluster, rng: random.Random, probes: int = 60, *, flows: FlowTable | None = None
) -> None:
    """What is on the switch, or these flows, does what the oracle says, for connections that only this node judges."""
    flows = world.flows if flows is None else flows
    node = node_of(cluster)
    judge = FlowJudge([OfflineNode(OURS, node.bridge, node.policy, node.numbers, flows, node.meters)])
    oracle = Oracle(cluster)
    for connection in grid(cluster, OURS).sample(rng, probes):
        remote = any(
            p.node != OURS and p.visible and {connection.source, connection.destination} & set(p.addresses)
            for p in cluster.pods.values()
        )
        if not remote and can_happen([node], connection):
            assert judge.judge(connection)[0] == oracle.evaluate(connection).allowed, connection


@pytest.mark.parametrize("seed", SEEDS)
def test_incremental_equals_recomputed(seed: int) -> None:
    """P2: after every event of a history the installed flows are those of a full recomputation, and mean the same."""
    rng = random.Random(seed)
    cluster = random_cluster(rng, policies=5)
    world = started(cluster)
    assert dict(world.flows) == dict(recomputed(world, cluster))
    for step in random_history(rng, cluster, 8):
        world.deliver(change_of(step))
        cluster = step.cluster
        world.show_bridge(node_of(cluster), cluster)

        assert dict(world.flows) == dict(recomputed(world, cluster))
        assert_means(world, cluster, rng, 20)


@pytest.mark.parametrize("seed", SEEDS)
def test_order_and_faults_do_not_matter(seed: int) -> None:
    """P3: however the events come, and whatever fails in between, the flows in the end mean the same."""
    rng = random.Random(seed)
    cluster = random_cluster(rng, policies=5)
    node = node_of(cluster)
    world = World(flows=started(random_cluster(random.Random(seed + 1000))).flows if seed % 3 == 0 else None)
    events = [*relist(cluster.objects()), bridge_seen(node, cluster), HostAddressesSeen(own_addresses(cluster))]
    rng.shuffle(events)
    connect_at, faults = rng.randrange(len(events)), rng.sample(range(len(events)), 2)
    for number, event in enumerate(events):
        if number == connect_at:
            world.connect()
        if number in faults:
            world.reject = 1
        world.deliver(event)
        if rng.random() < 0.3:
            world.deliver(event)
    world.disconnect()
    world.connect()
    world.deliver(*relist(cluster.objects()))

    assert dict(world.flows) == dict(recomputed(world, cluster))
    assert_means(world, cluster, rng)


@pytest.mark.parametrize("seed", SEEDS)
def test_restart_sends_nothing(seed: int) -> None:
    """P6: a new agent that finds its flows on the switch, in an unchanged cluster, has nothing to change."""
    cluster = random_cluster(random.Random(seed))
    before = started(cluster)
    after = World(flows=before.flows, meters=before.meters)
    after.epoch_limit = before.epoch_limit
    after.connect()
    after.list_all(cluster)
    after.show_bridge(node_of(cluster), cluster)

    assert after.plans == []
    assert MarkSynced(True) in after.effects
    assert {e for e in after.effects if isinstance(e, MarkReady)} == {
        e for e in before.effects if isinstance(e, MarkReady)
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_restart_after_history_sends_nothing(seed: int) -> None:
    """P6 for an agent whose predecessor had a past: numbers with gaps, epochs raised."""
    rng = random.Random(seed)
    cluster = random_cluster(rng, policies=5)
    before = started(cluster)
    for step in random_history(rng, cluster, 6):
        before.deliver(change_of(step))
        cluster = step.cluster
        before.show_bridge(node_of(cluster), cluster)
    after = World(flows=before.flows, meters=before.meters)
    after.epoch_limit = before.epoch_limit
    after.connect()
    after.list_all(cluster)
    after.show_bridge(node_of(cluster), cluster)

    assert after.plans == []


@pytest.mark.parametrize("seed", SEEDS)
def test_plans_are_minimal(seed: int) -> None:
    """P4: a plan leads to what was desired, the plan from there on is empty, a repeated event does nothing."""
    rng = random.Random(seed)
    one, two = (node_of(random_cluster(rng)).flows for _ in range(2))
    change = plan(one, two, generation=1)

    assert dict(apply(one, change)) == dict(two)
    assert not plan(two, two, generation=2)
    cluster = random_cluster(rng)
    world = started(cluster)
    sent = len(world.plans)
    for item in cluster.objects():
        world.deliver(Upserted(item))
    world.list_all(cluster)

    assert len(world.plans) == sent


def test_nothing_is_programmed_before_everything_is_known() -> None:
    """R11: before every kind was listed once, and the bridge seen, what is installed stays."""
    cluster = random_cluster(random.Random(1))
    world = World()
    world.connect()
    world.show_bridge(node_of(cluster), cluster)
    for event in relist(cluster.objects())[:-1]:
        world.deliver(event)

    assert world.plans == []
    world.deliver(relist(cluster.objects())[-1])

    assert len(world.plans) == 1


def test_events_gather_while_a_plan_is_in_flight() -> None:
    """While a bundle is in flight, changes gather for the next; what the lost link leaves is read back (R5)."""
    rng = random.Random(4)
    cluster = random_cluster(rng)
    world = started(cluster)
    world.hold = True
    sent = len(world.plans)
    for step in random_history(rng, cluster, 12):
        world.deliver(change_of(step))
        cluster = step.cluster
        world.show_bridge(node_of(cluster), cluster)

    assert len(world.plans) == sent + 1
    world.release()

    assert sent + 1 < len(world.plans) <= sent + 2
    assert dict(world.flows) == dict(recomputed(world, cluster))


def test_refused_bundle_is_reported_and_tried_again() -> None:
    """A refused bundle moves nothing, is reported by its error, and is sent again after a rest."""
    cluster = random_cluster(random.Random(5))
    world = World()
    world.reject = 3
    world.connect()
    world.list_all(cluster)
    world.show_bridge(node_of(cluster), cluster)

    assert Report("bundle_refused", "refused by the test") in world.effects
    assert len(world.plans) == 4
    assert dict(world.flows) == dict(recomputed(world, cluster))


def test_stale_answers_are_ignored() -> None:
    """What belongs to an earlier connection says nothing about this one."""
    cluster = random_cluster(random.Random(6))
    world = started(cluster)
    world.hold = True
    world.connection += 1
    world.agent.handle(SwitchUp(world.connection))
    world.connection += 1
    effects = world.agent.handle(SwitchUp(world.connection))

    assert not [e for e in effects if isinstance(e, Program)]
    assert world.agent.view().installed is None


def test_narrowing_raises_the_epoch_and_widening_does_not() -> None:
    """Epochs: what narrows raises the epoch in the same bundle; what only widens, or a pod that joins, does not."""
    closed = build.policy("default/closed", "app")
    opened = build.policy("default/opened", "app", ingress=[build.rule(build.pods("app=web"))])
    cluster = build.cluster(
        build.node("node1", "192.168.0.1"),
        build.pod("default/a", "10.244.1.10", labelled="app=web"),
        build.pod("default/b", "10.244.1.11", labelled="app=db"),
    )
    world = started(cluster)
    epochs = [recover_epoch(world.flows)]
    joining = build.pod("default/c", "10.244.2.10", labelled="app=web", node="node2")
    for event in (Upserted(closed), Upserted(opened), Upserted(joining), Deleted(joining), Deleted(closed)):
        world.deliver(event)
        epochs.append(recover_epoch(world.flows))
    world.deliver(Deleted(opened))

    first = epochs[0]
    assert first is not None
    # Isolation narrows; a rule and a pod widen; a pod that leaves narrows nothing, nor does the end of `closed` while
    # `opened` isolates the same pods.
    assert epochs[1:] == [first + 1] * 5
    assert world.epoch_limit >= first + 1


@pytest.mark.parametrize("limit", [0, 1, 2000, 65535])
def test_an_epoch_is_reserved_once(limit: int) -> None:
    """Epochs: on a switch that forgot its flows the epoch goes on after the last that can have been used."""
    cluster = random_cluster(random.Random(9))
    world = World()
    world.epoch_limit = limit
    world.connect()
    world.list_all(cluster)
    world.show_bridge(node_of(cluster), cluster)
    saved = [effect.limit for effect in world.effects if isinstance(effect, SaveEpoch)]

    if limit < 65535:
        assert saved == [limit + 1 + epochs.AT_ONCE]
        assert recover_epoch(world.flows) == limit + 1
    else:
        assert saved == []
        assert recover_epoch(world.flows) == 1


def test_agents_share_nothing() -> None:
    """R13: two agents in one process do not know of each other."""
    cluster = random_cluster(random.Random(8))
    started(cluster)
    other = Agent(node=OURS, pod_cidrs=pod_cidrs(1)).view()

    assert other.installed is None
    assert not other.cluster.pods
