"""adapters.openflow: connections, and reading back what is on the switch."""

from __future__ import annotations

import struct

import pytest

from ryu_netpol.agent.events import FlowsDumped, SwitchLost, SwitchUp
from ryu_netpol.flows.delta import Plan
from ryu_netpol.flows.ir import Flow, FlowTable
from ryu_netpol.flows.wire.codes import Bundle, Multipart, Type
from ryu_netpol.flows.wire.decode import decode_header, decode_multipart_header
from tests.unit.adapters.openflow_world import (
    FLOW,
    OTHER,
    Switch,
    World,
)
from tests.unit.flows.test_wire_decode import stats_entry


@pytest.fixture
def world() -> World:
    """A session without a switch."""
    return World()


def test_connect_sets_the_fragment_mode(world: World) -> None:
    """At every connection, before anything else: the switch forgets it when it restarts."""
    first, second = world.connect(), world.connect()

    for switch in (first, second):
        (message,) = switch.messages
        assert message[8:12] == b"\0\x03\0\0"
        assert decode_header(message).type == Type.SET_CONFIG


def test_loss_is_all_that_is_told(world: World) -> None:
    """What was in flight has failed with the connection; no CommitFailed besides."""
    switch = world.ready()
    world.program(Plan(4, adds=(FLOW,)))

    world.session.disconnected(switch)

    assert world.events == [SwitchLost(1)]


def test_the_newest_connection_wins(world: World) -> None:
    """The older one is lost and hung up; what still comes from it is ignored, its end too."""
    old = world.ready()
    world.program(Plan(4, adds=(FLOW,)))
    close = old.bundle(Bundle.CLOSE_REQUEST)

    new = world.connect()
    old.reply(close)
    world.session.disconnected(old)

    assert world.events == [SwitchLost(1), SwitchUp(2)]
    assert old.hung_up
    assert not new.hung_up


def test_a_stale_plan_is_not_sent(world: World) -> None:
    """A plan made for an earlier connection fits nothing: until the new one is dumped, none is sent."""
    old = world.ready()
    new = world.connect()
    new.messages.clear()

    world.program(Plan(4, adds=(FLOW,)))

    assert (old.messages, new.messages) == ([], [])


def test_without_a_switch_nothing_happens(world: World) -> None:
    """Neither program nor dump fails: SwitchUp will come."""
    world.program(Plan(4, adds=(FLOW,)))
    world.dump()
    world.session.disconnected(Switch(world.session, world.later))

    assert world.events == []


def test_dump(world: World) -> None:
    """Flows come in several parts, meters in one; together they are one event."""
    switch = world.connect()
    world.dump()
    flows, meters = switch.take(Type.MULTIPART_REQUEST)
    assert [decode_multipart_header(request)[0] for request in (flows, meters)] == [
        Multipart.FLOW,
        Multipart.METER_CONFIG,
    ]

    switch.answer(flows, stats_entry(FLOW), more=True)
    switch.answer(meters, struct.pack("!HHI", 8, 6, 5))
    switch.answer(flows, stats_entry(OTHER) + stats_entry(OTHER, idle=3))

    assert world.events[1:] == [FlowsDumped(1, FlowTable([FLOW, OTHER]), frozenset({5}), unreadable=1)]


def test_dump_with_two_flows_of_one_key(world: World) -> None:
    """What we cannot tell apart is not known: the agent replaces everything."""
    switch = world.connect()
    world.dump()
    flows, meters = switch.take(Type.MULTIPART_REQUEST)
    twin = Flow(FLOW.table, FLOW.priority, FLOW.match, (), FLOW.cookie)

    switch.answer(meters, b"")
    switch.answer(flows, stats_entry(FLOW) + stats_entry(twin))

    event = world.events[-1]
    assert isinstance(event, FlowsDumped)
    assert event.unreadable


@pytest.mark.parametrize("refused", [0, 1], ids=["flows", "meters"])
def test_dump_refused(world: World, refused: int) -> None:
    """Without the flows nothing is known; without the meters only they are not."""
    switch = world.connect()
    world.dump()
    requests = switch.take(Type.MULTIPART_REQUEST)

    switch.refuse(requests[refused], (1, 2))
    switch.answer(requests[1 - refused], b"")

    assert world.events[-1] == FlowsDumped(1, FlowTable(), unreadable=1 - refused)
    assert len(world.reports) == 1
