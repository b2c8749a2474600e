"""What the agent wants in the database, written into a transaction of the IDL.

Callers: `adapters.ovsdb`. Everything here is a function of the rows as they are and of what is wanted: called again
after any change, by whomever, it writes what is missing and nothing else. Columns: ovs-vswitchd.conf.db(5).

Traps:
- Columns that others write too (bridges, ports, external_ids) are only mutated, never replaced.
- Without other_config:hwaddr the datapath id follows the lowest MAC among the ports: a new pod could change it, and
  ovs-vswitchd would then drop the OpenFlow connection.
- Without `mac` the gateway port gets a random one whenever it is made, while pods remember it as their router's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cni.contract import CONTAINER_ID_KEY, READY_KEY
from ryu_netpol.adapters.ovsdb_schema import Replica
from ryu_netpol.adapters.ovsdb_state import AGENT_KEY, EPOCH_KEY, SYNCED_KEY, epoch_limit, find_bridge

OPENFLOW = "OpenFlow14"
# Longer than the agent's longest computation: a busy agent must not lose its session.
INACTIVITY_PROBE_MS = 60_000
# The least that OVS takes: after a restart the agent is connected again within a second or two.
MAX_BACKOFF_MS = 1_000


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """How the bridge must be."""

    bridge: str
    gateway: str
    controller: str
    datapath_type: str
    """For a bridge that does not exist yet."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What the agent has to say to the database."""

    epoch: int = 0
    """The highest limit that it asked to save."""
    synced: bool = False
    ready: Mapping[str, str] = field(default_factory=dict)
    """Container id by port name."""
    agent: str = ""
    """What runs here, for people: its version and its stack."""


def stable_mac(*seed: str) -> str:
    """A locally administered unicast MAC, always the same for the same seed."""
    octets = bytearray(hashlib.sha256("\0".join(seed).encode()).digest()[:6])
    octets[0] = octets[0] & 0xFC | 0x02
    return octets.hex(":")


def write_bridge(txn: Any, root: Any, settings: BridgeSettings, marks: Marks) -> tuple[str, ...]:
    """Make the bridge, the gateway port and the controller as they must be; says what was different.

    `root` is the Open_vSwitch row.
    """
    row = find_bridge(txn.idl, settings.bridge)
    if row is None:
        _create_bridge(txn, root, settings, marks)
        return ("it did not exist",)
    seed = str(root.uuid)
    wrong: list[str] = []
    _set(row, "fail_mode", ["secure"], wrong)
    if OPENFLOW not in row.protocols:
        _set(row, "protocols", sorted([*row.protocols, OPENFLOW]), wrong)
    if "hwaddr" not in row.other_config:
        row.setkey("other_config", "hwaddr", stable_mac(seed, settings.bridge))
        wrong.append("other_config:hwaddr was not set")
    _write_gateway(txn, row, settings, seed, wrong)
    _write_controller(txn, row, settings, wrong)
    return tuple(wrong)


def _create_bridge(txn: Any, root: Any, settings: BridgeSettings, marks: Marks) -> None:
    seed = str(root.uuid)
    row = txn.insert(txn.idl.tables["Bridge"])
    row.name = settings.bridge
    row.datapath_type = settings.datapath_type
    row.fail_mode = ["secure"]
    row.protocols = [OPENFLOW]
    row.other_config = {"hwaddr": stable_mac(seed, settings.bridge)}
    row.ports = [_local_port(txn, settings.bridge), _gateway_port(txn, settings, seed)]
    row.controller = [_new_controller(txn, settings.controller)]
    # A bridge that somebody deleted: what was saved on it must not be lost with it.
    epoch = {EPOCH_KEY: str(marks.epoch)} if marks.epoch else {}
    synced = {SYNCED_KEY: "true"} if marks.synced else {}
    row.external_ids = {**epoch, **synced, AGENT_KEY: marks.agent}
    root.addvalue("bridges", row)


