"""What the rows of the database mean for the agent: pure functions from plain values to BridgeSeen and complaints.

Callers: `adapters.ovsdb`, with what its replica holds. A row that cannot be understood never counts as an attachment,
and the port's `problem` says why (R11): the port is then unknown, so it is closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cni.contract import PortIdentity
from ryu_netpol.adapters.ovsdb_schema import Replica
from ryu_netpol.agent.events import Attachment, BridgePort, BridgeSeen, GatewayPort
from ryu_netpol.model.names import OfPort
from ryu_netpol.model.net import Address

EPOCH_KEY = "netpol-epoch-limit"
SYNCED_KEY = "netpol-synced"
AGENT_KEY = "netpol-agent"


@dataclass(frozen=True, slots=True)
class InterfaceRow:
    """An Interface of the bridge (ovs-vswitchd.conf.db(5)); `ofport` is None until ovs-vswitchd has seen the row."""

    name: str
    ofport: int | None = None
    error: str = ""
    mac: str = ""
    """The one that was asked for, else the one in use; `mac_in_use` alone may lag behind a restart of ovs-vswitchd."""
    external_ids: Mapping[str, str] = field(default_factory=dict)
    bond: str = ""
    """Name of the port, where it has several interfaces."""


@dataclass(frozen=True, slots=True)
class BridgeRow:
    """The bridge, with the interfaces of all its ports."""

    name: str
    interfaces: tuple[InterfaceRow, ...] = ()
    external_ids: Mapping[str, str] = field(default_factory=dict)
    datapath_type: str | None = None
    """None: there is no such bridge."""


def find_bridge(idl: Replica, name: str) -> Any | None:
    """The row of the bridge with this name in a replica."""
    return next((row for row in idl.tables["Bridge"].rows.values() if row.name == name), None)


def read_bridge(idl: Replica, name: str) -> BridgeRow:
    """The bridge as plain values; without any port where there is no such bridge."""
    row = find_bridge(idl, name)
    if row is None:
        return BridgeRow(name)
    interfaces = [interface for port in row.ports for interface in _interfaces(idl, port)]
    return BridgeRow(name, tuple(interfaces), dict(row.external_ids), row.datapath_type)


def _interfaces(idl: Replica, port: Any) -> list[InterfaceRow]:
    found = []
    rows = port.interfaces
    for row in rows:
        known = idl.remembered.get(row.uuid)
        if known is None:
            known = idl.remembered[row.uuid] = _interface(row)
        found.append(known if len(rows) == 1 else replace(known, bond=port.name))
    return found


def _interface(row: Any) -> InterfaceRow:
    return InterfaceRow(
        name=row.name,
        ofport=_first(row.ofport),
        error=_first(row.error) or "",
        mac=_first(row.mac) or _first(row.mac_in_use) or "",
        external_ids=dict(row.external_ids),
    )


def _first(values: Any) -> Any:
    # An optional column is a set of at most one value.
    return values[0] if values else None


def bridge_seen(row: BridgeRow, *, gateway: str, boot_id: str) -> BridgeSeen:
    """The complete state of the bridge for the agent. The bridge's own local port is no endpoint: it is left out."""
    ports = []
    node: GatewayPort | None = None
    for interface in row.interfaces:
        if interface.ofport is None or interface.ofport <= 0 or interface.name == row.name:
            continue
        number = OfPort(interface.ofport)
        if interface.name == gateway:
            mac = mac_number(interface.mac)
            node = None if mac is None else GatewayPort(number, mac)
        else:
            ports.append(_port(interface, number, boot_id))
    return BridgeSeen(frozenset(ports), node, epoch_limit(row.external_ids) or 0)


def _port(row: InterfaceRow, number: OfPort, boot_id: str) -> BridgePort:
    if row.bond:
        return BridgePort(row.name, number, None, f"port {row.bond} has several interfaces: bonds are not supported")
    try:
        identity = PortIdentity.from_external_ids(row.external_ids)
        if identity is None:
            return BridgePort(row.name, number)
        attachment = _attachment(identity)
    except ValueError as error:
        return BridgePort(row.name, number, None, f"port {row.name}: {error}")
    if identity.boot_id != boot_id:
        return BridgePort(row.name, number, None, f"port {row.name} was attached before the node's last boot")
    return BridgePort(row.name, number, attachment)


def _attachment(identity: PortIdentity) -> Attachment:
    return Attachment(
        namespace=identity.namespace,
        pod=identity.pod,
        uid=identity.uid,
        container=identity.container_id,
        ifname=identity.ifname,
        mac=int(identity.mac.replace(":", ""), 16),
        addresses=tuple(Address.parse(text) for text in identity.addresses),
        created=identity.created,
    )


def mac_number(text: str) -> int | None:
    """A MAC address as a number; None for anything else."""
    try:
        octets = bytes.fromhex(text.replace(":", ""))
    except ValueError:
        return None
    return int.from_bytes(octets) if len(octets) == 6 else None


def epoch_limit(external_ids: Mapping[str, str]) -> int | None:
    """The saved epoch limit, 0 where none was saved, None where it cannot be read."""
    text = external_ids.get(EPOCH_KEY, "0")
    return int(text) if text.isascii() and text.isdigit() else None


def complaints(row: BridgeRow, *, datapath_type: str) -> dict[str, str]:
    """A sentence for everything in the rows that an operator must look at, by what it is about."""
    found = {i.name: _refused(i) for i in row.interfaces if i.error or i.ofport == -1}
    if epoch_limit(row.external_ids) is None:
        text = row.external_ids[EPOCH_KEY]
        found[EPOCH_KEY] = f"Bridge {row.name}: external_ids:{EPOCH_KEY} is {text!r}, not a number; 0 is assumed."
    # The empty string is a spelling of "system". The type is left alone: to change it interrupts every pod.
    is_type = row.datapath_type or "system"
    if row.datapath_type is not None and is_type != datapath_type:
        found["datapath_type"] = (
            f"Bridge {row.name} has datapath_type {is_type}, not {datapath_type}; it is left as it is."
        )
    return found


def _refused(row: InterfaceRow) -> str:
    return f"Open vSwitch cannot use the port {row.name}: {row.error or 'it gives no reason'}."


def news(before: Mapping[str, str], now: Mapping[str, str]) -> Iterable[str]:
    """The sentences that were not there before."""
    return [sentence for about, sentence in sorted(now.items()) if before.get(about) != sentence]
