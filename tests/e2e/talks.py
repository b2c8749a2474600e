"""Connections that stay open between two pods, of which one end speaks: whether what it says still arrives."""

from __future__ import annotations

import itertools
import socket
import struct
import time
from collections.abc import Callable

from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.rawpackets import echo_request

HEARD_WITHIN = 2.0
SILENT_FOR = 0.3
"""Seconds; on one machine a packet takes less than one millisecond."""
_RESET = struct.pack("ii", 1, 0)
_numbers = itertools.count(1)


class Talk:
    """From a client to a server; whoever `speaks` sends, the other end listens. Closes with `with`."""

    def __init__(self, lab: Lab, client: str, server: str, version: int) -> None:
        self.client, self.server = client, server
        self.family = socket.AF_INET if version == 4 else socket.AF_INET6
        self.source, self.destination = lab.pod(client).place(version).address, lab.pod(server).place(version).address
        self._lab = lab
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Talk:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._sockets:
            each.close()

    def open(self) -> None:
        """Make the connection."""
        raise NotImplementedError

    def send(self, said: bytes) -> None:
        """The speaking end."""
        raise NotImplementedError

    def receive(self) -> bytes:
        """The listening end; raises TimeoutError."""
        raise NotImplementedError

    def made(self, end: str, kind: int, protocol: int = 0) -> socket.socket:
        """A socket that goes with this talk."""
        made = self._lab.socket(end, self.family, kind, protocol)
        self._sockets.append(made)
        return made

    def speak(self, *, patience: float = HEARD_WITHIN) -> bool:
        """Say something new; whether it was heard."""
        said = struct.pack("!Q", next(_numbers))
        self.send(said)
        deadline = time.monotonic() + patience
        while (left := deadline - time.monotonic()) > 0:
            for each in self._sockets:
                each.settimeout(left)
            try:
                if self.receive().endswith(said):
                    return True
            except (TimeoutError, ConnectionRefusedError):
                pass
        return False

    def is_silent(self) -> bool:
        """Say something that must not be heard."""
        return not self.speak(patience=SILENT_FOR)


class Tcp(Talk):
    """The client speaks."""

    port = 8080

    def open(self) -> None:
        """Connect and accept."""
        listener = self.made(self.server, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.destination, self.port))
        listener.listen()
        listener.settimeout(HEARD_WITHIN)
        self.calling = self.made(self.client, socket.SOCK_STREAM)
        self.calling.settimeout(HEARD_WITHIN)
        self.calling.connect((self.destination, self.port))
        self.served, _ = listener.accept()
        self._sockets.append(self.served)
        for end in (self.calling, self.served):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, said: bytes) -> None:
        """The client."""
        self.calling.send(said)

    def receive(self) -> bytes:
        """The server."""
        return self.served.recv(1 << 16)


class TcpFromServer(Tcp):
    """The server speaks."""

    port = 8081

    def send(self, said: bytes) -> None:
        """The server."""
        self.served.send(said)

    def receive(self) -> bytes:
        """The client."""
        return self.calling.recv(1 << 16)


class IdleTcp(Tcp):
    """The client speaks, and says nothing until the test has it speak."""

    port = 8082


class UdpReplies(Talk):
    """The client asks once, then the server speaks."""

    port = 5353

    def open(self) -> None:
        """Ask, until it is heard."""
        self.serving = self.made(self.server, socket.SOCK_DGRAM)
        self.serving.bind((self.destination, self.port))
        self.calling = self.made(self.client, socket.SOCK_DGRAM)
        self.calling.bind((self.source, 0))
        self.calling.connect((self.destination, self.port))
        self.calling.send(b"?")
        self.serving.settimeout(HEARD_WITHIN)
        _, self.peer = self.serving.recvfrom(64)

    def send(self, said: bytes) -> None:
        """The server."""
        self.serving.sendto(said, self.peer)

    def receive(self) -> bytes:
        """The client."""
        return self.calling.recv(64)


class Echo(Talk):
    """The client sends echo requests; heard is what has been answered."""

    def open(self) -> None:
        """A raw socket, with an identifier of its own."""
        protocol = socket.IPPROTO_ICMP if self.family == socket.AF_INET else socket.IPPROTO_ICMPV6
        self.pinging = self.made(self.client, socket.SOCK_RAW, protocol)
        self.pinging.connect((self.destination, 0))
        self.identifier = next(_numbers) & 0xFFFF

    def send(self, said: bytes) -> None:
        """An echo request."""
        version = 4 if self.family == socket.AF_INET else 6
        self.pinging.send(echo_request(version, self.identifier, 1, said))

    def receive(self) -> bytes:
        """What the kernel hears from the server; a request never comes from there."""
        return self.pinging.recv(2048)


TALKS: tuple[Callable[[Lab, str, str, int], Talk], ...] = (Tcp, TcpFromServer, IdleTcp, UdpReplies, Echo)