def _local_port(txn: Any, bridge: str) -> Any:
    """The port of every bridge that has its name; ovs-vsctl adds it in the same way."""
    interface = txn.insert(txn.idl.tables["Interface"])
    interface.name = bridge
    interface.type = "internal"
    port = txn.insert(txn.idl.tables["Port"])
    port.name = bridge
    port.interfaces = [interface]
    return port


def _gateway_port(txn: Any, settings: BridgeSettings, seed: str) -> Any:
    port = _local_port(txn, settings.gateway)
    port.interfaces[0].mac = [stable_mac(seed, settings.bridge, settings.gateway)]
    return port


def _write_gateway(txn: Any, bridge: Any, settings: BridgeSettings, seed: str, wrong: list[str]) -> None:
    port = next((port for port in bridge.ports if port.name == settings.gateway), None)
    if port is None:
        bridge.addvalue("ports", _gateway_port(txn, settings, seed))
        wrong.append(f"the port {settings.gateway} was missing")
        return
    interface = port.interfaces[0]
    _set(interface, "type", "internal", wrong)
    if not interface.mac:
        _set(interface, "mac", [stable_mac(seed, settings.bridge, settings.gateway)], wrong)


def _new_controller(txn: Any, target: str) -> Any:
    row = txn.insert(txn.idl.tables["Controller"])
    row.target = target
    row.inactivity_probe = [INACTIVITY_PROBE_MS]
    row.connection_mode = ["out-of-band"]
    row.max_backoff = [MAX_BACKOFF_MS]
    return row


def _write_controller(txn: Any, bridge: Any, settings: BridgeSettings, wrong: list[str]) -> None:
    """Ours and no other: a second one could write flows that the agent does not know of."""
    targets = sorted(row.target for row in bridge.controller)
    if targets != [settings.controller]:
        ours = [row for row in bridge.controller if row.target == settings.controller]
        bridge.controller = ours[:1] or [_new_controller(txn, settings.controller)]
        wrong.append(f"controller was {', '.join(targets) or 'not set'}")
    row = bridge.controller[0]
    _set(row, "inactivity_probe", [INACTIVITY_PROBE_MS], wrong)
    _set(row, "connection_mode", ["out-of-band"], wrong)
    _set(row, "max_backoff", [MAX_BACKOFF_MS], wrong)


def _set(row: Any, column: str, value: Any, wrong: list[str]) -> None:
    was = getattr(row, column)
    if was == value:
        return
    setattr(row, column, value)
    shown = ", ".join(str(item) for item in was) if isinstance(was, list) else str(was)
    wrong.append(f"{column} was {shown or 'not set'}")


def write_marks(txn: Any, bridge: str, marks: Marks) -> None:
    """Write what the agent has to say, where the database does not say it already."""
    row = find_bridge(txn.idl, bridge)
    if row is None:
        return
    limit = epoch_limit(row.external_ids)
    if marks.epoch > (limit or 0):
        row.setkey("external_ids", EPOCH_KEY, str(marks.epoch))
    if row.external_ids.get(AGENT_KEY) != marks.agent:
        row.setkey("external_ids", AGENT_KEY, marks.agent)
    synced = row.external_ids.get(SYNCED_KEY)
    if marks.synced and synced != "true":
        row.setkey("external_ids", SYNCED_KEY, "true")
    elif not marks.synced and synced is not None:
        row.delkey("external_ids", SYNCED_KEY)
    for interface, container in unmarked(txn.idl, marks.ready):
        # Holds for the same sandbox only: if the row changes meanwhile, the transaction fails and is made again.
        interface.verify("external_ids")
        interface.setkey("external_ids", READY_KEY, container)


def unmarked(idl: Replica, ready: Mapping[str, str]) -> Iterator[tuple[Any, str]]:
    """The Interface rows, with the container id, that lack a readiness mark; none for a sandbox that is gone."""
    if not ready:
        return
    for row in idl.tables["Interface"].rows.values():
        container = ready.get(row.name)
        if container is None:
            continue
        ids = row.external_ids
        if ids.get(CONTAINER_ID_KEY) == container and ids.get(READY_KEY) != container:
            yield row, container
