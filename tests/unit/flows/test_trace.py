"""Questions for ofproto/trace, and its answers, from texts that Open vSwitch 3.1 printed."""

from __future__ import annotations

import pytest

from ryu_netpol.flows.interpret import ConnState, Fragment, Packet
from ryu_netpol.flows.ir import Cookie, CookieKind
from ryu_netpol.flows.trace import Hit, datapath_ports, question, read
from ryu_netpol.flows.trace.output import datapath_outputs, fields
from ryu_netpol.model.net import Address

A, B = Address.parse("10.0.0.1"), Address.parse("10.0.0.2")
A6, B6 = Address.parse("fd00::1"), Address.parse("fd00::2")

TRACKED = """\
Flow: ct_mark=0x5,tcp,in_port=1,vlan_tci=0x0000,dl_src=02:00:00:00:00:01,dl_dst=00:00:00:00:00:00,nw_src=1.1.1.1,\
nw_dst=2.2.2.2,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no,tp_src=1,tp_dst=80,tcp_flags=0

bridge("br0")
-------------
 0. ip, priority 5, cookie 0x6e70000100000000
    load:0x1->NXM_NX_REG0[]
    ct(table=1,zone=1)
    drop
     -> A clone of the packet is forked to recirculate. The forked pipeline will be resumed at table 1.
     -> Sets the packet to an untracked state, and clears all the conntrack fields.
    output:2

Final flow: tcp,reg0=0x1,in_port=1,vlan_tci=0x0000,dl_src=02:00:00:00:00:01,dl_dst=00:00:00:00:00:00,nw_src=1.1.1.1,\
nw_dst=2.2.2.2,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no,tp_src=1,tp_dst=80,tcp_flags=0
Megaflow: recirc_id=0,eth,ip,in_port=1,nw_frag=no
Datapath actions: ct(zone=1),recirc(0x1),22

===============================================================================
recirc(0x1) - resume conntrack with ct_state=est|trk
===============================================================================

Flow: recirc_id=0x1,ct_state=est|trk,ct_zone=1,ct_mark=0x5,eth,tcp,reg0=0x1,in_port=1,vlan_tci=0x0000,\
dl_src=02:00:00:00:00:01,dl_dst=00:00:00:00:00:00,nw_src=1.1.1.1,nw_dst=2.2.2.2,nw_frag=no,tp_src=1,tp_dst=80,tcp_flags=0

bridge("br0")
-------------
    thaw
        Resuming from table 1
 1. conj_id=7,ip, priority 10, cookie 0x99
    ct(commit,zone=1,exec(load:0x5->NXM_NX_CT_MARK[0..15]))
    load:0x5->NXM_NX_CT_MARK[0..15]
     -> Sets the packet to an untracked state, and clears all the conntrack fields.
    goto_table:2
 2. priority 0
    resubmit(,3)
     3. priority 0
            pop:NXM_NX_REG4[]
             -> NXM_NX_REG4[] is now 0x5
    IN_PORT
    output:3

Final flow: unchanged
Megaflow: recirc_id=0x1,eth,tcp,in_port=1,nw_src=1.1.1.1,nw_frag=no,tp_dst=80
Datapath actions: ct(commit,zone=1,mark=0x5/0xffff),set(eth(src=02:00:00:00:00:01,dst=00:00:00:00:00:02)),21,23
"""
DROPPED = """\
Flow: arp,in_port=1,vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,arp_spa=0.0.0.0,arp_tpa=0.0.0.0

bridge("br0")
-------------
 0. No match.
    drop

Final flow: unchanged
Megaflow: recirc_id=0,eth,arp,in_port=1
Datapath actions: drop
"""
PORTS = {21: 1, 22: 2, 23: 3}


@pytest.mark.parametrize(
    ("packet", "flow"),
    [
        (
            Packet.tcp(A, B, 80, in_port=1, eth_src=0x020000000001),
            "tcp,in_port=1,dl_src=02:00:00:00:00:01,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,tcp_src=40000,tcp_dst=80",
        ),
        (
            Packet.udp(A6, B6, 53, in_port=2, fragment=Fragment.LATER),
            "ipv6,in_port=2,nw_proto=44,ipv6_src=fd00::1,ipv6_dst=fd00::2,nw_ttl=64,nw_frag=later",
        ),
        (
            Packet.echo(A6, B6, vlan_tci=0x1005),
            "icmp6,vlan_tci=0x1005,ipv6_src=fd00::1,ipv6_dst=fd00::2,nw_ttl=64,icmpv6_type=128",
        ),
        (
            Packet.arp_request(0x020000000001, A, B, in_port=1),
            "arp,in_port=1,dl_dst=ff:ff:ff:ff:ff:ff,dl_src=02:00:00:00:00:01,"
            "arp_op=1,arp_spa=10.0.0.1,arp_tpa=10.0.0.2,arp_sha=02:00:00:00:00:01",
        ),
    ],
    ids=["TCP", "later fragment", "echo", "ARP"],
)
def test_flow(packet: Packet, flow: str) -> None:
    """Headers in the spelling that trace reads: udp_dst and icmpv6_type, not tp_dst and icmp_type."""
    assert flow == question(packet).flow


