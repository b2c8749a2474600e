"""Writes to the API server: the status of a node, and Events. Blocking, for one thread; any other may stop it."""

from __future__ import annotations

import json
from urllib.parse import quote

import msgspec

from ryu_netpol.adapters.kube import envelope, questions
from ryu_netpol.adapters.kube.access import Access
from ryu_netpol.adapters.kube.tell import occasions
from ryu_netpol.adapters.kube.tell.status import STATUSES, new_object
from ryu_netpol.adapters.kube.tell.words import Json
from ryu_netpol.adapters.kube.transport import Client, ConnectionLost
from ryu_netpol.agent.standing import Concern

MERGE = "application/merge-patch+json"
_FINE = frozenset({200, 201, 202})


class _Meta(msgspec.Struct):
    uid: str


class _Node(msgspec.Struct):
    metadata: _Meta


class Untold(Exception):
    """It was not written, or nobody knows; one sentence."""

    def __init__(self, asked: str, reason: str, *, code: int = 0, retry_after: float = 0.0) -> None:
        """`code` is the server's answer, 0 where it gave none; `retry_after` in seconds is what it wants."""
        super().__init__(f"{asked}: {reason}")
        self.code = code
        self.retry_after = retry_after


class Writer:
    """What can be written. Everything raises Untold."""

    def __init__(self, access: Access) -> None:
        self._client = Client(access)

    def stop(self) -> None:
        """Break off what is being read; nothing is asked any more."""
        self._client.stop()

    def status(self, node: str, status: Json) -> None:
        """Write the status of a node's object, all of it: nobody knows what is there. Without an object, make one."""
        path = f"{STATUSES}/{quote(node, safe='')}/status"
        try:
            self._ask("PATCH", path, {"status": status}, MERGE)
        except Untold as refused:
            if refused.code != 404:
                raise
            self._make(node)
            self._ask("PATCH", path, {"status": status}, MERGE)

    def event(self, concern: Concern, *, node: str, now: float) -> bool:
        """Create the Event of a concern; False where it is there already."""
        return self._create(occasions.path(concern), occasions.event(concern, node=node, now=now))

    def _make(self, node: str) -> None:
        """A node that is not there gets no object: nobody would delete it."""
        path = f"/api/v1/nodes/{quote(node, safe='')}"
        try:
            found = msgspec.json.decode(self._ask("GET", path), type=_Node)
        except envelope.Unreadable as error:
            raise Untold(f"GET {path}", f"what comes makes no sense: {error}") from error
        self._create(STATUSES, new_object(node, found.metadata.uid))

    def _create(self, path: str, value: Json) -> bool:
        try:
            self._ask("POST", path, value)
        except Untold as refused:
            if refused.code != 409:
                raise
            return False
        return True

    def _ask(self, method: str, path: str, value: Json | None = None, content: str = "application/json") -> memoryview:
        asked = f"{method} {path}"
        # ASCII alone: not everything that a text can hold here is UTF-8.
        body = None if value is None else json.dumps(value, separators=(",", ":")).encode("ascii")
        silence = questions.USUAL_SILENCE
        try:
            with self._client.send(method, path, silence=silence, body=body, content=content if body else "") as got:
                status, retry_after, answer = got.status, got.retry_after, got.body()
        except ConnectionLost as lost:
            raise Untold(asked, str(lost)) from lost
        if status in _FINE:
            return answer
        if status == 401:
            self._client.renew()
        refused = envelope.status(status, answer, retry_after=retry_after)
        raise Untold(asked, refused.reason, code=refused.code, retry_after=refused.retry_after)
