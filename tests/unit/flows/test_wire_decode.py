"""flows.wire.decode and flows.wire.errors: what the switch sends."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from os_ken.ofproto import ofproto_v1_4

from ryu_netpol.flows import wire
from ryu_netpol.flows.ir import Conjunction, Cookie, CookieKind, Flow, InPort, Match
from ryu_netpol.flows.wire.decode import decode_flow_stats, decode_meter_config
from ryu_netpol.flows.wire.errors import OpenFlowError, decode_error
from ryu_netpol.flows.wire.parts import encode_actions
from tests.support.flow_strategies import flows

COOKIE = Cookie(CookieKind.RULE, 7)


def stats_entry(flow: Flow, *, cookie: int | None = None, idle: int = 0) -> bytes:
    """The flow as an entry of a reply: its flow-mod with another head."""
    body = wire.encode_flow_mod(flow, command=wire.Command.ADD, xid=0)[48:]
    number = int(flow.cookie) if cookie is None else cookie
    head = (48 + len(body), flow.table, 1, 2, flow.priority, idle, 0, 0, 0, number, 10, 20)
    return struct.pack("!HBxIIHHHHHxxQQQ", *head) + body


@given(st.lists(flows(), max_size=5))
def test_round_trip(sent: list[Flow]) -> None:
    """P8: what was encoded is decoded as the same flows, in the same order."""
    assert decode_flow_stats(b"".join(map(stats_entry, sent))) == (sent, 0)


def test_vlan_is_put_together() -> None:
    """Open vSwitch splits vlan_tci into VLAN id and priority; read, they are one field again."""
    vid, pcp = "80000d0410001000", "80000e0101"
    match = bytes.fromhex("00010017" + "80000a020800" + vid + pcp + "00")
    head = struct.pack("!HBxIIHHHHHxxQQQ", 48 + len(match), 0, 0, 0, 1, 0, 0, 0, 0, int(COOKIE), 0, 0)

    expected = Flow(0, 1, Match.of(eth_type=0x0800, vlan_tci=(0x3000, 0xF000)), (), COOKIE)
    assert decode_flow_stats(head + match) == ([expected], 0)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param("80000c020000", (0, 0x1FFF), id="no tag"),
        pytest.param("80000d0410001000", (0x1000, 0x1000), id="any tag"),
    ],
)
def test_vlan_id_alone(sent: str, expected: tuple[int, int]) -> None:
    """A match on the VLAN id alone is a masked match on vlan_tci."""
    fields = bytes.fromhex(sent)
    match = struct.pack("!HH", 1, 4 + len(fields)) + fields
    match += b"\0" * (-len(match) % 8)
    head = struct.pack("!HBxIIHHHHHxxQQQ", 48 + len(match), 0, 0, 0, 1, 0, 0, 0, 0, int(COOKIE), 0, 0)

    assert decode_flow_stats(head + match) == ([Flow(0, 1, Match.of(vlan_tci=expected), (), COOKIE)], 0)


def test_full_mask_is_no_mask() -> None:
    """A mask of all bits comes out as none, in whatever form it came."""
    match = bytes.fromhex("00010010" + "0001010800000005ffffffff")
    head = struct.pack("!HBxIIHHHHHxxQQQ", 48 + len(match), 0, 0, 0, 1, 0, 0, 0, 0, int(COOKIE), 0, 0)

    assert decode_flow_stats(head + match) == ([Flow(0, 1, Match.of(reg0=5), (), COOKIE)], 0)


def test_lists_of_conjunctions() -> None:
    """Long lists are read like short ones; with something else among them, too."""
    clauses = tuple(Conjunction(0xFFFFFFFF - number, number % 3 + 1, 3) for number in range(100))
    made = [Flow(51, 9, Match.of(reg1=n), actions, COOKIE) for n, actions in enumerate([clauses, (*clauses, InPort())])]

    assert decode_flow_stats(b"".join(map(stats_entry, made))) == (made, 0)


GOOD = Flow(51, 9, Match.of(eth_type=0x0800), (InPort(),), COOKIE)
CLAUSES = Flow(51, 9, Match.of(reg1=1), tuple(Conjunction(number, 1, 2) for number in range(9)), COOKIE)
LAST_CLAUSE = encode_actions(CLAUSES.actions[-1:])
TWICE = Flow(51, 9, Match.of(reg0=5, reg1=5), (), COOKIE)


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(stats_entry(GOOD, cookie=Cookie.SIGNATURE | 0xFFFF << 32), id="unknown kind of cookie"),
        pytest.param(stats_entry(GOOD, idle=5), id="timeout"),
        pytest.param(stats_entry(GOOD).replace(b"\x80\x00\x0a\x02", b"\x80\x00\x7e\x02"), id="unknown field"),
        pytest.param(stats_entry(GOOD).replace(b"\0\x04\0\x18", b"\0\x03\0\x18"), id="write-actions"),
        pytest.param(stats_entry(GOOD).replace(b"\0\0\0\x10\xff", b"\0\x16\0\x10\xff"), id="group"),
        pytest.param(stats_entry(GOOD).replace(b"\0\0\0\x10\xff", b"\0\0\0\x04\xff"), id="short action"),
        pytest.param(stats_entry(GOOD).replace(b"\0\0\0\x10\xff", b"\0\0\0\x20\xff"), id="long action"),
        pytest.param(stats_entry(GOOD).replace(b"\0\x01\0\x0a", b"\0\x00\0\x0a"), id="another kind of match"),
        pytest.param(stats_entry(GOOD).replace(b"\0\x01\0\x0a", b"\0\x01\0\x09"), id="field cut off"),
        pytest.param(stats_entry(GOOD).replace(b"\0\x01\0\x0a", b"\0\x01\0\xff"), id="match beyond the entry"),
        pytest.param(stats_entry(CLAUSES).replace(LAST_CLAUSE, b"\xff" * 16), id="another action among clauses"),
        pytest.param(stats_entry(TWICE).replace(b"\0\x01\x02\x04", b"\0\x01\0\x04"), id="a field twice"),
    ],
)
def test_unreadable(entry: bytes) -> None:
    """A flow with our signature that we would not have written is counted; the others are read."""
    assert decode_flow_stats(stats_entry(GOOD) + entry + stats_entry(GOOD)) == ([GOOD, GOOD], 1)


@given(flows(), st.data())
def test_broken_entries_never_break_the_reader(flow: Flow, data: st.DataObject) -> None:
    """Any byte of an entry may be wrong: the reader returns, and reads a flow or counts it."""
    entry = bytearray(stats_entry(flow))
    entry[data.draw(st.integers(2, len(entry) - 1))] = data.draw(st.integers(0, 255))

    read, unreadable = decode_flow_stats(bytes(entry))

    assert len(read) + unreadable == 1


@given(st.binary(max_size=200))
def test_noise_never_breaks_the_reader(noise: bytes) -> None:
    """A reply that is nothing of the kind is at least one unreadable flow."""
    read, unreadable = decode_flow_stats(noise)

    assert bool(noise) <= bool(read or unreadable)


def test_meters() -> None:
    """Their numbers are read, whatever their bands."""
    entry = struct.pack("!HHIHHIIxxxx", 24, 6, 5, 1, 16, 100, 200)

    assert decode_meter_config(entry + entry.replace(b"\0\0\0\x05", b"\0\0\0\x09")) == {5, 9}


def test_error_names_are_those_of_the_specification() -> None:
    """Type and code of every error that we name are called what os-ken calls them."""
    for kind, prefix in {1: "BRC", 2: "BAC", 3: "BIC", 4: "BMC", 5: "FMFC", 10: "SCFC", 12: "MMFC", 17: "BFC"}.items():
        type_name = ofproto_v1_4.ofp_error_type_to_str(kind).split("(")[0]
        for name, code in vars(ofproto_v1_4).items():
            if name.startswith(f"OFP{prefix}_"):
                assert str(OpenFlowError(kind, code)) == f"{name} ({type_name})"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("00040009", "OFPBMC_BAD_PREREQ (OFPET_BAD_MATCH)", id="known"),
        pytest.param("000400ff", "code 255 (OFPET_BAD_MATCH)", id="unknown code"),
        pytest.param("00990001", "code 1 (error type 153)", id="unknown type"),
        pytest.param("ffff000a00002320", "error 10 of vendor 0x2320", id="vendor"),
    ],
)
def test_error_text(body: str, expected: str) -> None:
    """An error reads as its name, or at least its numbers."""
    assert str(decode_error(b"\x05\x01\0\x10\0\0\0\1" + bytes.fromhex(body))) == expected
