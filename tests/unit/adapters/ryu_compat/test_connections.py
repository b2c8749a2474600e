"""adapters.ryu_compat.server: switches that do not read, say very much, or come and go all the time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ryu_netpol.adapters.ryu_compat.framework import cfg
from ryu_netpol.agent.events import FlowsDumped, SwitchLost, SwitchUp
from ryu_netpol.flows.delta import Plan
from ryu_netpol.flows.ir import Flow, FlowTable, Goto, Match
from ryu_netpol.flows.wire.codes import Type
from tests.unit.adapters.openflow_world import FLOW
from tests.unit.adapters.ryu_compat.peer import HELLO, Peer, World, come_up, descriptors, eventually, threads
from tests.unit.flows.test_wire_decode import stats_entry

MANY = 20_000


@pytest.fixture(scope="module")
def many_flows() -> tuple[Flow, ...]:
    """What a large node has: some megabytes of messages, more than any buffer takes."""
    return tuple(Flow(51, 9, Match.of(reg1=n), (Goto(60),), FLOW.cookie) for n in range(MANY))


@pytest.fixture
def send_timeout(world: World) -> Iterator[float]:
    """So long may a switch take nothing, in seconds."""
    normal = cfg.CONF.socket_timeout
    cfg.CONF.set_override("socket_timeout", 0.3)
    yield 0.3
    cfg.CONF.set_override("socket_timeout", normal)


def test_a_switch_is_given_half_a_minute(world: World) -> None:
    """What the tests below make shorter."""
    assert cfg.CONF.socket_timeout == 30.0


def test_a_switch_that_does_not_read_holds_nobody_up(world: World, many_flows: tuple[Flow, ...]) -> None:
    """The agent goes on, whatever it sends; when the switch reads again, everything is there, in order."""
    with Peer(world.path) as peer:
        connection = come_up(world, peer)
        started = time.monotonic()

        world.session.program(Plan(4, adds=many_flows), connection)
        for _ in range(1000):
            world.session.nudge()

        assert time.monotonic() - started < 5.0
        received = [peer.expect(Type.BUNDLE_ADD_MESSAGE)[0].xid for _ in many_flows]
        assert sorted(received) == received
        for _ in range(1000):
            peer.expect(Type.FLOW_MOD)
        assert world.events.empty()


def test_a_switch_that_does_not_read_keeps_no_other_out(world: World, many_flows: tuple[Flow, ...]) -> None:
    """The next one is greeted and replaces it, whatever waits to be sent."""
    with Peer(world.path) as hanging, Peer(world.path) as other:
        connection = come_up(world, hanging)
        world.session.program(Plan(4, adds=many_flows), connection)
        for _ in range(100):
            world.session.nudge()

        other.shake_hands()

        assert [world.next(), world.next()] == [SwitchLost(connection), SwitchUp(connection + 1)]
        assert other.expect(Type.SET_CONFIG)


def test_the_end_of_a_switch_that_did_not_read_is_told(world: World, many_flows: tuple[Flow, ...]) -> None:
    """Although there is still much that should have been sent to it."""
    with Peer(world.path) as peer:
        connection = come_up(world, peer)
        world.session.program(Plan(4, adds=many_flows), connection)

    assert world.next() == SwitchLost(connection)


@pytest.mark.usefixtures("send_timeout")
def test_a_switch_that_takes_nothing_is_given_up(world: World, many_flows: tuple[Flow, ...]) -> None:
    """It is hung up and its end is told, while it still holds the connection; the next one is served."""
    with Peer(world.path) as hanging:
        connection = come_up(world, hanging)
        world.session.program(Plan(4, adds=many_flows), connection)

        assert world.next() == SwitchLost(connection)
        with Peer(world.path) as other:
            assert come_up(world, other) == connection + 1
        assert world.next() == SwitchLost(connection + 1)


@pytest.mark.usefixtures("send_timeout")
def test_a_switch_that_says_nothing_is_kept(world: World) -> None:
    """Silence for longer than that is no fault: it is the switch that asks for echoes."""
    with Peer(world.path) as peer:
        connection = come_up(world, peer)
        peer.socket.settimeout(1.0)

        with pytest.raises(TimeoutError):
            peer.receive()
        world.session.nudge()
        assert peer.expect(Type.FLOW_MOD)
        assert world.events.empty()
    assert world.next() == SwitchLost(connection)


def test_a_large_dump_arrives_complete(world: World, many_flows: tuple[Flow, ...]) -> None:
    """Many thousand flows in hundreds of parts, while something else is sent."""
    entries = [stats_entry(flow) for flow in many_flows]
    parts = [b"".join(entries[n : n + 50]) for n in range(0, MANY, 50)]
    with Peer(world.path) as peer:
        connection = come_up(world, peer)
        world.session.dump(connection)
        world.session.nudge()

        peer.answer_dump(parts)

        assert world.next() == FlowsDumped(connection, FlowTable(many_flows))


def test_half_a_dump_is_none(world: World) -> None:
    """The switch goes away in the middle of a message: nothing but its end is told."""
    with Peer(world.path) as peer:
        connection = come_up(world, peer)
        world.session.dump(connection)
        header, _ = peer.expect(Type.MULTIPART_REQUEST)
        peer.socket.sendall(
            bytes([5, Type.MULTIPART_REPLY]) + (1000).to_bytes(2, "big") + header.xid.to_bytes(4, "big")
        )

    assert world.next() == SwitchLost(connection)


@pytest.mark.parametrize("greeted", [False, True], ids=["without a word", "with a handshake"])
def test_quick_reconnects_leave_nothing_behind(world: World, greeted: bool) -> None:
    """Neither threads nor files, of either kind, and each of them is told with its end."""
    before = threads(), descriptors()
    for _ in range(50):
        with Peer(world.path) as peer:
            if greeted:
                peer.shake_hands()
                assert isinstance(world.next(), SwitchUp)
        if greeted:
            assert isinstance(world.next(), SwitchLost)
    with Peer(world.path) as last:
        # Connections are accepted in their order: all of the others have been.
        come_up(world, last)
    assert isinstance(world.next(), SwitchLost)

    assert eventually(lambda: (threads(), descriptors()) == before), f"{before}, now {threads()}, {descriptors()}"
    assert world.events.empty()


def test_stop_with_many_connections(tmp_path: Path, many_flows: tuple[Flow, ...]) -> None:
    """Some that were never greeted, one that is up and does not read: the end is quick all the same."""
    before = threads(), descriptors()
    world = World(tmp_path / "of.sock")
    with Peer(world.path) as first, Peer(world.path) as up, Peer(world.path) as last:
        connection = come_up(world, up)
        world.session.program(Plan(4, adds=many_flows), connection)
        started = time.monotonic()

        world.server.stop()

        assert time.monotonic() - started < 1.0
        assert world.next() == SwitchLost(connection)
        for peer in (first, last):
            assert peer.receive()[0].type == HELLO
            assert peer.socket.recv(1) == b""
    assert eventually(lambda: (threads(), descriptors()) == before), f"{before}, now {threads()}, {descriptors()}"
