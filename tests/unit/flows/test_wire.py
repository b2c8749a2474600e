"""flows.wire: messages that we send; compared with the frameworks' own encoders where they know the shape."""

from __future__ import annotations

import random
import sys
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ryu_netpol.flows import wire
from ryu_netpol.flows.delta import Plan
from ryu_netpol.flows.fields import Subfield, whole
from ryu_netpol.flows.ir import (
    Action,
    Conjunction,
    Cookie,
    CookieKind,
    Flow,
    Goto,
    InPort,
    Load,
    Match,
    Meter,
    Move,
    Pop,
    Push,
    SetField,
)
from ryu_netpol.flows.wire.decode import decode_header
from ryu_netpol.flows.wire.flowmods import encode_bundled, encode_bundled_clear
from ryu_netpol.flows.wire.parts import encode_actions, encode_instructions, encode_match
from tests.support.flow_strategies import flows
from tests.unit.flows.wire_frameworks import FRAMEWORKS, Framework, encoded

COOKIE = Cookie(CookieKind.RULE, 7)
each_framework = pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda framework: framework.package)


def _parts(message: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Header and fixed part, fields of the match in any order, instructions."""
    length = int.from_bytes(message[50:52], "big")
    fields, rest = [], message[52 : 48 + length]
    while rest:
        fields.append(rest[: 4 + rest[3]])
        rest = rest[4 + rest[3] :]
    return message[:52], sorted(fields), message[48 + (length + 7) // 8 * 8 :]


@each_framework
@given(flow=flows())
def test_same_as_the_framework(framework: Framework, flow: Flow) -> None:
    """For everything that it can say, we say the same, alone and in a bundle; only the order of fields is our own."""
    try:
        flow_mod = framework.flow_mod(flow)
    except NotImplementedError:
        assume(False)
    alone = encoded(flow_mod, xid=6)
    flags = framework.ofproto.OFPBF_ATOMIC | framework.ofproto.OFPBF_ORDERED
    wrapped = encoded(framework.message("OFPBundleAddMsg", 9, flags, flow_mod, []), xid=6)

    message = wire.encode_flow_mod(flow, command=wire.Command.ADD, xid=6)
    (bundled,) = encode_bundled([flow], wire.Command.ADD, bundle=9, first_xid=6)

    assert _parts(message) == _parts(alone)
    assert (bundled[:16], bundled[16:]) == (wrapped[:16], message)


def test_every_framework_is_compared() -> None:
    """os-ken everywhere, Ryu where it is installed, and it is in the environment that is made for it."""
    installed = {distribution.name for distribution in metadata.distributions()} & {"os-ken", "ryu"}
    classic = {"ryu"} if Path(sys.prefix).name == ".venv-classic" else set()

    assert {"os-ken"} | classic | installed == {framework.package.replace("_", "-") for framework in FRAMEWORKS}


@given(st.lists(flows(), max_size=8))
def test_many_at_once(made: list[Flow]) -> None:
    """Flows that are encoded together are what each of them is alone, with xids that count up."""
    together = encode_bundled(made, wire.Command.ADD, bundle=0, first_xid=100)
    alone = [wire.encode_flow_mod(flow, command=wire.Command.ADD, xid=xid) for xid, flow in enumerate(made, 100)]

    assert alone == [message[16:] for message in together]


@pytest.mark.parametrize("count", [1, 4, 5, 1000])
def test_lists_of_conjunctions(count: int) -> None:
    """However many there are, the list is one after the other; also where something else is among them."""
    clauses = tuple(Conjunction(0xFFFFFFFF - number, number % 3 + 1, 3) for number in range(count))
    listed = b"".join(encode_actions((clause,)) for clause in clauses)

    assert encode_actions(clauses) == listed
    assert encode_actions((*clauses, InPort())) == listed + encode_actions((InPort(),))


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        pytest.param(Push(whole("ipv4_src")), "ffff001800002320001b0000800016040020000000000000", id="push"),
        pytest.param(Pop(Subfield("reg1", 4, 8)), "ffff001800002320001c0004000102040008000000000000", id="pop"),
        pytest.param(SetField("nd_reserved", 0xE0000000), "0019001010000204e000000000000000", id="nd_reserved"),
        pytest.param(SetField("nd_options_type", 2), "00190010100004010200000000000000", id="nd_options_type"),
    ],
)
def test_actions_that_frameworks_lack(action: Action, expected: str) -> None:
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


@each_framework
def test_control_messages_same_as_the_framework(framework: Framework) -> None:
    """Meters, configuration, bundles and requests are what the framework would send."""
    ofproto, parser = framework.ofproto, framework.parser
    band = parser.OFPMeterBandDrop(rate=100, burst_size=200)
    flags = ofproto.OFPMF_PKTPS | ofproto.OFPMF_BURST
    bundle_flags = ofproto.OFPBF_ATOMIC | ofproto.OFPBF_ORDERED
    ours = {"cookie": Cookie.SIGNATURE, "cookie_mask": Cookie.SIGNATURE_MASK}

    expected = [
        framework.message("OFPMeterMod", ofproto.OFPMC_ADD, flags, 5, [band]),
        framework.message("OFPMeterMod", ofproto.OFPMC_DELETE, flags, 5, []),
        framework.message("OFPSetConfig", flags=3, miss_send_len=0),
        framework.message("OFPBundleCtrlMsg", 9, ofproto.OFPBCT_COMMIT_REQUEST, bundle_flags, []),
        framework.message("OFPFlowStatsRequest", **ours, match=parser.OFPMatch()),
        framework.message("OFPMeterConfigStatsRequest"),
    ]
    sent = [
        wire.encode_meter_mod(wire.MeterCommand.ADD, 5, xid=3),
        wire.encode_meter_mod(wire.MeterCommand.DELETE, 5, xid=3),
        wire.encode_set_config(xid=3),
        wire.encode_bundle_control(wire.Bundle.COMMIT_REQUEST, bundle=9, xid=3),
        wire.encode_flow_request(xid=3),
        wire.encode_meter_request(xid=3),
    ]

    assert [message.hex() for message in sent] == [encoded(message, xid=3).hex() for message in expected]


@each_framework
def test_clearing_same_as_the_framework(framework: Framework) -> None:
    """What deletes all that is ours, in a bundle."""
    ofproto = framework.ofproto
    flow_mod = framework.message(
        "OFPFlowMod", cookie=Cookie.SIGNATURE, cookie_mask=Cookie.SIGNATURE_MASK, table_id=ofproto.OFPTT_ALL,
        command=ofproto.OFPFC_DELETE, priority=0, out_port=ofproto.OFPP_ANY, out_group=ofproto.OFPG_ANY,
    )  # fmt: skip
    flow_mod.xid = 3
    flags = ofproto.OFPBF_ATOMIC | ofproto.OFPBF_ORDERED
    expected = encoded(framework.message("OFPBundleAddMsg", 9, flags, flow_mod, []), xid=3)

    assert encode_bundled_clear(bundle=9, xid=3).hex() == expected.hex()


def test_delete_is_strict_and_ours() -> None:
    """A deletion names table, priority and match, carries no actions, and spares what is not ours."""
    flow = Flow(51, 9, Match.of(reg1=1), (Goto(60),), COOKIE)

    message = wire.encode_flow_mod(flow, command=wire.Command.DELETE_STRICT, xid=4)

    fixed, fields, instructions = _parts(message)
    assert message[8:16] == Cookie.SIGNATURE.to_bytes(8, "big")
    assert message[16:24] == Cookie.SIGNATURE_MASK.to_bytes(8, "big")
    assert (fixed[24], fixed[25], fixed[30:32]) == (51, wire.Command.DELETE_STRICT, b"\0\x09")
    assert (len(fields), instructions) == (1, b"")


def _clauses(count: int) -> Flow:
    return Flow(51, 9, Match.of(eth_type=0x0800), tuple(Conjunction(n, 1, 2) for n in range(count)), COOKIE)


def test_the_longest_flow() -> None:
    """4,090 conjunctions and a short match still fit into a message in a bundle; one more is an error that names it."""
    assert len(wire.encode_flow_mod(_clauses(4090), command=wire.Command.ADD, xid=1)) == 65512
    with pytest.raises(wire.WireError, match=r"table 51, priority 9, match ip\): with 4091 actions .* 65,544 bytes"):
        wire.encode_flow_mod(_clauses(4091), command=wire.Command.ADD, xid=1)


def test_far_too_long() -> None:
    """Actions beyond what the length of an instruction can say are the same kind of error."""
    with pytest.raises(wire.WireError, match=r"table 51, .* 5000 actions"):
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

    pieces = list(encoded.pieces)
    assert [1] * (len(pieces) - 1) == [len(piece) // wire.PIECE for piece in pieces[:-1]]
    assert len(_messages(encoded)) == 20_002


def test_pieces_are_encoded_one_by_one() -> None:
    """So the first can be sent while others are not encoded yet: here one of them never can be."""
    made = tuple(Flow(51, 9, Match.of(reg1=number), (Goto(60),), COOKIE) for number in range(5_000))
    pieces = wire.encode_plan(Plan(1, adds=(*made, _clauses(5000))), bundle=1, first_xid=1).pieces

    assert len(next(pieces)) >= wire.PIECE
    with pytest.raises(wire.WireError, match="5000 actions"):
        list(pieces)


@each_framework
def test_frameworks_pad_push_wrongly(framework: Framework) -> None:
    """The reason why stack actions are not compared: two bytes less are written than announced."""
    buffer = bytearray()
    framework.parser.NXActionStackPush(field="reg0", start=0, end=31).serialize(buffer, 0)

    assert len(buffer) == 22
