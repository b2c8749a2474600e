"""Observes an agent, so that it can be proved what is in force; and says so as metrics and as JSON."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric

from ryu_netpol.adapters.health.logs import rfc3339
from ryu_netpol.adapters.health.record import SECONDS
from ryu_netpol.agent.core import Agent
from ryu_netpol.agent.effects import Effect, MarkReady, MarkSynced, Program, Report
from ryu_netpol.agent.events import BridgeSeen, CommitFailed, Deleted, Event, Kind, Together, Upserted
from ryu_netpol.agent.progress import Progress
from ryu_netpol.agent.proof import Proof
from ryu_netpol.agent.prove import prove
from ryu_netpol.agent.standing import Concern, PolicyStanding, Standing, Version
from ryu_netpol.model.objects import Pod

POLICIES = 1_000
"""So many policies have time series of their own on a node."""
SELDOM = 60.0
"""Seconds after which whoever wants to know hears also of what is only newer: to ask takes the agent's time."""
STEP = 1.0
"""Seconds by which the clock must have been set to count."""
_OF_THE_NODE = (BridgeSeen, CommitFailed)
_SAID = (Program, MarkReady, MarkSynced, Report)
"""What goes with other policies, endpoints or failures."""
_LABELS = ("namespace", "name", "api")


class Proven:
    """Of one agent."""

    def __init__(self, registry: CollectorRegistry, node: str) -> None:
        self._node = node
        self._proof = Proof()
        self._offset = time.time() - time.monotonic()
        self._changed: list[Callable[[], None]] = []
        self._called = -SELDOM
        self._taking = Histogram(
            "ryu_netpol_policy_seconds",
            "From the delivery of a policy to the moment from which packets feel it.",
            buckets=SECONDS,
            registry=registry,
        )

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Have something short called when more can be proved, or seldom, newer things; in the agent's thread."""
        self._changed.append(changed)

    def follow(self, event: Event, effects: tuple[Effect, ...], *, delivered: float, progress: Progress) -> None:
        """Take in an event that the agent has handled; in its thread only."""
        before = self._proof.changes
        for seconds in self._proof.follow(event, at=delivered, progress=progress):
            self._taking.observe(seconds)
        more = before != self._proof.changes or isinstance(event, _OF_THE_NODE)
        more |= any(isinstance(effect, _SAID) for effect in effects)
        if more or self._is_of_here(event) or delivered >= self._called + SELDOM:
            self._called = delivered
            for changed in self._changed:
                changed()

    def _is_of_here(self, event: Event) -> bool:
        """Whether a pod of this node is another."""
        if isinstance(event, Together):
            return any(map(self._is_of_here, event.events))
        return (
            isinstance(event, Upserted | Deleted) and isinstance(event.object, Pod) and event.object.node == self._node
        )

    def standing(self, agent: Agent) -> Standing:
        """What can be proved now; in the agent's thread only."""
        offset = time.time() - time.monotonic()
        # The two clocks drift apart, and what was told a moment ago would be told at another time.
        if abs(offset - self._offset) > STEP:
            self._offset = offset
        return prove(self._proof, agent.facts(), offset=self._offset)

    def seen(self) -> Mapping[Kind, Version]:
        """What was heard last of each kind; from any thread."""
        return dict(self._proof.versions)


def gauges(standing: Standing, seen: Mapping[Kind, Version]) -> Iterator[Metric]:
    """What /metrics says of it: as many time series in any cluster."""
    versions = GaugeMetricFamily(
        "ryu_netpol_resource_version", "The resourceVersion up to which objects are known.", labels=["kind", "state"]
    )
    in_force = standing.in_force.versions if standing.in_force is not None else {}
    for state, known in (("seen", seen), ("in_force", in_force)):
        for kind, version in known.items():
            if version.version.isascii() and version.version.isdigit():
                versions.add_metric([kind, state], int(version.version))
    yield versions
    yield _by_reason("failures", "Objects that are not enforced as they are written.", standing.failures)
    yield _by_reason("hints", "What is enforced, and surely means something else than was meant.", standing.hints)


def _by_reason(name: str, help_text: str, concerns: Iterable[Concern]) -> Metric:
    family = GaugeMetricFamily(f"ryu_netpol_{name}", help_text, labels=["reason"])
    for reason, count in Counter(concern.reason for concern in concerns).items():
        family.add_metric([reason], count)
    return family


def policy_gauges(standing: Standing) -> Iterator[Metric]:
    """What /metrics/policies says: of each policy that selects an endpoint here, the first thousand."""

    def gauge(name: str, help_text: str, value: Callable[[PolicyStanding], float | None]) -> Metric:
        family = GaugeMetricFamily(f"ryu_netpol_policy_{name}", help_text, labels=_LABELS)
        for policy in standing.policies[:POLICIES]:
            if (number := value(policy)) is not None:
                family.add_metric([policy.key.namespace, policy.key.name, policy.key.api], number)
        return family

    yield gauge("generation_seen", "metadata.generation that was heard of last.", lambda p: p.seen)
    yield gauge("generation_in_force", "metadata.generation that packets feel.", lambda p: p.in_force)
    yield gauge("in_force_timestamp_seconds", "Since when packets feel it.", lambda p: p.since)
    yield gauge("in_force_seconds", "How long it took from its delivery.", lambda p: p.took)
    yield gauge("endpoints", "Endpoints of this node that it selects.", lambda p: p.endpoints)
    yield gauge("failures", "Reasons why it is not enforced as it is written.", lambda p: len(p.failures))
    left_out = max(0, len(standing.policies) - POLICIES)
    yield GaugeMetricFamily("ryu_netpol_policies_left_out", "Policies that are not told of here.", value=left_out)


def enforcement(standing: Standing, seen: Mapping[Kind, Version]) -> dict[str, object]:
    """What `status` says of it."""
    now = standing.in_force
    return {
        "seen": _versions(seen),
        "in_force": None
        if now is None
        else {
            "generation": now.generation,
            "since": rfc3339(now.since),
            "seconds": now.took,
            "versions": _versions(now.versions),
        },
        "failures": [concern(one) for one in standing.failures],
        "hints": [concern(one) for one in standing.hints],
    }


def policies(standing: Standing) -> list[dict[str, object]]:
    """What /policies says: every policy that selects an endpoint here."""
    return [
        {
            "namespace": policy.key.namespace,
            "name": policy.key.name,
            "api": policy.key.api,
            "generation_seen": policy.seen,
            "generation_in_force": policy.in_force,
            "resource_version": policy.version,
            "since": None if policy.since is None else rfc3339(policy.since),
            "seconds": policy.took,
            "endpoints": policy.endpoints,
            "failures": [one.message for one in policy.failures],
            "hints": [one.message for one in policy.hints],
        }
        for policy in standing.policies
    ]


def concern(one: Concern) -> dict[str, object]:
    """A concern, for people and programs."""
    name = f"{one.namespace}/{one.name}" if one.namespace else one.name
    return {"kind": one.kind, "object": name, "reason": one.reason, "message": one.message}


def _versions(versions: Mapping[Kind, Version]) -> dict[str, str]:
    return {str(kind): version.version for kind, version in versions.items()}
