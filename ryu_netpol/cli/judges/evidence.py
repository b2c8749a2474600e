"""What the running switches of a lab do with a connection: which flows decide, and how many packets these have met.

The flows are found by `ofproto/trace` on the lab's own switches, with the packet as the pod or the node really sends
it; counters are read from the switch. Nothing is compiled here: this looks at what is installed, and the numbers of
rules and identities are found in it as an agent finds them after a restart. Callers: `explain --lab`, `demo`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from ryu_netpol.cli.judges import words
from ryu_netpol.cli.judges.decide import Decision, Passage, deciding
from ryu_netpol.flows.bridge import Bridge
from ryu_netpol.flows.ir import Cookie, FlowTable
from ryu_netpol.flows.numbers import recover
from ryu_netpol.flows.offline import OfflineNode, path
from ryu_netpol.flows.text import parse
from ryu_netpol.flows.trace import TraceOutcome, datapath_ports, question, read
from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.node import BRIDGE, GATEWAY, LabNode
from ryu_netpol.model.names import NodeName, OfPort, PodKey
from ryu_netpol.model.net import Address, Cidr
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.packet import Connection
from ryu_netpol.policy.owners import Endpoint
from ryu_netpol.policy.resolve import resolve

_COUNTED = re.compile(r"n_packets=(\d+)")
_VARYING = re.compile(r"(duration|n_packets|n_bytes|idle_age|hard_age)=[^,]*, ")
_OURS = f"cookie={Cookie.SIGNATURE:#x}/{Cookie.SIGNATURE_MASK:#x}"


class Installed(NamedTuple):
    """A flow of a switch as ovs-ofctl prints it, counters included."""

    line: str

    @property
    def packets(self) -> int:
        """How many packets have met it."""
        found = _COUNTED.search(self.line)
        return int(found[1]) if found else 0

    @property
    def text(self) -> str:
        """The flow without its counters."""
        return _VARYING.sub("", self.line)

    @property
    def match(self) -> str:
        """Its match, as a trace writes it too."""
        head = self.line.partition(" actions=")[0]
        return re.split(r"priority=\d+,?", head, maxsplit=1)[-1].strip()


def running(node: LabNode, cluster: Cluster) -> OfflineNode:
    """A node of the lab with the ports, flows and numbers that its switch has now."""
    gateway = _interfaces(node, f"name={GATEWAY}")
    if not gateway:
        raise LabError(f"The bridge of {node.name} has no port {GATEWAY}.")
    known = cluster.nodes.get(NodeName(node.name))
    addresses = known.addresses if known is not None else tuple(map(Address.parse, node.spec.addresses))
    bridge = Bridge(
        int(gateway[0][0]),
        _number(gateway[0][1]),
        tuple(map(Cidr.parse, node.spec.pod_cidrs)),
        node_addresses=frozenset(addresses),
    )
    policy = resolve(cluster, NodeName(node.name), list(_endpoints(node, cluster)))
    lines = node.ovs.ofctl("--no-stats", "dump-flows", BRIDGE, _OURS).splitlines()
    flows = FlowTable(parse(line) for line in lines if "actions=" in line)
    return OfflineNode(NodeName(node.name), bridge, policy, recover(flows, policy), flows, frozenset())


def by_switches(lab: Lab, cluster: Cluster, connection: Connection) -> list[Passage]:
    """What becomes of the connection's first packet in each bridge on its way, up to one that keeps it."""
    nodes = [running(node, cluster) for node in lab.nodes.values()]
    passages: list[Passage] = []
    for node in path(nodes, connection):
        passages.append(passage(lab.node(node.name), node, connection))
        if not passages[-1].answer.allowed:
            break
    return passages


def passage(switch: LabNode, node: OfflineNode, connection: Connection) -> Passage:
    """Ask one switch what it would do with the connection's first packet."""
    asked = question(node.entry(connection))
    ports = datapath_ports(switch.ovs.appctl("dpif/show"))
    outcome = read(switch.ovs.trace(BRIDGE, asked.flow, asked.ct_next), ports)
    steps = [(hit.table, hit.meaning) for hit in outcome.hits]
    answer = words.answer(node, steps, sent=outcome.ports, wanted=node.exit(connection))
    decisions = [_decision(switch, node, outcome, index) for index in deciding(steps, allowed=bool(answer.allowed))]
    return Passage(node.name, answer, tuple(table for table, _ in steps), tuple(decisions))


def grown(node: LabNode, decision: Decision, send: Callable[[], object], *, within: float = 5.0) -> tuple[int, int]:
    """The packet counter of a flow before and after something was sent."""
    before = _count(node, decision)
    send()
    deadline = time.monotonic() + within
    while (after := _count(node, decision)) == before and time.monotonic() < deadline:
        time.sleep(0.05)
    return before, after


def _count(node: LabNode, decision: Decision) -> int:
    lines = [flow for flow in _installed(node, f"table={decision.table}") if flow.text == decision.flow]
    if not lines:
        raise LabError(f"The flow {decision.flow} is gone from the switch.")
    return lines[0].packets


def _decision(switch: LabNode, node: OfflineNode, outcome: TraceOutcome, index: int) -> Decision:
    hit, match = outcome.hits[index], outcome.matches[index]
    meaning = words.meaning(node, hit.table, hit.meaning)
    if hit.priority is None:
        return Decision(hit.table, f"table={hit.table}: no flow matches", None, meaning)
    alike = [flow for flow in _installed(switch, f"table={hit.table},cookie={hit.cookie:#x}/-1") if flow.match == match]
    same = [flow for flow in alike if f"priority={hit.priority}" in re.split(r"[, ]+", flow.line)]
    if not same:
        raise LabError(f"The flow {hit} with the match {match!r} is gone from the switch.")
    return Decision(hit.table, same[0].text, hit.meaning, meaning, same[0].packets)


def _installed(node: LabNode, which: str) -> list[Installed]:
    return [Installed(line.strip()) for line in node.flows(which).splitlines() if "actions=" in line]


def _endpoints(node: LabNode, cluster: Cluster) -> Iterator[Endpoint]:
    """The pods that the agent has declared ready, as the database has them (docs/cni.md, the contract)."""
    for number, _, (_, pairs) in _interfaces(node, "external_ids:netpol-ready!=''"):
        ids = dict(pairs)
        pod = PodKey(ids.get("k8s-namespace", ""), ids.get("k8s-pod-name", ""))
        if pod in cluster.pods and ids.get("netpol-ready") == ids.get("container-id"):
            addresses = tuple(map(Address.parse, str(ids["addresses"]).split(",")))
            yield Endpoint(pod, OfPort(int(number)), _number(ids["attached-mac"]), addresses, int(ids["created"]))


def _interfaces(node: LabNode, *conditions: str) -> Sequence[Any]:
    """Port number, MAC and external_ids of the interfaces that meet the conditions."""
    shown = node.ovs.vsctl("--format=json", "--columns=ofport,mac,external_ids", "find", "Interface", *conditions)
    return list(json.loads(shown)["data"])


def _number(mac: object) -> int:
    return int(str(mac).replace(":", ""), 16)
