"""A server that can be written to: objects by their address, statuses apart, as kube-apiserver has them."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterator
from typing import Any

from tests.unit.adapters.kube.server import Fault, Handler, Server
from tests.unit.adapters.kube.world import Json, Reply, World, refuse

GROUP = "/apis/netpol.ryu-netpol.io/v1alpha1"
STATUSES = f"{GROUP}/nodepolicystatuses"


class Writable(World):
    """What is written, beside what the feed can list; nodes can be asked for by name."""

    def __init__(self) -> None:
        super().__init__()
        self.written: dict[str, Json] = {}
        """Objects by address."""
        self.requests: list[tuple[str, str, Any]] = []
        """Method, path and body of everything that was asked."""
        self.crd = True

    def answer(self, path: str, query: dict[str, str]) -> Reply:
        """An object by its address, the list of statuses, or what the feed can ask for."""
        self.requests.append(("GET", path, None))
        if path == STATUSES and self.crd:
            items = [value for key, value in sorted(self.written.items()) if key.startswith(f"{STATUSES}/")]
            return _json({"metadata": {"resourceVersion": str(self.version)}, "items": items})
        if path in self.written and (self.crd or not path.startswith(GROUP)):
            return _json(self.written[path])
        if found := self.named(path):
            return _json(found)
        parts = path.split("/")
        if "namespaces" in parts and path.count("/") in (5, 6):
            return self._of_namespace(parts, query)
        return super().answer(path, query)

    def named(self, path: str) -> Json | None:
        """An object of the world by its address."""
        parts = ["", "", *path.split("/")]
        kind = {"nodes": "Node", "networkpolicies": "NetworkPolicy", "pods": "Pod"}.get(parts[-2], "")
        namespace = parts[-3] if kind != "Node" else ""
        served = not path.startswith("/apis/") or any(path[6:].startswith(group) for group in self.groups)
        return self.objects.get((kind, namespace, parts[-1])) if served else None

    def _of_namespace(self, parts: list[str], query: dict[str, str]) -> Reply:
        """A list of one namespace; labels are not looked at, so that the client must."""
        if parts[-1] != "pods":
            return refuse(404, f'{parts[-2]} "{parts[-1]}" not found')
        items = [value for key, value in sorted(self.objects.items()) if key[:2] == ("Pod", parts[-2])]
        return _json({"metadata": {"resourceVersion": str(self.version)}, "items": items})

    def write(self, method: str, path: str, content: str, body: Json) -> Reply:
        """What the server says to a POST or a PATCH."""
        self.requests.append((method, path, body))
        if path.startswith(GROUP) and not self.crd:
            return refuse(404, "the server could not find the requested resource")
        if method == "POST":
            address = f"{path}/{body['metadata']['name']}"
            if address in self.written:
                return refuse(409, f"{address} already exists")
            self.written[address] = {key: value for key, value in body.items() if key != "status"}
            return _json(body, 201)
        address = path.removesuffix("/status")
        if content != "application/merge-patch+json" or address == path:
            return refuse(415, "statuses are changed by merge patches")
        if address not in self.written:
            return refuse(404, f'"{address}" not found')
        stored = self.written[address]
        stored["status"] = merged(stored.get("status"), body["status"])
        return _json(stored)

    def status(self, node: str) -> Json:
        """The status of a node's object; empty while there is none."""
        return copy.deepcopy(self.written.get(f"{STATUSES}/{node}", {}).get("status", {}))

    def tell(self, node: str, status: Json) -> None:
        """An object with a status, as an agent would have written it."""
        self.written[f"{STATUSES}/{node}"] = {"metadata": {"name": node}, "status": status}

    def events(self) -> list[Json]:
        """All Events."""
        return [value for key, value in self.written.items() if key.startswith("/apis/events.k8s.io/v1/")]

    def asked(self, method: str, part: str = "") -> list[Any]:
        """The bodies of requests of this method, to addresses with this part."""
        return [body for how, path, body in self.requests if how == method and part in path]


def merged(target: Any, patch: Any) -> Any:
    """A merge patch (RFC 7386, section 2)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


class WritingHandler(Handler):
    """One connection; what is to go wrong is found under the method, as `server.fail("PATCH", drop)`."""

    def do_POST(self) -> None:
        """Create an object, or do what is to go wrong."""
        self._write("POST")

    def do_PATCH(self) -> None:
        """Change an object, or do what is to go wrong."""
        self._write("PATCH")

    def _write(self, method: str) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        world = self.server.world
        assert isinstance(world, Writable)
        self.server.asked.append((self.path, {}, self.headers.get("Authorization", "")))
        fault: Fault | None = self.server.fault(method, self.path)
        if fault is not None:
            world.requests.append((method, self.path, body))
            fault(self, Reply())
            return
        if self.server.token not in ("", self.headers["Authorization"]):
            self.send(refuse(401, "Unauthorized"))
            return
        with world.changed:
            reply = world.write(method, self.path, self.headers["Content-Type"], body)
        self.send(reply)


@contextlib.contextmanager
def writing(world: Writable) -> Iterator[Server]:
    """A server, ended after use."""
    server = Server(world)
    server.RequestHandlerClass = WritingHandler  # type: ignore[assignment]
    server.start()
    try:
        yield server
    finally:
        server.end()


def _json(value: Json, code: int = 200) -> Reply:
    return Reply(code, iter([json.dumps(value).encode()]))
