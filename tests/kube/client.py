"""A small client of an API server, which any object goes through as it is, right or wrong."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

Object = Mapping[str, Any]
PATIENCE = 60.0
"""Seconds that an answer may take."""
IDLE = 20.0
"""Seconds after which a connection is not used again: servers hang up on who is silent for long."""
_MERGE, _APPLY = "merge-patch+json", "apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said to one request."""

    code: int
    body: dict[str, Any]


class Refused(Exception):
    """The server answered with an error; `answer` has it."""

    def __init__(self, asked: str, answer: Answer) -> None:
        super().__init__(f"{asked}: {answer.code} {answer.body.get('message', '')}")
        self.answer = answer


class Client:
    """One connection to an API server, made anew where it was lost. For one thread at a time."""

    def __init__(self, address: str, *, token: str, ca: Path) -> None:
        url = urlsplit(address)
        tls = ssl.create_default_context(cafile=str(ca))
        self._connection = http.client.HTTPSConnection(url.hostname or "", url.port, timeout=PATIENCE, context=tls)
        self._token = token
        self._known: dict[tuple[str, str], tuple[str, bool]] = {}
        self._used = 0.0

    def close(self) -> None:
        """Hang up; the next request connects again."""
        self._connection.close()

    def request(self, method: str, path: str, body: bytes | None = None, *, content: str = "json") -> Answer:
        """Ask once. Raises OSError or HTTPException where there is no answer."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": f"application/{content}"}
        if time.monotonic() > self._used + IDLE:
            self.close()
        self._used = time.monotonic()
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        return Answer(response.status, json.loads(text) if text.startswith(b"{") else {"message": text.decode()})

    def ask(self, method: str, path: str, value: Object | None = None, *, content: str = "json") -> dict[str, Any]:
        """The body of the answer. Raises Refused where it is an error, and what `request` raises."""
        body = None if value is None else json.dumps(value).encode()
        answer = self.request(method, path, body, content=content)
        if answer.code >= 400:
            raise Refused(f"{method} {path}", answer)
        return answer.body

    def version(self) -> str:
        """The version of the server, as `v1.34.2`."""
        return str(self.ask("GET", "/version")["gitVersion"])

    def path(self, value: Object, *, named: bool = True, status: bool = False) -> str:
        """Where an object lives: apiVersion, kind, namespace and name say it, and discovery how the kind is spelled."""
        plural, namespaced = self._kind(value["apiVersion"], value["kind"])
        metadata = value["metadata"]
        parts = [_root(value["apiVersion"])]
        if namespaced:
            parts += ["namespaces", quote(metadata.get("namespace", "default"), safe="")]
        parts += [plural, *([quote(metadata["name"], safe="")] if named else []), *(["status"] if status else [])]
        return "/".join(parts)

    def _kind(self, api: str, kind: str) -> tuple[str, bool]:
        """How a kind is spelled in addresses, and whether its objects live in namespaces. Raises KeyError."""
        if (api, kind) not in self._known:
            for one in self.ask("GET", _root(api))["resources"]:
                if "/" not in one["name"]:
                    self._known[api, one["kind"]] = (one["name"], one["namespaced"])
        return self._known[api, kind]

    def create(self, value: Object, *, dry_run: bool = False) -> dict[str, Any]:
        """Create an object, of which every field is checked; with `dry_run` the server only says what it would do."""
        query = {"fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}
        return self.ask("POST", f"{self.path(value, named=False)}?{urlencode(query)}", value)

    def get(self, value: Object) -> dict[str, Any]:
        """The object as the server has it; only its apiVersion, kind, namespace and name are looked at."""
        return self.ask("GET", self.path(value))

    def replace(self, value: Object) -> dict[str, Any]:
        """Put an object in the place of the one that has its name, whatever its resourceVersion."""
        return self.ask("PUT", self.path(value), value)

    def apply(self, value: Object, *, dry_run: bool = False) -> dict[str, Any]:
        """Create or change an object, as `kubectl apply --server-side` does; every field is checked."""
        query = {"fieldManager": "tests", "force": "true", "fieldValidation": "Strict"}
        query |= {"dryRun": "All"} if dry_run else {}
        return self.ask("PATCH", f"{self.path(value)}?{urlencode(query)}", value, content=_APPLY)

    def patch(self, value: Object, change: Object) -> dict[str, Any]:
        """Change an object by a merge patch: what is None goes."""
        return self.ask("PATCH", self.path(value), change, content=_MERGE)

    def write_status(self, value: Object, status: Object) -> dict[str, Any]:
        """Change an object's status by a merge patch."""
        return self.ask("PATCH", self.path(value, status=True), {"status": status}, content=_MERGE)

    def delete(self, value: Object) -> None:
        """Delete an object at once. Of a namespace, what is in it goes first: no controller would do that."""
        if value["kind"] == "Namespace":
            self._empty(value)
        self.ask("DELETE", self.path(value), {"gracePeriodSeconds": 0})
        if value["kind"] == "Namespace":
            stays = self.get(value)
            self.ask("PUT", f"{self.path(value)}/finalize", {**stays, "spec": {"finalizers": []}})

    def _empty(self, namespace: Object) -> None:
        name = namespace["metadata"]["name"]
        for api, kind in (("v1", "Pod"), ("networking.k8s.io/v1", "NetworkPolicy")):
            some = {"apiVersion": api, "kind": kind, "metadata": {"namespace": name}}
            self.ask("DELETE", self.path(some, named=False), {"gracePeriodSeconds": 0})


def _root(api: str) -> str:
    return f"/api/{api}" if "/" not in api else f"/apis/{api}"


def reference(api: str, kind: str, name: str) -> dict[str, Any]:
    """What names an object: `reference("v1", "Pod", "shop/web")`, or a name alone for what is in no namespace."""
    namespace, _, last = name.rpartition("/")
    metadata = {"name": last, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata}


def kubeconfig(address: str, *, token: str, ca: Path) -> str:
    """The text of a file that leads to a server with somebody's token."""
    cluster = {"server": address, "certificate-authority": str(ca)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "private", "cluster": cluster}],
        "users": [{"name": "somebody", "user": {"token": token}}],
        "contexts": [{"name": "private", "context": {"cluster": "private", "user": "somebody"}}],
        "current-context": "private",
    }
    return json.dumps(content)  # JSON is YAML
