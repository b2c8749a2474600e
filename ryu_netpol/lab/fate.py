"""What the lab's switches would do with a connection's first packet: `ofproto/trace` on the bridges as they run.

Nothing is compiled here and no policy is read, so that this owes nothing to the other ways of judging. Whether it is
what happens to packets is for counters to show (proof.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ryu_netpol.flows.bridge import SECOND_MAC
from ryu_netpol.flows.fields import DEST_IDENTITY, SOURCE_IDENTITY
from ryu_netpol.flows.interpret.packet import EPHEMERAL, PORTS, Packet
from ryu_netpol.flows.ir import CookieKind
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.flows.trace import TraceOutcome, question, read
from ryu_netpol.lab.drops import Drop
from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.node import BRIDGE, GATEWAY, LabNode
from ryu_netpol.lab.shoot import Shot
from ryu_netpol.model.names import Protocol
from ryu_netpol.model.net import Address

_JUDGED = {TableId.EGRESS: SOURCE_IDENTITY, TableId.INGRESS: DEST_IDENTITY}
"""Where policy drops, and the register that has the identity whose policy it is."""


@dataclass(frozen=True, slots=True)
class Fate:
    """The flow that would drop the packet, if there is one, and whether it is there because of a policy."""

    words: str
    drop: Drop | None = None
    by_policy: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """Where the packets of a shot enter a bridge, and with which source address."""

    node: LabNode
    pod: str
    """The sender, "namespace/pod", by whose port they enter; empty: by the gateway port."""
    source: str


class _Port(NamedTuple):
    number: int
    mac: int


class Fates:
    """Foresees what becomes of shots. What it has read of ports is kept: for one round of probes."""

    def __init__(self, entries: Callable[[Shot], tuple[Entry, ...]]) -> None:
        """`entries` says which bridges a shot's packet enters, as what."""
        self._entries = entries
        self._ports: dict[str, Mapping[str, _Port]] = {}

    def of(self, shot: Shot) -> Fate:
        """Follow the packet from bridge to bridge until one keeps it. Raises LabError where a pod has no port."""
        entries = self._entries(shot)
        if not entries:
            return Fate("no bridge sees it")
        for entry in entries:
            asked = question(self._packet(shot, entry))
            outcome = read(entry.node.ovs.trace(BRIDGE, asked.flow, asked.ct_next))
            if not outcome.ports:
                return fate(entry.node.name, outcome)
        return Fate("the switch would let it through")

    def _packet(self, shot: Shot, entry: Entry) -> Packet:
        gateway = self._port(entry.node, GATEWAY)
        if entry.pod:
            port = self._port(entry.node, entry.pod)
            where = {"in_port": port.number, "eth_src": port.mac, "eth_dst": gateway.mac}
        else:
            where = {"in_port": gateway.number, "eth_src": gateway.mac, "eth_dst": SECOND_MAC}
        source, destination = Address.parse(entry.source), Address.parse(shot.destination.address)
        protocol = Protocol[shot.protocol]
        if protocol not in PORTS:
            return Packet.echo(source, destination).with_(**where)
        return Packet.ip(source, destination, protocol, shot.port, source_port=EPHEMERAL).with_(**where)

    def _port(self, node: LabNode, name: str) -> _Port:
        if node.name not in self._ports:
            shown = node.ovs.vsctl(
                "--format=json", "--columns=name,ofport,mac_in_use,external_ids", "list", "Interface"
            )
            self._ports[node.name] = ports(shown)
        if name not in self._ports[node.name]:
            raise LabError(f"{name} has no port on {BRIDGE} of {node.name}.")
        return self._ports[node.name][name]


def fate(node: str, outcome: TraceOutcome) -> Fate:
    """What a trace says that ended in a drop. A drop is a policy's if it is of the very identity that was judged."""
    hit = outcome.hits[-1]
    drop = Drop(node, hit.table, hit.cookie)
    register = _JUDGED.get(TableId(hit.table)) if hit.table in set(TableId) else None
    by_policy = (
        register is not None
        and hit.meaning is not None
        and hit.meaning.kind is CookieKind.ISOLATED
        and hit.meaning.value == outcome.finals[-1].get(register.field)
    )
    return Fate(f"the switch would drop it by {drop}", drop, by_policy)


def ports(interfaces: str) -> dict[str, _Port]:
    """Number and MAC of every port, by "namespace/pod" or else by the interface's name, as ovs-vsctl prints them."""
    found = {}
    for name, number, mac, (_, pairs) in json.loads(interfaces)["data"]:
        ids = dict(pairs)
        pod = f"{ids['k8s-namespace']}/{ids['k8s-pod-name']}" if "k8s-pod-name" in ids else name
        mac = ids.get("attached-mac", mac)
        # What is not there is a set without members.
        if isinstance(number, int) and isinstance(mac, str):
            found[pod] = _Port(number, int(mac.replace(":", ""), 16))
    return found
