"""Running streams between pods, in a process of their own: whatever the test does meanwhile disturbs no packet.

Every packet has a number, and is remembered with the times (monotonic) at which it was sent and at which it arrived.
One process holds both ends of every stream: sockets live in the pods' namespaces, wherever the process is.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import selectors
import socket
import struct
import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from ryu_netpol.lab.namespace import open_socket

EVERY = 0.02
"""Seconds between two packets of a stream in one direction."""
BUFFER = 1 << 22
PATIENCE = 3.0
_SNDBUFFORCE, _RCVBUFFORCE = 32, 33  # asm-generic/socket.h
_NUMBER = struct.Struct("!Q8x")
_RESET = struct.pack("ii", 1, 0)
# Offsets in struct tcp_info (linux/tcp.h): tcpi_total_retrans and tcpi_dsack_dups.
_RETRANSMITTED, _SPURIOUS = (100, "I"), (216, "I")


class Kind(StrEnum):
    """What runs. Each is a connection from the client to the server."""

    TCP = "TCP"
    """Messages in both directions."""
    UDP = "UDP"
    """Requests, each with a reply."""
    REPLIES = "REPLIES"
    """One UDP request, then replies without end."""
    ICMP = "ICMP"
    """Echo requests; a packet has arrived when its reply has."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A stream: where its ends are."""

    number: int
    kind: Kind
    client: str
    """Name of the namespace."""
    source: str
    server: str
    destination: str
    port: int

    @property
    def family(self) -> socket.AddressFamily:
        """Of both ends."""
        return socket.AF_INET6 if ":" in self.source else socket.AF_INET


@dataclass(slots=True)
class Track:
    """One direction of a stream. The n-th entries are those of packet n; what never arrived has no time but 0."""

    stream: int
    sent: array[float] = field(default_factory=lambda: array("d"))
    received: array[float] = field(default_factory=lambda: array("d"))

    def next(self) -> bytes:
        """The next packet; it counts as sent."""
        self.sent.append(time.monotonic())
        self.received.append(0.0)
        return _NUMBER.pack(len(self.sent) - 1)

    def arrived(self, packet: bytes) -> None:
        """A packet has come in."""
        (number,) = _NUMBER.unpack(packet)
        self.received[number] = self.received[number] or time.monotonic()


class Stream:
    """Both ends of a stream that is open."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.out, self.back = Track(spec.number), Track(spec.number)
        self.readable: dict[socket.socket, Callable[[], None]] = {}

    def _socket(self, netns: str, kind: int, protocol: int = 0) -> socket.socket:
        made = open_socket(netns, self.spec.family, kind, protocol)
        # A machine with other work to do reads late: it must not be the buffer that loses a packet.
        made.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, BUFFER)
        made.setsockopt(socket.SOL_SOCKET, _SNDBUFFORCE, BUFFER)
        return made

    def tick(self) -> None:
        """Send what is due."""
        raise NotImplementedError

    def retransmitted(self) -> tuple[int, int]:
        """How many TCP segments were sent again, and how many of these in vain: the first had not been lost."""
        return 0, 0

    def close(self) -> None:
        """Close both ends, and leave nothing behind that still sends."""
        for each in self.readable:
            each.close()


class Tcp(Stream):
    """Messages both ways."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._client = self._socket(spec.client, socket.SOCK_STREAM)
        with self._socket(spec.server, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((spec.destination, spec.port))
            listener.listen()
            listener.settimeout(PATIENCE)
            self._client.settimeout(PATIENCE)
            self._client.bind((spec.source, 0))
            try:
                self._client.connect((spec.destination, spec.port))
                self._server, _ = listener.accept()
            except OSError:
                self._client.close()
                raise
        for end, track in ((self._client, self.back), (self._server, self.out)):
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.readable[end] = _messages(end, track)

    def tick(self) -> None:
        """One message each way, as long as the kernel takes them."""
        for end, track in ((self._client, self.out), (self._server, self.back)):
            with contextlib.suppress(OSError):
                end.send(track.next())

    def retransmitted(self) -> tuple[int, int]:
        """As the kernel counts them (TCP_INFO): all, and those that the other end had already (DSACK)."""
        infos = [end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232) for end in (self._client, self._server)]
        total, spurious = (
            sum(struct.unpack_from(code, info, offset)[0] for info in infos)
            for offset, code in (_RETRANSMITTED, _SPURIOUS)
        )
        return total, spurious


def _messages(end: socket.socket, track: Track) -> Callable[[], None]:
    """Reads what has come over a byte stream, message by message."""
    rest = bytearray()

    def read() -> None:
        with contextlib.suppress(OSError):
            while chunk := end.recv(1 << 16):
                rest.extend(chunk)
        while len(rest) >= _NUMBER.size:
            track.arrived(bytes(rest[: _NUMBER.size]))
            del rest[: _NUMBER.size]

    return read


class Udp(Stream):
    """A socket at either end; the client knows the server, the server learns of the client by its first request."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.client = self._socket(spec.client, socket.SOCK_DGRAM)
        self.server = self._socket(spec.server, socket.SOCK_DGRAM)
        self.server.bind((spec.destination, spec.port))
        self.client.bind((spec.source, 0))
        self.client.connect((spec.destination, spec.port))
        for end in (self.client, self.server):
            end.setblocking(False)
        self.peer: Any = None
        self.readable = {self.client: self._reply_came, self.server: self._request_came}

    def _reply_came(self) -> None:
        for packet, _ in _datagrams(self.client):
            self.back.arrived(packet)

    def _request_came(self) -> None:
        for packet, peer in _datagrams(self.server):
            self.peer = peer
            self.out.arrived(packet)
            self.reply()

    def ask(self) -> None:
        """The client sends."""
        with contextlib.suppress(OSError):
            self.client.send(self.out.next())

    def reply(self) -> None:
        """The server sends to the last who asked."""
        if self.peer is not None:
            with contextlib.suppress(OSError):
                self.server.sendto(self.back.next(), self.peer)


class RequestsAndReplies(Udp):
    """The client asks at every tick."""

    def tick(self) -> None:
        """Ask."""
        self.ask()


class RepliesAlone(Udp):
    """The client asks once; from then on the server sends at every tick."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.ask()

    def tick(self) -> None:
        """Reply to what was asked long ago."""
        self.reply()


