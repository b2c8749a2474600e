"""The interpreter on tables by hand: actions, passes, and what it refuses. Conjunctions: test_interpret_lookup.py."""

from __future__ import annotations

import pytest

from ryu_netpol.flows.fields import ETH_IPV4
from ryu_netpol.flows.interpret import Commit, ConnState, Fragment, Interpreter, InterpreterError, Outcome, Packet, Sent
from ryu_netpol.flows.ir import FlowTable
from ryu_netpol.flows.text import parse
from ryu_netpol.model.net import Address

A, B = Address.parse("10.0.0.1"), Address.parse("10.0.0.2")
A6, B6 = Address.parse("fd00::1"), Address.parse("fd00::2")
TCP = Packet.tcp(A, B, 80, in_port=1)


def flows(text: str) -> FlowTable:
    """Flows of lines `TABLE PRIORITY MATCH -> ACTIONS`; the n-th has n in its cookie."""
    lines = [line.split(None, 2) for line in text.strip().splitlines()]
    head = "table={}, priority={}, cookie={:#x}, {} actions={}"
    parts = [
        (table, priority, 0x6E70000A00000001 + n, *rest.split(" -> "))
        for n, (table, priority, rest) in enumerate(lines)
    ]
    return FlowTable(parse(head.format(*part).replace(", any actions", " actions")) for part in parts)


def run(text: str, packet: Packet = TCP, *tracking: ConnState) -> Outcome:
    """Run a packet through such flows."""
    return Interpreter(flows(text)).run(packet, *tracking)


def hits(outcome: Outcome) -> list[int]:
    """The flows that were hit, by line, from 1."""
    return [flow.cookie.value for flow in outcome.path]


def test_drop() -> None:
    """No output: the last flow is to blame."""
    outcome = run("0 0 any -> goto_table:5\n5 0 any -> drop")

    assert outcome.outputs == ()
    assert outcome.dropped_by == outcome.path[-1]
    assert hits(outcome) == [1, 2]


def test_output() -> None:
    """The packet leaves as it is at that point."""
    outcome = run("0 0 tcp -> output:2,set_field:5->tcp_dst,output:3")

    assert outcome.outputs == (Sent(2, TCP), Sent(3, TCP.with_(tcp_dst=5)))
    assert outcome.dropped_by is None


def test_no_output_to_where_it_came_from() -> None:
    """A plain output to the port of arrival sends nothing; IN_PORT does."""
    assert run("0 0 any -> output:1").ports == ()
    assert run("0 0 any -> IN_PORT").outputs == (Sent(1, TCP, back=True),)


def test_the_highest_priority_wins() -> None:
    """Masks and prefixes count, the order of the flows does not."""
    table = "0 0 any -> output:2\n0 9 ip,nw_src=10.0.0.0/24 -> output:3\n0 10 ip,nw_src=10.0.0.0/31 -> output:4"

    assert run(table).ports == (4,)
    assert run(table, Packet.tcp(B, A, 80, in_port=1)).ports == (3,)
    assert run(table, Packet.tcp(A6, B6, 80, in_port=1)).ports == (2,)


def test_equal_flows_of_equal_priority() -> None:
    """Where they do the same, either is right, and the outcome names both."""
    (found,) = run("0 5 ip -> output:2\n0 5 in_port=1 -> output:2").hits

    assert {flow.cookie.value for flow in found} == {1, 2}


def test_registers() -> None:
    """load, move and set_field write the bits that they name, and no others."""
    outcome = run(
        "0 0 tcp -> load:0xabcd->NXM_NX_REG0[8..23],move:NXM_OF_TCP_DST[4..7]->NXM_NX_REG0[8..11],"
        "set_field:7->reg1,move:NXM_NX_REG1[0..1]->NXM_NX_REG2[30..31],output:2"
    )

    assert outcome.final["reg0"] == 0xABC500
    assert (outcome.final["reg1"], outcome.final["reg2"]) == (7, 3 << 30)


def test_swap() -> None:
    """push and pop swap both ends."""
    pairs = ("NXM_OF_IP", "NXM_OF_TCP")
    swap = ",".join(f"push:{e}_SRC[],push:{e}_DST[],pop:{e}_SRC[],pop:{e}_DST[]" for e in pairs)

    assert run(f"0 0 tcp -> {swap},output:2").outputs == (Sent(2, TCP.reply()),)


