"""The shapes of our pipeline that are not obvious, in the interpreter and in Open vSwitch: both do what is meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ryu_netpol.flows.fields import ETH_ARP
from ryu_netpol.flows.interpret import Commit, ConnState, Fragment, Interpreter, Outcome, Packet, Sent
from ryu_netpol.flows.ir import FlowTable
from ryu_netpol.flows.text import parse
from ryu_netpol.model.net import Address
from tests.ovs.conftest import TraceBridge
from tests.ovs.interpret_compare import differences

ROUTER, MAC1, MAC2 = 0x0E0000000001, 0x0A0000000011, 0x0A0000000012
R, M1, M2 = "0e:00:00:00:00:01", "0a:00:00:00:00:11", "0a:00:00:00:00:12"
A4, B4, GATEWAY = Address.parse("10.244.1.11"), Address.parse("10.244.1.12"), Address.parse("169.254.1.1")
A6, B6, GATEWAY6 = Address.parse("fd00::11"), Address.parse("fd00::12"), Address.parse("fe80::1")
EPOCH = 7
CURRENT, STALE = ConnState.established(EPOCH), ConnState.established(EPOCH - 1)
TURNED, TURNED_BIT = "reg0=0x10/0x10", "NXM_NX_REG0[4]"
IP = ("ip", "ipv6")
FIRST_COOKIE = 0x6E70000100000001


def _addresses() -> Iterator[tuple[int, str, str]]:
    """Port, match on the address, and new MAC addresses, for A and B."""
    for port, mac, v4, v6 in ((1, M1, A4, A6), (2, M2, B4, B6)):
        for match in (f"ip,nw_dst={v4}", f"ipv6,ipv6_dst={v6}"):
            yield port, match, f"set_field:{R}->eth_src,set_field:{mac}->eth_dst"


def _pipeline() -> list[tuple[int, int, str, str]]:
    flows = [
        (0, 0, "", "drop"),
        *((0, 100, f"in_port={port},arp", "goto_table:10") for port in (1, 2)),
        *((0, 110, f"in_port={port},icmp6,icmp_type=135,icmp_code=0", "goto_table:10") for port in (1, 2)),
        *((0, 100, f"in_port={port},{kind}", "goto_table:20") for port in (1, 2) for kind in IP),
        (10, 0, "", "drop"),
        (
            *(10, 100, "arp,arp_op=1"),
            f"move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:{R}->eth_src,set_field:2->arp_op,"
            f"move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],set_field:{R}->arp_sha,"
            "push:NXM_OF_ARP_SPA[],move:NXM_OF_ARP_TPA[]->NXM_OF_ARP_SPA[],pop:NXM_OF_ARP_TPA[],IN_PORT",
        ),
        (
            *(10, 100, "icmp6,icmp_type=135,icmp_code=0"),
            f"move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:{R}->eth_src,push:NXM_NX_IPV6_SRC[],"
            "move:NXM_NX_ND_TARGET[]->NXM_NX_IPV6_SRC[],pop:NXM_NX_IPV6_DST[],set_field:136->icmpv6_type,resubmit(,11)",
        ),
        (
            *(11, 100, "icmp6,icmp_type=136"),
            f"set_field:0xe0000000->nd_reserved,set_field:2->nd_options_type,set_field:{R}->nd_tll,IN_PORT",
        ),
        *((20, 100, kind, "ct(table=25,zone=1)") for kind in IP),
        (25, 0, "", "drop"),
        (25, 200, "ct_state=+inv+trk", "drop"),
        (25, 190, "ct_state=+rel+trk", "goto_table:70"),
        (25, 180, f"ct_state=+est+trk,ct_mark={EPOCH:#x}/0xffff", "goto_table:70"),
        (25, 100, "ct_state=+est-rpl+trk", "goto_table:50"),
        (25, 100, "ct_state=+new+trk", "goto_table:50"),
        (50, 0, "", "goto_table:60"),
        (50, 100, f"ip,nw_dst={B4}", "drop"),
        (50, 100, f"ipv6,ipv6_dst={B6}", "drop"),
        (50, 200, "conj_id=9", "goto_table:60"),
        (50, 200, f"ip,nw_src={A4}", "conjunction(9,1/2)"),
        (50, 200, f"ipv6,ipv6_src={A6}", "conjunction(9,1/2)"),
        *((50, 200, f"{kind},tcp_dst=80", "conjunction(9,2/2)") for kind in ("tcp", "tcp6")),
        *((50, 200, f"{kind},tcp_dst=8080/0xfff0", "conjunction(9,2/2)") for kind in ("tcp", "tcp6")),
        *((50, 200, f"{kind},nw_frag=later", "conjunction(9,2/2)") for kind in ("tcp", "ipv6")),
        *((60, 90, kind, f"ct(commit,zone=1,exec(load:{EPOCH}->NXM_NX_CT_MARK[0..15])),goto_table:70") for kind in IP),
        (70, 0, "", "drop"),
        *((70, 100, match, f"{rewrite},output:{port}") for port, match, rewrite in _addresses()),
        *((70, 101, f"in_port={port},{match}", f"{rewrite},IN_PORT") for port, match, rewrite in _addresses()),
    ]  # fmt: skip
    for priority, match, *ends in (
        *((90, "ip", "NXM_OF_IP"), (90, "ipv6", "NXM_NX_IPV6")),
        *((95, "tcp", "NXM_OF_IP", "NXM_OF_TCP"), (95, "tcp6", "NXM_NX_IPV6", "NXM_OF_TCP")),
        *((95, "sctp", "NXM_OF_IP", "OXM_OF_SCTP"), (95, "sctp6", "NXM_NX_IPV6", "OXM_OF_SCTP")),
    ):
        swap = ",".join(f"push:{e}_SRC[],push:{e}_DST[],pop:{e}_SRC[],pop:{e}_DST[]" for e in ends)
        turn, back = f"load:1->{TURNED_BIT},{swap},goto_table:50", f"load:0->{TURNED_BIT},{swap},resubmit(,60)"
        flows.append((25, priority, f"ct_state=+est+rpl+trk,{match}", turn))
        flows.append((60, 110 + priority, f"{TURNED},{match}", back))
    return flows


@pytest.fixture(scope="module")
def flows() -> FlowTable:
    """A small pipeline of the same shapes as the real one: pod A on port 1, pod B, isolated, on port 2."""
    lines = [
        f"table={table}, priority={priority}, cookie={FIRST_COOKIE + n:#x}, {match} actions={actions}"
        for n, (table, priority, match, actions) in enumerate(_pipeline())
    ]
    return FlowTable(map(parse, lines))


class Both:
    """Asks the interpreter and the switch, and wants one answer."""

    def __init__(self, flows: FlowTable, bridge: TraceBridge) -> None:
        self.interpreter = Interpreter(flows)
        self.bridge = bridge
        bridge.install(flows)

    def __call__(self, packet: Packet, *tracking: ConnState) -> Outcome:
        outcome = self.interpreter.run(packet, *tracking)

        assert differences(outcome, self.bridge.ask(packet, *tracking)) == []
        return outcome


@pytest.fixture(scope="module")
def both(flows: FlowTable, trace_bridge: TraceBridge) -> Both:
    """Interpreter and switch with the same flows."""
    return Both(flows, trace_bridge)


def test_arp_is_answered(both: Both) -> None:
    """The question comes back as an answer: the router has the address."""
    outcome = both(Packet.arp_request(MAC1, A4, GATEWAY, in_port=1))

    answer = Packet.of(
        in_port=1, eth_src=ROUTER, eth_dst=MAC1, eth_type=ETH_ARP,
        arp_op=2, arp_sha=ROUTER, arp_spa=GATEWAY.value, arp_tha=MAC1, arp_tpa=A4.value,
    )  # fmt: skip
    assert outcome.outputs == (Sent(1, answer, back=True),)


@pytest.mark.parametrize("option", [True, False], ids=["with option", "without option"])
def test_neighbour_discovery_is_answered(both: Both, option: bool) -> None:
    """A solicitation becomes an advertisement, by way of two tables."""
    outcome = both(Packet.neighbour_solicitation(MAC1, A6, GATEWAY6, in_port=1, option=option))

    (sent,) = outcome.outputs
    assert (sent.port, sent.back) == (1, True)
    assert (sent.packet["eth_src"], sent.packet["eth_dst"]) == (ROUTER, MAC1)
    assert (sent.packet["ipv6_src"], sent.packet["ipv6_dst"]) == (GATEWAY6.value, A6.value)
    assert (sent.packet["icmpv6_type"], sent.packet["nd_tll"], sent.packet["nd_target"]) == (
        136,
        ROUTER,
        GATEWAY6.value,
    )
    assert [flow.table for flow in outcome.path] == [0, 10, 11]


@pytest.mark.parametrize(("a", "b"), [(A4, B4), (A6, B6)], ids=["IPv4", "IPv6"])
class TestPolicy:
    """B may be reached on TCP 80 and 8080 to 8095 by A."""

    @pytest.mark.parametrize(("port", "allowed"), [(80, True), (8085, True), (81, False), (8096, False)])
    def test_new(self, both: Both, a: Address, b: Address, port: int, allowed: bool) -> None:
        """A new connection is judged, and committed with the epoch if it is allowed."""
        outcome = both(Packet.tcp(a, b, port, in_port=1))

        assert outcome.ports == ((2,) if allowed else ())
        assert outcome.commits == ((Commit(1, EPOCH, 0xFFFF),) if allowed else ())
        assert (outcome.dropped_by is None) == allowed

    def test_current(self, both: Both, a: Address, b: Address) -> None:
        """A connection of the current epoch skips policy."""
        outcome = both(Packet.tcp(a, b, 81, in_port=1), CURRENT)

        assert outcome.ports == (2,)
        assert [flow.table for flow in outcome.path] == [0, 20, 25, 70]

    def test_stale(self, both: Both, a: Address, b: Address) -> None:
        """An older one is judged again."""
        assert both(Packet.tcp(a, b, 80, in_port=1), STALE).ports == (2,)
        assert both(Packet.tcp(a, b, 81, in_port=1), STALE).ports == ()

    @pytest.mark.parametrize("kind", [Packet.tcp, Packet.sctp], ids=["TCP", "SCTP"])
    def test_stale_reply(self, both: Both, a: Address, b: Address, kind: Callable[..., Packet]) -> None:
        """A reply of an older one is judged as the connection's first packet would be, and leaves as what it is."""
        reply = kind(a, b, 80, eth_src=MAC1, eth_dst=ROUTER).reply(in_port=2)
        outcome = both(reply, ConnState.established(EPOCH - 1, reply=True))

        allowed = reply["ip_proto"] == 6
        assert outcome.ports == ((1,) if allowed else ())
        if allowed:
            assert outcome.outputs[0].packet == reply.with_(eth_src=ROUTER, eth_dst=MAC1)
            assert [flow.table for flow in outcome.path] == [0, 20, 25, 50, 60, 60, 70]
            assert outcome.final.get("reg0", 0) == 0

    @pytest.mark.parametrize("fragment", Fragment)
    def test_fragments(self, both: Both, a: Address, b: Address, fragment: Fragment) -> None:
        """Every fragment of an allowed datagram passes, stale replies among them."""
        packet = Packet.tcp(a, b, 80, in_port=1, fragment=fragment)

        assert both(packet).ports == (2,)
        assert both(packet.reply(in_port=2), ConnState.established(1, reply=True)).ports == (1,)

    def test_echo(self, both: Both, a: Address, b: Address) -> None:
        """No rule allows echo requests to B; those to A are judged by none, and stale answers are turned around."""
        assert both(Packet.echo(a, b, in_port=1)).ports == ()
        assert both(Packet.echo(b, a, in_port=2)).ports == (1,)
        assert both(Packet.echo(b, a, in_port=2).reply(in_port=1), ConnState.established(1, reply=True)).ports == (2,)

    def test_others(self, both: Both, a: Address, b: Address) -> None:
        """Related errors pass, what is invalid does not, and a pod reaches itself by its own port."""
        assert both(Packet.echo(a, b, in_port=1), ConnState.related(1)).ports == (2,)
        assert both(Packet.tcp(a, b, 80, in_port=1), ConnState.invalid()).ports == ()
        assert both(Packet.tcp(a, a, 5, in_port=1)).ports == (1,)
        assert both(Packet.tcp(a, b, 80, in_port=3)).ports == ()
