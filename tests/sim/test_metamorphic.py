"""P7: changes of a cluster whose effect is known without asking anybody what policies mean."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from ryu_netpol.flows.offline import FlowJudge
from ryu_netpol.model.labels import Labels, Requirement, Selector
from ryu_netpol.model.net import BITS, Cidr
from ryu_netpol.model.objects import BlockPeer, Cluster, Peer, PodPeer, Policy, Rule
from ryu_netpol.model.packet import Connection
from tests.support.grid import grid
from tests.support.nodes import can_happen, offline_nodes
from tests.support.strategies import OURS, random_cluster

SEEDS = range(15)
PROBES = 150


def verdicts(cluster: Cluster, connections: list[Connection]) -> list[bool]:
    """What the compiled flows do with these connections."""
    nodes = offline_nodes(cluster)
    judge = FlowJudge(nodes)
    return [judge.judge(connection)[0] for connection in connections if can_happen(nodes, connection)]


def asked(cluster: Cluster, seed: int) -> list[Connection]:
    """A sample of the grid."""
    return grid(cluster, OURS).sample(random.Random(seed), PROBES)


def with_policies(cluster: Cluster, policies: dict) -> Cluster:  # type: ignore[type-arg]
    """The same cluster with other policies."""
    return replace(cluster, policies=policies)


def on_rules(policy: Policy, change) -> Policy:  # type: ignore[no-untyped-def]
    """The policy with every peer list changed."""

    def rule(old: Rule) -> Rule:
        return old if old.peers is None else replace(old, peers=tuple(p for peer in old.peers for p in change(peer)))

    return replace(policy, ingress=tuple(map(rule, policy.ingress)), egress=tuple(map(rule, policy.egress)))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_rule_more_denies_nothing(seed: int) -> None:
    """A rule that is added to policies which isolate anyway turns no allowed connection into a denied one (NP-4)."""
    cluster = random_cluster(random.Random(seed))
    donor = random_cluster(random.Random(seed + 500))
    rules = [rule for policy in donor.policies.values() for rule in (*policy.ingress, *policy.egress)]
    more = {
        key: replace(
            policy,
            ingress=(*policy.ingress, *rules[:2]),
            egress=policy.egress if policy.legacy else (*policy.egress, *rules[2:4]),
        )
        for key, policy in cluster.policies.items()
    }
    questions = asked(cluster, seed)
    before, after = verdicts(cluster, questions), verdicts(with_policies(cluster, more), questions)

    assert all(now or not then for then, now in zip(before, after, strict=True))


@pytest.mark.parametrize("seed", SEEDS)
def test_names_of_labels_mean_nothing(seed: int) -> None:
    """A label key that is renamed everywhere changes no verdict."""
    cluster = random_cluster(random.Random(seed))

    def key(old: str) -> str:
        return old if old.startswith("kubernetes.io/") else f"example.org/z-{old}"

    def labels(old: Labels) -> Labels:
        return Labels({key(k): v for k, v in old.items()})

    def selector(old: Selector | None) -> Selector | None:
        if old is None:
            return None
        return Selector(tuple(Requirement(key(r.key), r.operator, r.values) for r in old.requirements))

    def peer(old: Peer) -> list[Peer]:
        return [PodPeer(selector(old.pods), selector(old.namespaces)) if isinstance(old, PodPeer) else old]

    renamed = Cluster.of(
        *cluster.nodes.values(),
        *(replace(n, labels=labels(n.labels)) for n in cluster.namespaces.values()),
        *(replace(p, labels=labels(p.labels)) for p in cluster.pods.values()),
        *(replace(on_rules(p, peer), subject=selector(p.subject) or p.subject) for p in cluster.policies.values()),
    )
    questions = asked(cluster, seed)

    assert verdicts(cluster, questions) == verdicts(renamed, questions)


@pytest.mark.parametrize("seed", SEEDS)
def test_halves_of_a_block_are_the_block(seed: int) -> None:
    """A block that is split in halves, each with its share of the excepts, changes no verdict (NP-35, NP-36)."""

    def peer(old: Peer) -> list[Peer]:
        if not isinstance(old, BlockPeer) or old.cidr.prefix == BITS[old.cidr.version]:
            return [old]
        version, network, prefix = old.cidr.version, old.cidr.network, old.cidr.prefix + 1
        upper = network | 1 << (BITS[version] - prefix)
        halves = Cidr(version, network, prefix), Cidr(version, upper, prefix)
        if any(except_.prefix <= prefix for except_ in old.excepts):
            return [old]
        return [BlockPeer(half, tuple(e for e in old.excepts if e in half)) for half in halves]

    cluster = random_cluster(random.Random(seed))
    split = with_policies(cluster, {key: on_rules(policy, peer) for key, policy in cluster.policies.items()})
    questions = asked(cluster, seed)

    assert verdicts(cluster, questions) == verdicts(split, questions)
