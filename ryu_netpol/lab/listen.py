"""The answering end of probes: listeners in the namespaces of the destinations, in this process.

Every listener answers with the name of its place, so that a probe knows who answered, not only that somebody did. ICMP
needs none: the kernel of the destination answers echo requests.

Listeners bind to the one address that is probed, so that a host with several addresses answers from the right one.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from dataclasses import dataclass

from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.namespace import open_socket
from ryu_netpol.lab.rawpackets import SCTP_INIT, SctpInit, without_ip_header

# Not in Python's socket module: binding before the address is usable (IPv6 duplicate address detection).
IP_FREEBIND = 15
IPV6_FREEBIND = 78


@dataclass(frozen=True, slots=True)
class Place:
    """An end of a probe: where the socket is made, its address, and the name that it answers with."""

    name: str
    netns: str
    address: str

    @property
    def version(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.address else 4

    @property
    def family(self) -> socket.AddressFamily:
        """The socket family."""
        return socket.AF_INET6 if self.version == 6 else socket.AF_INET


@dataclass(frozen=True, slots=True)
class Listener:
    """Something that answers: a place, a protocol (TCP, UDP, SCTP) and a port."""

    place: Place
    protocol: str
    port: int


class Listeners:
    """Open listeners, answering while the event loop runs; an async context manager that closes them."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._tasks: list[asyncio.Task[None]] = []
        # One raw socket sees every SCTP packet to its address: one per place, with all its ports.
        self._sctp_ports: dict[Place, set[int]] = {}

    async def __aenter__(self) -> Listeners:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        loop = asyncio.get_running_loop()
        for listening in self._sockets:
            loop.remove_reader(listening)
            listening.close()

    def ensure(self, listener: Listener) -> None:
        """Answer there from now on. A port that a program of the user already serves is left to that program."""
        loop = asyncio.get_running_loop()
        place = listener.place
        if listener.protocol == "SCTP":
            known = place in self._sctp_ports
            self._sctp_ports.setdefault(place, set()).add(listener.port)
            if not known and (raw := self._bind(place, socket.SOCK_RAW, socket.IPPROTO_SCTP, 0)) is not None:
                loop.add_reader(raw, self._answer_sctp, raw, place)
        elif listener.protocol == "UDP":
            if (udp := self._bind(place, socket.SOCK_DGRAM, 0, listener.port)) is not None:
                loop.add_reader(udp, _answer_udp, udp, f"{place.name} {listener.port}".encode())
        elif listener.protocol == "TCP":
            if (tcp := self._bind(place, socket.SOCK_STREAM, 0, listener.port)) is not None:
                tcp.listen(256)
                self._tasks.append(loop.create_task(_serve_tcp(tcp, f"{place.name} {listener.port}".encode())))
        else:
            raise LabError(f"Probes know TCP, UDP, SCTP and ICMP, not {listener.protocol}.")

    def _bind(self, place: Place, kind: int, protocol: int, port: int) -> socket.socket | None:
        opened = open_socket(place.netns, place.family, kind, protocol)
        try:
            opened.setblocking(False)
            if kind == socket.SOCK_STREAM:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if place.version == 6:
                opened.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
            else:
                opened.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
            opened.bind((place.address, port))
        except OSError as error:
            opened.close()
            if error.errno == errno.EADDRINUSE:
                return None
            raise LabError(
                f"Cannot listen on {place.address} port {port} in {place.name}: {error.strerror}."
            ) from error
        self._sockets.append(opened)
        return opened

    def _answer_sctp(self, raw: socket.socket, place: Place) -> None:
        with contextlib.suppress(OSError):
            packet, sender = raw.recvfrom(65535)
            init = SctpInit.decode(without_ip_header(place.version, packet))
            if init is not None and init.kind == SCTP_INIT and init.destination_port in self._sctp_ports[place]:
                raw.sendto(init.answer(f"{place.name} {init.destination_port}").encode(), (sender[0], 0))


def _answer_udp(udp: socket.socket, answer: bytes) -> None:
    # An error here is an ICMP message about an earlier answer: of no interest, the asker has its own timeout.
    with contextlib.suppress(OSError):
        _, sender = udp.recvfrom(65535)
        udp.sendto(answer, sender)


async def _serve_tcp(listening: socket.socket, answer: bytes) -> None:
    loop = asyncio.get_running_loop()
    while True:
        connection, _ = await loop.sock_accept(listening)
        with connection, contextlib.suppress(OSError):
            # Short enough for an empty send buffer: it never blocks.
            connection.send(answer)
