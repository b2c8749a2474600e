"""Puts together what can be proved at one moment: of each policy that selects somebody here, and what fails."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ryu_netpol.agent.events import Kind, Said
from ryu_netpol.agent.glance import Port
from ryu_netpol.agent.problems import Problem, Refused
from ryu_netpol.agent.proof import Failing, Proof
from ryu_netpol.agent.standing import Concern, InForceNow, PolicyStanding, Standing
from ryu_netpol.model.names import Direction, NodeName, PodKey, PolicyKey
from ryu_netpol.policy.coverage import Coverage, PortName

_KINDS = {"closed_endpoint": "EndpointClosed", "contested_address": "AddressContested"}
REFUSED = "BundleRefused"
"""The reason of what is wrong with a node whose switch does not take its flows."""
_TOLD = 3
"""So many errors of one object are told in full."""


@dataclass(frozen=True, slots=True)
class Facts:
    """How the agent stands."""

    node: NodeName
    ports: tuple[Port, ...]
    policies: tuple[Coverage, ...]
    """Those that select a pod here, attached or not."""
    problems: frozenset[Problem]
    refused: Refused
    strays: tuple[PodKey, ...] = ()
    """Pods of this node that have addresses, and no port on the bridge."""


def prove(proof: Proof, facts: Facts, *, offset: float) -> Standing:
    """What can be proved now. `offset` is what makes seconds since 1970 out of the times of the proof."""
    failures = sorted(_failures(proof, facts, offset), key=lambda c: (c.kind != Kind.POLICY, c.namespace, c.name))
    policies: list[PolicyStanding] = []
    hints: list[Concern] = []
    of_policy: dict[tuple[str, str, str], list[Concern]] = defaultdict(list)
    for concern in failures:
        if concern.kind == Kind.POLICY:
            of_policy[concern.namespace, concern.name, concern.api].append(concern)
    for coverage in sorted(facts.policies, key=lambda coverage: coverage.policy):
        key = coverage.policy
        own = tuple(_hint(key, port, proof.seen.get(key)) for port in coverage.unknown)
        hints += own
        failing = tuple(of_policy.get((key.namespace, key.name, key.api), ()))
        policies.append(_standing(proof, coverage, offset, failing, own))
    states = Counter(port.state for port in facts.ports)
    now = proof.now
    return Standing(
        None if now is None else InForceNow(now.generation, now.since + offset, now.took, now.versions),
        states["ready"],
        states["closed"] + states["unknown"],
        tuple(failures),
        tuple(hints),
        tuple(policies),
    )


def _standing(
    proof: Proof, coverage: Coverage, offset: float, failures: tuple[Concern, ...], hints: tuple[Concern, ...]
) -> PolicyStanding:
    key = coverage.policy
    seen, enforced = proof.seen.get(key), proof.enforced.get(key) if proof.now is not None else None
    return PolicyStanding(
        key,
        None if seen is None else seen.generation,
        "" if seen is None else seen.version,
        None if enforced is None else enforced.said.generation,
        None if enforced is None else enforced.since + offset,
        None if enforced is None else enforced.took,
        coverage.endpoints,
        failures,
        hints,
    )


def _failures(proof: Proof, facts: Facts, offset: float) -> Iterator[Concern]:
    for (kind, key), failing in proof.failing.items():
        yield _undecodable(kind, key, failing, failing.since + offset)
    for pod in facts.strays:
        what = "it runs on this node without a port on the bridge: no policy holds for it"
        yield Concern("Pod", "v1", pod.namespace, pod.name, "NotAttached", what)
    for problem in facts.problems:
        for pod in problem.pods:
            yield Concern("Pod", "v1", pod.namespace, pod.name, _KINDS[problem.what], problem.message)
    if facts.refused.errors:
        what = _some(facts.refused.errors)
        yield Concern("Node", "v1", "", facts.node, REFUSED, f"the switch refused flows, and keeps what it had: {what}")
        for key in facts.refused.policies:
            # Which version of it they are of is not known: a newer one may have come meanwhile.
            concern = _of(key, proof.seen.get(key), "FlowRefused", f"the switch refused flows of it: {what}")
            yield replace(concern, version="")


def _undecodable(kind: Kind, key: Any, failing: Failing, since: float) -> Concern:
    said = failing.said
    if said.kept:
        then = "what it said before stays in force"
    else:
        then = "what cannot be read of it allows nothing" if kind is Kind.POLICY else "it is left out, or closed"
    namespace, name = (key.namespace, key.name) if isinstance(key, PodKey | PolicyKey) else ("", str(key))
    message = f"{_some(said.errors)}; {then}"
    return Concern(kind, failing.api, namespace, name, "CannotDecode", message, said.uid, said.version, since)


def _hint(key: PolicyKey, port: PortName, seen: Said | None) -> Concern:
    if port.direction is Direction.INGRESS:
        where = f"on some node, no pod that it selects has a {port.protocol.name} port named {port.name!r}"
    else:
        where = f"no pod that its egress rules mean has a {port.protocol.name} port named {port.name!r}"
    return _of(key, seen, "PortNotFound", f"{where}: this name allows nothing there")


def _of(key: PolicyKey, seen: Said | None, reason: str, message: str) -> Concern:
    uid, version = ("", "") if seen is None else (seen.uid, seen.version)
    return Concern(Kind.POLICY, key.api, key.namespace, key.name, reason, message, uid, version)


def _some(errors: Iterable[str]) -> str:
    told = list(errors)
    more = len(told) - _TOLD
    return "; ".join(told[:_TOLD]) + (f"; and {more} more" if more > 0 else "")
