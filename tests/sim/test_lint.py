"""What a warning calls without effect has none: without it the oracle says the same of every connection."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ryu_netpol.model.decode import Path
from ryu_netpol.model.lint import CHECKS
from ryu_netpol.model.lint.case import Case, Name
from ryu_netpol.model.lint.scene import Scene
from ryu_netpol.model.names import Direction
from ryu_netpol.model.objects import BlockPeer, Cluster, Policy, Rule
from ryu_netpol.oracle.evaluate import Oracle
from tests.support.grid import grid
from tests.support.strategies import ALL, OURS, random_cluster

WHOLE_POLICY = {Name.SUBJECT_MATCHES_NOTHING, Name.LEGACY_NOT_ISOLATED}
WHOLE_RULE = {Name.LEGACY_EMPTY_LIST, Name.NEEDLESS_RULE}
ENTRY = {
    Name.EMPTY_BLOCK,
    Name.NEEDLESS_EXCEPT,
    Name.NEEDLESS_PEER,
    Name.NEEDLESS_PORT,
    Name.PEER_MATCHES_NOTHING,
    Name.UNDECLARED_PORT,
    Name.UNDONE_EXCEPT,
}
CLUSTERS, CONNECTIONS = 150, 300


def found(policy: Policy, cluster: Cluster) -> Iterator[tuple[Name, Path]]:
    """What the checks say about a policy of which only the values are there."""
    case = Case(policy, lambda _: None, Scene.of(cluster.objects()))
    return ((finding.name, finding.path) for check in CHECKS for finding in check(case))


def without(policy: Policy, path: Path) -> Policy:
    """The policy without a rule, or an entry of one, or an except; a rule that has lost its last entry goes as well."""
    _, direction, *inner = path
    assert isinstance(direction, str)
    if not inner:
        return replace(policy, **{direction: ()})
    i, *rest = inner
    rules = policy.ingress if direction == "ingress" else policy.egress
    assert isinstance(i, int)
    left = None if not rest or (policy.legacy and len(rest) == 1) else thinned(rules[i], rest)
    return replace(policy, **{direction: (*rules[:i], *((left,) if left is not None else ()), *rules[i + 1 :])})


def thinned(rule: Rule, path: list[str | int]) -> Rule | None:
    field, j, *rest = path
    assert isinstance(j, int)
    if field == "ports":
        ports = rule.ports or ()
        ports = (*ports[:j], *ports[j + 1 :])
        return replace(rule, ports=ports) if ports else None
    peers = rule.peers or ()
    peer = peers[j]
    kept: tuple[BlockPeer, ...] = ()
    if "except" in rest and isinstance(peer, BlockPeer) and isinstance(k := rest[-1], int):
        kept = (replace(peer, excepts=(*peer.excepts[:k], *peer.excepts[k + 1 :])),)
    peers = (*peers[:j], *kept, *peers[j + 1 :])
    return replace(rule, peers=peers) if peers else None


def changed(cluster: Cluster, policy: Policy, left: Policy | None, rng: random.Random) -> list[str]:
    """The connections about which the cluster with this policy alone, and with what is left of it, disagree."""
    before = Oracle(replace(cluster, policies={policy.key: policy}))
    after = Oracle(replace(cluster, policies={} if left is None else {left.key: left}))
    shots = grid(replace(cluster, policies={policy.key: policy}), OURS).sample(rng, CONNECTIONS)
    return [str(shot) for shot in shots if before.evaluate(shot).allowed != after.evaluate(shot).allowed]


def test_what_has_no_effect_has_none() -> None:
    """On random clusters, whose generator loves equal labels, nested blocks and names of no port."""
    seen: Counter[Name] = Counter()
    for seed in range(CLUSTERS):
        rng = random.Random(seed)
        cluster = random_cluster(rng, features=ALL)
        for policy in cluster.policies.values():
            for name, path in found(policy, cluster):
                if name not in WHOLE_POLICY | WHOLE_RULE | ENTRY:
                    continue
                seen[name] += 1
                left = None if name in WHOLE_POLICY else without(policy, path)
                assert changed(cluster, policy, left, rng) == [], f"seed {seed}: {name} {path} of {policy}"

    assert [name for name in WHOLE_POLICY | WHOLE_RULE | ENTRY if not seen[name]] == []


@pytest.mark.parametrize("direction", list(Direction), ids=str)
def test_the_comparison_can_fail(direction: Direction) -> None:
    """P10: a rule that is not needless is missed."""
    for seed in range(CLUSTERS):
        rng = random.Random(seed)
        cluster = random_cluster(rng, features=ALL)
        for policy in cluster.policies.values():
            if policy.rules(direction) and changed(
                cluster, policy, without(policy, ("spec", direction.lower(), 0)), rng
            ):
                return
    pytest.fail("no rule of any policy had an effect")
