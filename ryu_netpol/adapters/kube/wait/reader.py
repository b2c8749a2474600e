"""What `ryu-netpol wait` asks an API server: a policy, where its pods are, and what the agents of these nodes told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar
from urllib.parse import quote

import msgspec

from ryu_netpol.adapters.kube import envelope, lenient, objects, questions
from ryu_netpol.adapters.kube.access import Access
from ryu_netpol.adapters.kube.once import NotAnswered, Refused, answered, pages
from ryu_netpol.adapters.kube.protocol import Query
from ryu_netpol.adapters.kube.resources import GROUPS, NETWORK_POLICIES, root
from ryu_netpol.adapters.kube.tell.status import STATUSES
from ryu_netpol.adapters.kube.transport import Client, ConnectionLost
from ryu_netpol.adapters.kube.wait.rounds import NotNow
from ryu_netpol.adapters.kube.wait.verdict import Status, Target
from ryu_netpol.agent.events import Kind
from ryu_netpol.model.labels import EVERYTHING
from ryu_netpol.model.names import Api, PolicyKey
from ryu_netpol.model.objects import Pod, Policy

FEW = 8
"""Nodes that are asked for by name; of more, the list is less to do."""
MEMORY = (("resourceVersion", "0"),)
"""Out of the server's memory: there may be ten thousand, every other second. One that is a little old only delays."""
SHORTEST = 1.0
"""Seconds without a byte that every answer may take."""
_T = TypeVar("_T")


class _Meta(msgspec.Struct):
    name: str


class _Object(msgspec.Struct):
    metadata: _Meta
    status: Status | None = None


_objects = msgspec.json.Decoder(_Object)


class Reader:
    """Asks one server. Everything raises NotAnswered, and NotNow where asking again may help."""

    def __init__(self, access: Access, *, patience: float) -> None:
        """`patience`: seconds that matter to who asks; no answer is waited for much longer."""
        self._silence = min(questions.USUAL_SILENCE, max(patience, SHORTEST))
        self.address = access.session().address
        self._client = Client(access)
        self._api = Api.V1
        self._found = False

    def policy(self, namespace: str, name: str) -> Target | None:
        """The policy, of the API of 1.3 where the server has no other (LG-13); None where there is none."""
        return self._asked(f"networkpolicy {namespace}/{name}", lambda: self._policy(namespace, name))

    def _policy(self, namespace: str, name: str) -> Target | None:
        path = f"{_of_namespace(self._api, namespace)}/{NETWORK_POLICIES.plural}/{quote(name, safe='')}"
        try:
            raw = msgspec.Raw(self._answered(path))
        except Refused as refused:
            if refused.code != 404:
                raise
            if self._found or self._api is Api.LEGACY or not self._is_old():
                return None
            self._api = Api.LEGACY
            return self._policy(namespace, name)
        self._found = True
        entry = objects.entry(raw, Kind.POLICY, self._api)
        if not entry.version:
            raise NotAnswered(f"what {self.address} says of networkpolicy {namespace}/{name} is no object")
        # Of what cannot be decoded nobody knows whom it selects.
        subject = entry.object.subject if isinstance(entry.object, Policy) else EVERYTHING
        return Target(PolicyKey(namespace, name, self._api), entry.uid, entry.version, entry.generation, subject)

    def _is_old(self) -> bool:
        """Whether there are no policies but those of the API of 1.3."""
        try:
            served = envelope.group_versions(self._answered(GROUPS))
        except Refused as refused:
            if refused.code in (403, 404):
                return False
            raise
        return Api.V1 not in served and Api.LEGACY in served

    def pods(self, target: Target) -> Mapping[str, Collection[str]]:
        """The pods that it selects on each node."""
        path = f"{_of_namespace('v1', target.key.namespace)}/pods"
        query = (("labelSelector", str(target.subject)),) if target.subject != EVERYTHING else ()
        found = self._asked("pods", lambda: self._listed(path, query))
        there: dict[str, list[str]] = defaultdict(list)
        for entry in (objects.entry(raw, Kind.POD, "v1") for raw in found):
            pod = entry.object
            if not isinstance(pod, Pod):
                what = entry.key or f"of {target.key.namespace}"
                raise NotAnswered(f"a pod, {what}, cannot be read: nobody knows whether {target.key} selects it")
            if pod.visible and pod.node is not None and target.subject.matches(pod.labels):
                there[pod.node].append(pod.key.name)
        return there

    def statuses(self, nodes: Collection[str]) -> Mapping[str, Status | None]:
        """What the agents of these nodes told; None for who told nothing."""
        if len(nodes) > FEW:
            found = self._asked("nodepolicystatuses", lambda: self._decoded(self._listed(STATUSES, MEMORY)))
            return {node: found.get(node) for node in nodes}
        return self._asked("nodepolicystatuses", lambda: {node: self._status(node) for node in nodes})

    def _status(self, node: str) -> Status | None:
        try:
            raw = msgspec.Raw(self._answered(f"{STATUSES}/{quote(node, safe='')}"))
        except Refused as refused:
            if refused.code != 404:
                raise
            # It is this object that is missing, or all of them.
            self._answered(STATUSES, (("limit", "1"),))
            return None
        return self._decoded([raw]).get(node)

    def _decoded(self, found: Iterable[msgspec.Raw]) -> Mapping[str, Status | None]:
        decoded = (lenient.decode(_objects, raw) for raw in found)
        return {one.metadata.name: one.status for one in decoded}

    def _answered(self, path: str, query: Query = ()) -> memoryview:
        return answered(self._client, path, query, silence=self._silence)

    def _listed(self, path: str, query: Query = ()) -> list[msgspec.Raw]:
        """Page by page, or in one piece where a page came too late for the next one."""
        try:
            return self._pages(path, query, whole=False)
        except Refused as refused:
            if refused.code != 410:
                raise
        return self._pages(path, query, whole=True)

    def _pages(self, path: str, query: Query, *, whole: bool) -> list[msgspec.Raw]:
        found = pages(self._client, path, query, silence=self._silence, whole=whole)
        return [raw for items in found for raw in items]

    def _asked(self, what: str, question: Callable[[], _T]) -> _T:
        try:
            return question()
        except ConnectionLost as lost:
            raise NotNow(f"{self.address} cannot be asked for {what}: {lost}") from lost
        except Refused as refused:
            if refused.code == 401:
                self._client.renew()
            sentence = f"{self.address} does not show {what}: {refused}"
            raise (NotNow if refused.code == 429 or refused.code >= 500 else NotAnswered)(sentence) from refused
        except envelope.Unreadable as error:
            raise NotAnswered(f"what {self.address} says of {what} makes no sense: {error}") from error


def _of_namespace(api: str, namespace: str) -> str:
    return f"{root(api)}/namespaces/{quote(namespace, safe='')}"
