"""Generated clusters are valid, cover the corners, and are the same for the same seed."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ryu_netpol.model.labels import Operator
from ryu_netpol.model.names import Direction, Protocol
from ryu_netpol.model.net import PortRange
from ryu_netpol.model.objects import BlockPeer, Cluster, Namespace, Node, Object, Pod, Policy
from ryu_netpol.oracle.claims import claims
from ryu_netpol.oracle.evaluate import Oracle
from tests.support.corners import corners
from tests.support.grid import grid
from tests.support.strategies import (
    ALL,
    DEFAULT,
    OURS,
    Change,
    Feature,
    clusters,
    connections,
    histories,
    policies,
    random_cluster,
    random_history,
)

SEEDS = range(300)
slow = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def check(cluster: Cluster) -> None:
    """What holds for every generated cluster."""
    assert 2 <= len(cluster.namespaces) <= 4
    assert len(cluster.nodes) == 2
    for key, pod in cluster.pods.items():
        assert key == pod.key
        assert key.namespace in cluster.namespaces
        assert len(pod.addresses) == len({a.version for a in pod.addresses})
        assert pod.node in cluster.nodes or (pod.node is None and not pod.addresses)
        if pod.host_network:
            assert set(pod.addresses) <= set(cluster.nodes[pod.node].addresses)  # type: ignore[index]
    for policy in cluster.policies.values():
        check_policy(policy)
        assert policy.key.namespace in cluster.namespaces


def check_policy(policy: Policy) -> None:
    """What validation would demand of a policy (VA-2 to VA-7), and LG-8 of a legacy one."""
    assert policy.directions
    for rule in (*policy.ingress, *policy.egress):
        if not policy.legacy:
            assert rule.peers != ()
            assert rule.ports != ()
        for peer in rule.peers or ():
            if isinstance(peer, BlockPeer):
                assert not policy.legacy
                assert all(hole in peer.cidr and hole != peer.cidr for hole in peer.excepts)
            else:
                assert (peer.pods is not None) + (peer.namespaces is not None) in ((1,) if policy.legacy else (1, 2))
        for spec in rule.ports or ():
            if policy.legacy:
                assert spec.protocol is not Protocol.SCTP
                assert not isinstance(spec.port, PortRange) or spec.port.first == spec.port.last
    if policy.legacy:
        assert frozenset({Direction.INGRESS}) == policy.directions
        assert policy.egress == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_random_clusters_are_valid(seed: int) -> None:
    """The fast generator makes 3 to 9 pods, at least one of them on our node, and 0 to 8 policies, all valid."""
    cluster = random_cluster(random.Random(seed))

    check(cluster)
    assert 3 <= len(cluster.pods) <= 9
    assert len(cluster.policies) <= 8
    assert len(grid(cluster, OURS)) > 0
    assert not claims(cluster.pods.values()).disputed


def test_the_same_seed_makes_the_same() -> None:
    """Neither time nor order of sets has a part in it, in this process or in another with other hashes."""
    program = (
        "import random, hashlib\n"
        "from tests.support.strategies import random_cluster, random_history, OURS\n"
        "from tests.support.grid import grid\n"
        "out = []\n"
        "for seed in range(12):\n"
        "    rng = random.Random(seed)\n"
        "    cluster = random_cluster(rng)\n"
        "    out.append([cluster.objects(), random_history(rng, cluster, 12), grid(cluster, OURS).sample(rng, 50)])\n"
        "text = repr(out)\n"
        "assert 'frozenset' in text\n"
        "import re\n"
        "print(hashlib.sha256(re.sub(r'frozenset\\(\\{[^}]*\\}\\)', '', text).encode()).hexdigest())\n"
    )
    root = Path(__file__).parents[3]
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": hashes, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hashes in ("1", "2")
    }

    assert len(printed) == 1


SELECTORS = ("subject", "peer", "namespaces")
EXPECTED = {
    *("DefaultDeny", "namespace without labels", "pod without labels", "empty label value", "no node", "no policies"),
    *("families []", "families [4]", "families [6]", "families [4, 6]", "host_network", "finished", "terminating"),
    *("one name, two numbers", "one name, two protocols", "one name, two pods, other ports"),
    *(f"{protocol} port with a name" for protocol in ("TCP", "UDP", "SCTP")),
    *("address of a finished pod in use", "equal labels, two namespaces", "key of one policy only"),
    *("networking.k8s.io/v1 Ingress", "networking.k8s.io/v1 Egress", "networking.k8s.io/v1 Egress+Ingress"),
    *("extensions/v1beta1 Ingress", "same name in both APIs", "both APIs on one pod", "v1 under DefaultDeny"),
    *("listed, without rules", "dead text", "several rules", "equal rules of two policies", "block beside pods"),
    *(f"peers {peers}, ports {ports}" for peers in ("any", "none", "some") for ports in ("any", "none", "some")),
    *("peer True False", "peer False True", "peer True True"),
    *(f"{where} {operator}" for where in SELECTORS for operator in Operator),
    *(f"{where} {operator} the empty value" for where in SELECTORS for operator in ("In", "NotIn")),
    *(f"{where} {what}" for where in SELECTORS for what in ("empty", "one key twice")),
    *(f"{where} {op} of an absent key" for where in ("subject", "peer") for op in ("NotIn", "DoesNotExist")),
    *(f"namespaces metadata.name {operator}" for operator in Operator),
    *(f"block {version}{what}" for version in (4, 6) for what in ("", " with excepts")),
    *(f"block {version} of {what}" for version in (4, 6) for what in ("one address", "everything")),
    *(f"blocks {version} {how}" for version in (4, 6) for how in ("nest", "touch")),
    *(f"excepts {version} {how}" for version in (4, 6) for how in ("nest", "touch", "equal", "leave nothing")),
    *("except 4 of one address", "except 6 of one address", "block of pods", "except of pods"),
    *("named ports of blocks, Ingress", "named ports of blocks, Egress", "one port, two protocols"),
    *("ranges touch", "ranges overlap", "ranges nest"),
    *(f"{protocol} {kind}" for protocol in ("TCP", "UDP", "SCTP") for kind in ("all", "name", "number", "range")),
}


def test_random_clusters_have_the_corners() -> None:
    """300 seeds meet every corner, not just once."""
    met = Counter(name for seed in SEEDS for name in corners(random_cluster(random.Random(seed))))

    assert set() == {name for name in EXPECTED if met[name] < 5}


def test_random_clusters_give_all_answers() -> None:
    """Among the answers are both verdicts of both directions, by rule and by exception, in good number."""
    answers: Counter[object] = Counter()
    for seed in range(100):
        cluster = random_cluster(random.Random(seed))
        oracle = Oracle(cluster)
        for connection in grid(cluster, OURS).sample(random.Random(seed), 200):
            verdict = oracle.evaluate(connection)
            answers.update((j.direction, j.allowed, j.isolated, j.policy is None) for j in verdict.judgements)
            answers.update(rule for rule in ("NP-50", "NP-51", "NP-52") if rule in verdict.reason)

    for direction in Direction:
        assert answers[direction, True, True, False] > 300, "allowed by a rule"
        assert answers[direction, False, True, True] > 1000, "denied"
        assert answers[direction, True, False, True] > 1000, "not isolated"
    assert min(answers[rule] for rule in ("NP-50", "NP-51", "NP-52")) > 50


ABSENT = {
    Feature.EGRESS: r"Egress$|Egress\+",
    Feature.EXPRESSIONS: r"NotIn|Exist",
    Feature.NAMESPACE_PEERS: r"^peer (False|True) True$|^namespaces ",
    Feature.BLOCKS: r"\bblock|except",
    Feature.EXCEPTS: r"except",
    Feature.RANGES: r"range$|ranges (nest|overlap)",
    Feature.NAMED_PORTS: r"(TCP|UDP|SCTP) name|one name|a name|named ports",
    Feature.SCTP: r"SCTP",
    Feature.IPV6: r"6",
    Feature.LEGACY: r"extensions|DefaultDeny|peers none|ports none|APIs",
    Feature.HOST_NETWORK: r"host_network",
    Feature.LIFE_CYCLE: r"finished|terminating|no node|families \[\]",
}


@pytest.mark.parametrize("feature", ABSENT, ids=lambda feature: feature.name)
def test_features_can_be_left_out(feature: Feature) -> None:
    """Without the feature nothing of it occurs; everything else still does."""
    features = DEFAULT - {feature}
    met = {name for seed in SEEDS for name in corners(random_cluster(random.Random(seed), features=features))}
    gone = {name for name in EXPECTED if re.search(ABSENT[feature], name)}

    assert gone
    assert gone == EXPECTED - met


def test_disputes_are_made_when_asked_for() -> None:
    """With the feature some clusters have a disputed address."""
    made = [random_cluster(random.Random(seed), features=ALL) for seed in SEEDS]

    assert sum(bool(claims(cluster.pods.values()).disputed) for cluster in made) > 10


@pytest.mark.parametrize("seed", range(50))
def test_histories_are_consistent(seed: int) -> None:
    """Every change is about what was there, and the snapshots differ by just this."""
    rng = random.Random(seed)
    cluster = random_cluster(rng)
    changes = random_history(rng, cluster, 40)

    assert len(changes) >= 40
    assert {"upsert", "delete"} == {change.kind for change in changes}
    follow(cluster, changes)


def follow(cluster: Cluster, changes: list[Change]) -> None:
    """Check a history step by step."""
    for change in changes:
        before, after = set(_keyed(cluster)), set(_keyed(change.cluster))
        old, new = change.old, change.new
        assert old is not None or new is not None
        if old is None:
            assert new is not None
            assert not [key for key, _ in before if key == _key(new)]
        assert before - after <= ({(_key(old), old)} if old is not None else set())
        assert after - before <= ({(_key(new), new)} if new is not None else set())
        if new is None:
            assert old is not None
            assert _key(old) not in {key for key, _ in after}
        for policy_or_pod in (*change.cluster.pods, *change.cluster.policies):
            assert policy_or_pod.namespace in change.cluster.namespaces
        assert not claims(change.cluster.pods.values()).disputed
        cluster = change.cluster


@slow
@given(clusters())
def test_drawn_clusters_are_valid(cluster: Cluster) -> None:
    """Hypothesis draws from the same generator."""
    check(cluster)


@slow
@given(policies())
def test_drawn_policies_are_valid(policy: Policy) -> None:
    """So are single policies."""
    check_policy(policy)


@slow
@given(histories())
def test_drawn_histories_are_consistent(drawn: tuple[Cluster, list[Change]]) -> None:
    """And histories."""
    follow(*drawn)


@slow
@given(st.data())
def test_drawn_connections_are_of_the_grid(data: st.DataObject) -> None:
    """Connections are drawn from the cluster's own grid."""
    cluster = data.draw(clusters())
    connection = data.draw(connections(cluster))

    assert connection in list(grid(cluster, OURS))


def _key(thing: Object) -> tuple[str, object]:
    match thing:
        case Pod() | Policy():
            return type(thing).__name__, thing.key
        case Namespace() | Node():
            return type(thing).__name__, thing.name


def _keyed(cluster: Cluster) -> list[tuple[tuple[str, object], Object]]:
    return [(_key(thing), thing) for thing in cluster.objects()]
