"""A private Open vSwitch with one bridge on a dummy datapath, and the agent's session on a real connection to it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from ryu_netpol.adapters.openflow import OpenFlowSession
from ryu_netpol.agent.effects import Report
from ryu_netpol.agent.events import Event
from ryu_netpol.app import run_switch_app
from ryu_netpol.bench.bench import BenchError
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.lab.switch import PrivateOvs

BRIDGE = "br-int"


class Switch:
    """From the beginning of the context to its end: the connection, and the switch if none was given that runs."""

    def __init__(self, deliver: Callable[[Event], None], *, ovs: PrivateOvs | None = None) -> None:
        self.ovs = ovs or PrivateOvs()
        self.session = OpenFlowSession(deliver=deliver, report=_refuse)
        self._started = ovs is None
        self._running = contextlib.ExitStack()

    def __enter__(self) -> Switch:
        with contextlib.ExitStack() as undo:
            if self._started:
                undo.enter_context(self.ovs)
            self._socket = self.ovs.run_dir / "bench.sock"
            undo.callback(run_switch_app(self._socket, self.session).stop)
            self._running = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def connect(self) -> None:
        """Make the bridge and let it connect."""
        self.ovs.add_bridge(BRIDGE)
        self.ovs.vsctl("set-controller", BRIDGE, f"unix:{self._socket}")

    def clear(self) -> None:
        """Remove all flows and meters."""
        self.ovs.ofctl("del-flows", BRIDGE)
        self.ovs.ofctl("del-meters", BRIDGE)

    def policy_flows(self) -> int:
        """How many flows the switch itself has in the two tables of policies."""
        return sum(flow_count(self.ovs, f"table={table}") for table in (TableId.EGRESS, TableId.INGRESS))

    def flows(self) -> int:
        """How many flows the switch itself has."""
        return flow_count(self.ovs)


def flow_count(ovs: PrivateOvs, *match: str) -> int:
    """How many flows the bridge has, those that match."""
    words = ovs.ofctl("dump-aggregate", BRIDGE, *match).split()
    return next(int(word.removeprefix("flow_count=")) for word in words if word.startswith("flow_count="))


def _refuse(report: Report) -> None:
    raise BenchError(f"{report.what}: {report.message}")
