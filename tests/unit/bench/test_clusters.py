"""The clusters of the workloads: the same every time, and of the size that they say."""

from __future__ import annotations

from collections import Counter

import pytest

from ryu_netpol.agent.events import Deleted, Upserted
from ryu_netpol.bench.clusters.dense import Dense
from ryu_netpol.bench.clusters.fanout import Fanout, formula
from ryu_netpol.bench.clusters.mixed import Mixed
from ryu_netpol.bench.clusters.wide import Wide
from ryu_netpol.model.objects import Policy

SIZES = [
    pytest.param(Fanout(8, policies=3, local_namespaces=2), 80, 32, 20, id="fanout"),
    pytest.param(Fanout(8, policies=3, local_namespaces=2, excepts=3), 80, 32, 20, id="fanout with excepts"),
    pytest.param(Mixed(namespaces=3), 300, 30, 3, id="mixed"),
    pytest.param(Wide(12, local=3), 48, 36, 3, id="wide"),
    pytest.param(Dense(20, 15, local=4), 20, 15, 4, id="dense"),
]


@pytest.mark.parametrize(("size", "pods", "policies", "local"), SIZES)
def test_sizes(size: Fanout | Mixed | Wide | Dense, pods: int, policies: int, local: int) -> None:
    """So many pods, policies and pods on this node, whose addresses and keys are all different."""
    scene = size.scene()

    assert (pods, policies, local) == (len(scene.pods), len(scene.policies), len(scene.local))
    assert len({address for pod in scene.pods for address in pod.addresses}) == pods
    assert len({pod.key for pod in scene.pods}) == pods
    assert len({policy.key for policy in scene.policies}) == policies


@pytest.mark.parametrize(("size", "pods", "policies", "local"), SIZES)
def test_the_same_every_time(size: Fanout | Mixed | Wide | Dense, pods: int, policies: int, local: int) -> None:
    """Deterministic by seed: two runs measure the same."""
    assert size.scene() == size.scene()


def test_another_seed_is_another_cluster() -> None:
    """Chance is really in it."""
    assert Mixed(namespaces=3, seed=1).scene().policies != Mixed(namespaces=3, seed=2).scene().policies


def test_what_a_policy_of_b2_names() -> None:
    """Ten subjects; five namespaces with five pods of each, five blocks, five ports and five ranges."""
    scene = Fanout(8, policies=3, local_namespaces=2, excepts=3).scene()
    rule = next(policy for policy in scene.policies if policy.ingress).ingress[0]
    pods, *blocks = rule.peers or ()

    assert [len(s.requirements[0].values) for s in (pods.pods, pods.namespaces)] == [5, 5]  # type: ignore[union-attr]
    assert [len(block.excepts) for block in blocks] == [3] * 5  # type: ignore[union-attr]
    assert Counter({1: 5, 10: 5}) == Counter(len(list(spec.port)) for spec in rule.ports or ())  # type: ignore[arg-type]


def test_the_formula_counts_what_is_named() -> None:
    """Only policies with subjects on this node; excepts make more blocks and nothing else."""
    plain = formula(Fanout(8, policies=3, local_namespaces=2).scene())
    holes = formula(Fanout(8, policies=3, local_namespaces=2, excepts=3).scene())

    assert (plain.subjects, plain.rules) == (20, 6)
    assert plain.peers <= 6 * 25
    assert holes.blocks > plain.blocks
    assert (plain.peers, plain.ports) == (holes.peers, holes.ports)
    assert plain.total == plain.peers + plain.blocks + plain.ports + plain.subjects + plain.rules


@pytest.mark.parametrize("size", [Wide(12, local=3), Dense(20, 15, local=4)], ids=["wide", "dense"])
def test_events_change_pods_and_policies(size: Wide | Dense) -> None:
    """Pods and policies come, change and go; each event is about something that is not so already."""
    there = {value.key: value for value in (*size.scene().pods, *size.scene().policies)}
    events = list(size.events(16))

    assert len(events) == 16
    assert {Upserted, Deleted} == {type(event) for event in events}
    assert any(isinstance(event.object, Policy) for event in events)  # type: ignore[union-attr]
    for event in events:
        match event:
            case Upserted(value):
                assert there.get(value.key) != value  # type: ignore[union-attr]
                there[value.key] = value  # type: ignore[union-attr, index, assignment]
            case Deleted(value):
                del there[value.key]  # type: ignore[union-attr, arg-type]


def test_joining_pods_are_new() -> None:
    """Each has a name and an address of its own."""
    size = Mixed(namespaces=3)
    pods = [*size.scene().pods, *size.joining(size.scene(), 20)]

    assert len(pods) == len({pod.key for pod in pods}) == len({pod.addresses for pod in pods})
