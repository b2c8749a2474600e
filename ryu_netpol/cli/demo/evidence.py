"""Which flow of the running switch decided about a connection, and how many packets it has decided about.

The flow is found by `ofproto/trace` on the lab's own switch with the packet as the pod really sends it; its counter is
read from the switch. Nothing is compiled here: this looks at what is installed.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ryu_netpol.flows.interpret.packet import Packet
from ryu_netpol.flows.ir import CookieKind
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.flows.trace import Hit, datapath_ports, question, read
from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.node import BRIDGE, GATEWAY, LabNode
from ryu_netpol.model.names import PodKey
from ryu_netpol.model.packet import Connection

_COUNTED = re.compile(r"n_packets=(\d+)")
_VARYING = re.compile(r"(duration|n_packets|n_bytes)=[^,]*, ")
_DECIDING = (CookieKind.RULE, CookieKind.ISOLATED)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The flow that decided."""

    hit: Hit
    text: str
    """As ovs-ofctl prints it, without its counters."""

    @property
    def table(self) -> str:
        """The name of its table."""
        return TableId(self.hit.table).name


def deciding(node: LabNode, source: PodKey, connection: Connection) -> Evidence:
    """Ask the switch what it would do with the connection's first packet: the rule that lets it pass, or the drop."""
    port, mac, router = _port(node, source)
    packet = Packet.tcp(
        connection.source, connection.destination, connection.port or 0, in_port=port, eth_src=mac, eth_dst=router
    )
    asked = question(packet)
    ports = datapath_ports(node.ovs.appctl("dpif/show"))
    outcome = read(node.ovs.trace(BRIDGE, asked.flow, asked.ct_next), ports)
    hits = [hit for hit in outcome.hits if hit.meaning is not None and hit.meaning.kind in _DECIDING]
    if not hits:
        raise LabError(f"No rule and no isolation decided about {source} to {connection.destination}.")
    return Evidence(hits[-1], _VARYING.sub("", _lines(node, hits[-1])[0]))


def grown(node: LabNode, evidence: Evidence, send: Callable[[], object], *, within: float = 5.0) -> tuple[int, int]:
    """The flow's packet counter before and after something was sent.

    The switch adds up its counters about twice a second, so that one waits for them on either side.
    """
    node.ovs.appctl("revalidator/wait")
    before = _count(node, evidence)
    send()
    deadline = time.monotonic() + within
    while (after := _count(node, evidence)) == before and time.monotonic() < deadline:
        time.sleep(0.05)
    return before, after


def _count(node: LabNode, evidence: Evidence) -> int:
    counters = (_COUNTED.search(line) for line in _lines(node, evidence.hit))
    return sum(int(found[1]) for found in counters if found)


def _lines(node: LabNode, hit: Hit) -> list[str]:
    """What ovs-ofctl says of the flow."""
    dumped = node.ovs.ofctl("dump-flows", BRIDGE, f"table={hit.table},cookie={hit.cookie:#x}/-1")
    lines = [line.strip() for line in dumped.splitlines() if f"priority={hit.priority}" in re.split(r"[, ]+", line)]
    if not lines:
        raise LabError(f"The flow {hit} is gone from the switch.")
    return lines


def _port(node: LabNode, pod: PodKey) -> tuple[int, int, int]:
    """The pod's port number and MAC, and the gateway's MAC, as the database has them (docs/cni.md, the contract)."""
    of_pod = f"external_ids:k8s-namespace={pod.namespace}", f"external_ids:k8s-pod-name={pod.name}"
    found = _interfaces(node, *of_pod)
    gateway = _interfaces(node, f"name={GATEWAY}")
    if not found or not gateway:
        raise LabError(f"Pod {pod} has no port on {BRIDGE}.")
    number, _, (_, ids) = found[0]
    return int(number), _number(dict(ids)["attached-mac"]), _number(gateway[0][1])


def _interfaces(node: LabNode, *conditions: str) -> list[Any]:
    """Port number, MAC and external_ids of the interfaces that meet the conditions."""
    shown = node.ovs.vsctl("--format=json", "--columns=ofport,mac,external_ids", "find", "Interface", *conditions)
    return list(json.loads(shown)["data"])


def _number(mac: object) -> int:
    return int(str(mac).replace(":", ""), 16)
