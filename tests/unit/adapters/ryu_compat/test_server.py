"""adapters.ryu_compat.server and app: listening, the handshake of the framework, and the end; the switch is played."""

from __future__ import annotations

import contextlib
import socket
import stat
import struct
import threading
import time
from pathlib import Path

import pytest

from ryu_netpol.adapters.openflow import OpenFlowSession
from ryu_netpol.adapters.ryu_compat.framework import Datapath
from ryu_netpol.adapters.ryu_compat.server import ListenError
from ryu_netpol.agent.events import FlowsDumped, SwitchLost, SwitchUp
from ryu_netpol.app import run_switch_app
from ryu_netpol.flows.ir import FlowTable
from ryu_netpol.flows.wire.codes import Type
from tests.unit.adapters.ryu_compat.peer import HELLO, Peer, World, descriptors, eventually, few_descriptors, threads


def test_a_switch_comes_and_goes(world: World) -> None:
    """After the handshake the session knows the switch and has configured it; its end is noticed at once."""
    with Peer(world.path) as peer:
        peer.shake_hands()
        assert world.next() == SwitchUp(1)
        assert peer.receive()[0].type == Type.SET_CONFIG

    assert world.next() == SwitchLost(1)


def test_replies_reach_the_session(world: World) -> None:
    """Flows, meters and errors arrive as bytes; the framework's own parser does not see them."""
    with Peer(world.path) as peer:
        peer.shake_hands()
        assert world.next() == SwitchUp(1)
        configured, _ = peer.receive()
        peer.send(Type.ERROR, struct.pack("!HH", 10, 0), configured.xid)
        assert "OFPSCFC_BAD_FLAGS" in world.reported()
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
        # Read while it is served: what is on its way when it is hung up may be lost.
        assert old.receive()[0].type == Type.SET_CONFIG
        new.shake_hands()

        assert [world.next(), world.next()] == [SwitchLost(1), SwitchUp(2)]
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


def test_nor_is_one_that_accepts_nothing(tmp_path: Path) -> None:
    """An agent that hangs, with a full queue of connections: the next one is refused at once, instead of waiting."""
    path = tmp_path / "of.sock"
    with contextlib.ExitStack() as opened:
        hanging = opened.enter_context(socket.socket(socket.AF_UNIX))
        hanging.bind(str(path))
        hanging.listen(0)
        opened.enter_context(Peer(path))

        with pytest.raises(ListenError, match="another process listens"):
            World(path)


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


@pytest.mark.parametrize("free", range(8), ids=lambda free: f"{free} free")
def test_a_start_without_descriptors(tmp_path: Path, free: int) -> None:
    """Out of files at any moment of the start: it works, or fails at once with an error, and leaves nothing."""
    path = tmp_path / "of.sock"
    session = OpenFlowSession(deliver=lambda event: None, report=lambda report: None)
    before = threads(), descriptors()
    with few_descriptors(free), contextlib.suppress(OSError):
        run_switch_app(path, session).stop()

    assert not path.exists()
    assert eventually(lambda: (threads(), descriptors()) == before)


def test_out_of_descriptors(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A switch that cannot be accepted is told, and accepted once there are files again."""
    with Peer(world.path, connected=False) as first, Peer(world.path, connected=False) as second:
        with few_descriptors(0):
            # A thread that waits in accept() has its descriptor already.
            first.connect()
            second.connect()
            assert eventually(lambda: "could not be accepted: [Errno 24] Too many open files" in caplog.text)
        second.shake_hands()

        assert world.next() == SwitchUp(1)


def test_a_connection_that_cannot_be_served(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What the framework cannot bear ends this connection alone: it is closed, and the log says why."""

    def fail(*_: object) -> None:
        raise MemoryError("no memory for this one")

    before = threads(), descriptors()
    with monkeypatch.context() as patched:
        patched.setattr(Datapath, "serve", fail)
        with Peer(world.path) as refused:
            assert refused.socket.recv(1) == b""
    assert eventually(lambda: (threads(), descriptors()) == before)
    assert "no memory for this one" in caplog.text
    with Peer(world.path) as peer:
        peer.shake_hands()

        assert world.next() == SwitchUp(1)