def test_resubmit_returns() -> None:
    """What it wrote stays written, and the actions behind it follow; the stack is one."""
    table = "0 0 any -> push:NXM_NX_REG1[],load:9->NXM_NX_REG1[],resubmit(,5),output:2\n5 0 reg1=9 -> goto_table:6\n"
    outcome = run(table + "6 0 any -> pop:NXM_NX_REG1[],load:3->NXM_NX_REG2[],output:4")

    assert outcome.ports == (4, 2)
    assert outcome.final.get("reg1", 0) == 0
    assert outcome.final["reg2"] == 3


def test_resubmit_to_itself() -> None:
    """A table may look the packet up again, as long as that ends."""
    assert hits(run("0 9 reg0=0 -> load:1->NXM_NX_REG0[],resubmit(,0)\n0 0 any -> output:2")) == [1, 2]


def test_meter() -> None:
    """A meter lets the packet pass."""
    assert run("0 0 any -> meter:1,output:2").ports == (2,)


class TestTracking:
    """ct() and what comes back."""

    TABLE = "0 0 ip -> load:5->NXM_NX_REG0[],ct(table=4,zone=1)\n4 9 ct_state=+trk+new -> output:2\n4 0 any -> output:3"

    def test_forks(self) -> None:
        """Registers go along, the ct fields are set, and the first pass has none of them."""
        outcome = run(self.TABLE, TCP, ConnState.established(7, reply=True))

        assert outcome.ports == (3,)
        assert [final.get("ct_state", 0) for final in outcome.finals] == [0, 0x2A]
        assert (outcome.final["ct_mark"], outcome.final["ct_zone"], outcome.final["reg0"]) == (7, 1, 5)

    def test_new_by_default(self) -> None:
        """Where nothing is said the connection is new."""
        assert run(self.TABLE).ports == (2,)

    def test_the_rest_of_the_actions_comes_first(self) -> None:
        """The fork goes on when the packet itself is done."""
        assert run("0 0 ip -> ct(table=4,zone=1),output:2\n4 0 any -> output:3").ports == (2, 3)

    def test_commit(self) -> None:
        """It is reported with the bits of the mark that it writes; then the packet is untracked."""
        table = "0 0 ip -> ct(table=4,zone=1)\n4 0 ip -> ct(commit,zone=1,exec(load:3->NXM_NX_CT_MARK[4..7])),"
        outcome = run(
            f"{table}goto_table:5\n5 9 ct_state=+trk -> output:9\n5 0 ct_mark=0 -> output:2", TCP, ConnState.new()
        )

        assert outcome.ports == (2,)
        assert outcome.commits == (Commit(1, 0x30, 0xF0),)

    def test_commit_with_a_table(self) -> None:
        """The fork sees the new mark, with the other bits of the old one."""
        commit = "ct(commit,table=4,zone=1,exec(load:3->NXM_NX_CT_MARK[4..7]))"
        outcome = run(f"0 0 ip -> {commit}\n4 0 any -> drop", TCP, ConnState.established(0xFFFF))

        assert outcome.final["ct_mark"] == 0xFF3F

    def test_one_connection_has_one_mark(self) -> None:
        """What one ct(commit) wrote, the next ct() finds; and each ct() meets its own state."""
        commit = "ct(commit,zone=1,exec(load:3->NXM_NX_CT_MARK[0..3]))"
        table = f"0 0 ip -> ct(table=4,zone=1)\n4 0 ip -> {commit},ct(table=5,zone=1)\n"
        outcome = run(f"{table}5 0 any -> output:2", TCP, ConnState.new(), ConnState.established(0x10))

        assert (outcome.final["ct_mark"], outcome.final["ct_state"]) == (3, 0x22)