def test_states() -> None:
    """The mark stands in the flow, the states in --ct-next, and the last one holds for every further ct()."""
    flow, ct_next = question(Packet.of(in_port=1), ConnState.new(), ConnState.established(7, reply=True))

    assert flow == "in_port=1"
    assert ct_next[:3] == ("trk,new", "trk,est,rpl", "trk,est,rpl")
    assert question(Packet.of(in_port=1), ConnState.established(7)).flow == "in_port=1,ct_mark=0x7"
    assert question(Packet.of(in_port=1)).ct_next[0] == "trk,new"


def test_outcome() -> None:
    """Both passes: ports as the bridge numbers them, every flow that was hit, the fields at the end."""
    outcome = read(TRACKED, PORTS)

    assert outcome.ports == (2, 1, 3)
    assert outcome.hits == (Hit(0, 5, 0x6E70000100000000), Hit(1, 10, 0x99), Hit(2, 0), Hit(3, 0))
    assert outcome.matches == ("ip", "conj_id=7,ip", "", "")
    assert [hit.meaning for hit in outcome.hits[:2]] == [Cookie(CookieKind.BASE), None]
    assert outcome.dropped_by is None
    assert [final.get("ct_state", 0) for final in outcome.finals] == [0, 0x22]
    assert outcome.finals[1] == {
        "ct_state": 0x22, "ct_zone": 1, "ct_mark": 5, "eth_type": 0x0800, "ip_proto": 6, "reg0": 1, "in_port": 1,
        "eth_src": 0x020000000001, "ipv4_src": 0x01010101, "ipv4_dst": 0x02020202, "tcp_src": 1, "tcp_dst": 80,
    }  # fmt: skip


def test_no_match() -> None:
    """A table without a matching flow drops, and says so."""
    outcome = read(DROPPED)

    assert outcome.ports == ()
    assert outcome.dropped_by == Hit(0, None)


def test_not_a_trace() -> None:
    """Anything else is an error that shows what it was."""
    with pytest.raises(ValueError, match="Bad openflow flow syntax"):
        read("Bad openflow flow syntax: in_port=1: no such port")


def test_datapath() -> None:
    """Numbers in brackets are no ports; the datapath's numbers are not the bridge's."""
    shown = "netdev@ovs-netdev: hit:0 missed:0\n  br0:\n    br0 65534/100: (dummy-internal)\n    p21 1/21: (dummy)\n"

    assert datapath_outputs("meter(0),set(ipv4(src=1.1.1.1)),21,ct(commit,zone=1),clone(5,6),22") == [21, 22]
    assert datapath_outputs("drop") == []
    assert datapath_ports(shown) == {100: 65534, 21: 1}


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        ("udp6,tp_src=0,tp_dst=53", {"eth_type": 0x86DD, "ip_proto": 17, "udp_dst": 53}),
        (
            "icmp6,icmp_type=135,icmp_code=0,nd_target=::1",
            {"eth_type": 0x86DD, "ip_proto": 58, "icmpv6_type": 135, "nd_target": 1},
        ),
        ("icmp,icmp_type=8,icmp_code=0", {"eth_type": 0x0800, "ip_proto": 1}),
        ("ip,nw_proto=47,nw_frag=later", {"eth_type": 0x0800, "ip_proto": 47, "ip_frag": 3}),
        ("dl_vlan=5,dl_vlan_pcp=1,vlan_tci1=0x0000,dl_type=0x88cc", {"eth_type": 0x88CC, "vlan_tci": 0x3005}),
        ("ct_state=est|rpl|trk,ip,nw_proto=0", {"eth_type": 0x0800, "ct_state": 0x2A}),
    ],
)
def test_fields(flow: str, expected: dict[str, int]) -> None:
    """Flows as trace prints them; what we never use is skipped."""
    assert fields(flow) == expected
