"""`--via flows`: the compiled flows, run by our own interpreter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ryu_netpol.cli.judges import words
from ryu_netpol.cli.judges.answer import Answer, Question
from ryu_netpol.flows.offline import FlowJudge, OfflineNode
from ryu_netpol.model.packet import Connection


def judge(nodes: Iterable[OfflineNode], questions: Sequence[Question]) -> list[Answer]:
    """Answer all questions."""
    judges = FlowJudge(nodes)
    return [_answer(judges, question.connection) for question in questions]


def _answer(judges: FlowJudge, connection: Connection) -> Answer:
    return words.through(
        [
            words.answer(
                node,
                ((flow.table, flow.cookie) for flow in outcome.path),
                sent=outcome.ports,
                wanted=node.exit(connection),
            )
            for node, outcome in judges.outcomes(connection)
        ]
    )
