"""`--via trace`: the compiled flows in a real Open vSwitch without a datapath, judged by ofproto/trace.

One private switch, which needs neither root nor a namespace, with a bridge for every node. Also used by the tests that
hold our interpreter against Open vSwitch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ryu_netpol.cli.judges import words
from ryu_netpol.cli.judges.answer import Answer, Question
from ryu_netpol.flows.interpret import ConnState, Packet
from ryu_netpol.flows.offline import OfflineNode, path
from ryu_netpol.flows.text import render_table
from ryu_netpol.flows.trace import TraceOutcome, datapath_ports, question, read
from ryu_netpol.lab.switch import PrivateOvs
from ryu_netpol.model.names import NodeName
from ryu_netpol.model.packet import Connection

_METER = "pktps,band=type=drop,rate=1000"


class TracedBridge:
    """A bridge that has the ports, meters and flows of a compiled node; it can become another node at any time."""

    def __init__(self, ovs: PrivateOvs, name: str) -> None:
        """The name must be short: those of the ports begin with it."""
        self._ovs = ovs
        self._name = name
        self._ports: set[int] = set()
        self._meters: set[int] = set()
        self._openflow: Mapping[int, int] = {}
        ovs.add_bridge(name)
        # As the agent does: the first fragment shows its ports, the later ones have a clause of their own.
        ovs.ofctl("set-frags", name, "nx-match")

    def become(self, node: OfflineNode) -> None:
        """Install everything that the node's agent would. What an earlier node had more of stays, and is not used."""
        self._add_ports({node.bridge.gateway_port, *(endpoint.port for endpoint in node.policy.endpoints)})
        # Flows that refer to a meter are refused while it is not there.
        for meter in sorted(node.meters - self._meters):
            self._ovs.ofctl("add-meter", self._name, f"meter={meter},{_METER}")
            self._meters.add(meter)
        self._ovs.replace_flows(self._name, render_table(node.flows))

    def _add_ports(self, wanted: set[int]) -> None:
        words: list[str] = []
        for port in sorted(wanted - self._ports):
            name = f"{self._name}p{port}"
            words += ["--", "add-port", self._name, name]
            words += ["--", "set", "Interface", name, "type=dummy", f"ofport_request={port}"]
        if words:
            self._ovs.vsctl(*words)
            self._ports |= wanted
            self._openflow = datapath_ports(self._ovs.appctl("dpif/show"))

    def ask(self, packet: Packet, *tracking: ConnState) -> TraceOutcome:
        """What becomes of a packet, as the interpreter's `run` is asked it."""
        flow, ct_next = question(packet, *tracking)
        return read(self._ovs.trace(self._name, flow, ct_next), self._openflow)


def judge(nodes: Sequence[OfflineNode], questions: Sequence[Question]) -> list[Answer]:
    """Answer all questions. Raises LabError where there is no Open vSwitch."""
    with PrivateOvs() as ovs:
        bridges = {}
        for number, node in enumerate(nodes, start=1):
            bridges[node.name] = bridge = TracedBridge(ovs, f"n{number}")
            bridge.become(node)
        return [_answer(nodes, bridges, asked.connection) for asked in questions]


def _answer(nodes: Sequence[OfflineNode], bridges: Mapping[NodeName, TracedBridge], connection: Connection) -> Answer:
    answers = []
    for node in path(nodes, connection):
        outcome = bridges[node.name].ask(node.entry(connection))
        steps = ((hit.table, hit.meaning) for hit in outcome.hits)
        answers.append(words.answer(node, steps, sent=outcome.ports, wanted=node.exit(connection)))
        if not answers[-1].allowed:
            break
    return words.through(answers)
