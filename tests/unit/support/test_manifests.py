"""Manifests written for tests mean the objects that they were written from."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ryu_netpol.adapters.files import load
from ryu_netpol.model.load import Loaded, read
from ryu_netpol.model.names import Direction
from ryu_netpol.model.objects import Object, Policy, Rule
from tests.support import build, manifests
from tests.support.strategies import ALL, random_cluster

SEEDS = range(400)
CHUNK = 100
chunks = pytest.mark.parametrize("chunk", SEEDS[::CHUNK], ids=lambda n: f"seeds-from-{n}")


def everything(seed: int) -> tuple[Object, ...]:
    """The objects of a generated cluster."""
    return random_cluster(random.Random(seed), features=ALL).objects()


def read_back(text: str) -> Loaded:
    """Decode a text in which nothing may be wrong."""
    loaded = read(text, file="all.yaml")
    assert [problem for problem in loaded.problems if problem.is_error] == []
    return loaded


@chunks
def test_plain_manifests_are_read_back(chunk: int) -> None:
    """Every object of a generated cluster comes back as it was, in its place."""
    for seed in range(chunk, chunk + CHUNK):
        objects = everything(seed)

        assert objects == read_back(manifests.text(objects)).objects, f"seed {seed}"


@chunks
def test_any_spelling_is_read_back(chunk: int) -> None:
    """Absent, null, empty and written out: where they mean the same, each of them is read as what was meant."""
    for seed in range(chunk, chunk + CHUNK):
        objects = everything(seed)
        text = manifests.text(objects, rng=random.Random(seed))

        assert objects == read_back(text).objects, f"seed {seed}"


def test_spellings_differ() -> None:
    """Among them are nulls and empty lists at every place that may have them, and rules that are null."""
    texts = "".join(manifests.text(everything(seed), rng=random.Random(seed)) for seed in SEEDS[:100])
    lists = ("ingress", "egress", "from", "to", "ports", "except", "matchExpressions", "policyTypes")
    expected = {f"{name}: {empty}\n" for name in lists for empty in ("null", "[]")}
    expected |= {"matchLabels: null\n", "matchLabels: {}\n", "podSelector: null\n", "protocol: null\n", "- null\n"}

    assert set() == {spelling for spelling in expected if spelling not in texts}


@pytest.mark.parametrize("legacy", [False, True], ids=["v1", "legacy"])
@pytest.mark.parametrize(
    "rules",
    [(), (Rule(),), (Rule(), Rule()), (build.rule(ports=["TCP/80"]),), (build.rule(build.pods("app=")),)],
    ids=["no-rule", "empty-rule", "two-empty-rules", "ports-only", "peers-only"],
)
def test_corners_of_rules_are_read_back(rules: tuple[Rule, ...], legacy: bool) -> None:
    """Policies whose meaning hangs on what is missing."""
    policy = build.policy("blue/p", ingress=rules, legacy=legacy)
    spellings = [manifests.text([policy], rng=random.Random(seed)) for seed in range(20)]

    assert [policy] * 20 == [found for text in spellings for found in read_back(text).objects]


def test_empty_legacy_lists_are_read_back() -> None:
    """In the old API an empty list is nobody, and never written as anything else (LG-7)."""
    policy = build.policy("blue/p", ingress=[build.rule(nobody=True), Rule(ports=()), Rule((), ())], legacy=True)

    for seed in range(20):
        assert (policy,) == read_back(manifests.text([policy], rng=random.Random(seed))).objects


@pytest.mark.parametrize(
    "policy",
    [
        build.policy("p", ingress=[Rule(peers=())]),
        build.policy("p", ingress=[Rule(ports=())]),
        build.policy("p", types=[Direction.EGRESS], legacy=True),
        build.policy("p", egress=[Rule()], legacy=True),
    ],
    ids=["v1-nobody", "v1-nothing", "legacy-egress-alone", "legacy-egress-rule"],
)
def test_what_no_manifest_says_is_refused(policy: Policy) -> None:
    """Better no manifest than one that means something else."""
    with pytest.raises(ValueError, match=r"means everything|cannot say"):
        manifests.documents([policy])


def test_equal_keys_with_other_values_are_read_back() -> None:
    """A mapping has one value per key; the second condition goes elsewhere."""
    policy = build.policy("p", "app=web,app=db,tier in (a,b),!x,y,z notin (,q)")

    assert (policy,) == read_back(manifests.text([policy])).objects


def test_files_are_loaded_like_any_other(tmp_path: Path) -> None:
    """A folder with what was written is the cluster; writing again replaces it, and nothing else is left there."""
    manifests.write(everything(1), tmp_path)
    path = manifests.write(everything(2), tmp_path)

    assert [path] == list(tmp_path.iterdir())
    assert set(everything(2)) == set(load([str(tmp_path)]).objects)
