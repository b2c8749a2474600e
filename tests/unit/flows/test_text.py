"""flows.text: ovs-ofctl's syntax, written and read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ryu_netpol.flows.fields import Subfield, whole
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
from ryu_netpol.flows.text import (
    FlowSyntaxError,
    parse,
    render,
    render_actions,
    render_match,
    render_table,
)
from tests.support.flow_strategies import flow_tables, flows

COOKIE = Cookie(CookieKind.RULE, 7)


@given(flows())
def test_round_trip(flow: Flow) -> None:
    """P8: what is written is read back as the same flow."""
    assert parse(render(flow)) == flow


def test_a_whole_line() -> None:
    """Table, priority and cookie come first, then the match, then the actions."""
    match = Match.of(eth_type=0x0800, ip_proto=6, reg1=5, tcp_dst=80)

    line = render(Flow(51, 2000, match, (Goto(60),), COOKIE))

    assert line == "table=51, priority=2000, cookie=0x6e70000a00000007, tcp,reg1=5,tcp_dst=80 actions=goto_table:60"


def test_no_match_and_no_actions() -> None:
    """A miss that drops has an empty match and says so."""
    line = render(Flow(0, 0, Match(), (), Cookie(CookieKind.MISS)))

    assert line == "table=0, priority=0, cookie=0x6e70000200000000 actions=drop"


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        pytest.param(
            Match.of(eth_type=0x0806, arp_op=1, arp_spa=0x0A000001), "arp,arp_op=1,arp_spa=10.0.0.1", id="arp"
        ),
        pytest.param(Match.of(eth_type=0x0800, ip_proto=1), "icmp", id="icmp"),
        pytest.param(Match.of(eth_type=0x0800, ip_proto=47), "ip,nw_proto=47", id="other protocol"),
        pytest.param(Match.of(eth_type=0x88CC), "dl_type=0x88cc", id="other EtherType"),
        pytest.param(Match.of(eth_type=0x86DD, ip_proto=17, udp_dst=53), "udp6,udp_dst=53", id="udp6"),
        pytest.param(
            Match.of(eth_type=0x0800, ip_proto=132, sctp_dst=(8, 0xFFF8)), "sctp,sctp_dst=0x8/0xfff8", id="sctp"
        ),
        pytest.param(
            Match.of(eth_type=0x86DD, ip_proto=58, icmpv6_type=135, nd_target=1),
            "icmp6,icmpv6_type=135,nd_target=::1",
            id="nd",
        ),
        pytest.param(Match.of(ct_state=(0x21, 0x31)), "ct_state=+new-inv+trk", id="ct_state"),
        pytest.param(Match.of(ct_mark=(5, 0xFFFF)), "ct_mark=0x5/0xffff", id="ct_mark"),
        pytest.param(Match.of(reg0=(16, 16)), "reg0=0x10/0x10", id="register bits"),
        pytest.param(Match.of(vlan_tci=(0, 0x1FFF)), "vlan_tci=0x0/0x1fff", id="untagged"),
        pytest.param(Match.of(eth_type=0x0800, ip_frag=3), "ip,nw_frag=later", id="later fragment"),
        pytest.param(Match.of(eth_type=0x0800, ipv4_src=(0x0A000000, 0xFF000000)), "ip,nw_src=10.0.0.0/8", id="prefix"),
        pytest.param(Match.of(eth_type=0x0800, ipv4_dst=(1, 0xFF)), "ip,nw_dst=0.0.0.1/0.0.0.255", id="odd mask"),
        pytest.param(
            Match.of(eth_type=0x86DD, ipv6_dst=(0xFD << 120, 0xFF << 120)), "ipv6,ipv6_dst=fd00::/8", id="IPv6 prefix"
        ),
        pytest.param(
            Match.of(in_port=3, eth_src=0x0A0000000001), "in_port=3,dl_src=0a:00:00:00:00:01", id="port and MAC"
        ),
    ],
)
def test_match(match: Match, expected: str) -> None:
    """Matches use the shorthands and notations that people know from ovs-ofctl."""
    assert render_match(match) == expected


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        pytest.param((), "drop", id="drop"),
        pytest.param((SetField("eth_src", 1), InPort()), "set_field:00:00:00:00:00:01->eth_src,IN_PORT", id="back"),
        pytest.param((SetField("nd_reserved", 0xE0000000),), "set_field:0xe0000000->nd_reserved", id="nd_reserved"),
        pytest.param((Load(Subfield("reg0", 4, 1), 1),), "load:1->NXM_NX_REG0[4]", id="load a bit"),
        pytest.param((Load(Subfield("reg0", 0, 4), 2),), "load:2->NXM_NX_REG0[0..3]", id="load bits"),
        pytest.param((Load(whole("reg1"), 9),), "load:9->NXM_NX_REG1[]", id="load a register"),
        pytest.param((Move(whole("eth_src"), whole("eth_dst")),), "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]", id="move"),
        pytest.param(
            (Push(whole("ipv4_src")), Pop(whole("ipv4_dst"))), "push:NXM_OF_IP_SRC[],pop:NXM_OF_IP_DST[]", id="stack"
        ),
        pytest.param((Meter(3), Resubmit(11)), "meter:3,resubmit(,11)", id="meter, resubmit"),
        pytest.param((Ct(1, table=24),), "ct(table=24,zone=1)", id="ct"),
        pytest.param(
            (Ct(1, commit=True, mark=(Load(Subfield("ct_mark", 0, 16), 3),)), Goto(70)),
            "ct(commit,zone=1,exec(load:3->NXM_NX_CT_MARK[0..15])),goto_table:70",
            id="commit",
        ),
        pytest.param(
            (Conjunction(7, 1, 3), Conjunction(8, 2, 2)), "conjunction(7,1/3),conjunction(8,2/2)", id="clauses"
        ),
        pytest.param((Output(5),), "output:5", id="output"),
    ],
)
def test_actions(actions: tuple[Action, ...], expected: str) -> None:
    """Actions are what ovs-actions(7) calls them."""
    assert render_actions(actions) == expected


@given(flow_tables(), st.randoms())
def test_table_does_not_depend_on_order(table: FlowTable, random: object) -> None:
    """Equal tables are equal texts, whatever order their flows came in."""
    shuffled = list(table.values())
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert render_table(FlowTable(shuffled)) == render_table(table)


def test_table_order() -> None:
    """Tables count up, priorities down, as in the order in which a packet meets them."""
    lines = [(10, 1), (0, 5), (0, 200)]
    table = FlowTable(Flow(number, priority, Match(), (), COOKIE) for number, priority in lines)

    heads = [line.split(", cookie")[0] for line in render_table(table).splitlines()]

    assert heads == ["table=0, priority=200", "table=0, priority=5", "table=10, priority=1"]


@pytest.mark.parametrize(
    ("dumped", "written"),
    [
        pytest.param(
            " cookie=0x6e70000a00000007, duration=3.1s, table=51, n_packets=1, n_bytes=2, idle_age=3, "
            "priority=9,tcp,reg1=0x5,nw_src=10.0.0.0/8,tp_dst=0x50/0xfff0 "
            "actions=load:0x1->NXM_NX_REG0[4],goto_table:60",
            "table=51, priority=9, cookie=0x6e70000a00000007, tcp,reg1=5,nw_src=10.0.0.0/8,tcp_dst=0x50/0xfff0 "
            "actions=load:1->NXM_NX_REG0[4],goto_table:60",
            id="statistics, tp_dst",
        ),
        pytest.param(
            " cookie=0x6e70000a00000007, priority=9,icmp6,icmp_type=135,in_port=LOCAL actions=LOCAL",
            "table=0, priority=9, cookie=0x6e70000a00000007, icmp6,in_port=65534,icmpv6_type=135 actions=output:65534",
            id="LOCAL, icmp_type",
        ),
        pytest.param(
            "cookie=0x6e70000a00000007,dl_src=0a:00:00:00:00:01 "
            "actions=set_field:0x5->reg1,move:reg1[0..3]->reg2[4..7]",
            "table=0, priority=32768, cookie=0x6e70000a00000007, dl_src=0a:00:00:00:00:01 "
            "actions=set_field:5->reg1,move:NXM_NX_REG1[0..3]->NXM_NX_REG2[4..7]",
            id="defaults, short names",
        ),
    ],
)
def test_parse_reads_dumps(dumped: str, written: str) -> None:
    """Lines as `ovs-ofctl dump-flows` prints them are read too."""
    assert render(parse(dumped)) == written


_HEAD = "table=0, priority=1, cookie=0x6e70000a00000007, "


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("", id="empty"),
        pytest.param(_HEAD + "ip", id="no actions"),
        pytest.param("table=0, priority=1, cookie=0x1, ip actions=drop", id="foreign cookie"),
        pytest.param(_HEAD + "banana=1 actions=drop", id="unknown field"),
        pytest.param(_HEAD + "bananas actions=drop", id="unknown shorthand"),
        pytest.param(_HEAD + "tp_dst=80 actions=drop", id="port of no protocol"),
        pytest.param(_HEAD + "ip,nw_src=10.0.0.0/33 actions=drop", id="long prefix"),
        pytest.param(_HEAD + "dl_src=1:2:3 actions=drop", id="short MAC"),
        pytest.param(_HEAD + "reg1=0x1ffffffff actions=drop", id="too large"),
        pytest.param(_HEAD + "ct_state=+banana actions=drop", id="unknown state"),
        pytest.param(_HEAD + " actions=flood", id="unknown action"),
        pytest.param(_HEAD + " actions=ct(zone=1,nat)", id="unknown ct argument"),
        pytest.param(_HEAD + " actions=ct(zone=1,exec(output:1))", id="output in exec"),
        pytest.param(_HEAD + " actions=load:2->NXM_NX_REG0[4]", id="load too much"),
        pytest.param(_HEAD + " actions=set_field:65536->arp_op", id="set too much"),
        pytest.param(_HEAD + " actions=move:NXM_NX_REG0[4..2]->NXM_NX_REG0[]", id="bits backwards"),
        pytest.param(_HEAD + " actions=output:x", id="no number"),
        pytest.param(_HEAD + " actions=conjunction(1,2)", id="short conjunction"),
    ],
)
def test_parse_refuses(line: str) -> None:
    """What is not a flow of ours is one kind of error."""
    with pytest.raises(FlowSyntaxError):
        parse(line)


@given(
    st.lists(
        st.sampled_from(
            [*"[]():,->/=+ 0x1", "reg0", "ct", "exec", "tcp", "ct_state", "nw_frag", "load", "conjunction"]
        ),
        max_size=12,
    ).map("".join),
    st.booleans(),
)
def test_parse_survives_anything(noise: str, in_match: bool) -> None:
    """Noise is an error of the one kind or happens to be a flow; it never breaks the parser."""
    line = f"{_HEAD}{noise} actions=drop" if in_match else f"{_HEAD} actions={noise}"
    try:
        flow = parse(line)
    except FlowSyntaxError:
        return

    assert parse(render(flow)) == flow
