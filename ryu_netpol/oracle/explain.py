"""Why a connection is allowed or denied: everything that an answer to "why?" needs, as data.

The verdict is the Oracle's own, and whether a rule matches is asked of the same function that it asks, so that the two
cannot say different things. The closest rule is the one that fails in the fewest lists (peers, ports), then by the
fewest things to repair, then the first in the order of names and indexes (RuleMiss.distance).

Callers: `ryu-netpol explain`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from ryu_netpol.model.names import Direction, PolicyKey
from ryu_netpol.model.objects import Policy, Rule
from ryu_netpol.model.packet import Connection, Judgement, Verdict
from ryu_netpol.oracle.evaluate import Oracle
from ryu_netpol.oracle.failures import Failure, Kind, RuleMiss, label_failures, rule_miss
from ryu_netpol.oracle.match import End, rule_matches


class Situation(enum.StrEnum):
    """Why no policy was asked."""

    NO_POD = "no-pod"
    """No end is a visible pod (NP-3)."""
    ITSELF = "itself"
    """A pod reaches itself (NP-52)."""
    DISPUTED = "disputed"
    """Two pods claim one of the addresses (NP-71)."""


class Why(enum.StrEnum):
    """What decided about one direction."""

    NOT_ISOLATED = "not-isolated"
    OWN_NODE = "own-node"
    """No policy comes between a pod and its own node (NP-50, NP-51)."""
    RULE = "rule"
    NO_RULE = "no-rule"


@dataclass(frozen=True, slots=True)
class RuleHit:
    """A rule that matches."""

    policy: PolicyKey
    index: int
    rule: Rule


@dataclass(frozen=True, slots=True)
class NotSelecting:
    """A policy of the subject's namespace that does not select it, and by which labels."""

    policy: PolicyKey
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One direction, at its subject."""

    judgement: Judgement
    why: Why
    annotation: bool
    """Whether the namespace's annotation isolates, alone or with policies (LG-1, LG-11)."""
    allowing: tuple[RuleHit, ...]
    """Every rule that matches, in the order of policies; the first is the one that the verdict names."""
    misses: tuple[RuleMiss, ...]
    """Every other rule that counts for the subject, the closest first."""
    without_effect: tuple[PolicyKey, ...]
    """Legacy policies that select it in vain, since its namespace is not isolated (LG-4)."""
    other_direction: tuple[PolicyKey, ...]
    """Policies that select it and say nothing about this direction (NP-11, NP-12)."""
    not_selecting: tuple[NotSelecting, ...]
    """Policies of this direction in its namespace that do not select it, those that fail by the fewest labels first."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict about a connection, and how it came about."""

    connection: Connection
    source: End
    destination: End
    verdict: Verdict
    situation: Situation | None
    """None: the sides say why."""
    sides: tuple[Side, ...]
    notes: tuple[str, ...]
    """What surprises people, a sentence each."""


def explain(oracle: Oracle, connection: Connection) -> Explanation:
    """Say how the verdict about a connection comes about. Raises ValueError as Oracle.evaluate does."""
    verdict = oracle.evaluate(connection)
    source, destination = oracle.ends(connection)
    return Explanation(
        connection,
        source,
        destination,
        verdict,
        None if verdict.judgements else _situation(verdict, source),
        tuple(_side(oracle, judgement, source, destination, connection) for judgement in verdict.judgements),
        () if verdict.allowed else tuple(_notes(oracle, source, destination, connection)),
    )


def _situation(verdict: Verdict, source: End) -> Situation:
    if not verdict.allowed:
        return Situation.DISPUTED
    return Situation.NO_POD if source.pod is None else Situation.ITSELF


def _side(oracle: Oracle, judgement: Judgement, source: End, destination: End, connection: Connection) -> Side:
    direction = judgement.direction
    subject, peer = (source, destination) if direction is Direction.EGRESS else (destination, source)
    if subject.pod is None or subject.namespace is None:
        raise ValueError(f"{subject.address} is judged and is no pod")
    policies = oracle.policies_of(subject.pod, direction)
    why = _why(judgement)
    hits: list[RuleHit] = []
    misses: list[RuleMiss] = []
    for policy in policies.allowing if why in (Why.RULE, Why.NO_RULE) else ():
        for index, rule in enumerate(policy.rules(direction)):
            place = {"peer": peer, "destination": destination}
            if rule_matches(rule, policy.key.namespace, **place, connection=connection):
                hits.append(RuleHit(policy.key, index, rule))
            else:
                misses.append(rule_miss(policy, index, direction, **place, connection=connection))
    around = tuple(_around(oracle, subject.namespace.name))
    selecting = [policy for policy in around if policy.subject.matches(subject.pod.labels)]
    others = [policy for policy in around if direction in policy.directions and policy not in selecting]
    labels = subject.pod.labels
    apart = [NotSelecting(policy.key, tuple(label_failures(Kind.LABEL, policy.subject, labels))) for policy in others]
    return Side(
        judgement,
        why,
        annotation=direction is Direction.INGRESS and subject.namespace.default_deny,
        allowing=tuple(hits),
        misses=tuple(sorted(misses, key=lambda miss: miss.distance)),
        without_effect=tuple(p.key for p in selecting if direction in p.directions and p not in policies.allowing),
        other_direction=tuple(p.key for p in selecting if direction not in p.directions),
        not_selecting=tuple(sorted(apart, key=lambda each: len(each.failures))),
    )


def _why(judgement: Judgement) -> Why:
    if not judgement.isolated:
        return Why.NOT_ISOLATED
    if not judgement.allowed:
        return Why.NO_RULE
    return Why.OWN_NODE if judgement.policy is None else Why.RULE


def _around(oracle: Oracle, namespace: str) -> Iterator[Policy]:
    """The policies of a namespace, in order of their keys."""
    return (policy for key, policy in sorted(oracle.cluster.policies.items()) if key.namespace == namespace)


def _notes(oracle: Oracle, source: End, destination: End, connection: Connection) -> Iterator[str]:
    """Facts about nodes that are in no policy: why one does not help against a denial."""
    for name, node in sorted(oracle.cluster.nodes.items()):
        if connection.origin is None and source.pod is None and source.address in node.addresses:
            yield (
                f"{source.address} is an address of {name}, but as a source it is what {name} forwards for others; "
                f"for the node's own processes ask from node/{name} (NP-50)"
            )
        own = source.pod is not None and source.pod.node == name and destination.pod is None
        port = connection.port
        if own and destination.address in node.addresses and port is not None and port in oracle.node_ports:
            yield (
                f"{port} is a node port, which leads to other pods: that {name} is the pod's own node "
                "does not help (NP-51)"
            )
