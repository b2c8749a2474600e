"""In force: an acknowledged generation is announced when the switch's caches have followed, and not before."""

from __future__ import annotations

import random

import pytest

from ryu_netpol.agent.effects import Announce, Effect, MarkReady, Program, Settle
from ryu_netpol.agent.events import Deleted, InForce, Upserted
from ryu_netpol.model.objects import Cluster
from tests.sim.test_agent import change_of, node_of, started
from tests.support import build
from tests.support.fake import World
from tests.support.strategies import random_cluster, random_history

CLUSTER = build.cluster(
    build.node("node1", "192.168.0.1"),
    build.pod("default/a", "10.244.1.10", labelled="app=web"),
    build.pod("default/b", "10.244.1.11", labelled="app=db"),
)
CLOSED = build.policy("default/closed", "app=db")
ALSO_CLOSED = build.policy("default/also", "app=web")


def lagging(cluster: Cluster = CLUSTER) -> World:
    """A world whose switch commits and says nothing about its caches; its first generation is in force."""
    world = started(cluster)
    world.lag = True
    world.effects.clear()
    return world


def of_interest(world: World) -> list[Effect]:
    """What the agent wanted done about generations, since the last question."""
    found = [effect for effect in world.effects if isinstance(effect, Program | Settle | Announce)]
    world.effects.clear()
    return found


def test_a_generation_is_in_force_after_its_acknowledgement() -> None:
    """Settle follows Committed, the announcement follows InForce, and the view says what holds in between."""
    world = lagging()
    world.hold = True
    world.deliver(Upserted(CLOSED))

    (sent,) = of_interest(world)
    assert isinstance(sent, Program)
    assert world.agent.view().in_force == 1
    world.release()

    assert of_interest(world) == [Settle(2)]
    assert world.agent.view().in_force == 1
    world.deliver(InForce(2))

    assert of_interest(world) == [Announce(2)]
    assert world.agent.view().in_force == 2


def test_the_next_bundle_does_not_wait() -> None:
    """A change goes out while the one before is not in force yet."""
    world = lagging()
    world.deliver(Upserted(CLOSED), Upserted(ALSO_CLOSED))

    assert [type(effect) for effect in of_interest(world)] == [Program, Settle, Program, Settle]
    assert world.agent.view().in_force == 1


def test_a_generation_that_is_overtaken_is_not_announced() -> None:
    """The newer one includes it; what is heard of the older one afterwards says nothing new."""
    world = lagging()
    world.deliver(Upserted(CLOSED), Upserted(ALSO_CLOSED))
    world.effects.clear()
    world.deliver(InForce(3), InForce(2), InForce(3))

    assert of_interest(world) == [Announce(3)]
    assert world.agent.view().in_force == 3


def test_generations_that_nobody_asked_about_are_ignored() -> None:
    """Neither one that is only in flight nor one that never was comes in force by being said so."""
    world = lagging()
    world.hold = True
    world.deliver(Upserted(CLOSED), InForce(2), InForce(7))

    assert world.agent.view().in_force == 1


def test_nothing_is_in_force_on_a_switch_that_was_lost() -> None:
    """What is on it is unknown, so is what is in force; late news of the old connection does not count."""
    world = lagging()
    world.deliver(Upserted(CLOSED))
    world.disconnect()
    assert world.agent.view().in_force is None
    world.deliver(InForce(2))

    assert world.agent.view().in_force is None
    world.effects.clear()
    world.lag = False
    world.connect()

    # Nothing had changed: the flows that were read back are those of the last generation.
    assert of_interest(world) == [Settle(2), Announce(2)]
    assert world.agent.view().in_force == 2


def test_a_refused_bundle_is_never_in_force() -> None:
    """Its number is not announced; the one that is sent instead is."""
    world = lagging()
    world.lag, world.reject = False, 1
    world.deliver(Upserted(CLOSED))

    assert [effect for effect in of_interest(world) if isinstance(effect, Announce)] == [Announce(3)]


def test_what_was_found_is_announced_once() -> None:
    """A restarted agent with nothing to send says that what it found, 0, is in force; so it does not say again."""
    before = started(CLUSTER)
    world = World(flows=before.flows, meters=before.meters)
    world.epoch_limit = before.epoch_limit
    world.connect()
    world.list_all(CLUSTER)
    world.show_bridge(node_of(CLUSTER), CLUSTER)
    world.deliver(Upserted(build.namespace("other")), Deleted(build.namespace("other")))

    assert of_interest(world) == [Settle(0), Announce(0)]


def test_a_new_port_does_not_wait_to_be_in_force() -> None:
    """A port that is new has no cached flows: its endpoint is ready with the acknowledgement."""
    world = lagging()
    more = build.cluster(*CLUSTER.objects(), build.pod("default/c", "10.244.1.12"))
    world.list_all(more)
    world.show_bridge(node_of(more), more)

    assert [effect.port for effect in world.effects if isinstance(effect, MarkReady)]
    assert world.agent.view().in_force == 1


@pytest.mark.parametrize("seed", range(10))
def test_in_force_follows_acknowledgements(seed: int) -> None:
    """Over histories with lost links and answers in any order: never ahead of what is acknowledged, never backwards."""
    rng = random.Random(seed)
    cluster = random_cluster(rng, policies=4)
    world = lagging(cluster)
    acknowledged, before = len(world.plans), world.agent.view().in_force
    for step in random_history(rng, cluster, 8):
        if rng.random() < 0.2:
            world.disconnect()
            assert world.agent.view().in_force is None
            before = None
            world.connect()
        world.deliver(change_of(step))
        world.show_bridge(node_of(step.cluster), step.cluster)
        acknowledged = world.plans[-1].generation
        asked = [effect.generation for effect in world.effects if isinstance(effect, Settle)]
        for generation in rng.sample(asked, min(2, len(asked))):
            world.deliver(InForce(generation))
        now = world.agent.view().in_force

        assert now is None or now <= acknowledged
        assert now is not None or before is None
        assert before is None or (now or 0) >= before
        before = now
    world.deliver(InForce(acknowledged))

    assert world.agent.view().in_force == acknowledged
