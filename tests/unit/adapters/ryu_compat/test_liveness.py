"""The switch is answered while others work or wait: else it would give the connection up (its inactivity probe).

Each case holds somebody up until the switch has had its answers, so that nothing depends on time.
"""

from __future__ import annotations

import os
import queue
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ryu_netpol.agent.events import Committed, FlowsDumped, SwitchLost
from ryu_netpol.flows import wire
from ryu_netpol.flows.delta import Plan
from ryu_netpol.flows.ir import FlowTable
from ryu_netpol.flows.wire import decode
from ryu_netpol.flows.wire.codes import Bundle, Type
from tests.unit.adapters.openflow_world import FLOW
from tests.unit.adapters.ryu_compat.peer import ECHO_REPLY, ECHO_REQUEST, PATIENCE, Peer, World, come_up
from tests.unit.flows.test_wire_decode import stats_entry


class Held:
    """A function that waits, once it is called, until it is let go."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._called, self._free = threading.Event(), threading.Event()

    def __call__(self, *args: Any, **named: Any) -> Any:
        self._called.set()
        assert self._free.wait(PATIENCE)
        return self._function(*args, **named)

    def wait(self) -> None:
        """Until somebody has called it."""
        assert self._called.wait(PATIENCE)

    def let_go(self) -> None:
        """Let whoever called it go on."""
        self._free.set()


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


def test_while_a_plan_is_packed(world: World, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packing takes a second for a large node; then the bundle is sent, and ends as ever."""
    held = Held(wire.encode_plan)
    monkeypatch.setattr(wire, "encode_plan", held)
    agent = threading.Thread(target=world.session.program, args=(Plan(4, adds=(FLOW,)), 1))
    agent.start()
    held.wait()

    assert is_answered(world, peer)

    held.let_go()
    for request, reply in (
        (Bundle.CLOSE_REQUEST, Bundle.CLOSE_REPLY),
        (Bundle.COMMIT_REQUEST, Bundle.COMMIT_REPLY),
    ):
        header, body = peer.expect(Type.BUNDLE_CONTROL)
        while body[4:6] != struct.pack("!H", request):
            header, body = peer.expect(Type.BUNDLE_CONTROL)
        peer.send(Type.BUNDLE_CONTROL, body[:4] + struct.pack("!HH", reply, 3), header.xid)
    assert world.next() == Committed(4)
    agent.join(PATIENCE)


def test_while_a_dump_is_read(world: World, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading takes seconds for a large node; then it is delivered."""
    held = Held(decode.decode_flow_stats)
    monkeypatch.setattr(decode, "decode_flow_stats", held)
    world.session.dump(1)
    peer.answer_dump([stats_entry(FLOW)])
    held.wait()

    assert is_answered(world, peer)

    world.session.nudge()
    peer.expect(Type.FLOW_MOD)
    assert world.events.empty()
    held.let_go()
    assert world.next() == FlowsDumped(1, FlowTable([FLOW]))


def test_the_end_while_a_dump_is_read(world: World, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end is told at once; what is read of a connection that has ended is told to nobody."""
    held = Held(decode.decode_flow_stats)
    monkeypatch.setattr(decode, "decode_flow_stats", held)
    world.session.dump(1)
    peer.answer_dump([stats_entry(FLOW)])
    held.wait()

    peer.socket.close()

    assert world.next() == SwitchLost(1)
    held.let_go()
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
