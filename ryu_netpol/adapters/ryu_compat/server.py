"""Listening for the switch, and serving its connection by the framework.

Ways in which os-ken 4.2 and Ryu 4.34 had to be helped, each tried:
- Over a Unix socket their Datapath dies setting TCP_NODELAY. We listen ourselves and hand it sockets that ignore that.
- With native threads nothing ends the sending thread when the switch goes away, so that the end of a connection is
  never reported. We wake that thread (`_Datapath._recv_loop`).
- When a switch takes nothing any more, their sending ends and their receiving goes on, so that what is sent later is
  lost and nobody hears of it. We hang up (`_Datapath._send_loop`).
- Their send queue holds 16 entries and blocks. Ours has no limit: one bundle at a time is all that is ever in it.
- Their parser for OpenFlow 1.4 is wrapped: what we read ourselves arrives as RawMessage (`messages`).
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import stat
import threading
from functools import partial
from pathlib import Path
from typing import Any

from ryu_netpol.adapters.ryu_compat.framework import AppManager, Datapath, OFPHandler, RyuApp, cfg, hub
from ryu_netpol.adapters.ryu_compat.hubs import Hub, new_hub

__all__ = ["ListenError", "Server"]

_LOG = logging.getLogger(__name__)

_SEND_TIMEOUT = 30.0
"""A switch that takes nothing for so long is given up. The framework's 5 s are short for a busy machine."""
_JOIN_TIMEOUT = 1.0


class ListenError(OSError):
    """The socket for the switch cannot be made."""


class _UnixSocket(socket.socket):
    """A connected Unix socket that takes options of TCP and does nothing with them."""

    def setsockopt(self, level: int, *args: Any) -> None:
        if level != socket.IPPROTO_TCP:
            super().setsockopt(level, *args)


class _Datapath(Datapath):  # type: ignore[misc]  # the framework has no types
    """One connection; also the Transport that the session sees."""

    def __init__(self, connection: Any, address: str, world: Hub) -> None:
        self._world = world
        super().__init__(connection, address)
        self.send_q = hub.Queue()
        self._send_q_sem = hub.BoundedSemaphore(1 << 30)

    def send(self, buf: bytes, close_socket: bool = False) -> None:
        """Queue some messages, from any thread; nothing happens where the connection has ended."""
        self._world.post(partial(self._send_here, buf, close_socket))

    def _send_here(self, buf: bytes, close_socket: bool) -> None:
        # Between the framework's look at its queue and the use of it, a sending thread may take the queue away.
        with contextlib.suppress(AttributeError):
            super().send(buf, close_socket=close_socket)

    def _recv_loop(self) -> None:
        try:
            super()._recv_loop()
        finally:
            self.send(b"", close_socket=True)

    def _send_loop(self) -> None:
        try:
            super()._send_loop()
        finally:
            self.hang_up()

    def hang_up(self) -> None:
        """End the connection in both directions, from any thread; whoever serves it notices and reports it."""
        self._world.post(self._hang_up_here)

    def _hang_up_here(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)


class _Handler(OFPHandler):  # type: ignore[misc]
    """The framework's handshake, without its own listening."""

    def start(self) -> None:
        RyuApp.start(self)


def _listen(path: Path) -> socket.socket:
    """Listen on a Unix socket that only our user can connect to, in place of one that nobody listens on any more."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ListenError(errno.EEXIST, f"{path} exists and is not a socket")
        with socket.socket(socket.AF_UNIX) as probe:
            # Who listens and accepts nothing any more must not hold us up, either.
            probe.setblocking(False)
            try:
                with contextlib.suppress(BlockingIOError):
                    probe.connect(os.fspath(path))
            except ConnectionRefusedError:
                path.unlink()
            else:
                raise ListenError(errno.EADDRINUSE, f"another process listens on {path}")
    listening = socket.socket(socket.AF_UNIX)
    try:
        # Before bind: Linux gives the file the mode of the socket, so there is no moment when others may connect.
        os.fchmod(listening.fileno(), 0o600)
        listening.bind(os.fspath(path))
        listening.listen()
    except OSError as error:
        listening.close()
        raise ListenError(error.errno, f"cannot listen on {path}: {error.strerror or error}") from error
    return listening


class Server:
    """Runs one application, and the connections of the switches that find it at a Unix socket.

    One at a time in a process: the framework has global state.
    """

    def __init__(self, path: Path, application: Any, **arguments: Any) -> None:
        """`arguments` are the application's. Raises ListenError."""
        self._path = path
        self._listening = _listen(path)
        self._inode = path.stat().st_ino
        cfg.CONF.set_override("socket_timeout", _SEND_TIMEOUT)
        self._connections: set[_Datapath] = set()
        self._lock = threading.Lock()
        self._stopping = False
        self._manager = AppManager()
        with contextlib.ExitStack() as undo:
            undo.callback(self._unlisten)
            self._world = new_hub()
            undo.callback(self._world.close)
            self._world.run(partial(self._start, application, arguments))
            undo.pop_all()

    def _start(self, application: Any, arguments: dict[str, Any]) -> None:
        apps = [self._manager.instantiate(_Handler), self._manager.instantiate(application, **arguments)]
        for app in apps:
            app.start()
        self._accepting = self._world.spawn(self._accept)

    def _accept(self) -> None:
        listening = self._world.adapt(self._listening)
        while True:
            try:
                connection, _ = listening.accept()
            except OSError as error:
                if self._stopping:
                    return
                # Out of file descriptors, for instance: the switch comes again.
                _LOG.error("a connection from the switch could not be accepted: %s", error)
                hub.sleep(1)
                continue
            self._world.spawn(self._serve, connection.detach())

    def _serve(self, descriptor: int) -> None:
        with (
            contextlib.closing(self._world.adapt(_UnixSocket(fileno=descriptor))) as connection,
            contextlib.closing(_Datapath(connection, os.fspath(self._path), self._world)) as datapath,
        ):
            with self._lock:
                if self._stopping:
                    return
                self._connections.add(datapath)
            try:
                datapath.serve()
            except Exception:
                # Closing is what can be done: the application hears of it, and the switch connects again.
                _LOG.exception("a connection from the switch failed")
            finally:
                with self._lock:
                    self._connections.discard(datapath)

    def _unlisten(self) -> None:
        # Closing alone would not wake accept.
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()

    def stop(self) -> None:
        """End listening, connections and the application. To be called once, and not by a handler."""
        with self._lock:
            self._stopping = True
            connections = list(self._connections)
        # Native threads cannot be killed: they wake when the socket is shut down. Green ones do not, but can.
        self._world.run(partial(hub.kill, self._accepting))
        self._unlisten()
        for datapath in connections:
            datapath.hang_up()
        self._world.join(_JOIN_TIMEOUT)
        self._world.run(self._manager.close)
        self._world.close()
