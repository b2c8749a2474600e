"""What the agent can prove, as the status of its node's NodePolicyStatus (deploy/base/nodepolicystatus.yaml).

Pure. It stays small, whatever the number of policies: versions instead of a list of what is in force, and of what is
not as many as fit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from ryu_netpol.adapters.kube.resources import root
from ryu_netpol.adapters.kube.tell.words import Json, is_version, time, trimmed
from ryu_netpol.agent.events import Kind
from ryu_netpol.agent.standing import Concern, InForceNow, Standing

API = "netpol.ryu-netpol.io/v1alpha1"
KIND = "NodePolicyStatus"
STATUSES = f"{root(API)}/nodepolicystatuses"
MOST = 100
"""Failures that are listed."""
LARGEST = 48 * 1024
"""Bytes of JSON that they may have together."""


def status(standing: Standing, agent: str) -> Json:
    """The status, without the time at which it is told. What is None goes (RFC 7386)."""
    failures = _apart(standing.failures)
    return {
        "agent": trimmed(agent, 128),
        "inForce": None if standing.in_force is None else _in_force(standing.in_force),
        "endpoints": {"ready": standing.ready, "closed": standing.closed},
        "failureCount": len(failures),
        "failures": list(_fitting(failures)),
    }


def new_object(node: str, uid: str) -> Json:
    """The object of a node, without a status. The node owns it: when the Node is deleted, so is it."""
    owner = {"apiVersion": "v1", "kind": "Node", "name": node, "uid": uid}
    labels = {"app.kubernetes.io/name": "ryu-netpol"}
    return {
        "apiVersion": API,
        "kind": KIND,
        "metadata": {"name": node, "labels": labels, "ownerReferences": [owner]},
    }


def _in_force(now: InForceNow) -> Json:
    return {
        "generation": now.generation,
        "since": time(now.since),
        "milliseconds": None if now.took is None else round(1000 * now.took, 1),
        "seen": [
            {"apiVersion": version.api, "kind": str(kind), "resourceVersion": version.version}
            for kind, version in sorted(now.versions.items())
            if is_version(version.version)
        ],
    }


def _apart(concerns: Iterable[Concern]) -> list[Concern]:
    """Policies first, and one for each object and reason: by these the schema tells them apart."""
    first: dict[tuple[str, ...], Concern] = {}
    for concern in sorted(concerns, key=lambda concern: concern.kind != Kind.POLICY):
        first.setdefault((concern.kind, concern.namespace, concern.name, concern.reason), concern)
    return list(first.values())


def _fitting(concerns: Iterable[Concern]) -> Iterator[Json]:
    """As many as there is room for, from the first one on."""
    room = LARGEST
    for concern, _ in zip(concerns, range(MOST), strict=False):
        failure = _failure(concern)
        room -= len(json.dumps(failure))
        if room < 0:
            return
        yield failure


def _failure(concern: Concern) -> Json:
    """No field is None here: within a list that would stay (RFC 7386)."""
    return {
        "kind": concern.kind,
        "namespace": concern.namespace,
        "name": concern.name,
        "reason": concern.reason,
        "message": trimmed(concern.message or concern.reason, 1024),
        **({"resourceVersion": concern.version} if is_version(concern.version) else {}),
        **({"since": time(concern.since)} if concern.since else {}),
    }
