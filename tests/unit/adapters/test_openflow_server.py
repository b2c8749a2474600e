"""adapters.ryu_compat and app: listening, the framework's handshake, and the end, with a switch played on a socket."""

from __future__ import annotations

import contextlib
import queue
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ryu_netpol.adapters.openflow import OpenFlowSession
from ryu_netpol.adapters.ryu_compat import ListenError, Server
from ryu_netpol.agent.effects import Report
from ryu_netpol.agent.events import Event, FlowsDumped, SwitchLost, SwitchUp
from ryu_netpol.app import run_switch_app
from ryu_netpol.flows.ir import FlowTable
from ryu_netpol.flows.wire.codes import Type
from ryu_netpol.flows.wire.decode import Header, decode_header

PATIENCE = 5.0
HELLO, FEATURES_REQUEST, FEATURES_REPLY, PORT_DESC = 0, 5, 6, 13


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


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A listening application."""
    world = World(tmp_path / "of.sock")
    yield world
    world.server.stop()


class Peer:
    """The switch's end of a connection."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, kind: int, body: bytes = b"", xid: int = 1) -> None:
        """Send one message."""
        self.socket.sendall(struct.pack("!BBHI", 5, kind, 8 + len(body), xid) + body)

    def receive(self) -> tuple[Header, bytes]:
        """The next message."""
        header = decode_header(self._exactly(8))
        return header, self._exactly(header.length - 8)

    def _exactly(self, size: int) -> bytes:
        data = self.socket.recv(size, socket.MSG_WAITALL) if size else b""
        assert len(data) == size
        return data

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


def test_a_switch_comes_and_goes(world: World) -> None:
    """After the handshake the session knows the switch and has configured it; its end is noticed at once."""
    with Peer(world.path) as peer:
        peer.shake_hands()
        assert world.next() == SwitchUp(1)
        assert peer.receive()[0].type == Type.SET_CONFIG

    assert world.next() == SwitchLost(1)


def test_replies_reach_the_session(world: World) -> None:
    """Flows, meters and errors arrive as bytes; os-ken's own parser does not see them."""
    with Peer(world.path) as peer:
        peer.shake_hands()
        assert world.next() == SwitchUp(1)
        configured, _ = peer.receive()
        peer.send(Type.ERROR, struct.pack("!HH", 10, 0), configured.xid)
        assert "OFPSCFC_BAD_FLAGS" in world.reports.get(timeout=PATIENCE).message
        world.session.dump(1)
        for kind in (1, 10):
            header, _ = peer.receive()
            peer.send(Type.MULTIPART_REPLY, struct.pack("!HHxxxx", kind, 0), header.xid)

        assert world.next() == FlowsDumped(1, FlowTable())


def test_a_newer_connection_replaces_the_older(world: World) -> None:
    """The older peer is hung up, the newer one is served."""
    with Peer(world.path) as old, Peer(world.path) as new:
        old.shake_hands()
        assert world.next() == SwitchUp(1)
        new.shake_hands()

        assert [world.next(), world.next()] == [SwitchLost(1), SwitchUp(2)]
        assert old.receive()[0].type == Type.SET_CONFIG
        assert old.socket.recv(1) == b""
        assert new.receive()[0].type == Type.SET_CONFIG


def test_without_a_handshake_nothing_is_told(world: World) -> None:
    """Who only connects, or talks nonsense, is no switch; the next one is served all the same."""
    with Peer(world.path) as silent, Peer(world.path) as noisy:
        noisy.socket.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(80))
        silent.send(HELLO)
    with Peer(world.path) as peer:
        peer.shake_hands()

        assert world.next() == SwitchUp(1)


def test_only_our_user_may_connect(world: World) -> None:
    """Whoever can write to the socket is the switch: nobody else can."""
    mode = world.path.stat().st_mode

    assert (stat.S_ISSOCK(mode), stat.S_IMODE(mode)) == (True, 0o600)


def test_stop_ends_everything(tmp_path: Path) -> None:
    """Within a second: the switch is hung up, the file is gone, no thread is left, and another start works."""
    before = set(threading.enumerate())
    for _ in range(2):
        world = World(tmp_path / "of.sock")
        with Peer(world.path) as peer:
            peer.shake_hands()
            assert world.next() == SwitchUp(1)
            started = time.monotonic()

            world.server.stop()

            assert time.monotonic() - started < 1.0
            assert world.next() == SwitchLost(1)
            assert set(threading.enumerate()) == before
            assert not world.path.exists()


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    """A socket that a crashed agent left behind is in nobody's way."""
    path = tmp_path / "of.sock"
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as crashed:
        crashed.bind(str(path))

    world = World(path)

    with Peer(path) as peer:
        peer.shake_hands()
        assert world.next() == SwitchUp(1)
    world.server.stop()


def test_somebody_elses_socket_is_not_taken(world: World) -> None:
    """A second agent for the same bridge is refused, with a sentence; the first goes on."""
    with pytest.raises(ListenError, match="another process listens"):
        World(world.path)

    with Peer(world.path) as peer:
        peer.shake_hands()
        assert world.next() == SwitchUp(1)


def test_a_file_is_not_replaced(tmp_path: Path) -> None:
    """What is not a socket was not ours."""
    path = tmp_path / "of.sock"
    path.write_text("precious")

    with pytest.raises(ListenError, match="not a socket"):
        World(path)

    assert path.read_text() == "precious"


def test_a_directory_that_is_missing(tmp_path: Path) -> None:
    """The message names the path."""
    with pytest.raises(ListenError, match=r"cannot listen on .*missing"):
        World(tmp_path / "missing" / "of.sock")


@pytest.mark.parametrize("hub", ["native", "eventlet"])
def test_import_is_silent(hub: str) -> None:
    """Whatever hub the environment asks for, users see no warning of a library that they never chose."""
    done = subprocess.run(
        [sys.executable, "-W", "always::DeprecationWarning", "-c", "import ryu_netpol.app"],
        env={"OSKEN_HUB_TYPE": hub},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stderr == ""
