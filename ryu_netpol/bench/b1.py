"""B1: flows of compiled rules to the switch, beside `ovs-ofctl --bundle add-flows` of the same flows."""

from __future__ import annotations

import queue
from pathlib import Path
from statistics import median
from time import perf_counter

from ryu_netpol.agent.events import Committed, Event, FlowsDumped, SwitchUp
from ryu_netpol.bench.bench import Bench, BenchError
from ryu_netpol.bench.clusters.fanout import Fanout
from ryu_netpol.bench.node import PureNode
from ryu_netpol.bench.results import Target
from ryu_netpol.bench.switch import BRIDGE, Switch
from ryu_netpol.flows.delta import Plan
from ryu_netpol.flows.fields import DEST_IDENTITY, SOURCE_IDENTITY
from ryu_netpol.flows.ir import Conjunction, Flow, FlowKey, Match
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.flows.text import render

ROUNDS = 5
_PATIENCE = 60.0
_TABLES = (TableId.EGRESS, TableId.INGRESS)
_NUMBERED = (SOURCE_IDENTITY.field, DEST_IDENTITY.field, "conj_id")
_APART = 10_000
"""More than there are identities or rules in one."""


def run(bench: Bench) -> None:
    """Send the same flows by both ways, alternately; the median counts."""
    target = Target(1.3, least=True, of_ratio=True)
    bench.begin("flows to the switch", target)
    flows = compiled(bench.size(100_000))
    ours: list[float] = []
    peers: list[float] = []
    heard: queue.SimpleQueue[Event] = queue.SimpleQueue()
    with Switch(heard.put) as switch:
        switch.connect()
        connection = _connected(switch, heard)
        file = switch.ovs.run_dir / "flows.txt"
        file.write_text("".join(f"{render(flow)}\n" for flow in flows))
        for generation in range(1, ROUNDS + 1):
            peers.append(_by_ofctl(switch, file))
            _check(switch, flows)
            ours.append(_by_session(switch, Plan(generation, adds=flows), connection, heard))
            _check(switch, flows)
    bench.result(
        f"{len(flows):,} flows committed, beside ovs-ofctl --bundle add-flows",
        len(flows) / median(ours), "flows/s", peer=len(flows) / median(peers), target=target,
    )  # fmt: skip
    bench.memory()


def compiled(count: int) -> tuple[Flow, ...]:
    """So many flows of policy tables: those of a node of B2, again and again with other identities and rules."""
    node = PureNode()
    node.start(Fanout().scene())
    once = [flow for flow in (node.plan.adds if node.plan else ()) if flow.table in _TABLES]
    flows: dict[FlowKey, Flow] = {}
    more = 0
    while len(flows) < count:
        for flow in (renumbered(flow, more) for flow in once):
            flows.setdefault(flow.key, flow)
        more += _APART
    return tuple(flows.values())[:count]


def renumbered(flow: Flow, more: int) -> Flow:
    """The same flow for an identity and for rules whose numbers are that much higher."""
    fields = (m._replace(value=m.value + more) if m.field in _NUMBERED else m for m in flow.match.fields)
    actions = (Conjunction(a.id + more, a.clause, a.clauses) if isinstance(a, Conjunction) else a for a in flow.actions)
    return Flow(flow.table, flow.priority, Match(tuple(fields)), tuple(actions), flow.cookie)


def _connected(switch: Switch, heard: queue.SimpleQueue[Event]) -> int:
    up = heard.get(timeout=_PATIENCE)
    if not isinstance(up, SwitchUp):
        raise BenchError(f"the switch did not connect: {up}")
    switch.session.dump(up.connection)
    if not isinstance(heard.get(timeout=_PATIENCE), FlowsDumped):
        raise BenchError("the switch could not be read")
    return up.connection


def _by_session(switch: Switch, plan: Plan, connection: int, heard: queue.SimpleQueue[Event]) -> float:
    switch.clear()
    started = perf_counter()
    switch.session.program(plan, connection)
    end = heard.get(timeout=_PATIENCE)
    seconds = perf_counter() - started
    if not isinstance(end, Committed):
        raise BenchError(f"the switch did not commit: {end}")
    return seconds


def _by_ofctl(switch: Switch, file: Path) -> float:
    switch.clear()
    started = perf_counter()
    switch.ovs.ofctl("--bundle", "add-flows", BRIDGE, str(file))
    return perf_counter() - started


def _check(switch: Switch, flows: tuple[Flow, ...]) -> None:
    if (there := switch.flows()) != len(flows):
        raise BenchError(f"the switch has {there} flows instead of {len(flows)}")
