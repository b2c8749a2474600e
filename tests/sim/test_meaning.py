"""P1: what the compiled flows do, run by the interpreter, is what the oracle says. On 300 clusters of each run."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pytest

from ryu_netpol.flows import clauses
from ryu_netpol.flows.conjunction import CLAUSE_PRIORITY
from ryu_netpol.flows.ir import Cookie, CookieKind, Flow, FlowTable, Match
from ryu_netpol.flows.offline import FlowJudge, OfflineNode
from ryu_netpol.flows.pipeline import TableId, check_flow
from ryu_netpol.model.objects import Cluster
from ryu_netpol.oracle.evaluate import Oracle
from tests.support.grid import grid
from tests.support.nodes import can_happen, offline_nodes
from tests.support.strategies import OURS, random_cluster

CLUSTERS = 300
PROBES = 250
CHUNKS = 10


def differences(cluster: Cluster, nodes: list[OfflineNode], rng: random.Random, probes: int) -> Iterator[str]:
    """Every sampled connection of the grid that flows and oracle judge differently."""
    oracle, judge = Oracle(cluster), FlowJudge(nodes)
    for connection in grid(cluster, OURS).sample(rng, probes):
        if not can_happen(nodes, connection):
            continue
        verdict = oracle.evaluate(connection)
        allowed, flow = judge.judge(connection)
        if allowed != verdict.allowed:
            yield f"{connection}: the oracle says {verdict}, the flows say {allowed} by {flow}"


@pytest.mark.parametrize("chunk", range(CHUNKS), ids=lambda n: f"seeds-{n}")
def test_flows_mean_what_the_oracle_says(chunk: int) -> None:
    """P1 on a tenth of the clusters; every flow is one that the pipeline declares."""
    for seed in range(chunk * CLUSTERS // CHUNKS, (chunk + 1) * CLUSTERS // CHUNKS):
        rng = random.Random(seed)
        cluster = random_cluster(rng)
        nodes = offline_nodes(cluster)
        for node in nodes:
            for flow in node.flows.values():
                check_flow(flow)

        assert list(differences(cluster, nodes, rng, PROBES)) == [], f"seed {seed}"


@pytest.mark.parametrize("seed", range(2000, 2020), ids=lambda n: f"seed-{n}")
def test_clauses_of_several_pages(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """P1 where a clause that rules share is so many flows as there are rules."""
    monkeypatch.setattr(clauses, "ACTIONS_PER_FLOW", 1)
    rng = random.Random(seed)
    cluster = random_cluster(rng)

    assert list(differences(cluster, offline_nodes(cluster), rng, PROBES)) == []


def test_whole_grid_of_some_clusters() -> None:
    """P1 without sampling."""
    for seed in range(1000, 1006):
        cluster = random_cluster(random.Random(seed), policies=4)
        everything = len(grid(cluster, OURS))

        assert list(differences(cluster, offline_nodes(cluster), random.Random(seed), everything)) == []


Flows = Iterable[Flow]


def _drop_a_clause(flows: Flows) -> Flows:
    clauses = [f for f in flows if f.cookie.kind is CookieKind.CLAUSE]
    return [f for f in flows if not clauses or f != clauses[0]]


def _forget_isolation(flows: Flows) -> Flows:
    return [f for f in flows if f.cookie.kind is not CookieKind.ISOLATED]


def _rules_below_isolation(flows: Flows) -> Flows:
    return [f._replace(priority=f.priority - CLAUSE_PRIORITY) if f.priority >= CLAUSE_PRIORITY
            and f.table in (TableId.INGRESS, TableId.EGRESS) and f.cookie.kind in (CookieKind.RULE, CookieKind.CLAUSE)
            else f for f in flows]  # fmt: skip


def _widen_port_masks(flows: Flows) -> Flows:
    widened: dict[object, Flow] = {}
    for flow in flows:
        fields = tuple(
            f._replace(value=f.value & ~1, mask=(f.mask or 0xFFFF) & ~1)
            if f.field in ("tcp_dst", "udp_dst") and flow.cookie.kind is CookieKind.CLAUSE
            else f
            for f in flow.match.fields
        )
        new = flow._replace(match=Match(fields))
        widened.setdefault(new.key, new)
    return widened.values()


def _swap_source_identities(flows: Flows) -> Flows:
    return [f for f in flows if not (f.table == TableId.SOURCE_ID and f.priority == 110)]


def _forget_the_node(flows: Flows) -> Flows:
    return [f for f in flows if f.cookie != Cookie(CookieKind.NODE)]


DEFECTS: dict[str, Callable[[Flows], Flows]] = {
    "a clause is missing": _drop_a_clause,
    "nobody is isolated": _forget_isolation,
    "rules lose against isolation": _rules_below_isolation,
    "port masks are one bit too wide": _widen_port_masks,
    "endpoints are not recognised as source": _swap_source_identities,
    "the node is a stranger": _forget_the_node,
}


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS.keys())
def test_the_checker_catches(defect: Callable[[Flows], Flows]) -> None:
    """P10: a compiler with this defect does not pass P1."""
    for seed in range(40):
        rng = random.Random(seed)
        cluster = random_cluster(rng)
        broken = [replace(n, flows=FlowTable(defect(list(n.flows.values())))) for n in offline_nodes(cluster)]
        if next(differences(cluster, broken, rng, PROBES), None):
            return

    pytest.fail("40 clusters did not show the defect")
