"""The store behind real HTTP on loopback, with whatever can go wrong on the way put in by the test."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.kube.client import kubeconfig
from tests.unit.adapters.kube.world import PATHS, Reply, World

Fault = Callable[["Handler", Reply], None]
"""Takes over an answer."""


class Server(ThreadingHTTPServer):
    """Serves a world. `faults` has for each kind what goes wrong with its next requests, one after the other."""

    daemon_threads = True
    request_queue_size = 32

    def __init__(self, world: World, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.world = world
        self.faults: dict[str, list[tuple[str, Fault]]] = {}
        self.asked: list[tuple[str, dict[str, str], str]] = []
        """Path, query and Authorization of every request."""
        self.closing = False
        self._sockets: set[socket.socket] = set()
        self.token = ""
        """What must be in Authorization, if anything."""
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fail(self, kind: str, fault: Fault, *, when: str = "") -> None:
        """Have the next request for a kind go wrong whose query matches the pattern `when`."""
        self.faults.setdefault(kind, []).append((when, fault))

    def fault(self, path: str, query: str) -> Fault | None:
        """What is to go wrong with this request."""
        waiting = self.faults.get(PATHS.get(path, path), [])
        if waiting and re.search(waiting[0][0], query):
            return waiting.pop(0)[1]
        return None

    def start(self) -> Server:
        """Serve."""
        self._thread.start()
        return self

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection."""
        self._sockets.add(request)
        super().process_request(request, client_address)

    def cut(self) -> None:
        """Break every connection."""
        for one in tuple(self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()

    def end(self) -> None:
        """Break every connection and take no more."""
        self.closing = True
        self.shutdown()
        self.server_close()
        self.cut()
        self._thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is what the test wanted."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        """Answer a request, or do what is to go wrong."""
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        self.server.asked.append((url.path, query, self.headers.get("Authorization", "")))
        fault = self.server.fault(url.path, url.query)
        if self.server.token and self.headers.get("Authorization") != self.server.token:
            reply = Reply(401, iter([b'{"code": 401, "message": "Unauthorized"}']))
        else:
            reply = self.server.world.answer(url.path, query)
        (fault or Handler.send)(self, reply)

    def begin(self, reply: Reply) -> None:
        """Send the head of an answer."""
        self.send_response(reply.code)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        """Send a part of it."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def send(self, reply: Reply) -> None:
        """Send all of it; a watch lasts as long as the server."""
        self.begin(reply)
        for data in reply.body:
            if data is not None:
                self.chunk(data)
            elif self.server.closing:
                return
            else:
                with self.server.world.changed:
                    self.server.world.changed.wait(0.01)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def instead(reply: Callable[[], Reply]) -> Fault:
    """Answer something else."""
    return lambda handler, _: handler.send(reply())


def drop(handler: Handler, _: Reply) -> None:
    """Break the connection without an answer."""
    handler.connection.shutdown(socket.SHUT_RDWR)


def hang(seconds: float) -> Fault:
    """Say nothing, and keep the connection."""

    def act(handler: Handler, _: Reply) -> None:
        wait(lambda: handler.server.closing, seconds=seconds)

    return act


def silent(seconds: float) -> Fault:
    """Begin an answer, and say nothing more."""

    def act(handler: Handler, reply: Reply) -> None:
        handler.begin(reply)
        wait(lambda: handler.server.closing, seconds=seconds)

    return act


def cut_after(count: int, *, part: float = 1.0, in_order: bool = False) -> Fault:
    """Break off after so many parts of the answer, of the last of which only a part is sent; or end it in order."""

    def act(handler: Handler, reply: Reply) -> None:
        handler.begin(reply)
        for number, data in enumerate((d for d in reply.body if d is not None), start=1):
            last = number >= count
            handler.chunk(data[: max(1, int(len(data) * part))] if last else data)
            if last:
                break
        if in_order:
            handler.wfile.write(b"0\r\n\r\n")
        else:
            handler.connection.shutdown(socket.SHUT_RDWR)

    return act


def then(*lines: bytes) -> Fault:
    """Begin the answer, send these lines instead of what is in it, and end."""
    return instead(lambda: Reply(200, iter(lines)))


def wait(condition: Callable[[], bool], *, seconds: float = 10.0) -> bool:
    """Wait until something is so; whether it is."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.005)
    return True


@contextlib.contextmanager
def serving(world: World, port: int = 0) -> Iterator[Server]:
    """A server, ended after use."""
    server = Server(world, port).start()
    try:
        yield server
    finally:
        server.end()


def write_kubeconfig(path: Path, url: str, token: str = "t") -> Path:
    """A file that leads to a server."""
    path.write_text(kubeconfig(url, token=token, ca=Path("unused")))
    return path
