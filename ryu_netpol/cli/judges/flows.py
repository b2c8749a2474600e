"""`--via flows`: the compiled flows, run by our own interpreter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ryu_netpol.cli.judges import words
from ryu_netpol.cli.judges.answer import Answer, Question
from ryu_netpol.cli.judges.decide import Decision, Passage, deciding
from ryu_netpol.flows.interpret import Outcome
from ryu_netpol.flows.offline import FlowJudge, OfflineNode
from ryu_netpol.flows.text import render
from ryu_netpol.model.packet import Connection


def judge(nodes: Iterable[OfflineNode], questions: Sequence[Question]) -> list[Answer]:
    """Answer all questions."""
    judges = FlowJudge(nodes)
    return [words.through([p.answer for p in passages(judges, question.connection)]) for question in questions]


def passages(judges: FlowJudge, connection: Connection) -> list[Passage]:
    """What each bridge on the way does with the connection's first packet, up to one that keeps it."""
    return [_passage(node, outcome, connection) for node, outcome in judges.outcomes(connection)]


def _passage(node: OfflineNode, outcome: Outcome, connection: Connection) -> Passage:
    steps = [(flow.table, flow.cookie) for flow in outcome.path]
    answer = words.answer(node, steps, sent=outcome.ports, wanted=node.exit(connection))
    flows = [outcome.path[index] for index in deciding(steps, allowed=bool(answer.allowed))]
    decisions = (Decision(f.table, render(f), f.cookie, words.meaning(node, f.table, f.cookie)) for f in flows)
    return Passage(node.name, answer, tuple(flow.table for flow in outcome.path), tuple(decisions))
