"""Hypothesis strategies for flows as values: everything that the IR can say and Open vSwitch accepts and gives back.

Prerequisites are generated first, so that every match is one that the switch takes (ovs-fields(7)).
"""

from __future__ import annotations

from hypothesis import strategies as st

from ryu_netpol.flows.fields import FIELDS, Subfield, whole
from ryu_netpol.flows.ir import (
    Action,
    Conjunction,
    Cookie,
    CookieKind,
    Ct,
    Flow,
    FlowTable,
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

_EVERYWHERE = ["in_port", *(f"reg{n}" for n in range(8)), "conj_id", "ct_state", "ct_zone", "ct_mark"]
_LINK = ["eth_dst", "eth_src", "vlan_tci"]
_BASES: dict[str, tuple[dict[str, int], list[str]]] = {
    "any": ({}, []),
    "arp": ({"eth_type": 0x0806}, ["arp_op", "arp_spa", "arp_tpa", "arp_sha", "arp_tha"]),
    "ip": ({"eth_type": 0x0800}, ["ipv4_src", "ipv4_dst", "nw_ttl", "ip_frag"]),
    "ipv6": ({"eth_type": 0x86DD}, ["ipv6_src", "ipv6_dst", "nw_ttl", "ip_frag"]),
    "gre": ({"eth_type": 0x0800, "ip_proto": 47}, ["ipv4_src"]),
    "lldp": ({"eth_type": 0x88CC}, []),
    **{
        name + six: (
            {"eth_type": ethertype, "ip_proto": proto},
            [f"ipv{6 if six else 4}_src", f"ipv{6 if six else 4}_dst", f"{name}_src", f"{name}_dst"],
        )
        for name, proto in (("tcp", 6), ("udp", 17), ("sctp", 132))
        for six, ethertype in (("", 0x0800), ("6", 0x86DD))
    },
    "icmp6": ({"eth_type": 0x86DD, "ip_proto": 58}, ["icmpv6_type", "icmpv6_code", "nw_ttl", "ipv6_src"]),
    "ns": (
        {"eth_type": 0x86DD, "ip_proto": 58, "icmpv6_type": 135},
        ["icmpv6_code", "nd_target", "nd_sll", "nd_reserved", "nd_options_type"],
    ),
    "na": (
        {"eth_type": 0x86DD, "ip_proto": 58, "icmpv6_type": 136},
        ["nd_target", "nd_tll", "nd_reserved", "nd_options_type"],
    ),
}


def numbers(bits: int) -> st.SearchStrategy[int]:
    """Numbers of at most this many bits; the edges often."""
    return st.one_of(st.sampled_from([0, 1, (1 << bits) - 1]), st.integers(0, (1 << bits) - 1))


@st.composite
def _value(draw: st.DrawFn, name: str) -> int | tuple[int, int]:
    field = FIELDS[name]
    if name == "vlan_tci":  # the only form that OpenFlow 1.4 carries faithfully: OXM splits the field in two
        return draw(st.sampled_from([(0, 0x1FFF), (0x1000, 0x1000)]))
    if name == "ct_state":
        # trk must be matched where others are, and new and est exclude each other: what OVS accepts of them.
        return draw(st.sampled_from([(0x21, 0x21), (0x22, 0x32), (0x2A, 0x2A), (0x30, 0x30), (0x24, 0x24)]))
    if name == "ip_frag":
        return draw(st.sampled_from([(0, 3), (1, 3), (3, 3), (1, 1), (0, 2)]))
    if name == "conj_id":
        return draw(st.integers(1, 0xFFFFFFFF))
    if name == "in_port":
        return draw(st.integers(1, 0xFEFF))
    if name == "icmpv6_code":  # any other code is no neighbour discovery to Open vSwitch
        return 0
    if name == "icmpv6_type":
        return draw(st.integers(128, 134))
    if name == "arp_op":
        return draw(numbers(8))
    value = draw(numbers(field.bits))
    if not field.maskable or draw(st.booleans()):
        return value
    mask = draw(
        st.one_of(numbers(field.bits), st.integers(0, field.bits).map(lambda n: -1 << n & (1 << field.bits) - 1))
    )
    return (value & mask, mask)


@st.composite
def matches(draw: st.DrawFn) -> Match:
    """Every match that our pipeline could make."""
    fixed, more = _BASES[draw(st.sampled_from(sorted(_BASES)))]
    names = draw(st.lists(st.sampled_from(_EVERYWHERE + _LINK + more), max_size=5, unique=True))
    return Match.of(**fixed, **{name: draw(_value(name)) for name in names})


@st.composite
def subfields(draw: st.DrawFn, names: tuple[str, ...] = tuple(f"reg{n}" for n in range(8))) -> Subfield:
    """Some bits of one of these fields."""
    name = draw(st.sampled_from(names))
    first = draw(st.integers(0, FIELDS[name].bits - 1))
    return Subfield(name, first, draw(st.integers(1, FIELDS[name].bits - first)))


@st.composite
def loads(draw: st.DrawFn, names: tuple[str, ...] = tuple(f"reg{n}" for n in range(8))) -> Load:
    """Write some bits of one of these fields."""
    target = draw(subfields(names))
    return Load(target, draw(numbers(target.bits)))


_SETTABLE = {
    0x0806: ("arp_op", "arp_spa", "arp_tpa", "arp_sha", "arp_tha"),
    0x0800: ("ipv4_src", "ipv4_dst"),
    0x86DD: ("ipv6_src", "ipv6_dst"),
}
_PORTS = {6: "tcp", 17: "udp", 132: "sctp"}


def _settable(match: Match) -> list[str]:
    names = ["eth_src", "eth_dst", *_SETTABLE.get(match.value("eth_type") or 0, ())]
    proto, kind = match.value("ip_proto") or 0, match.value("icmpv6_type")
    later_fragment = match.get("ip_frag") is not None
    if proto in _PORTS and not later_fragment:
        names += [f"{_PORTS[proto]}_src", f"{_PORTS[proto]}_dst"]
    if kind in (135, 136):
        names += ["nd_target", "nd_reserved", "nd_options_type", "nd_sll" if kind == 135 else "nd_tll"]
    return names


@st.composite
def _packet_actions(draw: st.DrawFn, match: Match) -> list[Action]:
    registers = tuple(f"reg{n}" for n in range(8))
    # A field without a mask would be needed for what OVS checks last: that a read or written field is there.
    headers = tuple(_settable(match))
    ours = st.one_of(
        st.sampled_from(headers).flatmap(
            lambda n: numbers(8 if n == "arp_op" else FIELDS[n].bits).map(lambda v: SetField(n, v))
        ),
        loads(),
        st.sampled_from(registers).flatmap(lambda n: numbers(32).map(lambda v: SetField(n, v))),
        st.tuples(subfields(), subfields(registers)).map(
            lambda pair: Move(
                Subfield(pair[0].field, pair[0].first, min(pair[0].bits, pair[1].bits)),
                Subfield(pair[1].field, pair[1].first, min(pair[0].bits, pair[1].bits)),
            )
        ),
        st.sampled_from(headers + registers).map(lambda n: Push(whole(n))),
        subfields().map(Push),
        st.sampled_from(headers + registers).map(lambda n: Pop(whole(n))),
        subfields().map(Pop),
        st.integers(1, 0xFEFF).map(Output),
        st.just(InPort()),
    )
    return draw(st.lists(ours, max_size=6))


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    """Every flow that our pipeline could make, in any table."""
    match = draw(matches())
    table = draw(st.integers(0, 200))
    cookie = Cookie(draw(st.sampled_from(CookieKind)), draw(numbers(32)))
    head = Flow(table, draw(st.integers(0, 0xFFFF)), match, (), cookie)
    if draw(st.integers(0, 5)) == 0:
        clauses = st.integers(2, 3).flatmap(
            lambda n: st.tuples(numbers(32), st.integers(1, n)).map(lambda c: Conjunction(c[0], c[1], n))
        )
        members = draw(st.lists(clauses, min_size=1, max_size=5, unique_by=lambda c: c.id))
        if match.get("conj_id") is None:
            return Flow(table, head.priority, match, tuple(members), cookie)
    actions = draw(_packet_actions(match))
    if draw(st.integers(0, 3)) == 0:
        actions.insert(0, Meter(draw(st.integers(1, 1000))))
    tail: list[st.SearchStrategy[Action]] = [st.integers(0, 200).map(Resubmit)]
    if table < 200:
        tail.append(st.integers(table + 1, 201).map(Goto))
    state = match.get("ct_state")
    if match.value("eth_type") in (0x0800, 0x86DD) and not (state and state.value & 0x10):
        marks = st.lists(loads(("ct_mark",)), max_size=3).map(tuple)
        tail.append(st.tuples(st.integers(1, 0xFFFF), marks).map(lambda ct: Ct(ct[0], commit=True, mark=ct[1])))
        tail.append(
            st.tuples(st.integers(1, 0xFFFF), st.integers(0, 200)).map(lambda ct: Ct(ct[0], table=ct[1])),
        )
    if draw(st.booleans()):
        actions.append(draw(st.one_of(tail)))
    return Flow(table, head.priority, match, tuple(actions), cookie)


@st.composite
def flow_tables(draw: st.DrawFn, max_size: int = 20) -> FlowTable:
    """Some flows with different keys."""
    return FlowTable({flow.key: flow for flow in draw(st.lists(flows(), max_size=max_size))}.values())
