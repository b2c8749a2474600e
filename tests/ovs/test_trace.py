"""Questions and answers of flows/trace.py with the Open vSwitch that is installed."""

from __future__ import annotations

import pytest

from ryu_netpol.flows.interpret import ConnState, CtFlag, Fragment, Packet
from ryu_netpol.flows.ir import FlowTable
from ryu_netpol.flows.text import parse
from ryu_netpol.flows.trace import Hit
from ryu_netpol.lab.errors import LabError
from ryu_netpol.model.net import Address
from tests.ovs.conftest import TraceBridge
from tests.ovs.interpret_compare import visible

A, B = Address.parse("10.0.0.1"), Address.parse("10.0.0.2")
A6, B6 = Address.parse("fd00::1"), Address.parse("fd00::2")
MAC = 0x020000000001
EVERY_KIND = {
    **{f"TCP {fragment.name}": Packet.tcp(A, B, 80, fragment=fragment) for fragment in Fragment},
    "TCP over IPv6": Packet.tcp(A6, B6, 80),
    "UDP": Packet.udp(A, B, 53),
    "UDP over IPv6": Packet.udp(A6, B6, 53, fragment=Fragment.LATER),
    "SCTP": Packet.sctp(A, B, 5),
    "SCTP over IPv6": Packet.sctp(A6, B6, 5),
    "echo": Packet.echo(A, B),
    "echo over IPv6": Packet.echo(A6, B6),
    "GRE": Packet.ip(A, B, 47),
    "ARP": Packet.arp_request(MAC, A, B),
    "ND": Packet.neighbour_solicitation(MAC, A6, B6),
    "ND without option": Packet.neighbour_solicitation(MAC, A6, B6, option=False),
    "tagged": Packet.tcp(A, B, 80, vlan_tci=0x3005),
    "LLDP": Packet.of(eth_type=0x88CC, eth_src=MAC),
}
COOKIE = 0x6E70000A00000001


def install(bridge: TraceBridge, *lines: str) -> None:
    """Install flows of text; the n-th has n in its cookie."""
    bridge.install(FlowTable(parse(f"cookie={COOKIE + n:#x}, {line}") for n, line in enumerate(lines)))


@pytest.mark.parametrize("packet", EVERY_KIND.values(), ids=EVERY_KIND.keys())
def test_every_kind_of_packet_arrives(trace_bridge: TraceBridge, packet: Packet) -> None:
    """The switch understands the question: the packet that it names is the one that we asked about."""
    install(trace_bridge, "table=0, priority=0 actions=output:2")
    packet = packet.with_(in_port=1)
    outcome = trace_bridge.ask(packet)

    assert outcome.ports == (2,)
    assert visible(outcome.finals[0]) == dict(packet.headers)


def test_tracking(trace_bridge: TraceBridge) -> None:
    """State and mark arrive behind ct(), each ct() meets its own state, and the last one stays."""
    install(
        trace_bridge,
        "table=0, priority=0, ip actions=ct(table=1,zone=1)",
        "table=1, priority=1, ip,ct_state=0x21,ct_mark=7 actions=ct(table=2,zone=1)",
        "table=2, priority=2, ip,ct_state=0x2a,ct_mark=7 actions=ct(table=3,zone=1)",
        "table=3, priority=3, ip,ct_state=0x2a,ct_mark=7 actions=output:3",
    )
    outcome = trace_bridge.ask(Packet.tcp(A, B, 80, in_port=1), *states(7))

    assert outcome.hits == tuple(Hit(table, table, COOKIE + table) for table in range(4))
    assert outcome.ports == (3,)
    assert outcome.finals[-1]["ct_state"] == 0x2A
    assert trace_bridge.ask(Packet.tcp(A, B, 80, in_port=1), *states(6)).hits[-1] == Hit(1, None)


def states(mark: int) -> tuple[ConnState, ConnState]:
    """New at the first ct(), an answer at all others."""
    return ConnState(CtFlag.NEW, mark), ConnState.established(mark, reply=True)


def test_drop(trace_bridge: TraceBridge) -> None:
    """A drop names its flow; a table without a flow has none to name."""
    install(trace_bridge, "table=0, priority=5, ip actions=drop")

    assert trace_bridge.ask(Packet.tcp(A, B, 80, in_port=1)).dropped_by == Hit(0, 5, COOKIE)
    assert trace_bridge.ask(Packet.tcp(A6, B6, 80, in_port=1)).dropped_by == Hit(0, None)


def test_refusal(trace_bridge: TraceBridge) -> None:
    """What the switch does not understand is an error, not a verdict."""
    with pytest.raises(LabError, match="ofproto/trace"):
        trace_bridge.ovs.trace("br0", "no_such_field=1")
