"""Where the framework's code runs: in threads of its own, whichever stack it is, so that nobody else's work stops it.

Native threads are what os-ken has. eventlet's green threads share one native thread, and whatever blocks in it blocks
them all; so that thread belongs to Ryu alone. Nothing is patched: other libraries (OVSDB, folders, Kubernetes) block in
native threads of theirs, and the agent computes in its own, while Ryu answers the switch's echo requests. What others
want of Ryu they post to that thread, since nothing of eventlet may be touched from outside of it.
"""

# mypy: disable-error-code="import-untyped"
from __future__ import annotations

import collections
import contextlib
import socket
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, Protocol

from ryu_netpol.adapters.ryu_compat.framework import STACK, hub
from ryu_netpol.adapters.ryu_compat.stack import Stack

if STACK is Stack.CLASSIC:
    import eventlet
    from eventlet.greenio import GreenSocket

__all__ = ["Hub", "new_hub"]


class Hub(Protocol):
    """What server code needs of the world that it runs in. Only `spawn` is for that world itself."""

    def spawn(self, function: Callable[..., None], *args: Any) -> Any:
        """Run a function beside the others; returns what the framework calls its thread."""

    def post(self, function: Callable[[], object]) -> None:
        """Have a short function called in the framework's world, in the order of posting; from any thread.

        It must not raise: that ends this world, and is raised by `post` and `run` from then on.
        """

    def run(self, function: Callable[[], object]) -> None:
        """Call a function in the framework's world and wait for its end; what it raises is raised here."""

    def adapt(self, sock: socket.socket) -> Any:
        """The socket as code of the framework wants it."""

    def join(self, seconds: float) -> None:
        """Wait for the end of everything spawned, not longer than so many seconds for each."""

    def close(self) -> None:
        """End this world; it must not be used any more."""


class _Threads:
    """os-ken's native threads: no world apart."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: list[Any] = []

    def spawn(self, function: Callable[..., None], *args: Any) -> Any:
        thread = hub.spawn(function, *args)
        with self._lock:
            self._threads = [other for other in self._threads if other.is_alive()] + [thread]
        return thread

    def post(self, function: Callable[[], object]) -> None:
        function()

    def run(self, function: Callable[[], object]) -> None:
        function()

    def adapt(self, sock: socket.socket) -> Any:
        return sock

    def join(self, seconds: float) -> None:
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(seconds)

    def close(self) -> None:
        pass


def _settle(done: Future[None], function: Callable[[], object]) -> None:
    """Call a function, and let the future have its end."""
    try:
        function()
    except BaseException as error:
        done.set_exception(error)
        if not isinstance(error, Exception):
            raise
    else:
        done.set_result(None)


class _GreenThreads:
    """eventlet's green threads, in a native thread of their own."""

    def __init__(self) -> None:
        self._spawned: set[Any] = set()
        self._posted: collections.deque[Callable[[], object]] = collections.deque()
        self._closing = False
        self._end: Future[None] = Future()
        self._bell, self._button = socket.socketpair()
        self._button.setblocking(False)
        self._thread = threading.Thread(target=_settle, args=(self._end, self._main), name="ryu", daemon=True)
        self._thread.start()

    def _main(self) -> None:
        bell = GreenSocket(self._bell)
        # Its loop can be ended only once it has begun.
        eventlet.sleep()
        while not self._closing:
            # First the bell, then the posts: what is posted meanwhile rings again.
            bell.recv(4096)
            while self._posted:
                self._posted.popleft()()
        eventlet.hubs.get_hub().abort(wait=True)

    def spawn(self, function: Callable[..., None], *args: Any) -> Any:
        thread = hub.spawn(function, *args)
        self._spawned.add(thread)
        thread.link(self._spawned.discard)
        return thread

    def post(self, function: Callable[[], object]) -> None:
        if self._end.done():
            self._end.result()
        self._posted.append(function)
        self._ring()

    def _ring(self) -> None:
        # A full pipe rings as well as one byte more; after the end nobody listens.
        with contextlib.suppress(OSError):
            self._button.send(b"!")

    def run(self, function: Callable[[], object]) -> None:
        done: Future[None] = Future()
        # In a green thread, since it may wait for others, which may wait for posts.
        self.post(lambda: eventlet.spawn_n(_settle, done, function))
        wait((done, self._end), return_when=FIRST_COMPLETED)
        (done if done.done() else self._end).result()

    def adapt(self, sock: socket.socket) -> Any:
        return GreenSocket(sock)

    def join(self, seconds: float) -> None:
        def wait_for_each() -> None:
            for thread in list(self._spawned):
                with eventlet.Timeout(seconds, False):
                    thread.wait()

        self.run(wait_for_each)

    def close(self) -> None:
        self._closing = True
        self._ring()
        self._thread.join()
        self._bell.close()
        self._button.close()


def new_hub() -> Hub:
    """A world for the framework of this process."""
    return _GreenThreads() if STACK is Stack.CLASSIC else _Threads()
