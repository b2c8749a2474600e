"""Traffic between two network namespaces, by ordinary sockets: a stream, connections, single packets."""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import struct
import threading
from time import perf_counter

from ryu_netpol.bench.bench import BenchError
from ryu_netpol.bench.pair import SERVER_PORT, STREAM_PORT
from ryu_netpol.lab.namespace import inside, open_socket

_AT_ONCE = 64
"""So many connections are being opened at any moment."""
_QUEUE = 4096
_PATIENCE = 5.0
_TICK = 0.1
_CHUNK = 1 << 18
_OWN_PORTS = 20_000
"""The first of the ports that the kernel gives to nobody by itself."""
_RESET = struct.pack("ii", 1, 0)


class Line:
    """From a client to a server that accepts and swallows, and echoes UDP. A context manager."""

    def __init__(self, client: str, server: str, address: str) -> None:
        self._client, self._netns, self._address = client, server, address
        self._swallowed = 0
        self._numbers = itertools.count(_OWN_PORTS)

    def __enter__(self) -> Line:
        self._listening = open_socket(self._netns, socket.AF_INET, socket.SOCK_STREAM)
        self._listening.bind((self._address, STREAM_PORT))
        self._listening.setblocking(False)
        self._listening.listen(_QUEUE)
        self._echo = open_socket(self._netns, socket.AF_INET, socket.SOCK_DGRAM)
        self._echo.bind((self._address, SERVER_PORT))
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._accept, self._answer)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self._listening, self._echo):
            # Closing alone does not wake who waits.
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        # A connection whose reset was lost stays open: it must not keep others waiting.
        accepted: dict[int, socket.socket] = {}
        with select.epoll() as poll:
            poll.register(self._listening, select.EPOLLIN)
            while self._listening.fileno() >= 0:
                for number, _ in poll.poll(_TICK):
                    if number in accepted:
                        if not self._swallow(accepted[number]):
                            accepted.pop(number).close()
                        continue
                    # All of them: a queue that is full loses SYNs, which are sent again a second later.
                    with contextlib.suppress(OSError):
                        while True:
                            connection, _ = self._listening.accept()
                            connection.setblocking(False)
                            accepted[connection.fileno()] = connection
                            poll.register(connection, select.EPOLLIN)
        for connection in accepted.values():
            connection.close()

    def _swallow(self, connection: socket.socket) -> int:
        try:
            received = len(connection.recv(_CHUNK))
        except OSError:
            return 0
        self._swallowed += received
        return received

    def _answer(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, source = self._echo.recvfrom(64)
                if not data:
                    return
                self._echo.sendto(data, source)

    def stream(self, seconds: float) -> float:
        """MiB/s of one TCP stream that come out at the other end.

        From a port that none of the connections of `open` had: with bare tables, too, Open vSwitch takes a stream for
        one of those a time in a hundred, and drops what it says as invalid.
        """
        data = bytes(_CHUNK)
        with open_socket(self._client, socket.AF_INET, socket.SOCK_STREAM) as sender:
            sender.settimeout(_PATIENCE)
            sender.bind(("", next(self._numbers)))
            sender.connect((self._address, STREAM_PORT))
            started, before = perf_counter(), self._swallowed
            while perf_counter() < started + seconds:
                sender.sendall(data)
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            return (self._swallowed - before) / (perf_counter() - started) / (1 << 20)

    def open(self, seconds: float) -> float:
        """How many TCP connections a second are established, and reset at once.

        One whose SYN was lost is given up: the kernel would send it again a second later, and all would wait for it.
        """
        poll, waiting, done = select.epoll(), dict[int, tuple[socket.socket, float]](), 0
        started = now = perf_counter()
        try:
            while now < started + seconds:
                with inside(self._client):
                    for end in (self._opening() for _ in range(_AT_ONCE - len(waiting))):
                        waiting[end.fileno()] = end, now
                        poll.register(end, select.EPOLLOUT)
                for number, _ in poll.poll(_TICK):
                    end, _ = waiting.pop(number)
                    done += end.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
                    end.close()
                now = perf_counter()
                for number in [number for number, (_, since) in waiting.items() if now > since + _TICK]:
                    waiting.pop(number)[0].close()
            if not done:
                raise BenchError("no connection was established")
            return done / (now - started)
        finally:
            poll.close()
            for end, _ in waiting.values():
                end.close()

    def _opening(self) -> socket.socket:
        end = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        end.connect_ex((self._address, STREAM_PORT))
        return end

    def echo(self) -> float:
        """Seconds until a packet of a new connection is back."""
        with open_socket(self._client, socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.settimeout(_PATIENCE)
            end.bind(("", next(self._numbers)))
            started = perf_counter()
            end.sendto(b"first", (self._address, SERVER_PORT))
            try:
                end.recv(64)
            except TimeoutError as error:
                raise BenchError("a first packet was not answered") from error
            return perf_counter() - started
