"""Work in proportion to what changed gives the answer of a full comparison (decision 0004)."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, NoReturn

import pytest

from ryu_netpol.model.names import Direction
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Cluster
from ryu_netpol.policy import narrower as comparison
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.narrower import narrower
from ryu_netpol.policy.resolve import NodePolicy, ResolvedRule
from ryu_netpol.policy.stayed import Stayed
from ryu_netpol.policy.touched import everything
from tests.support.edits import edited, relabelled, rescheduled, with_twins
from tests.support.strategies import ALL, Feature, random_cluster, random_history
from tests.support.touching import difference, differences, policies, some

SEEDS = range(24)
STEPS = 12


def states(seed: int) -> list[Cluster]:
    """A history in which policies are also rewritten, pods relabelled and moved, and addresses disputed."""
    rng = random.Random(seed)
    features = ALL if seed % 2 else ALL - {Feature.BLOCKS}
    cluster = with_twins(random_cluster(rng, features=features, policies=8))
    found = [cluster]
    for step in random_history(rng, cluster, STEPS, features=features):
        found.append(step.cluster)
        if step.cluster.policies:
            found.append(edited(rng, step.cluster))
        if step.cluster.pods:
            found.append(relabelled(rng, step.cluster))
        if step.cluster.pods and rng.random() < 0.2:
            found.append(rescheduled(rng, step.cluster))
    return found


def disagreements(seed: int) -> Iterator[str]:
    """Where somebody who looks at what is touched says otherwise than somebody who looks at everything."""
    rng = random.Random(seed)
    history = policies(states(seed))
    for first in range(len(history)):
        for last in {first, *(min(first + steps, len(history) - 1) for steps in (1, 2, 5))}:
            passed = history[first : last + 1]
            for way in (passed, passed[::-1]):
                before, after = way[0], way[-1]
                ways = {
                    "the least": difference(before, after),
                    "several steps": differences(way),
                    "more than the least": difference(before, after) | some(rng, before, after),
                    "everything": everything(before, after),
                }
                answers = {name: narrower(before, after, touched) for name, touched in ways.items()}
                if set(answers.values()) != {narrower(before, after)}:
                    yield f"from {first} to {last}: {answers}"


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_not_touched_takes_nothing_away(seed: int) -> None:
    """Whether a policy is narrower shows where it was touched, one step or several steps later."""
    assert list(disagreements(seed)) == []


def _touched(self: comparison._Comparison) -> Iterator[tuple[ResolvedRule, ResolvedRule | None]]:
    for key in self._touched.rules & self._before.rules.keys():
        yield self._before.rules[key], self._after.rules.get(key)


def _only_first(self: Stayed, was: Identity) -> Mapping[Identity | None, list[Address]]:
    return dict(list(self._moved.get(was, {}).items())[:1])


DEFECTS: dict[str, tuple[type, str, object]] = {
    "only rules that are touched are looked at": (comparison._Comparison, "_suspects", _touched),
    "of what pods are now only one thing counts": (Stayed, "became", _only_first),
}


@pytest.mark.parametrize(("owner", "name", "wrong"), DEFECTS.values(), ids=DEFECTS.keys())
def test_a_wrong_short_cut_shows(owner: type, name: str, wrong: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: a comparison that leaves out too much, or too little, is found."""
    monkeypatch.setattr(owner, name, wrong)

    assert any(next(disagreements(seed), None) for seed in SEEDS)


def test_the_histories_have_every_corner() -> None:
    """What may go wrong happens: both answers, and everything by which one pod or another is touched."""
    corners = {corner for seed in SEEDS for corner in _corners(states(seed))}

    assert corners == {
        *("narrower", "not narrower", "ports by name", "egress", "blocks", "a disputed address", "an heir"),
        *(
            "a namespace with other labels",
            "isolated by annotation",
            "IPv6",
            "another identity",
            "a pod from elsewhere",
        ),
    }


def _corners(history: list[Cluster]) -> Iterator[str]:
    for (earlier, later), (before, after) in zip(pairwise(history), pairwise(policies(history)), strict=True):
        touched = difference(before, after)
        stayed = Stayed(before, after, touched.addresses)
        yield "narrower" if narrower(before, after, touched) else "not narrower"
        rules = [after.rules[key] for key in touched.rules if key in after.rules]
        found = {
            "ports by name": any(identity.ports for identity in touched.identities),
            "egress": any(key.direction is Direction.EGRESS for key in touched.rules),
            "blocks": any(bool(rule.peers and rule.peers.blocks) for rule in rules),
            "a disputed address": bool(before.contested.keys() ^ after.contested.keys()),
            "an heir": any(before.owners[a] != after.owners[a] for a in before.owners.keys() & after.owners.keys()),
            "a namespace with other labels": any(
                later.namespaces[name].labels != earlier.namespaces[name].labels
                for name in earlier.namespaces.keys() & later.namespaces.keys()
            ),
            "isolated by annotation": any(
                not after.isolated[Direction.INGRESS].get(identity, ("somebody",)) for identity in touched.identities
            ),
            "IPv6": any(address.version == 6 for address in touched.addresses),
            "another identity": bool(stayed.moved),
            "a pod from elsewhere": stayed.arrived,
        }
        yield from (corner for corner, there in found.items() if there)


class Unscanned(Mapping[Any, Any]):
    """A mapping that answers questions, and cannot be gone through."""

    def __init__(self, of: Mapping[Any, Any]) -> None:
        self._of = of

    def __getitem__(self, key: object) -> Any:
        return self._of[key]

    def __len__(self) -> int:
        return len(self._of)

    def __iter__(self) -> NoReturn:
        raise AssertionError("somebody looks at everything")


def closed(policy: NodePolicy) -> NodePolicy:
    """A policy of which only the rules, and who is here, can be gone through."""
    return replace(
        policy,
        **{
            name: Unscanned(getattr(policy, name)) for name in ("endpoints", "remote", "contested", "owners", "members")
        },
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_looks_at_all_pods(seed: int) -> None:
    """However many pods there are elsewhere, those that are touched alone are asked for."""
    for before, after in pairwise(policies(states(seed))):
        touched = difference(before, after)

        assert narrower(before, after) == narrower(closed(before), closed(after), touched)


def test_a_look_at_all_pods_shows() -> None:
    """P10: a full comparison is not possible where pods cannot be gone through."""
    before, after = map(closed, policies(states(0))[:2])

    with pytest.raises(AssertionError, match="somebody looks at everything"):
        narrower(before, after)
