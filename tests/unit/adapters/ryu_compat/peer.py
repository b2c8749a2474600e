"""A switch played on a socket, and an application that it can connect to."""

from __future__ import annotations

import contextlib
import gc
import os
import queue
import resource
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ryu_netpol.adapters.openflow import OpenFlowSession
from ryu_netpol.adapters.ryu_compat.server import Server
from ryu_netpol.agent.effects import Report
from ryu_netpol.agent.events import Event, FlowsDumped, SwitchUp
from ryu_netpol.app import run_switch_app
from ryu_netpol.flows.wire.codes import Multipart, Type
from ryu_netpol.flows.wire.decode import Header, decode_header

PATIENCE = 10.0
"""Seconds; nothing here takes as long, on a busy machine either."""
HELLO, ECHO_REQUEST, ECHO_REPLY, FEATURES_REQUEST, FEATURES_REPLY, PORT_DESC = 0, 2, 3, 5, 6, 13


class World:
    """An application that listens, and the queue that its session fills."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events: queue.Queue[Event] = queue.Queue()
        self.reports: queue.Queue[Report] = queue.Queue()
        self.session = OpenFlowSession(deliver=self.events.put, report=self.reports.put)
        self.server: Server = run_switch_app(path, self.session)

    def next(self) -> Event:
        """What the session delivers next."""
        return self.events.get(timeout=PATIENCE)

    def reported(self) -> str:
        """What the session reports next."""
        return self.reports.get(timeout=PATIENCE).message


class Peer:
    """The switch's end of a connection."""

    def __init__(self, path: Path, *, connected: bool = True) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        if connected:
            self.connect()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def connect(self) -> None:
        """For those that were made unconnected."""
        self.socket.connect(str(self.path))

    def send(self, kind: int, body: bytes = b"", xid: int = 1) -> None:
        """Send one message."""
        self.socket.sendall(struct.pack("!BBHI", 5, kind, 8 + len(body), xid) + body)

    def receive(self) -> tuple[Header, bytes]:
        """The next message."""
        header = decode_header(self._exactly(8))
        return header, self._exactly(header.length - 8)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            assert more, "the connection has ended"
            data += more
        return data

    def expect(self, kind: int) -> tuple[Header, bytes]:
        """The next message of this type; others before it are passed over."""
        while True:
            header, body = self.receive()
            if header.type == kind:
                return header, body

    def shake_hands(self) -> None:
        """What a switch says until the framework is satisfied."""
        self.send(HELLO)
        assert self.receive()[0].type == HELLO
        header, _ = self.receive()
        assert header.type == FEATURES_REQUEST
        self.send(FEATURES_REPLY, struct.pack("!QIBBxxII", 7, 0, 254, 0, 0, 0), header.xid)
        header, _ = self.receive()
        assert header.type == Type.MULTIPART_REQUEST
        self.send(Type.MULTIPART_REPLY, struct.pack("!HHxxxx", PORT_DESC, 0), header.xid)

    def answer_dump(self, bodies: Sequence[bytes] = ()) -> None:
        """Answer both requests of a dump: flows in so many parts, and no meter."""
        flows, _ = self.expect(Type.MULTIPART_REQUEST)
        meters, _ = self.expect(Type.MULTIPART_REQUEST)
        self._part(Multipart.METER_CONFIG, meters.xid, b"", more=False)
        for body in bodies:
            self._part(Multipart.FLOW, flows.xid, body, more=True)
        self._part(Multipart.FLOW, flows.xid, b"", more=False)

    def _part(self, kind: int, xid: int, body: bytes, *, more: bool) -> None:
        self.send(Type.MULTIPART_REPLY, struct.pack("!HHxxxx", kind, int(more)) + body, xid)


def come_up(world: World, peer: Peer) -> int:
    """The whole way until the session may program the switch; returns the connection's number."""
    peer.shake_hands()
    up = world.next()
    assert isinstance(up, SwitchUp)
    world.session.dump(up.connection)
    peer.answer_dump()
    assert isinstance(world.next(), FlowsDumped)
    return up.connection


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it comes true in time; for what nobody announces."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def descriptors() -> int:
    """How many files are open; what is garbage does not count."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def threads() -> int:
    """How many threads live, native and green ones."""
    greenlet = sys.modules.get("greenlet")
    objects = gc.get_objects() if greenlet else []
    green = sum(isinstance(each, greenlet.greenlet) and not each.dead for each in objects) if greenlet else 0
    return threading.active_count() + green


@contextlib.contextmanager
def few_descriptors(free: int) -> Iterator[None]:
    """This process can open so many files and no more."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(free + 1)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken[-1], limits[1]))
    for each in taken:
        os.close(each)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
