"""The one module that names the framework: os-ken, which is Ryu under another name. Everybody else imports from here.

What the framework does for us: listening, handshake, echo, dispatching of events to the application. What it does not:
writing and reading flows. Its objects are too slow, and its parser does not know all our fields; so whole messages
pass in both directions as bytes.

Ways in which os-ken 4.2 had to be helped, each tried:
- Over a Unix socket its Datapath dies setting TCP_NODELAY. We listen ourselves and hand it sockets that ignore that.
- With native threads nothing ends its sending thread when the switch goes away, so that the end of a connection is
  never reported. We wake that thread (`_Datapath._recv_loop`).
- Its send queue holds 16 entries and blocks. Ours has no limit: one bundle at a time is all that is ever in it.
- Its parser for OpenFlow 1.4 is wrapped: what we read ourselves arrives as RawMessage.
"""

# mypy: disable-error-code="import-untyped"
from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import stat
import threading
import time
import warnings
from pathlib import Path
from typing import Any

# What follows uses threads; whatever the environment says, eventlet's hub would not do.
os.environ["OSKEN_HUB_TYPE"] = "native"
with warnings.catch_warnings():
    # Wherever an os-ken imports eventlet all the same, it says that eventlet is deprecated. Users of this program can
    # do nothing about it.
    warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
    from os_ken import cfg
    from os_ken.base.app_manager import AppManager, OSKenApp
    from os_ken.controller import ofp_event, ofp_handler
    from os_ken.controller.controller import Datapath
    from os_ken.controller.handler import DEAD_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
    from os_ken.lib import hub
    from os_ken.ofproto import ofproto_parser, ofproto_v1_4, ofproto_v1_4_parser

__all__ = ["DEAD", "MAIN", "OPENFLOW_1_4", "ListenError", "RawReceived", "RyuApp", "Server", "StateChanged", "on"]

_LOG = logging.getLogger(__name__)

# Types for what has none: from here on the framework's names are ours.
RyuApp: Any = OSKenApp
on: Any = set_ev_cls
"""Decorator: this method handles these events in these states of the connection."""
StateChanged: Any = ofp_event.EventOFPStateChange
MAIN: str = MAIN_DISPATCHER
DEAD: str = DEAD_DISPATCHER
OPENFLOW_1_4: int = ofproto_v1_4.OFP_VERSION

_SEND_TIMEOUT = 30.0
"""A switch that takes nothing for so long is given up. os-ken's 5 s are short for a busy machine."""
_JOIN_TIMEOUT = 1.0


class ListenError(OSError):
    """The socket for the switch cannot be made."""


class RawMessage(ofproto_parser.MsgBase):  # type: ignore[misc]  # the framework has no types
    """A message that we read ourselves: errors, replies to bundles, flows and meters of a dump."""

    cls_msg_type = None


ofp_event._create_ofp_msg_ev_class(RawMessage)
RawReceived: Any = ofp_event.EventRawMessage
"""Event: `msg.buf` are the bytes, `msg.datapath` is the connection."""

_RAW_MULTIPARTS = frozenset({ofproto_v1_4.OFPMP_FLOW, ofproto_v1_4.OFPMP_METER_CONFIG})


def _is_raw(datapath: Any, kind: int, message: bytes) -> bool:
    match kind:
        case ofproto_v1_4.OFPT_MULTIPART_REPLY:
            return int.from_bytes(message[8:10], "big") in _RAW_MULTIPARTS
        case ofproto_v1_4.OFPT_ERROR:
            # Those of the handshake are the framework's.
            return bool(datapath.state == MAIN)
        case _:
            return bool(kind == ofproto_v1_4.OFPT_BUNDLE_CONTROL)


@ofproto_parser.register_msg_parser(OPENFLOW_1_4)  # type: ignore[untyped-decorator]
def _parse(datapath: Any, version: int, kind: int, length: int, xid: int, buf: bytes) -> Any:
    if not _is_raw(datapath, kind, buf):
        return ofproto_v1_4_parser.msg_parser(datapath, version, kind, length, xid, buf)
    message = RawMessage(datapath)
    message.xid = xid
    message.set_buf(buf)
    return message


class _UnixSocket(socket.socket):
    """A connected Unix socket that takes options of TCP and does nothing with them."""

    def setsockopt(self, level: int, *args: Any) -> None:
        if level != socket.IPPROTO_TCP:
            super().setsockopt(level, *args)


class _Datapath(Datapath):  # type: ignore[misc]
    """One connection; also the Transport that the session sees."""

    def __init__(self, connection: socket.socket, address: str) -> None:
        super().__init__(connection, address)
        self.send_q = hub.Queue()
        self._send_q_sem = threading.BoundedSemaphore(1 << 30)

    def send(self, buf: bytes, close_socket: bool = False) -> bool:
        """Queue some messages; False where the connection has ended."""
        # Between os-ken's look at its queue and the use of it, the sending thread may take the queue away.
        with contextlib.suppress(AttributeError):
            return bool(super().send(buf, close_socket=close_socket))
        return False

    def _recv_loop(self) -> None:
        try:
            super()._recv_loop()
        finally:
            self.send(b"", close_socket=True)

    def hang_up(self) -> None:
        """End the connection in both directions; the thread that serves it notices and reports it."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)


class _Handler(ofp_handler.OFPHandler):  # type: ignore[misc]
    """The framework's handshake, without its own listening."""

    def start(self) -> None:
        OSKenApp.start(self)


def _listen(path: Path) -> socket.socket:
    """Listen on a Unix socket that only our user can connect to, in place of one that nobody listens on any more."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ListenError(errno.EEXIST, f"{path} exists and is not a socket")
        with socket.socket(socket.AF_UNIX) as probe:
            try:
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
        self._threads: list[Any] = []
        self._lock = threading.Lock()
        self._stopping = False
        self._manager = AppManager()
        with contextlib.ExitStack() as undo:
            undo.callback(self._unlisten)
            apps = [self._manager.instantiate(_Handler), self._manager.instantiate(application, **arguments)]
            undo.pop_all()
        for app in apps:
            app.start()
        self._threads.append(hub.spawn(self._accept))

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError as error:
                if self._stopping:
                    return
                # Out of file descriptors, for instance: the switch comes again.
                _LOG.error("a connection from the switch could not be accepted: %s", error)
                time.sleep(1)
                continue
            with self._lock:
                self._threads = [thread for thread in self._threads if thread.is_alive()]
                self._threads.append(hub.spawn(self._serve, _UnixSocket(fileno=connection.detach())))

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.closing(_Datapath(connection, os.fspath(self._path))) as datapath:
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
            connections, threads = list(self._connections), list(self._threads)
        self._unlisten()
        for datapath in connections:
            datapath.hang_up()
        for thread in threads:
            thread.join(_JOIN_TIMEOUT)
        self._manager.close()
