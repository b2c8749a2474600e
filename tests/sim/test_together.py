"""Changes that belong together are installed in one step: nobody looks at what lies between them."""

from __future__ import annotations

import random

import pytest

from ryu_netpol.agent.events import Together
from tests.sim.test_agent import change_of, node_of, recomputed, started
from tests.support.strategies import random_cluster, random_history

SEEDS = range(6)
LENGTH = 12


@pytest.mark.parametrize("seed", SEEDS)
def test_changes_together_are_one_step(seed: int) -> None:
    """Any number of changes gives one plan at most, and what is installed in the end is a full recomputation."""
    rng = random.Random(seed)
    cluster = random_cluster(rng)
    world = started(cluster)
    history = random_history(rng, cluster, LENGTH)
    before = len(world.plans)
    world.deliver(Together(tuple(map(change_of, history))))
    assert len(world.plans) <= before + 1

    cluster = history[-1].cluster
    world.show_bridge(node_of(cluster), cluster)

    assert dict(world.flows) == dict(recomputed(world, cluster))


def test_changes_alone_are_many_steps() -> None:
    """P10: the same changes one by one are installed one by one, so that the test above can fail."""
    rng = random.Random(0)
    cluster = random_cluster(rng)
    world = started(cluster)
    before = len(world.plans)
    for step in random_history(rng, cluster, LENGTH):
        world.deliver(change_of(step))

    assert len(world.plans) > before + 1