class Icmp(Stream):
    """Echo requests from a ping socket; the server's kernel answers."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        version6 = spec.family == socket.AF_INET6
        protocol = socket.IPPROTO_ICMPV6 if version6 else socket.IPPROTO_ICMP
        self._client = self._socket(spec.client, socket.SOCK_DGRAM, protocol)
        self._client.bind((spec.source, 0))
        self._client.connect((spec.destination, 0))
        self._client.setblocking(False)
        self._type = 128 if version6 else 8
        self.readable = {self._client: self._reply_came}

    def _reply_came(self) -> None:
        for packet, _ in _datagrams(self._client):
            self.out.arrived(packet[8:])

    def tick(self) -> None:
        """Ask. The kernel fills in checksum and identifier (icmp(7))."""
        packet = self.out.next()
        with contextlib.suppress(OSError):
            self._client.send(struct.pack("!BBHHH", self._type, 0, 0, 0, len(self.out.sent) & 0xFFFF) + packet)


def _datagrams(end: socket.socket) -> Iterator[tuple[bytes, Any]]:
    with contextlib.suppress(OSError):
        while True:
            yield end.recvfrom(2048)


STREAMS: dict[Kind, type[Stream]] = {
    Kind.TCP: Tcp,
    Kind.UDP: RequestsAndReplies,
    Kind.REPLIES: RepliesAlone,
    Kind.ICMP: Icmp,
}


class Loop:
    """The process: streams that tick one after the other, and what the test wants."""

    def __init__(self, wishes: Connection) -> None:
        self._wishes = wishes
        self._selector = selectors.DefaultSelector()
        self._selector.register(wishes, selectors.EVENT_READ, self._wish)
        self._streams: dict[int, Stream] = {}
        self._due: dict[int, float] = {}
        self._tracks: list[Track] = []
        self._ended = False

    def run(self) -> None:
        """Until it is told to stop."""
        while not self._ended:
            for key, _ in self._selector.select(EVERY / 20):
                key.data()
            now = time.monotonic()
            for number, stream in self._streams.items():
                if now >= self._due[number]:
                    # After a pause it does not catch up: that would be a burst.
                    self._due[number] = max(self._due[number] + EVERY, now)
                    stream.tick()

    def _wish(self) -> None:
        name, *arguments = self._wishes.recv()
        self._wishes.send(getattr(self, name)(*arguments))

    def open(self, spec: Spec) -> str:
        """Open a stream; returns what went wrong."""
        try:
            stream = STREAMS[spec.kind](spec)
        except OSError as error:
            return str(error) or "timed out"
        self._streams[spec.number] = stream
        self._due[spec.number] = time.monotonic() + EVERY * (spec.number % 20) / 20
        self._tracks += [stream.out, stream.back]
        for end, read in stream.readable.items():
            self._selector.register(end, selectors.EVENT_READ, read)
        return ""

    def close(self, number: int) -> None:
        """Close a stream."""
        stream = self._streams.pop(number)
        for end in stream.readable:
            self._selector.unregister(end)
        stream.close()

    def retransmitted(self) -> dict[int, tuple[int, int]]:
        """Of every open TCP stream."""
        return {number: stream.retransmitted() for number, stream in self._streams.items()}

    def silence(self, numbers: Iterable[int]) -> float:
        """Let these send nothing any more; returns since when."""
        self._due |= dict.fromkeys(numbers, float("inf"))
        return time.monotonic()

    def stop(self) -> list[Track]:
        """Close everything; returns all tracks."""
        for number in list(self._streams):
            self.close(number)
        self._ended = True
        return self._tracks


def serve(wishes: Connection) -> None:
    """The process's main function."""
    Loop(wishes).run()


class Traffic:
    """The process, as the test sees it: a context manager whose methods are those of Loop."""

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        self._wishes, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        # After stop() it ends by itself; otherwise the test has failed.
        self._process.join(timeout=None if kind is None else 0.1)
        self._process.kill()
        self._process.join()
        self._process.close()
        self._wishes.close()

    def _ask(self, *wish: Any) -> Any:
        self._wishes.send(wish)
        return self._wishes.recv()

    def open(self, spec: Spec) -> str:
        """Open a stream; returns what went wrong."""
        return str(self._ask("open", spec))

    def close(self, number: int) -> None:
        """Close a stream."""
        self._ask("close", number)

    def retransmitted(self) -> dict[int, tuple[int, int]]:
        """TCP segments sent again so far by both ends of every open stream, and how many of these in vain."""
        found: dict[int, tuple[int, int]] = self._ask("retransmitted")
        return found

    def silence(self, numbers: Iterable[int]) -> float:
        """Let these send nothing any more; returns since when (monotonic). What is under way still arrives."""
        return float(self._ask("silence", list(numbers)))

    def stop(self) -> list[Track]:
        """End it; returns what became of every packet."""
        found: list[Track] = self._ask("stop")
        return found
