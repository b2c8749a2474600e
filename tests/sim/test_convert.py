"""`ryu-netpol convert` changes no meaning: not of what it prints, and at no step of the way to it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from ryu_netpol.cli.convert.meaning import convert
from ryu_netpol.cli.convert.write import as_json, as_yaml, policy_document
from ryu_netpol.model.load import Item, Loaded, merge, read
from ryu_netpol.model.names import Api, Direction
from ryu_netpol.model.objects import Cluster, Namespace, Object, Policy
from ryu_netpol.oracle.evaluate import Oracle
from tests.support import manifests
from tests.support.grid import grid
from tests.support.strategies import Feature, random_cluster

SEEDS = range(150)
PROBES = 150
FEATURES = frozenset(Feature) - {Feature.IPV6, Feature.DISPUTES}


def loaded(text: str, file: str = "all.yaml") -> Loaded:
    """Manifests without an error."""
    part = merge([read(text, file=file)])
    assert part.errors == 0, part.problems
    return part


def some_cluster(seed: int) -> tuple[Cluster, Loaded]:
    """A cluster of which every namespace is written down, as manifests in any spelling."""
    rng = random.Random(seed)
    cluster = random_cluster(rng, features=FEATURES)
    return cluster, loaded(manifests.text(cluster.objects(), rng=rng))


def new_policies(items: Iterable[Item]) -> tuple[Policy, ...]:
    """What is printed, before it is text."""
    return tuple(outcome.policy for outcome in convert(items) if outcome.policy is not None)


def without_legacy(values: Iterable[Object], *, policies: bool, annotations: bool) -> list[Object]:
    """The objects after an administrator has taken away the one, or the other, or both."""
    kept = [value for value in values if not (policies and isinstance(value, Policy) and value.legacy)]
    if not annotations:
        return kept
    return [replace(value, default_deny=False) if isinstance(value, Namespace) else value for value in kept]


def verdicts(objects: Iterable[Object], cluster: Cluster, seed: int) -> list[bool]:
    """What the oracle says about connections of the grid of all nodes."""
    oracle = Oracle(Cluster.of(*objects))
    rng = random.Random(seed)
    asked = (c for node in sorted(cluster.nodes) for c in grid(cluster, node).sample(rng, PROBES))
    return [oracle.evaluate(connection).allowed for connection in asked]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_step_of_the_way_changes_a_meaning(seed: int) -> None:
    """The new policies beside the old ones, and then without the old ones or annotations, in any order: the same."""
    cluster, before = some_cluster(seed)
    new = new_policies(before.items)
    said = verdicts(before.objects, cluster, seed)

    assert verdicts(cluster.objects(), cluster, seed) == said
    for gone, unsaid in itertools.product((False, True), repeat=2):
        left = without_legacy(before.objects, policies=gone, annotations=unsaid)
        assert verdicts([*left, *new], cluster, seed) == said


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_printed_is_read_as_what_was_meant(seed: int) -> None:
    """YAML and JSON lead back to the same policies, all of networking.k8s.io/v1, each with a name of its own."""
    _, before = some_cluster(seed)
    new = new_policies(before.items)
    documents = [policy_document(policy) for policy in new]
    there = {value.key for value in before.objects if isinstance(value, Policy)}

    assert new == loaded(as_yaml(documents)).objects
    assert new == loaded(as_json(documents)).objects
    assert not any(policy.legacy for policy in new)
    assert len(there) + len(new) == len({*there, *(policy.key for policy in new)})


@pytest.mark.parametrize("seed", SEEDS)
def test_a_second_time_there_is_nothing_to_do(seed: int) -> None:
    """With what was printed beside the old manifests, nothing more is printed."""
    _, before = some_cluster(seed)
    printed = loaded(as_yaml(policy_document(policy) for policy in new_policies(before.items)), "new.yaml")

    assert new_policies(merge([before, printed]).items) == ()


def without_deny(policies: Iterable[Policy]) -> list[Policy]:
    """As if annotations meant nothing."""
    return [policy for policy in policies if policy.ingress]


def with_all_rules(policies: Iterable[Policy], before: Loaded) -> list[Policy]:
    """As if an empty list said the same in both APIs: what matches nothing would match everything."""
    full = {p.key.name: p.ingress for p in before.objects if isinstance(p, Policy) and p.legacy}
    emptied = [
        tuple(replace(r, peers=r.peers or None, ports=r.ports or None) for r in rules) for rules in full.values()
    ]
    everything = dict(zip(full, emptied, strict=True))
    return [replace(p, ingress=everything.get(p.key.name.removesuffix("-legacy"), p.ingress)) for p in policies]


def as_it_stands(before: Loaded) -> list[Policy]:
    """As if only the apiVersion had to be changed: policies isolate where nothing did."""
    legacy = [value for value in before.objects if isinstance(value, Policy) and value.legacy]
    return [replace(p, key=p.key._replace(name=f"{p.key.name}-x", api=Api.V1)) for p in legacy]


DEFECTS: dict[str, Callable[[Loaded], Iterable[Policy]]] = {
    "annotations are forgotten": lambda before: without_deny(new_policies(before.items)),
    "empty lists are everything": lambda before: with_all_rules(new_policies(before.items), before),
    "where nothing isolated": lambda before: [*new_policies(before.items), *as_it_stands(before)],
    "egress, too": lambda before: [
        replace(policy, directions=frozenset(Direction)) for policy in new_policies(before.items)
    ],
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_the_property_can_fail(defect: str) -> None:
    """P10: a conversion with this defect changes a verdict in one of the clusters."""

    def differs(seed: int) -> bool:
        cluster, before = some_cluster(seed)
        left = without_legacy(before.objects, policies=True, annotations=True)
        said = verdicts(before.objects, cluster, seed)
        return verdicts([*left, *DEFECTS[defect](before)], cluster, seed) != said

    assert any(differs(seed) for seed in SEEDS)
