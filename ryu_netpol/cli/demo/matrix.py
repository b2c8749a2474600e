"""Who reaches whom: packets of the lab beside the model's verdict, for every pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.probe import Outcome, Result, insist
from ryu_netpol.model.names import NodeName
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.packet import Verdict
from ryu_netpol.model.probe import End, NodeEnd, Probe, default_probes, resolve
from ryu_netpol.oracle.evaluate import Oracle

OUTSIDE = Address.parse("203.0.113.7")
"""Somebody who is not in the cluster: the lab's outside host answers for every such address."""
Place = tuple[End, int]
"""A destination: a pod and a port of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one probe, and what the model says."""

    result: Result
    verdict: Verdict

    @property
    def agrees(self) -> bool:
        """Whether packets and model say the same; an error is neither."""
        return self.result.outcome is (Outcome.ALLOWED if self.verdict.allowed else Outcome.DENIED)


@dataclass(frozen=True, slots=True)
class Matrix:
    """The answers of all probes."""

    answers: Mapping[Probe, Answer]

    @property
    def sources(self) -> list[End]:
        """The rows: everybody who opened connections, in the order of asking."""
        return list(dict.fromkeys(probe.source for probe in self.answers))

    @property
    def destinations(self) -> list[Place]:
        """The columns: every port that connections were opened to."""
        found = {(probe.destination, probe.port or 0) for probe in self.answers}
        return sorted(found, key=lambda place: (str(place[0]), place[1]))

    def cell(self, source: End, place: Place) -> str:
        """The answer of a cell, "yes" or "no", which its probes of both IP versions share; "error" where they differ.

        Empty where nothing was asked: a pod and itself.
        """
        found = {
            answer.result.outcome
            for probe, answer in self.answers.items()
            if probe.source == source and (probe.destination, probe.port) == place
        }
        if not found:
            return ""
        words = {Outcome.ALLOWED: "yes", Outcome.DENIED: "no", Outcome.ERROR: "error"}
        return words[found.pop()] if len(found) == 1 else "error"

    def changed(self, before: Matrix) -> list[tuple[End, Place]]:
        """The cells that say something else than before."""
        cells = [(source, place) for source in self.sources for place in self.destinations]
        return [cell for cell in cells if self.cell(*cell) != before.cell(*cell)]

    @property
    def disagreements(self) -> list[str]:
        """A sentence for every probe on which packets and model differ."""
        return [
            f"{probe}: {answer.result.outcome.value} ({answer.result.reason}), but the model says: "
            f"{answer.verdict.reason}"
            for probe, answer in self.answers.items()
            if not answer.agrees
        ]

    def count(self, outcome: Outcome) -> int:
        """How many connections ended so."""
        return sum(answer.result.outcome is outcome for answer in self.answers.values())

    def facts(self) -> list[dict[str, object]]:
        """As JSON: the entries of --probes with their answers."""
        return [
            {
                "from": str(probe.source),
                "to": str(probe.destination),
                "protocol": probe.protocol.name,
                "port": probe.port,
                "ip": probe.ip or 4,
                "outcome": answer.result.outcome.value,
                "model": answer.verdict.allowed,
                "reason": answer.verdict.reason,
            }
            for probe, answer in self.answers.items()
        ]


def probes(cluster: Cluster) -> tuple[Probe, ...]:
    """Every pair of pods with the ports that the destination declares, the node, and somebody outside."""
    pairs = default_probes(cluster)
    targets = dict.fromkeys((p.destination, p.protocol, p.port, p.ip) for p in pairs)
    node = NodeEnd(NodeName(next(iter(cluster.nodes))))
    from_node = [Probe(node, to, protocol, port, ip) for to, protocol, port, ip in targets]
    outside = [Probe(OUTSIDE, to, protocol, port, ip) for to, protocol, port, ip in targets if ip in (None, 4)]
    return (*pairs, *from_node, *outside)


def send(lab: Lab, cluster: Cluster) -> Matrix:
    """Try all connections with packets, and judge them by the model."""
    asked = probes(cluster)
    oracle = Oracle(cluster)
    verdicts = [oracle.evaluate(resolve(cluster, probe)) for probe in asked]
    results = insist(lab.probe, asked)
    return Matrix({p: Answer(result, v) for p, result, v in zip(asked, results, verdicts, strict=True)})
