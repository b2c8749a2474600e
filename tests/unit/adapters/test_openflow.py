"""adapters.openflow: how the session programs the switch: bundles, meters, errors."""

from __future__ import annotations

import pytest

from ryu_netpol.agent.events import CommitFailed, Committed
from ryu_netpol.flows import wire
from ryu_netpol.flows.delta import Plan
from ryu_netpol.flows.ir import Conjunction, Flow, Goto, Match
from ryu_netpol.flows.wire.codes import Bundle, MeterCommand, Type
from ryu_netpol.flows.wire.decode import decode_bundle_control, decode_header
from tests.unit.adapters.openflow_world import (
    BAD_PREREQ,
    FLOW,
    METER_EXISTS,
    MSG_FAILED,
    OTHER,
    UNKNOWN_METER,
    Switch,
    World,
)


@pytest.fixture
def world() -> World:
    """A session without a switch."""
    return World()


def test_program_commits_in_two_steps(world: World) -> None:
    """Open, flows and close are sent; the commit follows the reply to the close, Committed the reply to the commit."""
    switch = world.ready()

    world.program(Plan(4, deletes=(OTHER,), adds=(FLOW,)))

    assert len(switch.take(Type.BUNDLE_ADD_MESSAGE)) == 2
    switch.reply(switch.bundle(Bundle.OPEN_REQUEST))
    close = switch.bundle(Bundle.CLOSE_REQUEST)
    assert switch.messages == []
    switch.reply(close)
    commit = switch.bundle(Bundle.COMMIT_REQUEST)
    assert world.events == []
    switch.reply(commit)
    assert world.events == [Committed(4)]
    assert switch.messages == []


def test_meters_come_first_and_go_last(world: World) -> None:
    """Meters are added before the bundle is opened, and deleted after it is committed."""
    switch = world.ready()

    world.program(Plan(4, adds=(FLOW,), meters_add=(5, 6), meters_delete=(7,)))

    kinds = [decode_header(message).type for message in switch.messages]
    assert kinds[:3] == [Type.METER_MOD, Type.METER_MOD, Type.BUNDLE_CONTROL]
    added = switch.take(Type.METER_MOD)
    assert [(message[9], message[15]) for message in added] == [(MeterCommand.ADD, 5), (MeterCommand.ADD, 6)]
    switch.reply(switch.bundle(Bundle.CLOSE_REQUEST))
    assert switch.take(Type.METER_MOD) == []
    switch.reply(switch.bundle(Bundle.COMMIT_REQUEST))
    (deleted,) = switch.take(Type.METER_MOD)
    assert (deleted[9], deleted[15]) == (MeterCommand.DELETE, 7)


def test_a_meter_that_exists_is_changed(world: World) -> None:
    """A meter left over from an earlier run gets our rate, and the bundle goes on."""
    switch = world.ready()
    world.program(Plan(4, adds=(FLOW,), meters_add=(5,)))

    switch.refuse(switch.take(Type.METER_MOD)[0], METER_EXISTS)

    (changed,) = switch.take(Type.METER_MOD)
    assert (changed[9], changed[15]) == (MeterCommand.MODIFY, 5)
    switch.reply(switch.bundle(Bundle.CLOSE_REQUEST))
    switch.reply(switch.bundle(Bundle.COMMIT_REQUEST))
    assert world.events == [Committed(4)]


def test_a_meter_that_is_refused_fails_the_bundle(world: World) -> None:
    """Without its meter a flow would be refused anyway: nothing is committed."""
    switch = world.ready()
    world.program(Plan(4, adds=(FLOW,), meters_add=(5,)))

    switch.refuse(switch.take(Type.METER_MOD)[0], (12, 10))
    switch.reply(switch.bundle(Bundle.CLOSE_REQUEST))

    assert world.events == [CommitFailed(4, ("OFPMMFC_OUT_OF_METERS (OFPET_METER_MOD_FAILED): meter 5",))]
    assert decode_bundle_control(switch.bundle(Bundle.DISCARD_REQUEST)) == (1, Bundle.DISCARD_REQUEST)


def test_a_meter_gone_already_is_no_error(world: World) -> None:
    """Deleting a meter that is not there is what was wanted; any other error is reported."""
    switch = world.ready()
    world.program(Plan(4, adds=(FLOW,), meters_delete=(5, 6)))
    switch.reply(switch.bundle(Bundle.CLOSE_REQUEST))
    switch.reply(switch.bundle(Bundle.COMMIT_REQUEST))

    first, second = switch.take(Type.METER_MOD)
    switch.refuse(first, UNKNOWN_METER)
    switch.refuse(second, (12, 4))

    assert [report.what for report in world.reports] == ["openflow_error"]
    assert "OFPMMFC_BAD_COMMAND" in world.reports[0].message


def test_a_flow_refused_on_arrival_is_named(world: World) -> None:
    """The switch would commit the other flows: so nothing is committed, and the bundle is thrown away."""
    switch = world.ready()
    world.program(Plan(4, adds=(OTHER, FLOW)))

    switch.refuse(switch.take(Type.BUNDLE_ADD_MESSAGE)[1], BAD_PREREQ)
    switch.reply(switch.bundle(Bundle.CLOSE_REQUEST))

    (failed,) = world.events
    assert failed == CommitFailed(
        4,
        (
            "OFPBMC_BAD_PREREQ (OFPET_BAD_MATCH): "
            "table=51, priority=9, cookie=0x6e70000a00000007, reg1=1 actions=goto_table:60",
        ),
        rules=frozenset({7}),
    )
    switch.bundle(Bundle.DISCARD_REQUEST)
    assert not [m for m in switch.messages if Switch.is_control(m, Bundle.COMMIT_REQUEST)]


