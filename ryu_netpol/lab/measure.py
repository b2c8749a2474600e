"""How long a change takes until packets feel it: connections opened again and again, and one that stays open.

For a person who waits and for the demo's figures; whether a connection is allowed at all is `Lab.probe`'s question,
with its controls. Everything is IPv4 and TCP, and runs in the calling thread.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator

from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.lab import Lab

EVERY = 0.01
SILENCE = 0.2
"""Seconds after which an attempt counts as unanswered: on one machine an answer takes less than one millisecond."""
_RESET = struct.pack("ii", 1, 0)


class Line:
    """From a pod to a port of another one, with a server at that port as long as the context is open."""

    def __init__(self, lab: Lab, source: str, destination: str, port: int) -> None:
        self._lab = lab
        self._source = source
        self._destination = destination
        self._there = (lab.pod(destination).place(4).address, port)
        self._server: socket.socket | None = None

    def __enter__(self) -> Line:
        server = self._lab.socket(self._destination, socket.AF_INET, socket.SOCK_STREAM)
        # What was accepted inherits it, so that a probe may listen here while a connection is still open.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.setblocking(False)
        try:
            server.bind(self._there)
            server.listen(256)
        except OSError:
            server.close()
            raise
        self._server = server
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def knock(self, *, patience: float = SILENCE) -> bool:
        """Open one connection and close it again; whether there was an answer. One SYN, if patience is below 1 s."""
        with self._call() as calling:
            return self._answered([calling], patience) is not None

    def until_answered(self, *, within: float = 10.0) -> float:
        """The time (monotonic) at which the first connection was opened that got an answer."""
        deadline = time.monotonic() + within
        with contextlib.ExitStack() as stack:
            waiting: dict[socket.socket, float] = {}
            while time.monotonic() < deadline:
                calling = stack.enter_context(self._call())
                waiting[calling] = time.monotonic()
                answered = self._answered(list(waiting), EVERY)
                if answered is not None:
                    return waiting[answered]
        raise LabError(f"No connection from {self._source} to {self._destination} was answered within {within:.0f} s.")

    def until_silent(self, *, within: float = 10.0) -> float:
        """The time (monotonic) at which the first connection was opened that got no answer, nor did the next two."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            opened = time.monotonic()
            if not any(self.knock() for _ in range(3)):
                return opened
            time.sleep(EVERY / 4)
        raise LabError(f"{self._destination} still answered {self._source} after {within:.0f} s.")

    @contextlib.contextmanager
    def talk(self) -> Iterator[Callable[[float], float]]:
        """Hold a connection open. The function that comes with it talks until nothing comes back, for as many seconds
        at most, and returns the time (monotonic) of the last answer.
        """
        with self._call() as calling:
            if self._answered([calling], 1.0) is None:
                raise LabError(f"{self._source} cannot open a connection to {self._destination}.")
            with self._accept(calling) as served:
                yield lambda within: self._until_cut(calling, served, within)

    def _accept(self, calling: socket.socket) -> socket.socket:
        """The server's end of an answered call. The client may know of it a moment before the server does."""
        while _ready([self._listening], select.POLLIN, 1.0):
            served, peer = self._listening.accept()
            if peer == calling.getsockname():
                return served
            served.close()
        raise LabError(f"{self._destination} did not accept a connection that it answered.")

    def _until_cut(self, calling: socket.socket, served: socket.socket, within: float) -> float:
        for end in (calling, served):
            end.settimeout(2 * SILENCE)
        last = time.monotonic()
        deadline = last + within
        while time.monotonic() < deadline:
            try:
                calling.sendall(b"?")
                served.sendall(served.recv(1))
                calling.recv(1)
            except TimeoutError:
                return last
            last = time.monotonic()
            time.sleep(EVERY / 4)
        raise LabError(f"{self._source} could still talk to {self._destination} after {within:.0f} s.")

    @property
    def _listening(self) -> socket.socket:
        if self._server is None:
            raise LabError(f"Nobody listens at {self._destination}.")
        return self._server

    @contextlib.contextmanager
    def _call(self) -> Iterator[socket.socket]:
        self._hang_up_all()
        with self._lab.socket(self._source, socket.AF_INET, socket.SOCK_STREAM) as calling:
            calling.setblocking(False)
            # Its end must leave nothing behind that still sends: neither a FIN nor a state that lingers.
            calling.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            calling.connect_ex(self._there)
            yield calling

    def _answered(self, calling: list[socket.socket], patience: float) -> socket.socket | None:
        connected = _ready(calling, select.POLLOUT, patience)
        return next((each for each in connected if not each.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)), None)

    def _hang_up_all(self) -> None:
        """Empty the server's queue, which is of earlier calls."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._listening.accept()[0].close()


def _ready(sockets: list[socket.socket], what: int, patience: float) -> list[socket.socket]:
    """Wait until something can be done with one of them. Not by select(), which knows descriptors below 1024 only."""
    poll = select.poll()
    by_number = {each.fileno(): each for each in sockets}
    for number in by_number:
        poll.register(number, what)
    return [by_number[number] for number, _ in poll.poll(patience * 1000)]
