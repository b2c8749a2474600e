"""The switch is answered while others work or wait: else it would give the connection up (its inactivity probe).

Each case holds somebody up until the switch has had its answers, so that nothing depends on time.
"""

from __future__ import annotations

import os
import queue
import struct
import threading
from collections.abc import Iterator

import pytest

from ryu_netpol.agent.events import Committed, FlowsDumped, SwitchLost
from ryu_netpol.flows.delta import Plan
from ryu_netpol.flows.ir import Flow, FlowTable
from ryu_netpol.flows.wire import decode
from ryu_netpol.flows.wire.codes import Bundle, Type
from tests.unit.adapters.openflow_world import FLOW
from tests.unit.adapters.ryu_compat.peer import ECHO_REPLY, ECHO_REQUEST, PATIENCE, Peer, World, come_up
from tests.unit.flows.test_wire_decode import stats_entry


class Door:
    """Whoever comes through waits until it is opened; with the end of the block it is."""

    def __init__(self) -> None:
        self._somebody, self._open = threading.Event(), threading.Event()

    def __enter__(self) -> Door:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.set()

    def go_through(self) -> None:
        """For whoever is to be held up."""
        self._somebody.set()
        assert self._open.wait(PATIENCE)

    def wait_for_somebody(self) -> None:
        """Until somebody is held up."""
        assert self._somebody.wait(PATIENCE)


class Behind(tuple[Flow, ...]):
    """Flows behind a door: whoever reads them goes through."""

    door: Door

    def __iter__(self) -> Iterator[Flow]:
        self.door.go_through()
        return super().__iter__()


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Door:
    """A door before the reading of every part of a dump."""
    door = Door()
    read = decode.decode_flow_stats

    def hold(body: bytes) -> tuple[list[Flow], int]:
        door.go_through()
        return read(body)

    monkeypatch.setattr(decode, "decode_flow_stats", hold)
    return door


@pytest.fixture
def peer(world: World) -> Iterator[Peer]:
    """A switch that is up."""
    with Peer(world.path) as peer:
        come_up(world, peer)
        yield peer


def is_answered(world: World, peer: Peer, *, within: float = PATIENCE) -> bool:
    """Whether the framework answers an echo request, and the session takes in what came before it."""
    peer.socket.settimeout(within)
    peer.send(Type.ERROR, struct.pack("!HH", 10, 0), xid=0xFFFFFFFF)
    peer.send(ECHO_REQUEST, b"still there?", xid=77)
    try:
        header, body = peer.expect(ECHO_REPLY)
        world.reports.get(timeout=within)
    except (queue.Empty, TimeoutError):
        return False
    return (header.xid, body) == (77, b"still there?")


def test_while_the_agent_computes(world: World, peer: Peer) -> None:
    """A thread that gives away nothing but the interpreter's lock."""
    ended = threading.Event()

    def compute() -> None:
        while not ended.is_set():
            sum(range(10_000))

    agent = threading.Thread(target=compute)
    agent.start()
    answered = [is_answered(world, peer) for _ in range(5)]
    ended.set()
    agent.join(PATIENCE)

    assert answered == [True] * 5


def test_while_a_plan_is_packed(world: World, peer: Peer) -> None:
    """Packing takes a second for a large node; then the bundle is sent, and ends as ever."""
    flows = Behind((FLOW,))
    plan = Plan(4, adds=flows)
    with Door() as flows.door:
        agent = threading.Thread(target=world.session.program, args=(plan, 1))
        agent.start()
        flows.door.wait_for_somebody()

        assert is_answered(world, peer)

    agent.join(PATIENCE)
    for request in (Bundle.OPEN_REQUEST, Bundle.CLOSE_REQUEST, Bundle.COMMIT_REQUEST):
        header, body = peer.expect(Type.BUNDLE_CONTROL)
        number, kind = struct.unpack("!IH", body[:6])
        assert kind == request
        peer.send(Type.BUNDLE_CONTROL, struct.pack("!IHH", number, kind + 1, 3), header.xid)
    assert world.next() == Committed(4)


def test_while_a_dump_is_read(world: World, peer: Peer, reading: Door) -> None:
    """Reading takes seconds for a large node; then it is delivered."""
    with reading:
        world.session.dump(1)
        peer.answer_dump([stats_entry(FLOW)])
        reading.wait_for_somebody()

        assert is_answered(world, peer)

        world.session.nudge()
        peer.expect(Type.FLOW_MOD)
        assert world.events.empty()
    assert world.next() == FlowsDumped(1, FlowTable([FLOW]))


def test_the_end_while_a_dump_is_read(world: World, peer: Peer, reading: Door) -> None:
    """The end is told at once; what is read of a connection that has ended is told to nobody."""
    with reading:
        world.session.dump(1)
        peer.answer_dump([stats_entry(FLOW)])
        reading.wait_for_somebody()

        peer.socket.close()

        assert world.next() == SwitchLost(1)
    with Peer(world.path) as other:
        come_up(world, other)
    assert world.next() == SwitchLost(2)


def test_while_another_library_blocks(world: World, peer: Peer) -> None:
    """A native thread that waits for a file to say something."""
    read, write = os.pipe()
    library = threading.Thread(target=os.read, args=(read, 1))
    library.start()

    assert is_answered(world, peer)

    os.write(write, b"!")
    library.join(PATIENCE)
    os.close(read)
    os.close(write)


def test_the_checker_catches(world: World, peer: Peer) -> None:
    """P10: a session whose lock is held does not answer."""
    with world.session._lock:
        answered = is_answered(world, peer, within=0.2)

    assert not answered
