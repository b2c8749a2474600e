"""Level T: a real Open vSwitch does what the tables say, with the compiled flows of every node on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from ryu_netpol.cli.judges.trace import TracedBridge
from ryu_netpol.flows.ir import CookieKind, FlowTable
from ryu_netpol.flows.offline import OfflineNode
from ryu_netpol.lab.switch import PrivateOvs
from tests.rules.cases import Asked, Stage, every_question
from tests.rules.judge import Cut, InTurn, Judge, MakeJudge, differences, fragments, on_the_way
from tests.rules.registry import CASES, TABLES
from tests.support.nodes import offline_nodes

Compile = Callable[[Stage], Sequence[OfflineNode]]


@pytest.fixture(scope="module")
def bridges() -> Iterator[list[TracedBridge]]:
    """Two bridges without a datapath, which become the nodes of one stage after the other."""
    with PrivateOvs() as ovs:
        yield [TracedBridge(ovs, "n1"), TracedBridge(ovs, "n2")]


def by_trace(bridges: Sequence[TracedBridge], compiled: Compile, cut: Cut = lambda packet: (packet,)) -> MakeJudge:
    """Bridges with the flows of every node on the way."""

    def make(stage: Stage) -> Judge:
        nodes = compiled(stage)
        at = {node.name: bridge for node, bridge in zip(nodes, bridges, strict=True)}
        for node in nodes:
            at[node.name].become(node)
        return on_the_way(nodes, lambda node, packet: at[node.name].ask(packet).ports, cut)

    return make


def everything(stage: Stage) -> Sequence[OfflineNode]:
    """The nodes as their agents would program them."""
    return offline_nodes(stage.cluster)


def without_isolation(stage: Stage) -> Sequence[OfflineNode]:
    """Nodes whose compiler forgets the drop flows of those who are isolated."""
    return [
        replace(node, flows=FlowTable(f for f in node.flows.values() if f.cookie.kind is not CookieKind.ISOLATED))
        for node in offline_nodes(stage.cluster)
    ]


@pytest.fixture(scope="module")
def answer(bridges: list[TracedBridge]) -> InTurn:
    """The switch, with the flows of a stage."""
    return InTurn(by_trace(bridges, everything))


@every_question(CASES)
def test_the_switch(answer: InTurn, asked: Asked) -> None:
    """A question of the tables, put to the switch by `ofproto/trace`."""
    assert asked.expected is answer(asked)


def test_fragments(bridges: list[TracedBridge]) -> None:
    """NP-84: a datagram in fragments arrives as a whole where the table of ports allows it, and nowhere else."""
    assert list(differences(TABLES["ports"], by_trace(bridges, everything, fragments))) == []


def test_the_checker_catches(bridges: list[TracedBridge]) -> None:
    """P10: a switch that lets everybody through does not pass."""
    assert next(differences(CASES, by_trace(bridges, without_isolation)), None)
