"""Level F: the compiled flows of every node on the way do what the tables say, run by our interpreter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from ryu_netpol.flows.ir import Flow, FlowTable
from tests.rules.cases import Asked, Stage, every_question
from tests.rules.judge import InTurn, Judge, by_flows, by_flows_of, differences, fragments
from tests.rules.registry import CASES
from tests.sim.test_meaning import DEFECTS
from tests.support.nodes import can_happen, offline_nodes


@pytest.fixture(scope="module")
def answer() -> InTurn:
    """Interpreters, with the flows of a stage."""
    return InTurn(by_flows)


@every_question(CASES)
def test_the_flows(answer: InTurn, asked: Asked) -> None:
    """A question of the tables, put to the compiled flows."""
    assert asked.expected is answer(asked)


def test_questions_can_be_asked() -> None:
    """A packet can carry each of them, and somebody could hear it: nothing is denied for want of a destination."""
    for one in CASES:
        for stage in one.stages:
            nodes = offline_nodes(stage.cluster)
            impossible = [q for q, _ in stage.expected if not can_happen(nodes, stage.connection(q))]

            assert impossible == [], one.rule


def test_fragments() -> None:
    """NP-84: a datagram in fragments arrives as a whole where the tables allow it, and nowhere else."""
    assert list(differences(CASES, lambda stage: by_flows_of(offline_nodes(stage.cluster), fragments))) == []


def test_lost_fragments_are_noticed() -> None:
    """P10: without the clauses for later fragments, datagrams that rules with ports allow do not arrive."""

    def forgetful(stage: Stage) -> Judge:
        nodes = offline_nodes(stage.cluster)
        kept = [[f for f in n.flows.values() if not any(m.field == "ip_frag" for m in f.match.fields)] for n in nodes]
        return by_flows_of([replace(n, flows=FlowTable(f)) for n, f in zip(nodes, kept, strict=True)], fragments)

    assert next(differences(CASES, forgetful), None)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS.keys())
def test_the_checker_catches(defect: Callable[[Iterable[Flow]], Iterable[Flow]]) -> None:
    """P10: a compiler with this defect does not pass."""

    def by_broken_flows(stage: Stage) -> Judge:
        nodes = offline_nodes(stage.cluster)
        return by_flows_of([replace(n, flows=FlowTable(defect(list(n.flows.values())))) for n in nodes])

    assert next(differences(CASES, by_broken_flows), None)
