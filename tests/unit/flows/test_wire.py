"""flows.wire: messages that we send; compared with os-ken's own encoder where that knows the shape."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, given
from os_ken.ofproto import ofproto_v1_4, ofproto_v1_4_parser

from ryu_netpol.flows import wire
from ryu_netpol.flows.delta import Plan
from ryu_netpol.flows.fields import Subfield, whole
from ryu_netpol.flows.ir import (
    Action,
    Conjunction,
    Cookie,
    CookieKind,
    Ct,
    Flow,
    Goto,
    InPort,
    Load,
    Match,
    Meter,
    Move,
    Output,
    Pop,
    Push,
    Resubmit,
    SetField,
)
from ryu_netpol.flows.wire.decode import decode_header
from ryu_netpol.flows.wire.parts import encode_actions, encode_instructions, encode_match
from tests.support.flow_strategies import flows

COOKIE = Cookie(CookieKind.RULE, 7)
DATAPATH: Any = SimpleNamespace(ofproto=ofproto_v1_4, ofproto_parser=ofproto_v1_4_parser)
P: Any = ofproto_v1_4_parser
OS_KEN_NAMES = {name: f"ipv6_{name}" for name in ("nd_target", "nd_sll", "nd_tll")}
"""Without the prefix os-ken means Nicira's older headers, which we read but do not write."""
UNKNOWN_TO_OS_KEN = {"ip_frag", "nw_ttl", "nd_reserved", "nd_options_type", "vlan_tci"}


def _os_ken_action(action: Action) -> Any:
    """The same action as os-ken's object; NotImplementedError where it has none, or encodes it wrongly."""
    match action:
        case SetField(name, value) if name not in UNKNOWN_TO_OS_KEN:
            return P.OFPActionSetField(**{OS_KEN_NAMES.get(name, name): _os_ken_value(name, value)})
        case Load(target, value):
            return P.NXActionRegLoad(target.first << 6 | target.bits - 1, target.field, value)
        case Move(source, target):
            return P.NXActionRegMove(source.field, target.field, source.bits, source.first, target.first)
        case Output(port):
            return P.OFPActionOutput(port, 0)
        case InPort():
            return P.OFPActionOutput(ofproto_v1_4.OFPP_IN_PORT, 0)
        case Resubmit(table):
            return P.NXActionResubmitTable(0xFFF8, table)
        case Ct():
            table = 0xFF if action.table is None else action.table
            nested = [_os_ken_action(load) for load in action.mark]
            return P.NXActionCT(int(action.commit), "", action.zone, table, 0, nested)
        case Conjunction(number, clause, clauses):
            return P.NXActionConjunction(clause - 1, clauses, number)
        case _:
            raise NotImplementedError


def _os_ken_value(name: str, value: int) -> Any:
    if name in ("eth_src", "eth_dst", "arp_sha", "arp_tha", "nd_sll", "nd_tll"):
        return value.to_bytes(6, "big").hex(":")
    if name in ("ipv4_src", "ipv4_dst", "arp_spa", "arp_tpa"):
        return ".".join(str(byte) for byte in value.to_bytes(4, "big"))
    if name in ("ipv6_src", "ipv6_dst", "nd_target"):
        return value.to_bytes(16, "big").hex(":", 2)
    return value


def _os_ken_message(flow: Flow) -> Any:
    if any(field.field in UNKNOWN_TO_OS_KEN for field in flow.match.fields):
        raise NotImplementedError
    fields = {
        OS_KEN_NAMES.get(name, name): _os_ken_value(name, value)
        if mask is None
        else (_os_ken_value(name, value), _os_ken_value(name, mask))
        for name, value, mask in flow.match.fields
    }
    instructions: list[Any] = []
    rest = list(flow.actions)
    if rest and isinstance(rest[0], Meter):
        instructions.append(P.OFPInstructionMeter(rest.pop(0).id))  # type: ignore[union-attr]
    goto = rest.pop() if rest and isinstance(rest[-1], Goto) else None
    if rest:
        actions = [_os_ken_action(action) for action in rest]
        instructions.append(P.OFPInstructionActions(ofproto_v1_4.OFPIT_APPLY_ACTIONS, actions))
    if isinstance(goto, Goto):
        instructions.append(P.OFPInstructionGotoTable(goto.table))
    return P.OFPFlowMod(
        DATAPATH,
        cookie=int(flow.cookie),
        table_id=flow.table,
        command=ofproto_v1_4.OFPFC_ADD,
        priority=flow.priority,
        out_port=ofproto_v1_4.OFPP_ANY,
        out_group=ofproto_v1_4.OFPG_ANY,
        match=P.OFPMatch(**fields),
        instructions=instructions,
    )


