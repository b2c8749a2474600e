"""A wire to a server that can be cut and mended: bytes go through a port of its own."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


class Wire:
    """Forwards connections while it is whole and the server is there; cutting it breaks those that are open."""

    def __init__(self, port: int, listener: socket.socket | None = None) -> None:
        """To a port of this network, from one of its own here or from where somebody listens already."""
        self._target = port
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: list[socket.socket] = []
        self._whole = True
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break everything; whoever connects now is hung up on."""
        with self._lock:
            self._whole = False
            open_, self._open = self._open, []
        for one in open_:
            _break(one)

    def mend(self) -> None:
        """Let connections through again."""
        self._whole = True

    def close(self) -> None:
        """Cut it for good."""
        self.cut()
        self._listener.close()

    def snap(self) -> None:
        """Break the oldest connection alone; the others go on, and nobody can connect."""
        with self._lock:
            self._whole = False
            open_ = [one for one in self._open if one.fileno() >= 0]
            found, self._open = open_[:2], open_[2:]
        for one in found:
            _break(one)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._lead(self._listener.accept()[0])

    def _lead(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self._target)) if self._whole else None
        except OSError:
            far = None  # the server is down
        with self._lock:
            if far is not None and self._whole:
                self._open += [near, far]
                threading.Thread(target=_join, args=(near, far), daemon=True).start()
                return
        near.close()
        if far is not None:
            far.close()


def _break(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


def _join(near: socket.socket, far: socket.socket) -> None:
    """Forward both ways until both have ended."""
    with near, far:
        back = threading.Thread(target=_forward, args=(far, near), daemon=True)
        back.start()
        _forward(near, far)
        back.join()


def _forward(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for one in (source, sink):
        _break(one)


@contextlib.contextmanager
def wire(port: int, listener: socket.socket | None = None) -> Iterator[Wire]:
    """A wire to a port, gone after use."""
    one = Wire(port, listener)
    try:
        yield one
    finally:
        one.close()
