"""HTTP for probes, Prometheus and `ryu-netpol status`: reading only, in threads of its own.

An address that cannot be listened at ends nothing: to enforce policy matters more than to be watched. It is told, and
tried again until it can be.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol

from ryu_netpol.adapters.health.logs import fields
from ryu_netpol.adapters.health.pages import Answer

_LOG = logging.getLogger(__name__)
POLL = 0.2
"""Seconds that an end may take to be noticed."""
AGAIN = 10.0
"""Seconds after which an address is tried again."""


class Answers(Protocol):
    """What answers requests."""

    def __call__(self, path: str, *, local: bool) -> Answer:
        """The answer for a path."""


class HealthServer:
    """Answers from start() to stop(), as soon as it can listen."""

    def __init__(self, host: str, port: int, pages: Answers, *, report: Callable[[str, str], None]) -> None:
        """Port 0: one that is free."""
        self._host, self._port, self._pages, self._report = host, port, pages, report
        self._stopped = threading.Event()
        self._server: _Server | None = None
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    @property
    def port(self) -> int | None:
        """Where it listens; None while it cannot."""
        return self._server.server_address[1] if self._server is not None else None

    def start(self) -> None:
        """Listen, or tell why not."""
        if error := self._listen():
            place = f"[{self._host}]" if ":" in self._host else self._host
            reason = error.strerror or str(error)
            self._report(
                "health_unavailable",
                f"no probes, metrics and status: --metrics-bind {place}:{self._port}: {reason}; tried again every "
                f"{AGAIN:g} s",
            )
        self._thread.start()

    def stop(self) -> None:
        """End; an answer that is on its way is not waited for."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _listen(self) -> OSError | None:
        """Why it cannot, if so."""
        try:
            self._server = _Server(self._host, self._port, self._pages)
        except OSError as error:
            return error
        return None

    def _run(self) -> None:
        while self._server is None and not self._stopped.wait(AGAIN):
            if self._listen() is None:
                _LOG.info("probes, metrics and status are there now", extra=fields("health_available"))
        if self._server is not None:
            with self._server as server:
                while not self._stopped.is_set():
                    server.handle_request()


class _Server(socketserver.ThreadingTCPServer):
    # Not http.server's own: it asks the resolver for this machine's name before it listens.
    allow_reuse_address = True
    daemon_threads = True
    timeout = POLL

    def __init__(self, host: str, port: int, pages: Answers) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.pages = pages
        super().__init__((host, port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Somebody hung up; anything else is a defect of ours. Neither ends the server."""
        gone = isinstance(sys.exception(), OSError)
        _LOG.log(logging.DEBUG if gone else logging.ERROR, "no answer to %s", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10
    """Seconds that somebody may take to say what he wants."""

    def do_GET(self) -> None:
        """Answer."""
        answer = self.server.pages(self.path, local=is_local(str(self.client_address[0])))
        self.send_response(answer.code)
        self.send_header("Content-Type", answer.type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def version_string(self) -> str:
        """Nobody need know our Python."""
        return "ryu-netpol"

    def log_message(self, format: str, *args: object) -> None:
        """Probes come every few seconds: at level debug only."""
        _LOG.debug(format, *args)


def is_local(address: str) -> bool:
    """Whether a peer's address is of this machine's loopback."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback
