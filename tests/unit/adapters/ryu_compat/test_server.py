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

from ryu_netpol.adapters.ryu_compat.server import ListenError
from ryu_netpol.agent.events import FlowsDumped, SwitchLost, SwitchUp
from ryu_netpol.flows.ir import FlowTable
from ryu_netpol.flows.wire.codes import Type
from tests.unit.adapters.ryu_compat.peer import HELLO, Peer, World


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
