"""From what the CNI plugin declared to who may speak: ports of the bridge joined with the pods of the store."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from ryu_netpol.agent.events import Attachment, BridgeSeen
from ryu_netpol.agent.problems import Problem
from ryu_netpol.agent.store import Store
from ryu_netpol.flows.bridge import ClosedPort
from ryu_netpol.model.names import NodeName, PodKey
from ryu_netpol.model.objects import Pod
from ryu_netpol.policy.live import Changes
from ryu_netpol.policy.owners import Endpoint


class Sandbox(NamedTuple):
    """One attachment of a pod; a second one of the same container is another."""

    port: str
    container: str
    created: int


@dataclass(frozen=True, slots=True)
class Attached:
    """Every port of the bridge, sorted by what it may do."""

    ready: tuple[Endpoint, ...]
    """Endpoints of pods that the store knows."""
    sandboxes: frozenset[Sandbox]
    """Those that are ready once their flows are installed."""
    closed: tuple[ClosedPort, ...]
    unknown: tuple[int, ...]
    problems: tuple[Problem, ...]


class Attachments:
    """Every port of the bridge, sorted anew when something happened to the bridge, a namespace or one of its pods."""

    def __init__(self, node: NodeName) -> None:
        self._node = node
        self._seen: BridgeSeen | None = None
        self._pods: frozenset[PodKey] = frozenset()
        self._placed: set[PodKey] = set()
        """Pods of this node, as the feed says."""
        self._attached: Attached | None = None

    @property
    def attached(self) -> Attached | None:
        """How it was at the last update."""
        return self._attached

    @property
    def missing(self) -> frozenset[PodKey]:
        """Pods of this node that no port is declared for, yet."""
        return frozenset(self._placed - self._pods)

    def update(self, seen: BridgeSeen, store: Store, changes: Changes) -> Attached:
        """How it is now; the same object means: as it was."""
        for key, (_, pod) in changes.pods.items():
            if pod is not None and pod.visible and pod.node == self._node:
                self._placed.add(key)
            else:
                self._placed.discard(key)
        if self._attached is None or seen is not self._seen or changes.namespaces or self._concerned(changes):
            now = attached(seen, store, self._node)
            if now != self._attached:
                self._attached = now
            self._seen = seen
            self._pods = frozenset(PodKey(a.namespace, a.pod) for port in seen.ports if (a := port.attachment))
        return self._attached

    def _concerned(self, changes: Changes) -> bool:
        return any(pod in self._pods for pod in changes.pods)


def attached(seen: BridgeSeen, store: Store, node: NodeName) -> Attached:
    """Sort the ports. Nothing is opened for a pod that the store does not know: policy may select it (NP-73)."""
    ready: list[Endpoint] = []
    sandboxes: list[Sandbox] = []
    closed: list[ClosedPort] = []
    unknown: list[int] = []
    problems: list[Problem] = []
    pods = store.pods
    twice = {number for number, count in Counter(port.number for port in seen.ports).items() if count > 1}
    for port in sorted(seen.ports, key=lambda p: (p.number, p.name)):
        if port.number in twice:
            # No flow speaks for it, so CLASSIFY drops what it sends.
            what = f"port {port.name} is closed: another one has its number {port.number}"
            problems.append(Problem("unknown_port", what))
            continue
        attachment = port.attachment
        if attachment is None:
            unknown.append(port.number)
            why = port.problem or "nothing in its external_ids says whose it is"
            what = f"port {port.name} ({port.number}) of the bridge is closed: {why}"
            problems.append(Problem("unknown_port", what))
            continue
        key = PodKey(attachment.namespace, attachment.pod)
        if why := _why_closed(attachment, pods.get(key), store, node):
            closed.append(ClosedPort(port.number, attachment.mac, attachment.addresses))
            problems.append(Problem("closed_endpoint", f"pod {key} on port {port.name} is closed: {why}", (key,)))
            continue
        ready.append(Endpoint(key, port.number, attachment.mac, attachment.addresses, attachment.created))
        sandboxes.append(Sandbox(port.name, attachment.container, attachment.created))
    return Attached(tuple(ready), frozenset(sandboxes), tuple(closed), tuple(unknown), tuple(problems))


def _why_closed(attachment: Attachment, pod: Pod | None, store: Store, node: NodeName) -> str:
    if pod is None:
        return "the feed has no such pod"
    if pod.uid and attachment.uid not in ("", pod.uid, pod.config_hash):
        return f"it was attached for uid {attachment.uid}, the feed's pod has uid {pod.uid}"
    if not store.has_namespace(attachment.namespace):
        return f"the feed has no namespace {attachment.namespace}"
    if pod.node is not None and pod.node != node:
        return f"the feed says that it runs on node {pod.node}"
    if pod.host_network:
        return "it uses the host's network"
    if pod.finished:
        return "it has finished"
    return ""
