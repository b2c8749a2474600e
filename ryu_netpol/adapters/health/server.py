"""HTTP for probes, Prometheus and `ryu-netpol status`: reading only, in threads of its own."""

from __future__ import annotations

import ipaddress
import logging
import socket
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol

from ryu_netpol.adapters.health.pages import Answer

_LOG = logging.getLogger(__name__)
POLL = 0.2
"""Seconds that an end may take to be noticed."""


class AddressError(OSError):
    """The address cannot be listened at; one sentence."""


class Answers(Protocol):
    """What answers requests."""

    def __call__(self, path: str, *, local: bool) -> Answer:
        """The answer for a path."""


class HealthServer:
    """Listens from its making, answers from start() to stop()."""

    def __init__(self, host: str, port: int, pages: Answers) -> None:
        """Port 0: one that is free. Raises AddressError."""
        try:
            self._server = _Server(host, port, pages)
        except OSError as error:
            raise AddressError(f"--metrics-bind {host}:{port}: {error.strerror or error}") from error
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(POLL,), name="health", daemon=True)

    def start(self) -> None:
        """Answer."""
        self._thread.start()

    def stop(self) -> None:
        """End; an answer that is on its way is not waited for."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    # Not http.server's own: it asks the resolver for this machine's name before it listens.
    allow_reuse_address = True
    daemon_threads = True

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