class TestRefuses:
    """What is undefined, or what a switch would refuse."""

    @pytest.mark.parametrize(
        "text",
        [
            "5 0 any -> goto_table:5",
            "5 0 any -> goto_table:4",
            "0 0 any -> goto_table:4,output:2",
            "0 0 any -> output:2,meter:1",
            "0 0 any -> set_field:5->tcp_dst",
            "0 0 ip -> load:5->NXM_OF_TCP_DST[]",
            "0 0 ip -> push:NXM_OF_TCP_DST[]",
            "0 0 tcp,nw_frag=later -> set_field:5->tcp_dst",
            "0 0 tcp,nw_frag=later,tcp_dst=5 -> drop",
            "0 0 icmp6,icmpv6_type=135 -> set_field:02:00:00:00:00:01->nd_tll",
            "0 0 any -> load:1->NXM_NX_CT_MARK[]",
            "0 0 any -> move:NXM_NX_REG0[0..3]->NXM_NX_REG1[0..4]",
            "0 0 any -> ct(table=5,zone=1)",
            "0 0 ip,ct_state=+inv -> ct(commit,zone=1)",
            "0 0 ip -> ct(table=5,zone=1,exec(load:1->NXM_NX_CT_MARK[]))",
            "0 0 ip -> ct(commit,zone=1,exec(load:1->NXM_NX_REG0[]))",
        ],
    )
    def test_flow(self, text: str) -> None:
        """Such a flow is refused before any packet comes."""
        with pytest.raises(InterpreterError):
            Interpreter(flows(text))

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("0 0 arp -> output:2", "no flow of table 0 matches"),
            ("0 0 any -> goto_table:5", "no flow of table 5 matches"),
            ("0 0 any -> resubmit(,0)", "more than 8 times"),
            ("0 0 any -> pop:NXM_NX_REG0[]", "the stack is empty"),
            ("0 0 any -> push:NXM_NX_REG0[0..3],pop:NXM_NX_REG0[]", "4 bits were pushed"),
            ("0 5 ip -> output:2\n0 5 in_port=1 -> output:3", "undefined"),
        ],
    )
    def test_packet(self, text: str, words: str) -> None:
        """Such a packet has no defined outcome."""
        with pytest.raises(InterpreterError, match=words):
            run(text)

    def test_writing_what_is_not_there(self) -> None:
        """A switch silently writes no ports into a later fragment; swapping them, zero for zero, is harmless."""
        later = Packet.tcp(A, B, 80, fragment=Fragment.LATER, in_port=1)
        swap = "push:NXM_OF_TCP_SRC[],push:NXM_OF_TCP_DST[],pop:NXM_OF_TCP_SRC[],pop:NXM_OF_TCP_DST[]"

        assert run(f"0 0 tcp -> {swap},output:2", later).outputs == (Sent(2, later),)
        for write in ("set_field:5->tcp_dst", "push:NXM_OF_IP_SRC[0..15],pop:NXM_OF_TCP_DST[]"):
            with pytest.raises(InterpreterError, match="has no tcp_dst"):
                run(f"0 0 tcp -> {write}", later)

    def test_writing_what_is_no_longer_there(self) -> None:
        """An advertisement has no source link-layer address, although the flow matched a solicitation."""
        with pytest.raises(InterpreterError, match="has no nd_sll"):
            run(
                "0 0 icmp6,icmpv6_type=135 -> set_field:136->icmpv6_type,set_field:02:00:00:00:00:01->nd_sll",
                Packet.neighbour_solicitation(1, A6, B6),
            )


class TestPacket:
    """Packets as values."""

    def test_zero_is_absent(self) -> None:
        """A header of value zero is like none."""
        assert Packet.of(in_port=1, vlan_tci=0) == Packet.of(in_port=1)
        assert Packet.of(in_port=1)["eth_src"] == 0

    @pytest.mark.parametrize(
        "headers",
        [{"reg0": 1}, {"ct_mark": 1}, {"eth_type": 1 << 16}, {"tcp_dst": 5}, {"eth_type": ETH_IPV4, "ipv6_src": 1}],
    )
    def test_no_packet(self, headers: dict[str, int]) -> None:
        """What no packet can have is an error."""
        with pytest.raises(ValueError, match=r"reg0|ct_mark|fit|needs"):
            Packet.of(**headers)

    def test_reply(self) -> None:
        """The answer to an answer is the question."""
        assert TCP.reply(in_port=2)["tcp_src"] == 80
        assert TCP.reply(in_port=2).reply(in_port=1) == TCP

    def test_families_do_not_mix(self) -> None:
        """No packet goes from IPv4 to IPv6; no ports without a protocol that has them."""
        with pytest.raises(ValueError, match="no packet goes"):
            Packet.tcp(A, B6, 80)
        with pytest.raises(ValueError, match="has no ports"):
            Packet.ip(A, B, 47, 80)
        with pytest.raises(TypeError):
            Packet.tcp(A, B)  # type: ignore[call-arg]

    @pytest.mark.parametrize(
        ("state", "text", "number"),
        [
            (ConnState.new(), "trk,new", 0x21),
            (ConnState.established(1), "trk,est", 0x22),
            (ConnState.established(1, reply=True), "trk,est,rpl", 0x2A),
            (ConnState.related(1), "trk,rel", 0x24),
            (ConnState.invalid(), "trk,inv", 0x30),
        ],
    )
    def test_states(self, state: ConnState, text: str, number: int) -> None:
        """As a number for the field, as text for ofproto/trace."""
        assert (str(state), state.ct_state) == (text, number)
