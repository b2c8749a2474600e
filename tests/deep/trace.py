"""Model = trace: what Open vSwitch itself says of compiled flows; and P9, with packets in all states, beside it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from ryu_netpol.cli.judges.trace import TracedBridge
from ryu_netpol.flows.interpret import ConnState, Interpreter
from ryu_netpol.flows.offline import OfflineNode, path
from ryu_netpol.flows.trace import TraceOutcome
from ryu_netpol.lab.switch import PrivateOvs
from ryu_netpol.model.packet import Connection
from tests.deep.probes import sampled
from tests.deep.tally import Check, Level, Tally
from tests.ovs.interpret_compare import differences
from tests.ovs.meaning_cases import Case, cases
from tests.support.nodes import offline_nodes
from tests.support.strategies import random_cluster

PROBES = 25


class Step(NamedTuple):
    """A packet of a connection in one of the bridges on its way."""

    connection: Connection
    node: OfflineNode
    case: Case


class Switch:
    """A bridge for each node. Many questions at once: one by one, each waits for its turn on a busy machine."""

    def __init__(self, ovs: PrivateOvs, pool: ThreadPoolExecutor) -> None:
        self._bridges = {name: TracedBridge(ovs, f"n{n}") for n, name in enumerate(("node1", "node2"), start=1)}
        self._pool = pool

    def become(self, nodes: Iterable[OfflineNode]) -> None:
        """Have the flows of these nodes."""
        list(self._pool.map(lambda node: self._bridges[node.name].become(node), nodes))

    def ask(self, steps: Iterable[Step]) -> list[TraceOutcome]:
        """What becomes of every packet."""
        return list(self._pool.map(lambda s: self._bridges[s.node.name].ask(s.case.packet, s.case.state), steps))


def check(switch: Switch, seed: int) -> Tally:
    """Ask about connections of both nodes' grids, and hold interpreter and oracle against the answers."""
    rng = random.Random(seed)
    cluster = random_cluster(rng)
    nodes = offline_nodes(cluster)
    switch.become(nodes)
    asked = sampled(cluster, nodes, rng, PROBES)
    steps = [Step(c, node, case) for c in asked for node in path(nodes, c) for case in cases(node, c)]
    answers = switch.ask(steps)

    found = list(_against_the_interpreter(nodes, steps, answers))
    counts = [0, 0]
    denied = {step.connection for step, answer in zip(steps, answers, strict=True) if _stopped(step, answer)}
    for connection, verdict in asked.items():
        if verdict.allowed == (connection in denied):
            found.append(f"{connection}: the oracle says {verdict}, Open vSwitch says {not verdict.allowed}")
        else:
            counts[verdict.allowed] += 1
    return Tally(1, counts[True], counts[False], tuple(f"seed {seed}: {line}" for line in found))


def _stopped(step: Step, answer: TraceOutcome) -> bool:
    """Whether this bridge keeps the connection's first packet."""
    return step.case.state == ConnState.new() and answer.ports != (step.node.exit(step.connection),)


def _against_the_interpreter(
    nodes: Iterable[OfflineNode], steps: Iterable[Step], answers: Iterable[TraceOutcome]
) -> Iterator[str]:
    interpreters = {node.name: Interpreter(node.flows) for node in nodes}
    for (connection, node, case), answer in zip(steps, answers, strict=True):
        for difference in differences(interpreters[node.name].run(case.packet, case.state), answer):
            yield f"{node.name}: {connection}, {case}: {difference}"


@contextmanager
def opened() -> Iterator[Check]:
    """A switch without a datapath, which becomes one cluster after the other."""
    with PrivateOvs() as ovs, ThreadPoolExecutor(16) as pool:
        yield partial(check, Switch(ovs, pool))


LEVEL = Level("trace", 20, opened)
