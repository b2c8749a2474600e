"""Ten thousand live connections between two pods: UDP packets that are echoed, numbered and timed.

`python -m ryu_netpol.bench.traffic CLIENT-NETNS SERVER-NETNS SERVER-ADDRESS RATE` in a process of its own, one thread,
both ends. Each line on standard input asks for what became of the packets that were sent since the last one; a second
later, when whatever comes has come, a line of JSON answers. Ends with its standard input.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import sys
from contextlib import suppress
from time import perf_counter

from ryu_netpol.bench.pair import CLIENT_PORT, SERVER_PORT, SIDE
from ryu_netpol.lab.namespace import inside

_PAYLOAD = struct.Struct("!Qd")
_WAIT = 1.0
"""Seconds after which a packet counts as lost."""


class Traffic:
    """All connections; packet `n` goes through connection `n` modulo their number."""

    def __init__(self, client: str, server: str, address: str, *, rate: float) -> None:
        self._address, self._rate = address, rate
        with inside(client):
            self._clients = [_bound("", CLIENT_PORT + number) for number in range(SIDE)]
        with inside(server):
            self._servers = [_bound(address, SERVER_PORT + number) for number in range(SIDE)]
        self._poll = select.epoll()
        self._by_number = {end.fileno(): end for end in (*self._clients, *self._servers)}
        self._echoing = frozenset(end.fileno() for end in self._servers)
        for number in (*self._by_number, sys.stdin.fileno()):
            self._poll.register(number, select.EPOLLIN)
        self._next = self._first = 0
        self._back: dict[int, float] = {}
        self._asked: tuple[float, int] | None = None

    def run(self) -> None:
        """Send, echo and answer until standard input ends."""
        start = perf_counter()
        while True:
            now = perf_counter()
            while self._next < (now - start) * self._rate:
                self._send(self._next)
                self._next += 1
            if self._asked is not None and now >= self._asked[0]:
                self._answer(self._asked[1])
            due = start + self._next / self._rate - perf_counter()
            for number, _ in self._poll.poll(max(due, 0)):
                if number == sys.stdin.fileno():
                    if not os.read(number, 1):
                        return
                    self._asked = (perf_counter() + _WAIT, self._next)
                else:
                    self._receive(number)

    def _send(self, number: int) -> None:
        source, destination = divmod(number % (SIDE * SIDE), SIDE)
        payload = _PAYLOAD.pack(number, perf_counter())
        # A full buffer is a loss like any other.
        with suppress(OSError):
            self._clients[source].sendto(payload, (self._address, SERVER_PORT + destination))

    def _receive(self, number: int) -> None:
        end = self._by_number[number]
        with suppress(BlockingIOError):
            payload, source = end.recvfrom(64)
            if number in self._echoing:
                end.sendto(payload, source)
            else:
                which, sent = _PAYLOAD.unpack(payload)
                self._back[which] = perf_counter() - sent

    def _answer(self, last: int) -> None:
        times = [self._back.pop(number, None) for number in range(self._first, last)]
        self._first, self._asked = last, None
        print(json.dumps({"sent": len(times), "seconds": [time for time in times if time is not None]}), flush=True)


def _bound(address: str, port: int) -> socket.socket:
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.setblocking(False)
    end.bind((address, port))
    return end


if __name__ == "__main__":
    _, *ends, packets_a_second = sys.argv
    Traffic(*ends, rate=float(packets_a_second)).run()
