"""adapters.openflow: the session, against a transport that only remembers and a switch that is played by the test."""

from __future__ import annotations

import struct

import pytest

from ryu_netpol.adapters.openflow import OpenFlowSession
from ryu_netpol.agent.effects import Report
from ryu_netpol.agent.events import CommitFailed, Committed, Event, FlowsDumped, SwitchLost, SwitchUp
from ryu_netpol.flows import wire
from ryu_netpol.flows.delta import Plan
from ryu_netpol.flows.ir import Conjunction, Cookie, CookieKind, Flow, FlowTable, Goto, Match
from ryu_netpol.flows.wire_codes import Bundle, MeterCommand, Multipart, Type
from ryu_netpol.flows.wire_decode import Header, decode_bundle_control, decode_header, decode_multipart_header
from tests.unit.flows.test_wire_decode import stats_entry

FLOW = Flow(51, 9, Match.of(reg1=1), (Goto(60),), Cookie(CookieKind.RULE, 7))
OTHER = Flow(51, 9, Match.of(reg1=2), (Goto(60),), Cookie(CookieKind.RULE, 8))
BAD_PREREQ = (4, 9)
METER_EXISTS = (12, 1)
UNKNOWN_METER = (12, 3)
MSG_FAILED = (17, 13)


class Switch:
    """The other end of one connection: takes what is sent apart, and answers as the test says."""

    def __init__(self, session: OpenFlowSession) -> None:
        self.session = session
        self.messages: list[bytes] = []
        self.hung_up = False

    def send(self, data: bytes) -> None:
        """Remember whole messages."""
        while data:
            length = decode_header(data).length
            self.messages.append(data[:length])
            data = data[length:]

    def hang_up(self) -> None:
        """Remember it."""
        self.hung_up = True

    def take(self, kind: Type) -> list[bytes]:
        """Messages of this type that have come in since the last question."""
        found = [message for message in self.messages if decode_header(message).type == kind]
        self.messages = [message for message in self.messages if message not in found]
        return found

    def bundle(self, kind: Bundle) -> bytes:
        """The one bundle control message of this type."""
        (found,) = [message for message in self.messages if self._is_control(message, kind)]
        self.messages.remove(found)
        return found

    @staticmethod
    def _is_control(message: bytes, kind: Bundle) -> bool:
        return decode_header(message).type == Type.BUNDLE_CONTROL and decode_bundle_control(message)[1] == kind

    def reply(self, request: bytes) -> None:
        """Acknowledge a bundle control message: the types of replies follow those of requests."""
        number, kind = decode_bundle_control(request)
        reply = struct.pack("!BBHIIHH", 5, Type.BUNDLE_CONTROL, 16, decode_header(request).xid, number, kind + 1, 3)
        self.session.received(self, reply)

    def refuse(self, request: bytes, error: tuple[int, int]) -> None:
        """Answer a message with an error."""
        body = struct.pack("!HH", *error) + request[:64]
        header = Header(5, Type.ERROR, 8 + len(body), decode_header(request).xid)
        self.session.received(self, struct.pack("!BBHI", *header) + body)

    def answer(self, request: bytes, body: bytes, *, more: bool = False) -> None:
        """Answer a multipart request."""
        kind, _ = decode_multipart_header(request)
        head = (5, Type.MULTIPART_REPLY, 16 + len(body), decode_header(request).xid, kind, int(more))
        self.session.received(self, struct.pack("!BBHIHHxxxx", *head) + body)