def test_a_flow_refused_by_the_commit_is_named(world: World) -> None:
    """The error of the message comes before that of the commit; both are told, the flow first."""
    switch = world.ready()
    world.program(Plan(4, adds=(OTHER, FLOW)))
    adds = switch.take(Type.BUNDLE_ADD_MESSAGE)
    switch.reply(switch.bundle(Bundle.CLOSE_REQUEST))

    switch.refuse(adds[0], (5, 1))
    assert world.events == []
    switch.refuse(switch.bundle(Bundle.COMMIT_REQUEST), MSG_FAILED)

    (failed,) = world.events
    assert isinstance(failed, CommitFailed)
    assert [error.split(" ")[0] for error in failed.errors] == ["OFPFMFC_TABLE_FULL", "OFPBFC_MSG_FAILED"]
    assert "reg1=2" in failed.errors[0]


def test_a_close_that_is_refused_ends_the_bundle(world: World) -> None:
    """No reply to the close will come: the error is the end."""
    switch = world.ready()
    world.program(Plan(4, adds=(FLOW,)))

    switch.refuse(switch.bundle(Bundle.CLOSE_REQUEST), (17, 14))

    (failed,) = world.events
    assert isinstance(failed, CommitFailed)
    assert "OFPBFC_TIMEOUT" in failed.errors[0]


def test_the_discard_may_fail(world: World) -> None:
    """The switch has forgotten the bundle already: no report."""
    switch = world.ready()
    world.program(Plan(4, adds=(FLOW,)))
    switch.refuse(switch.bundle(Bundle.CLOSE_REQUEST), (17, 14))

    switch.refuse(switch.bundle(Bundle.DISCARD_REQUEST), (17, 2))

    assert world.reports == []


def test_many_errors_are_counted(world: World) -> None:
    """Twenty flows are named; of the others only the number."""
    switch = world.ready()
    made = [Flow(51, 9, Match.of(reg1=n), (Goto(60),), FLOW.cookie) for n in range(50)]
    world.program(Plan(4, adds=tuple(made)))

    for message in switch.take(Type.BUNDLE_ADD_MESSAGE):
        switch.refuse(message, BAD_PREREQ)
    switch.reply(switch.bundle(Bundle.CLOSE_REQUEST))

    (failed,) = world.events
    assert isinstance(failed, CommitFailed)
    assert len(failed.errors) == 21
    assert failed.errors[-1] == "and 30 more"


def test_bundle_numbers_are_never_used_twice(world: World) -> None:
    """Not after a failure either: nobody knows what the switch made of the old one."""
    switch = world.ready()
    numbers = []
    for generation in (1, 2):
        world.program(Plan(generation, adds=(FLOW,)))
        close = switch.bundle(Bundle.CLOSE_REQUEST)
        numbers.append(decode_bundle_control(close)[0])
        switch.refuse(close, (17, 14))

    assert len(set(numbers)) == 2


def test_a_second_bundle_must_wait(world: World) -> None:
    """The agent has one bundle in flight; a second one is a defect, and loud."""
    world.ready()
    world.program(Plan(4, adds=(FLOW,)))

    with pytest.raises(RuntimeError, match="in flight"):
        world.program(Plan(5, adds=(OTHER,)))


def test_a_flow_too_long_fails_before_anything_is_sent(world: World) -> None:
    """The switch never hears of the plan."""
    switch = world.ready()
    clauses = tuple(Conjunction(n, 1, 2) for n in range(4100))
    world.program(Plan(4, adds=(Flow(51, 9, Match(), clauses, FLOW.cookie),), meters_add=(5,)))

    (failed,) = world.events
    assert isinstance(failed, CommitFailed)
    assert "4100 actions" in failed.errors[0]
    assert switch.messages == []


def test_errors_of_nobody_are_reported(world: World) -> None:
    """An error that belongs to no message of ours that is under way is told to the operator."""
    switch = world.ready()

    switch.refuse(wire.encode_set_config(xid=1), (10, 0))

    (report,) = world.reports
    assert report.what == "openflow_error"
    assert "OFPSCFC_BAD_FLAGS" in report.message
    assert world.events == []


def test_other_bundles_replies_are_ignored(world: World) -> None:
    """A reply that names another bundle does not move ours."""
    switch = world.ready()
    world.program(Plan(4, adds=(FLOW,)))

    switch.reply(wire.encode_bundle_control(Bundle.COMMIT_REQUEST, bundle=99, xid=1))

    assert world.events == []


def test_nudge(world: World) -> None:
    """One flow-mod outside of every bundle, also while one is in flight; without a switch nothing at all."""
    world.session.nudge()
    switch = world.ready()
    world.program(Plan(4, adds=(FLOW,)))

    world.session.nudge()

    assert len(switch.take(Type.FLOW_MOD)) == 1
    switch.reply(switch.bundle(Bundle.CLOSE_REQUEST))
    switch.reply(switch.bundle(Bundle.COMMIT_REQUEST))
    assert world.events == [Committed(4)]
