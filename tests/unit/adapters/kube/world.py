"""A store with an API like kube-apiserver's: lists, pages, watches, versions, compaction. No sockets, no time.

`Reply.body` yields what the server sends; a watch yields None where it has nothing to send for now.
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

POLICIES = "/apis/networking.k8s.io/v1/networkpolicies"
LEGACY = "/apis/extensions/v1beta1/networkpolicies"
PATHS = {
    "/api/v1/pods": "Pod",
    "/api/v1/namespaces": "Namespace",
    "/api/v1/nodes": "Node",
    POLICIES: "NetworkPolicy",
    LEGACY: "NetworkPolicy",
}
Key = tuple[str, str, str]


@dataclass
class Reply:
    """An answer."""

    code: int = 200
    body: Iterator[bytes | None] = field(default_factory=lambda: iter(()))
    headers: dict[str, str] = field(default_factory=dict)


def status(code: int, message: str = "", *, seconds: int = 0, cause: str = "") -> Json:
    """The Status of an error."""
    details = {"retryAfterSeconds": seconds, "causes": [{"reason": cause, "message": message}] if cause else []}
    return {"kind": "Status", "status": "Failure", "code": code, "message": message, "details": details}


def refuse(code: int, message: str = "", *, seconds: int = 0, cause: str = "", header: str = "") -> Reply:
    """An answer that is an error."""
    body = iter([json.dumps(status(code, message, seconds=seconds, cause=cause)).encode()])
    return Reply(code, body, {"Retry-After": header} if header else {})


def pod(name: str, *, version: str = "1", **spec: Any) -> Json:
    """A pod whose labels differ from version to version."""
    namespace, _, short = name.partition("/")
    metadata = {"namespace": namespace, "name": short, "uid": f"uid-{name}", "labels": {"version": version}}
    return {"kind": "Pod", "metadata": metadata, "spec": {"containers": [{"name": "c"}], **spec}}


def policy(name: str, *, uid: str = "", **spec: Any) -> Json:
    """A policy that selects every pod."""
    namespace, _, short = name.partition("/")
    metadata = {"namespace": namespace, "name": short, "uid": uid or f"uid-{name}"}
    return {"kind": "NetworkPolicy", "metadata": metadata, "spec": {"podSelector": {}, **spec}}


def namespace(name: str, **annotations: str) -> Json:
    """A namespace."""
    return {"kind": "Namespace", "metadata": {"name": name, "uid": f"uid-{name}", "annotations": annotations}}


def node(name: str) -> Json:
    """A node."""
    return {"kind": "Node", "metadata": {"name": name, "uid": f"uid-{name}"}}


class World:
    """The store."""

    def __init__(self) -> None:
        self.version = 10
        self.objects: dict[Key, Json] = {}
        self.history: dict[int, dict[Key, Json]] = {10: {}}
        """The whole state at every version."""
        self.log: list[tuple[int, str, Json]] = []
        self.compacted = 0
        """Watches from before this version are gone, and so are tokens."""
        self.streams = "yes"
        """Streaming lists: "yes", "no" (422), "ignored" (an ordinary watch, as on servers before 1.19)."""
        self.memory: int | None = None
        """The version of the server's cache where it lags behind; lists that need not be the newest come from it."""
        self.groups = ["networking.k8s.io/v1"]
        self.epoch = 0
        """Grows when the store is replaced: watches on the old one end."""
        self.changed = threading.Condition(threading.RLock())

    def put(self, document: Json) -> None:
        """Create or change an object."""
        with self.changed:
            key = _key(document)
            what = "MODIFIED" if key in self.objects else "ADDED"
            self._log(what, key, document)

    def delete(self, document: Json) -> None:
        """Delete an object."""
        with self.changed:
            self._log("DELETED", _key(document), self.objects[_key(document)])

    def _log(self, what: str, key: Key, document: Json) -> None:
        self.version += 1
        stored = copy.deepcopy(document)
        stored["metadata"]["resourceVersion"] = str(self.version)
        self.log.append((self.version, what, stored))
        if what == "DELETED":
            del self.objects[key]
        else:
            self.objects[key] = stored
        self.history[self.version] = dict(self.objects)
        self.changed.notify_all()

    def compact(self) -> None:
        """Forget the past."""
        with self.changed:
            self.compacted = self.version

    def roll_back(self, version: int) -> None:
        """Put back a backup: the versions after it never were."""
        with self.changed:
            self.version, self.objects = version, dict(self.history[version])
            self.log = [entry for entry in self.log if entry[0] <= version]
            self.history = {v: state for v, state in self.history.items() if v <= version}
            self.compacted = min(self.compacted, version)
            self.epoch += 1
            self.changed.notify_all()

    def answer(self, path: str, query: dict[str, str]) -> Reply:
        """What the server says."""
        with self.changed:
            if path == "/apis":
                return _json({"groups": [_group(version) for version in self.groups]})
            if path == "/apis/extensions/v1beta1":
                return _json({"resources": [{"name": "networkpolicies"}, {"name": "networkpolicies/status"}]})
            kind = PATHS.get(path)
            if kind is None or (path.startswith("/apis") and not any(path[6:].startswith(g) for g in self.groups)):
                return refuse(404, "the server could not find the requested resource")
            if query.get("watch") == "true":
                return self._watch(kind, query)
            return self._list(kind, query)

    def _list(self, kind: str, query: dict[str, str]) -> Reply:
        asked = query.get("resourceVersion", "")
        if asked:
            version = self.version if self.memory is None else self.memory
            if int(asked) > version:
                return refuse(504, "Too large resource version", cause="ResourceVersionTooLarge")
            return _list(kind, self._items(kind, version), str(version))
        begin, version = 0, self.version
        if token := query.get("continue"):
            version, begin = (int(part) for part in token.split(":"))
            if version < self.compacted:
                return refuse(410, "The provided continue parameter is too old")
        items = self._items(kind, version)
        limit = int(query.get("limit", len(items) or 1))
        more = f"{version}:{begin + limit}" if begin + limit < len(items) else ""
        return _list(kind, items[begin : begin + limit], str(version), more)

    def _items(self, kind: str, version: int) -> list[Json]:
        state = self.history[max(v for v in self.history if v <= version)]
        return [{k: v for k, v in document.items() if k != "kind"} for key, document in sorted(state.items())
                if key[0] == kind]  # fmt: skip

    def _watch(self, kind: str, query: dict[str, str]) -> Reply:
        asked = query.get("resourceVersion", "")
        stream = query.get("sendInitialEvents") == "true"
        if stream and self.streams == "no":
            return refuse(422, "sendInitialEvents is forbidden for watch")
        if stream:
            version = self.version if not asked or self.memory is None else self.memory
            if asked and int(asked) > version:
                return refuse(504, "Too large resource version", cause="ResourceVersionTooLarge")
            return Reply(body=self._stream(kind, version, ends=self.streams == "yes"))
        if int(asked) < self.compacted:
            return Reply(body=iter([_line("ERROR", status(410, "too old resource version"))]))
        return Reply(body=self._events(kind, int(asked)))

    def _stream(self, kind: str, version: int, *, ends: bool) -> Iterator[bytes | None]:
        for item in self._items(kind, version):
            yield _line("ADDED", {"kind": kind, **item})
        if ends:
            meta = {"resourceVersion": str(version), "annotations": {"k8s.io/initial-events-end": "true"}}
            yield _line("BOOKMARK", {"kind": kind, "metadata": meta})
        yield from self._events(kind, version)

    def _events(self, kind: str, since: int) -> Iterator[bytes | None]:
        epoch = self.epoch
        while epoch == self.epoch:
            with self.changed:
                news = [entry for entry in self.log if entry[0] > since]
                since = max(since, self.version)
            for _, what, document in news:
                if document["kind"] == kind:
                    yield _line(what, document)
            yield None

    def bookmark(self, kind: str) -> bytes:
        """A line that says only how far the watch has come."""
        return _line("BOOKMARK", {"kind": kind, "metadata": {"resourceVersion": str(self.version)}})


def _key(document: Json) -> Key:
    metadata = document["metadata"]
    return document["kind"], metadata.get("namespace", ""), metadata["name"]


def _group(version: str) -> Json:
    return {"name": version.partition("/")[0], "versions": [{"groupVersion": version}]}


def _json(value: Json) -> Reply:
    return Reply(body=iter([json.dumps(value).encode()]))


def _list(kind: str, items: list[Json], version: str, more: str = "") -> Reply:
    metadata = {"resourceVersion": version, **({"continue": more} if more else {})}
    return _json({"kind": f"{kind}List", "metadata": metadata, "items": items})


def _line(what: str, document: Json) -> bytes:
    return json.dumps({"type": what, "object": document}).encode() + b"\n"


line = _line
