"""P9 on what we really install: for generated clusters, Open vSwitch and our interpreter do the same with a packet.

P1 (tests/sim) holds the interpreter against the oracle; so this holds Open vSwitch against it, too.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pytest

from ryu_netpol.cli.judges.trace import TracedBridge
from ryu_netpol.flows import clauses
from ryu_netpol.flows.conjunction import DIRECT_PRIORITY
from ryu_netpol.flows.fields import LOCAL_DEST, LOCAL_SOURCE, PAGE
from ryu_netpol.flows.interpret import Interpreter
from ryu_netpol.flows.ir import CookieKind, Flow, FlowTable, Load, Match
from ryu_netpol.flows.offline import OfflineNode, path
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.lab.switch import PrivateOvs
from ryu_netpol.model.packet import Connection
from tests.ovs.meaning_cases import cases, disagreements
from tests.support.grid import grid
from tests.support.nodes import can_happen, offline_nodes
from tests.support.strategies import random_cluster

CLUSTERS, PROBES = 15, 40


def sampled(seed: int) -> Iterator[tuple[OfflineNode, list[Connection]]]:
    """The nodes of a generated cluster, each with connections that meet its bridge."""
    rng = random.Random(seed)
    cluster = random_cluster(rng)
    nodes = offline_nodes(cluster)
    for node in nodes:
        asked = grid(cluster, node.name).sample(rng, PROBES)
        yield node, [c for c in asked if can_happen(nodes, c) and node in path(nodes, c)]


@pytest.fixture(scope="module")
def bridge() -> Iterator[TracedBridge]:
    """A bridge without a datapath, which becomes one node after the other."""
    with PrivateOvs() as ovs:
        yield TracedBridge(ovs, "n1")


@pytest.mark.parametrize("seed", range(CLUSTERS), ids=lambda n: f"seed-{n}")
def test_open_vswitch_does_what_the_interpreter_does(bridge: TracedBridge, seed: int) -> None:
    """Same flows in the same order, same ports, same headers: new, current, stale, and turned around."""
    asked = 0
    for node, connections in sampled(seed):
        bridge.become(node)
        asked += len(connections)

        assert list(disagreements(node, connections, bridge)) == []
    assert asked > PROBES // 2


@pytest.mark.parametrize("seed", range(100, 104), ids=lambda n: f"seed-{n}")
def test_clauses_of_several_pages(bridge: TracedBridge, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same where a clause that rules share is so many flows as there are rules, all of one priority."""
    monkeypatch.setattr(clauses, "ACTIONS_PER_FLOW", 1)
    paged = 0
    for node, connections in sampled(seed):
        bridge.become(node)
        paged += sum(flow.match.get(PAGE.field) is not None for flow in node.flows.values())

        assert list(disagreements(node, connections, bridge)) == []
    assert paged > 0


def test_asks_enough() -> None:
    """The packets see every table, are allowed and denied by rules and isolation, and pass and drop often enough."""
    hits = set()
    outcomes = {True: 0, False: 0}
    for seed in range(CLUSTERS):
        for node, connections in sampled(seed):
            interpreter = Interpreter(node.flows)
            for case in (case for connection in connections for case in cases(node, connection)):
                outcome = interpreter.run(case.packet, case.state)
                hits |= {(flow.table, flow.cookie.kind) for flow in outcome.path}
                outcomes[bool(outcome.ports)] += 1

    neighbours = {TableId.ARP_ND, TableId.ND_REPLY}
    assert {table for table, _ in hits} >= set(TableId) - neighbours
    assert {kind for table, kind in hits if table == TableId.INGRESS} >= {CookieKind.RULE, CookieKind.ISOLATED}
    assert {kind for table, kind in hits if table == TableId.EGRESS} >= {CookieKind.RULE, CookieKind.ISOLATED}
    assert min(outcomes.values()) > sum(outcomes.values()) // 10


# --- P10: the comparison can fail -------------------------------------------------------------------------------------

Flows = Iterable[Flow]


def a_clause_is_missing(flows: Flows) -> Flows:
    """The first clause of the node."""
    clauses = [f for f in flows if f.cookie.kind is CookieKind.CLAUSE]
    return [f for f in flows if f not in clauses[:1]]


def a_rule_lost_its_priority(flows: Flows) -> Flows:
    """Rules without conjunctions stand below isolation."""
    return [f._replace(priority=1) if f.priority == DIRECT_PRIORITY and f.cookie.kind is CookieKind.RULE else f
            for f in flows]  # fmt: skip


def a_port_mask_is_too_wide(flows: Flows) -> Flows:
    """One bit of every port is not looked at."""
    widened: dict[object, Flow] = {}
    for flow in flows:
        fields = tuple(
            f._replace(value=f.value & ~1, mask=(f.mask or 0xFFFF) & ~1) if f.field in ("tcp_dst", "udp_dst") else f
            for f in flow.match.fields
        )
        new = flow._replace(match=Match(fields))
        widened.setdefault(new.key, new)
    return widened.values()


def a_register_bit_is_not_set(flows: Flows) -> Flows:
    """Endpoints are not known as endpoints of this node."""
    local = Load(LOCAL_SOURCE, 1), Load(LOCAL_DEST, 1)
    return [f._replace(actions=tuple(a for a in f.actions if a not in local)) for f in flows]


def nothing_is_turned_around(flows: Flows) -> Flows:
    """Stale answers are judged as they are."""
    return [f for f in flows if not (f.table == TableId.CT_STATE and f.priority in (90, 95))]


DEFECTS = (
    a_clause_is_missing,
    a_rule_lost_its_priority,
    a_port_mask_is_too_wide,
    a_register_bit_is_not_set,
    nothing_is_turned_around,
)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_finds_a_defect(bridge: TracedBridge, defect: Callable[[Flows], Flows]) -> None:
    """P10: a switch that has other flows than it should does not pass."""
    for seed in range(CLUSTERS):
        for node, connections in sampled(seed):
            bridge.become(replace(node, flows=FlowTable(defect(tuple(node.flows.values())))))
            if next(disagreements(node, connections, bridge), None):
                return

    pytest.fail(f"{CLUSTERS} clusters did not show the defect")