def _bytes(message: Any, xid: int = 0) -> bytes:
    message.xid = xid
    message.serialize()
    return bytes(message.buf)


def _parts(message: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Header and fixed part, fields of the match in any order, instructions."""
    length = int.from_bytes(message[50:52], "big")
    fields, rest = [], message[52 : 48 + length]
    while rest:
        fields.append(rest[: 4 + rest[3]])
        rest = rest[4 + rest[3] :]
    return message[:52], sorted(fields), message[48 + (length + 7) // 8 * 8 :]


@given(flows())
def test_same_as_os_ken(flow: Flow) -> None:
    """For everything that os-ken can say, we say the same; only the order of fields is our own."""
    try:
        expected = _os_ken_message(flow)
    except NotImplementedError:
        assume(False)

    encoded = wire.encode_flow_mod(flow, command=wire.Command.ADD, xid=0)

    assert _parts(encoded) == _parts(_bytes(expected))


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        pytest.param(Push(whole("ipv4_src")), "ffff001800002320001b0000800016040020000000000000", id="push"),
        pytest.param(Pop(Subfield("reg1", 4, 8)), "ffff001800002320001c0004000102040008000000000000", id="pop"),
        pytest.param(SetField("nd_reserved", 0xE0000000), "0019001010000204e000000000000000", id="nd_reserved"),
        pytest.param(SetField("nd_options_type", 2), "00190010100004010200000000000000", id="nd_options_type"),
    ],
)
def test_actions_that_os_ken_lacks(action: Action, expected: str) -> None:
    """The bytes that Open vSwitch 3.1 itself sends (with the newer header of IPv4 addresses)."""
    assert encode_actions((action,)).hex() == expected


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        pytest.param(Match(), "0001000400000000", id="everything"),
        pytest.param(Match.of(eth_type=0x0800, ip_frag=3), "0001000f80000a020800000134010300", id="later fragment"),
        pytest.param(Match.of(vlan_tci=(0, 0x1FFF)), "0001000c0000090400001fff00000000", id="untagged"),
        pytest.param(Match.of(in_port=65534), "0001000c80000004fffffffe00000000", id="LOCAL"),
        pytest.param(Match.of(reg0=(2, 15)), "0001001000010108000000020000000f", id="register"),
    ],
)
def test_matches(match: Match, expected: str) -> None:
    """Headers, masks and padding, byte by byte."""
    assert encode_match(match).hex() == expected


def test_control_messages_same_as_os_ken() -> None:
    """Meters, configuration, bundles and requests are what os-ken would send."""
    band = P.OFPMeterBandDrop(rate=100, burst_size=200)
    flags = ofproto_v1_4.OFPMF_PKTPS | ofproto_v1_4.OFPMF_BURST
    bundle_flags = ofproto_v1_4.OFPBF_ATOMIC | ofproto_v1_4.OFPBF_ORDERED
    request = P.OFPFlowStatsRequest(
        DATAPATH, cookie=Cookie.SIGNATURE, cookie_mask=Cookie.SIGNATURE_MASK, match=P.OFPMatch()
    )

    expected = [
        P.OFPMeterMod(DATAPATH, ofproto_v1_4.OFPMC_ADD, flags, 5, [band]),
        P.OFPMeterMod(DATAPATH, ofproto_v1_4.OFPMC_DELETE, flags, 5, []),
        P.OFPSetConfig(DATAPATH, flags=3, miss_send_len=0),
        P.OFPBundleCtrlMsg(DATAPATH, 9, ofproto_v1_4.OFPBCT_COMMIT_REQUEST, bundle_flags, []),
        request,
        P.OFPMeterConfigStatsRequest(DATAPATH),
    ]
    sent = [
        wire.encode_meter_mod(wire.MeterCommand.ADD, 5, xid=3),
        wire.encode_meter_mod(wire.MeterCommand.DELETE, 5, xid=3),
        wire.encode_set_config(xid=3),
        wire.encode_bundle_control(wire.Bundle.COMMIT_REQUEST, bundle=9, xid=3),
        wire.encode_flow_request(xid=3),
        wire.encode_meter_request(xid=3),
    ]

    assert [message.hex() for message in sent] == [_bytes(message, xid=3).hex() for message in expected]


def test_delete_is_strict_and_ours() -> None:
    """A deletion names table, priority and match, carries no actions, and spares what is not ours."""
    flow = Flow(51, 9, Match.of(reg1=1), (Goto(60),), COOKIE)

    message = wire.encode_flow_mod(flow, command=wire.Command.DELETE_STRICT, xid=4)

    fixed, fields, instructions = _parts(message)
    assert message[8:16] == Cookie.SIGNATURE.to_bytes(8, "big")
    assert message[16:24] == Cookie.SIGNATURE_MASK.to_bytes(8, "big")
    assert (fixed[24], fixed[25], fixed[30:32]) == (51, ofproto_v1_4.OFPFC_DELETE_STRICT, b"\0\x09")
    assert (len(fields), instructions) == (1, b"")


def _clauses(count: int) -> Flow:
    return Flow(51, 9, Match.of(eth_type=0x0800), tuple(Conjunction(n, 1, 2) for n in range(count)), COOKIE)


def test_the_longest_flow() -> None:
    """4,090 conjunctions and a short match still fit into a message in a bundle; one more is a clear error."""
    assert len(wire.encode_flow_mod(_clauses(4090), command=wire.Command.ADD, xid=1)) == 65512
    with pytest.raises(wire.WireError, match="table 51 with 4091 actions"):
        wire.encode_flow_mod(_clauses(4091), command=wire.Command.ADD, xid=1)


def test_far_too_long() -> None:
    """Actions beyond what the length of an instruction can say are the same kind of error."""
    with pytest.raises(wire.WireError, match="5000 actions"):
        wire.encode_flow_mod(_clauses(5000), command=wire.Command.ADD, xid=1)


@pytest.mark.parametrize(
    "actions",
    [
        pytest.param((Goto(60), InPort()), id="goto first"),
        pytest.param((InPort(), Meter(1)), id="meter last"),
        pytest.param((Move(whole("reg0"), Subfield("reg1", 0, 8)),), id="move of two widths"),
        pytest.param((Load(whole("ipv6_src"), 1),), id="load of 128 bits"),
    ],
)
def test_what_cannot_be_written(actions: tuple[Action, ...]) -> None:
    """An order or a shape that OpenFlow has no way to say is refused, not changed."""
    with pytest.raises(wire.WireError):
        encode_instructions(actions)


def _messages(encoded: wire.EncodedPlan) -> list[bytes]:
    rest, found = b"".join(encoded.pieces), []
    while rest:
        length = decode_header(rest).length
        found.append(rest[:length])
        rest = rest[length:]
    return found


def _plan(*, replace_all: bool) -> Plan:
    made = [Flow(51, priority, Match.of(reg1=priority), (Goto(60),), COOKIE) for priority in range(5)]
    return Plan(3, deletes=tuple(made[:2]), adds=tuple(made[2:]), replace_all=replace_all)


@pytest.mark.parametrize("replace_all", [False, True])
def test_plan(replace_all: bool) -> None:
    """Open, clear, deletes, adds, close, in this order; every xid leads back to its flow."""
    plan = _plan(replace_all=replace_all)

    encoded = wire.encode_plan(plan, bundle=8, first_xid=100)

    messages = _messages(encoded)
    headers = [decode_header(message) for message in messages]
    inner = [message[16:] for message in messages[1:-1]]
    cleared = [None] if replace_all else []
    assert [header.xid for header in headers] == list(encoded.xids)
    assert encoded.close_xid == headers[-1].xid
    assert [header.type for header in headers] == [33, *[34] * len(inner), 33]
    assert [decode_header(message).xid for message in inner] == [header.xid for header in headers[1:-1]]
    assert [message[25] for message in inner] == [*[3 for _ in cleared], 4, 4, 0, 0, 0]
    assert [encoded.flow(xid) for xid in encoded.xids] == [None, *cleared, *plan.deletes, *plan.adds, None]
    assert len(encoded.xids) <= wire.xids_needed(plan)
    assert all(message[8:12] == b"\0\0\0\x08" for message in messages)


def test_plan_comes_in_few_pieces() -> None:
    """A large plan is joined to pieces of about a quarter of a megabyte, each of whole messages."""
    made = [Flow(51, 9, Match.of(reg1=number), (Goto(60),), COOKIE) for number in range(20_000)]
    random.Random(0).shuffle(made)

    encoded = wire.encode_plan(Plan(1, adds=tuple(made)), bundle=1, first_xid=1)

    assert [len(piece) // wire.PIECE for piece in encoded.pieces[:-1]] == [1] * (len(encoded.pieces) - 1)
    assert len(_messages(encoded)) == 20_002


def test_os_ken_pads_push_wrongly() -> None:
    """The reason why stack actions are not compared with os-ken: it writes two bytes less than it announces."""
    buffer = bytearray()
    nx_action = ofproto_v1_4_parser.NXActionStackPush(field="reg0", start=0, end=31)
    nx_action.serialize(buffer, 0)

    assert len(buffer) != 24
