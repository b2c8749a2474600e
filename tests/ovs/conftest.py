"""Fixtures of the tests that ask a real Open vSwitch. Its programs missing is a failure, never a skip."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ryu_netpol.flows.interpret import ConnState, Packet
from ryu_netpol.flows.ir import FlowTable
from ryu_netpol.flows.text import render_table
from ryu_netpol.flows.trace import TraceOutcome, datapath_ports, question, read
from ryu_netpol.lab.switch import PrivateOvs

BRIDGE = "br0"
PORTS = (1, 2, 3, 4)


class TraceBridge:
    """A bridge with a few dummy ports, whose flows can be replaced and asked."""

    def __init__(self, ovs: PrivateOvs) -> None:
        self.ovs = ovs
        ovs.add_bridge(BRIDGE)
        for port in PORTS:
            # The datapath takes its numbers from the names: here they differ from the OpenFlow numbers.
            ovs.add_dummy_port(BRIDGE, f"p{port + 20}", ofport=port)
        ovs.ofctl("set-frags", BRIDGE, "nx-match")
        self.datapath_ports = datapath_ports(ovs.appctl("dpif/show"))

    def install(self, flows: FlowTable) -> None:
        """Make these the bridge's flows."""
        self.ovs.replace_flows(BRIDGE, render_table(flows))

    def text(self, packet: Packet, *tracking: ConnState) -> str:
        """What ofproto/trace prints."""
        flow, ct_next = question(packet, *tracking)
        return self.ovs.trace(BRIDGE, flow, ct_next)

    def ask(self, packet: Packet, *tracking: ConnState) -> TraceOutcome:
        """What becomes of the packet."""
        return read(self.text(packet, *tracking), self.datapath_ports)


@pytest.fixture(scope="session")
def trace_bridge() -> Iterator[TraceBridge]:
    """One private switch for all tests; every test installs its own flows."""
    with PrivateOvs() as ovs:
        yield TraceBridge(ovs)