class World:
    """A session, what it delivered and reported."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.reports: list[Report] = []
        self.session = OpenFlowSession(deliver=self.events.append, report=self.reports.append)

    def connect(self) -> Switch:
        """A switch that has just shaken hands."""
        switch = Switch(self.session)
        self.session.connected(switch)
        return switch

    def ready(self) -> Switch:
        """A switch whose flows have been dumped; what was delivered until then is forgotten."""
        switch = self.connect()
        self.session.dump()
        flows, meters = switch.take(Type.MULTIPART_REQUEST)
        switch.answer(flows, b"")
        switch.answer(meters, b"")
        switch.messages.clear()
        self.events.clear()
        return switch


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


def test_program_commits_in_two_steps(world: World) -> None:
    """Open, flows and close are sent; the commit follows the reply to the close, Committed the reply to the commit."""
    switch = world.ready()

    world.session.program(Plan(4, deletes=(OTHER,), adds=(FLOW,)))

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

    world.session.program(Plan(4, adds=(FLOW,), meters_add=(5, 6), meters_delete=(7,)))

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
    world.session.program(Plan(4, adds=(FLOW,), meters_add=(5,)))

    switch.refuse(switch.take(Type.METER_MOD)[0], METER_EXISTS)

    (changed,) = switch.take(Type.METER_MOD)
    assert (changed[9], changed[15]) == (MeterCommand.MODIFY, 5)
    switch.reply(switch.bundle(Bundle.CLOSE_REQUEST))
    switch.reply(switch.bundle(Bundle.COMMIT_REQUEST))
    assert world.events == [Committed(4)]


def test_a_meter_that_is_refused_fails_the_bundle(world: World) -> None:
    """Without its meter a flow would be refused anyway: nothing is committed."""
    switch = world.ready()
    world.session.program(Plan(4, adds=(FLOW,), meters_add=(5,)))

    switch.refuse(switch.take(Type.METER_MOD)[0], (12, 10))
    switch.reply(switch.bundle(Bundle.CLOSE_REQUEST))

    assert world.events == [CommitFailed(4, ("OFPMMFC_OUT_OF_METERS (OFPET_METER_MOD_FAILED): meter 5",))]
    assert decode_bundle_control(switch.bundle(Bundle.DISCARD_REQUEST)) == (1, Bundle.DISCARD_REQUEST)


def test_a_meter_gone_already_is_no_error(world: World) -> None:
    """Deleting a meter that is not there is what was wanted; any other error is reported."""
    switch = world.ready()
    world.session.program(Plan(4, adds=(FLOW,), meters_delete=(5, 6)))
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
    world.session.program(Plan(4, adds=(OTHER, FLOW)))

    switch.refuse(switch.take(Type.BUNDLE_ADD_MESSAGE)[1], BAD_PREREQ)
    switch.reply(switch.bundle(Bundle.CLOSE_REQUEST))

    (failed,) = world.events
    assert failed == CommitFailed(
        4,
        (
            "OFPBMC_BAD_PREREQ (OFPET_BAD_MATCH): "
            "table=51, priority=9, cookie=0x6e70000a00000007, reg1=1 actions=goto_table:60",
        ),
    )
    switch.bundle(Bundle.DISCARD_REQUEST)
    assert not [m for m in switch.messages if Switch._is_control(m, Bundle.COMMIT_REQUEST)]


def test_a_flow_refused_by_the_commit_is_named(world: World) -> None:
    """The error of the message comes before that of the commit; both are told, the flow first."""
    switch = world.ready()
    world.session.program(Plan(4, adds=(OTHER, FLOW)))
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
    world.session.program(Plan(4, adds=(FLOW,)))

    switch.refuse(switch.bundle(Bundle.CLOSE_REQUEST), (17, 14))

    (failed,) = world.events
    assert isinstance(failed, CommitFailed)
    assert "OFPBFC_TIMEOUT" in failed.errors[0]


def test_the_discard_may_fail(world: World) -> None:
    """The switch has forgotten the bundle already: no report."""
    switch = world.ready()
    world.session.program(Plan(4, adds=(FLOW,)))
    switch.refuse(switch.bundle(Bundle.CLOSE_REQUEST), (17, 14))

    switch.refuse(switch.bundle(Bundle.DISCARD_REQUEST), (17, 2))

    assert world.reports == []


def test_many_errors_are_counted(world: World) -> None:
    """Twenty flows are named; of the others only the number."""
    switch = world.ready()
    made = [Flow(51, 9, Match.of(reg1=n), (Goto(60),), FLOW.cookie) for n in range(50)]
    world.session.program(Plan(4, adds=tuple(made)))

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
        world.session.program(Plan(generation, adds=(FLOW,)))
        close = switch.bundle(Bundle.CLOSE_REQUEST)
        numbers.append(decode_bundle_control(close)[0])
        switch.refuse(close, (17, 14))

    assert len(set(numbers)) == 2


def test_a_second_bundle_must_wait(world: World) -> None:
    """The agent has one bundle in flight; a second one is a defect, and loud."""
    world.ready()
    world.session.program(Plan(4, adds=(FLOW,)))

    with pytest.raises(RuntimeError, match="in flight"):
        world.session.program(Plan(5, adds=(OTHER,)))


def test_a_flow_too_long_fails_before_anything_is_sent(world: World) -> None:
    """The switch never hears of the plan."""
    switch = world.ready()
    clauses = tuple(Conjunction(n, 1, 2) for n in range(4100))
    world.session.program(Plan(4, adds=(Flow(51, 9, Match(), clauses, FLOW.cookie),), meters_add=(5,)))

    (failed,) = world.events
    assert isinstance(failed, CommitFailed)
    assert "4100 actions" in failed.errors[0]
    assert switch.messages == []


def test_dump(world: World) -> None:
    """Flows come in several parts, meters in one; together they are one event."""
    switch = world.connect()
    world.session.dump()
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
    world.session.dump()
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
    world.session.dump()
    requests = switch.take(Type.MULTIPART_REQUEST)

    switch.refuse(requests[refused], (1, 2))
    switch.answer(requests[1 - refused], b"")

    assert world.events[-1] == FlowsDumped(1, FlowTable(), unreadable=1 - refused)
    assert len(world.reports) == 1


def test_loss_is_all_that_is_told(world: World) -> None:
    """What was in flight has failed with the connection; no CommitFailed besides."""
    switch = world.ready()
    world.session.program(Plan(4, adds=(FLOW,)))

    world.session.disconnected(switch)

    assert world.events == [SwitchLost(1)]


def test_the_newest_connection_wins(world: World) -> None:
    """The older one is lost and hung up; what still comes from it is ignored, its end too."""
    old = world.ready()
    world.session.program(Plan(4, adds=(FLOW,)))
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

    world.session.program(Plan(4, adds=(FLOW,)))

    assert (old.messages, new.messages) == ([], [])


def test_without_a_switch_nothing_happens(world: World) -> None:
    """Neither program nor dump fails: SwitchUp will come."""
    world.session.program(Plan(4, adds=(FLOW,)))
    world.session.dump()
    world.session.disconnected(Switch(world.session))

    assert world.events == []


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
    world.session.program(Plan(4, adds=(FLOW,)))

    switch.reply(wire.encode_bundle_control(Bundle.COMMIT_REQUEST, bundle=99, xid=1))

    assert world.events == []
