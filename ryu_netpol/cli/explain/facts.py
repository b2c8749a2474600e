"""An explanation as JSON, with every detail."""

from __future__ import annotations

from collections.abc import Iterable

from ryu_netpol.cli.judges.decide import Passage, Ways, table_name
from ryu_netpol.cli.judges.words import through
from ryu_netpol.model.names import Direction, PolicyKey
from ryu_netpol.model.objects import Rule
from ryu_netpol.model.probe import Probe, encode_probe
from ryu_netpol.oracle.explain import Explanation, Side
from ryu_netpol.oracle.failures import EntryMiss, Failure
from ryu_netpol.oracle.match import End
from ryu_netpol.oracle.words import rule_words

Json = dict[str, object]


def facts(probe: Probe, explanation: Explanation, ways: Ways) -> Json:
    """Everything that is known, as values of JSON."""
    verdict = explanation.verdict
    return {
        **encode_probe(probe),
        "ip": explanation.connection.destination.version,
        "allowed": verdict.allowed,
        "reason": verdict.reason,
        "situation": explanation.situation,
        "source": _end(explanation.source),
        "destination": _end(explanation.destination),
        "directions": [_side(side) for side in explanation.sides],
        "notes": list(explanation.notes),
        **{way: _way(passages) for way, passages in ways.items()},
    }


def _end(end: End) -> Json:
    return {
        "address": str(end.address),
        "pod": None if end.pod is None else str(end.pod.key),
        "labels": None if end.pod is None else dict(end.pod.labels),
        "namespace_labels": None if end.namespace is None else dict(end.namespace.labels),
    }


def _side(side: Side) -> Json:
    judged = side.judgement
    return {
        "direction": judged.direction,
        "subject": str(judged.subject),
        "allowed": judged.allowed,
        "why": side.why,
        "isolated": judged.isolated,
        "isolated_by": [_policy(key) for key in judged.isolated_by],
        "isolated_by_annotation": side.annotation,
        "allowing": [_rule(hit.policy, hit.index, hit.rule, judged.direction) for hit in side.allowing],
        "failing": [
            {
                **_rule(miss.policy, miss.index, miss.rule, judged.direction),
                "peers": _misses(miss.peers),
                "ports": _misses(miss.ports),
            }
            for miss in side.misses
        ],
        "without_effect": [_policy(key) for key in side.without_effect],
        "other_direction": [_policy(key) for key in side.other_direction],
        "not_selecting": [
            {**_policy(each.policy), "failures": _failures(each.failures)} for each in side.not_selecting
        ],
    }


def _policy(key: PolicyKey) -> Json:
    return {"policy": str(key), "api": key.api}


def _rule(key: PolicyKey, index: int, rule: Rule, direction: Direction) -> Json:
    return {**_policy(key), "rule": index, "words": rule_words(rule, key.namespace, direction)}


def _misses(misses: Iterable[EntryMiss]) -> list[Json]:
    return [{"entry": miss.index, "words": miss.words, "failures": _failures(miss.failures)} for miss in misses]


def _failures(failures: Iterable[Failure]) -> list[Json]:
    return [{"kind": f.kind, "wanted": f.wanted, "found": f.found} for f in failures]


def _way(passages: list[Passage]) -> Json:
    answer = through([passage.answer for passage in passages])
    return {
        "allowed": answer.allowed,
        "reason": answer.reason,
        "bridges": [
            {
                "node": passage.node,
                "allowed": passage.answer.allowed,
                "tables": [table_name(table) for table in passage.tables],
                "deciding": [
                    {
                        "table": decision.table_name,
                        "flow": decision.flow,
                        "cookie": None if decision.cookie is None else f"{int(decision.cookie):#x}",
                        "kind": None if decision.cookie is None else decision.cookie.kind.name,
                        "meaning": decision.meaning,
                        "packets": decision.packets,
                    }
                    for decision in passage.decisions
                ],
            }
            for passage in passages
        ],
    }
