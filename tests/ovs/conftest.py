"""Fixtures of the tests that ask a real Open vSwitch. Its programs missing is a failure, never a skip."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ryu_netpol.adapters.openflow import OpenFlowSession
from ryu_netpol.agent.effects import Report
from ryu_netpol.agent.events import Event, FlowsDumped, SwitchUp
from ryu_netpol.app import run_switch_app
from ryu_netpol.flows.delta import Plan
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


@pytest.fixture(scope="package")
def trace_bridge() -> Iterator[TraceBridge]:
    """One private switch for all tests; every test installs its own flows."""
    with PrivateOvs() as ovs:
        yield TraceBridge(ovs)


class SwitchApp:
    """The Ryu application, connected to a private switch over its Unix socket; what it delivers can be waited for."""

    def __init__(self, ovs: PrivateOvs) -> None:
        self.ovs = ovs
        self.events: queue.Queue[Event] = queue.Queue()
        self.reports: queue.Queue[Report] = queue.Queue()
        self.session = OpenFlowSession(deliver=self.events.put, report=self.reports.put)
        socket = Path(ovs.run_dir) / "of.sock"
        self.server = run_switch_app(socket, self.session)
        self.connection = 0
        ovs.add_bridge(BRIDGE)
        ovs.vsctl("set-controller", BRIDGE, f"unix:{socket}")
        self.came_up()
        self.generation = 0

    def next(self, timeout: float = 30.0) -> Event:
        """What is delivered next."""
        return self.events.get(timeout=timeout)

    def came_up(self) -> None:
        """Wait for the switch, and dump it, as the agent does."""
        event = self.next()
        assert isinstance(event, SwitchUp)
        self.connection = event.connection
        self.dump()

    def dump(self) -> FlowsDumped:
        """What is on the switch."""
        self.session.dump(self.connection)
        event = self.next()
        assert isinstance(event, FlowsDumped)
        return event

    def program(self, **changes: object) -> tuple[Event, float]:
        """Send a plan; how it ended, and after how many seconds."""
        self.generation += 1
        started = time.perf_counter()
        self.session.program(Plan(self.generation, **changes), self.connection)  # type: ignore[arg-type]
        return self.next(), time.perf_counter() - started

    def clear(self) -> None:
        """Remove flows and meters."""
        self.ovs.ofctl("del-flows", BRIDGE)
        self.ovs.ofctl("del-meters", BRIDGE)


@pytest.fixture(scope="package")
def running_app() -> Iterator[SwitchApp]:
    """One application and one private switch for all tests: the framework has global state."""
    with PrivateOvs() as ovs:
        app = SwitchApp(ovs)
        yield app
        app.server.stop()


@pytest.fixture
def switch_app(running_app: SwitchApp) -> SwitchApp:
    """The application, on a switch without flows."""
    running_app.clear()
    return running_app
