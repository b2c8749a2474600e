"""Flows as values: what is equal, what is not, and that the short way of putting matches together is the long one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_netpol.flows.fields import FIELDS
from ryu_netpol.flows.ir import (
    Conjunction,
    Cookie,
    CookieKind,
    FieldMatch,
    Flow,
    FlowTable,
    Goto,
    Match,
    Meter,
    Output,
    Resubmit,
)
from ryu_netpol.flows.matches import connection_end, destination, exact, source
from ryu_netpol.model.net import Address, Cidr
from tests.support.flow_strategies import matches

COOKIE = Cookie(CookieKind.BASE)
HALVES = st.lists(st.sampled_from(["in_port", "reg0", "reg1", "eth_type", "ip_proto", "tcp_dst"]), unique=True)


def one_by_one(*parts: Match) -> Match:
    """All their fields, put together by the constructor that checks and merges."""
    return Match.of(*(field for part in parts for field in part.fields))


@given(matches(), HALVES)
def test_a_sum_is_all_fields(whole: Match, names: list[str]) -> None:
    """Matches that share no field, or equal ones only, add up to what the constructor makes of them."""
    one = Match(tuple(field for field in whole.fields if field.field not in names))
    other = Match(tuple(field for field in whole.fields if field.field in names))

    assert one + other == other + one == one_by_one(one, other) == whole
    assert whole + other == whole


@given(st.integers(0, 15), st.integers(0, 15), st.integers(0, 15), st.integers(0, 15))
def test_a_sum_merges(value: int, mask: int, other: int, other_mask: int) -> None:
    """Where both look at bits of one field the sum looks at all of them, or there is none."""
    parts = Match.of(reg0=(value, mask)), Match.of(reg0=(other, other_mask), in_port=1)
    if (value ^ other) & mask & other_mask:
        with pytest.raises(ValueError, match="reg0 is matched twice"):
            _ = parts[0] + parts[1]
    else:
        expected = Match.of(in_port=1, reg0=(value & mask | other & other_mask, mask | other_mask))
        assert parts[0] + parts[1] == parts[1] + parts[0] == expected


@given(st.sampled_from(sorted(FIELDS)), st.integers(0))
def test_exact_is_what_the_constructor_makes(field: str, value: int) -> None:
    """The constructor without checks makes the same match."""
    value &= (1 << FIELDS[field].bits) - 1

    assert exact(field, value) == Match.of(FieldMatch(field, value))


@pytest.mark.parametrize(("text", "version"), [("192.0.2.7", 4), ("2001:db8::7", 6)], ids=["IPv4", "IPv6"])
def test_addresses_are_matched_as_their_blocks(text: str, version: int) -> None:
    """An address is matched as the block of it alone, field by field as the constructor has it."""
    address, bits = Address.parse(text), 32 if version == 4 else 128
    ethertype = 0x0800 if version == 4 else 0x86DD
    opened = "ct_nw_src" if version == 4 else "ct_ipv6_src"
    for match, end in ((source, "src"), (destination, "dst")):
        expected = Match.of(FieldMatch(f"ipv{version}_{end}", address.value), eth_type=ethertype)
        assert match(address) == match(Cidr(address.version, address.value, bits)) == expected
    assert connection_end("src", address) == Match.of(FieldMatch(opened, address.value))


def test_actions_of_different_kinds_are_different() -> None:
    """Named tuples of different types are equal if their contents are: that must not happen to actions."""
    actions = [Goto(5), Meter(5), Output(5), Resubmit(5), Conjunction(5, 1, 2)]

    assert len(set(actions)) == len(actions)
    assert Flow(0, 1, Match(), (Goto(5),), COOKIE) != Flow(0, 1, Match(), (Resubmit(5),), COOKIE)


def test_a_table_has_one_flow_for_a_match() -> None:
    """The same flow may be named twice; two flows for one match are a defect of the compiler."""
    flow = Flow(0, 1, Match.of(in_port=5), (), COOKIE)
    again = Flow(0, 1, Match.of(in_port=5), (), Cookie(CookieKind.BASE))
    other = Flow(0, 1, Match.of(in_port=5), (Goto(10),), COOKIE)

    assert list(FlowTable([flow, again]).values()) == [flow]
    with pytest.raises(ValueError, match="two flows for one match"):
        FlowTable([flow, other])
