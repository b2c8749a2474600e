"""Connections between all ends, again and again, in a process of their own: when each was opened, and what came back.

Every pair is tried in both families, one family after the other, a family each `EVERY` seconds. Within a round the ends
take turns, so that some pair is tried about every millisecond: a state that is there for a few milliseconds only, and
that opens several pairs, is seen.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import multiprocessing
import resource
import selectors
import socket
import struct
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import NamedTuple, Self

from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.namespace import inside

EVERY = 0.015
PATIENCE = 0.9
"""Seconds for an answer. The kernel would send a SYN again after one second: each attempt is one packet."""
LAST = 0.2
"""Seconds for the last answers. What has none then, and is younger than PATIENCE, says nothing."""
_RESET = struct.pack("ii", 1, 0)
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class End:
    """Where connections begin and end. Its namespace may come and go."""

    name: str
    """As probes name it."""
    netns: str
    addresses: Mapping[int, str]
    """By family; none: it is a node, which nobody calls."""


class Pair(NamedTuple):
    """Who calls whom, in which family."""

    source: str
    destination: str
    version: int


class Knock(NamedTuple):
    """One connection."""

    pair: Pair
    sent: float
    """When it was opened (monotonic)."""
    answered: bool
    """Whether somebody answered, or refused: its packet went through, and so did one back."""


class Loop:
    """What the process does. Not in its main thread: whoever removes a namespace ends who is in there then, and to be
    in there means that one's main thread is (`ip netns pids`).
    """

    def __init__(self, ends: Sequence[End], port: int, there: frozenset[str]) -> None:
        self.ended = threading.Event()
        self.there = there
        self.knocks: list[Knock] = []
        self._ends, self._port = ends, port
        self._listening: dict[str, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._waiting: collections.deque[tuple[float, socket.socket]] = collections.deque()

    def run(self) -> None:
        """Knock until it is ended, then wait for the last answers, and close everything."""
        version = 4
        began = time.monotonic()
        while not self.ended.is_set():
            for number, end in enumerate(self._ends):
                self._listen(end)
                self._call(end, version)
                self._hear(until=began + EVERY * (number + 1) / len(self._ends))
            # Whoever is late does not hurry afterwards.
            began, version = max(began + EVERY, time.monotonic() - EVERY), 10 - version
        self._hear(until=time.monotonic() + LAST)
        for one in (*self._listening.values(), *(calling for _, calling in self._waiting)):
            one.close()
        self._selector.close()

    def _listen(self, end: End) -> None:
        """Be there for calls, in a namespace that may be a new one, and hang up on those that were answered."""
        if end.name not in self._listening and end.addresses:
            with contextlib.suppress(LabError), inside(end.netns):
                made = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                made.setblocking(False)
                made.bind(("::", self._port))
                made.listen(_BACKLOG)
                self._listening[end.name] = made
        if (listening := self._listening.get(end.name)) is not None:
            with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
                while True:
                    listening.accept()[0].close()

    def _call(self, end: End, version: int) -> None:
        called = [other for other in self._ends if self._calls(end, other) and version in other.addresses]
        with contextlib.suppress(LabError), inside(end.netns):
            calling = [socket.socket(_FAMILIES[version], socket.SOCK_STREAM) for _ in called]
            for one, other in zip(calling, called, strict=True):
                self._open(one, Pair(end.name, other.name, version), other.addresses[version])

    def _calls(self, end: End, other: End) -> bool:
        """Packets to an address are sent whether it is there or not, but not by who would ask for its MAC, or from it.

        A kernel repeats such a question after a second only, and nobody answers before the pod is attached.
        """
        there = {end.name, *([] if end.addresses else [other.name])}
        return end is not other and there <= self.there

    def _open(self, calling: socket.socket, pair: Pair, address: str) -> None:
        calling.setblocking(False)
        # Its end must leave nothing behind that still sends: neither a FIN nor a state that lingers.
        calling.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        sent = time.monotonic()
        if calling.connect_ex((address, self._port)) != errno.EINPROGRESS:
            calling.close()  # There is no way out: no packet was sent.
            return
        self._selector.register(calling, selectors.EVENT_WRITE, (pair, sent))
        self._waiting.append((sent, calling))

    def _hear(self, *, until: float) -> None:
        while True:
            left = until - time.monotonic()
            for key, _ in self._selector.select(max(0.0, left)) if self._waiting else ():
                assert isinstance(key.fileobj, socket.socket)
                error = key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                self._over(key.fileobj, answered=error in (0, errno.ECONNREFUSED))
            while self._waiting and self._waiting[0][0] < time.monotonic() - PATIENCE:
                self._over(self._waiting.popleft()[1], answered=False)
            if left <= 0:
                return
            if not self._waiting:
                time.sleep(left)

    def _over(self, calling: socket.socket, *, answered: bool) -> None:
        if calling.fileno() >= 0:  # Else it was over before.
            pair, sent = self._selector.unregister(calling).data
            calling.close()
            self.knocks.append(Knock(pair, sent, answered))


def serve(ends: Sequence[End], port: int, wishes: Connection) -> None:
    """The process's main function: knocks as long as it hears who is there, then says what became of it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.suppress(EOFError):
        while True:
            loop = Loop(ends, port, wishes.recv())
            knocking = threading.Thread(target=loop.run, daemon=True)
            knocking.start()
            while (there := wishes.recv()) is not None:
                loop.there = there
            loop.ended.set()
            knocking.join()
            wishes.send(sorted(loop.knocks, key=lambda knock: knock.sent))


class Prober:
    """The process, as a test sees it: a context manager that knocks when it is told to."""

    def __init__(self, ends: Iterable[End], port: int) -> None:
        self._ends, self._port = tuple(ends), port

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        self._wishes, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(self._ends, self._port, theirs), daemon=True)
        self._process.start()
        theirs.close()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()
        self._wishes.close()

    def knock(self, there: Iterable[str]) -> None:
        """Knock from now on, or go on. These ends are there; the others are called all the same, and call nobody."""
        self._wishes.send(frozenset(there))

    def end(self) -> list[Knock]:
        """Knock no more; returns every connection in the order in which they were opened."""
        self._wishes.send(None)
        found: list[Knock] = self._wishes.recv()
        return found
