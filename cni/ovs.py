"""The port of an attachment in Open vSwitch's database: added, waited for, found, removed (ovs-vswitchd.conf.db(5)).

Callers: ``cni.add``, ``cni.delete``, ``cni.check``. Port and Interface have the name of the host end; the attachment is
known by the iface-id of ``cni.contract``.
"""

from __future__ import annotations

from dataclasses import dataclass

from cni import errors
from cni.contract import IFACE_ID_KEY
from cni.errors import CniError
from cni.ovsdb import Database, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@dataclass(frozen=True)
class PortRow:
    """What CHECK looks at: an Interface row and the bridges that have its port."""

    name: str
    ofport: int | None
    error: str
    external_ids: dict[str, str]
    bridges: tuple[str, ...]


def attach(database: Database, *, bridge: str, device: str, external_ids: dict[str, str]) -> str:
    """Add a port for the device to the bridge, in one transaction, and return the Interface row's uuid."""
    of_bridge = [["name", "==", bridge]]
    operations = [
        _assert_bridge(bridge),
        {
            "op": "insert",
            "table": "Interface",
            "uuid-name": "interface",
            "row": {"name": device, "external_ids": ["map", sorted(external_ids.items())]},
        },
        {
            "op": "insert",
            "table": "Port",
            "uuid-name": "port",
            "row": {"name": device, "interfaces": ["named-uuid", "interface"]},
        },
        {
            "op": "mutate",
            "table": "Bridge",
            "where": of_bridge,
            "mutations": [["ports", "insert", ["named-uuid", "port"]]],
        },
    ]
    try:
        results = database.transact(*operations)
    except Refused as refusal:
        if refusal.index == 0:
            msg = f"the bridge {bridge} does not exist in OVSDB: has the ryu-netpol agent run on this node?"
            raise CniError(errors.BRIDGE_MISSING, msg) from refusal
        raise
    uuid: str = results[1]["uuid"][1]
    return uuid


def detach(database: Database, *, iface_id: str, device: str) -> None:
    """Remove the port of an attachment from whatever bridge has it; nothing to remove is no failure.

    Found by iface-id as well as by name, so that a row is found whatever rule names were made by. The Port and
    Interface rows go by garbage collection (RFC 7047, section 3.2, "isRoot").
    """
    by_id = {"op": "select", "table": "Interface", "where": _has_iface_id(iface_id), "columns": ["name"]}
    names = {row["name"] for row in database.transact(by_id)[0]["rows"]} | {device}
    ports = [
        row["_uuid"]
        for result in database.transact(*(_select_port(name) for name in sorted(names)))
        for row in result["rows"]
    ]
    if ports:
        database.transact(*(_remove_port(port) for port in ports))


def port_number(database: Database, uuid: str, *, by: float) -> tuple[int, str] | None:
    """Wait for ovs-vswitchd to give the port its number; return it with the row's error, None when time is up."""
    unset = {"ofport": ["set", []]}
    if not database.wait_until("Interface", uuid, [], row=unset, until="!=", by=by):
        return None
    where = [["_uuid", "==", ["uuid", uuid]]]
    rows = database.transact({"op": "select", "table": "Interface", "where": where, "columns": ["ofport", "error"]})[0][
        "rows"
    ]
    if not rows:
        return -1, "its row was removed by somebody else"
    return _optional(rows[0]["ofport"], -1), _optional(rows[0]["error"], "")


def wait_for_external_id(database: Database, uuid: str, key: str, value: str, *, by: float) -> bool:
    """Wait until the Interface row's external_ids have the pair; tell whether they did in time."""
    where = [["external_ids", "includes", ["map", [[key, value]]]]]
    return database.wait_until("Interface", uuid, where, row={"_uuid": ["uuid", uuid]}, until="==", by=by)


def find(database: Database, iface_id: str) -> tuple[PortRow, ...]:
    """Return the rows of one attachment: exactly one, if all is well."""
    select = {"op": "select", "table": "Interface", "where": _has_iface_id(iface_id)}
    return tuple(
        PortRow(
            name=row["name"],
            ofport=_optional(row["ofport"], None),
            error=_optional(row["error"], ""),
            external_ids=dict(row["external_ids"][1]),
            bridges=_bridges_with(database, row["name"]),
        )
        for row in database.transact(select)[0]["rows"]
    )


def _bridges_with(database: Database, port: str) -> tuple[str, ...]:
    found = database.transact(_select_port(port))[0]["rows"]
    selects = (
        {"op": "select", "table": "Bridge", "where": _has_port(row["_uuid"]), "columns": ["name"]} for row in found
    )
    return tuple(row["name"] for result in database.transact(*selects) for row in result["rows"])


def _assert_bridge(bridge: str) -> dict[str, Any]:
    """A wait without patience is OVSDB's assertion: without it, mutating a missing bridge would succeed."""
    return {
        "op": "wait",
        "table": "Bridge",
        "where": [["name", "==", bridge]],
        "columns": ["name"],
        "until": "==",
        "rows": [{"name": bridge}],
        "timeout": 0,
    }


def _select_port(name: str) -> dict[str, Any]:
    return {"op": "select", "table": "Port", "where": [["name", "==", name]], "columns": ["_uuid"]}


def _remove_port(port: list[str]) -> dict[str, Any]:
    return {"op": "mutate", "table": "Bridge", "where": _has_port(port), "mutations": [["ports", "delete", port]]}


def _has_port(port: list[str]) -> list[Any]:
    return [["ports", "includes", port]]


def _has_iface_id(iface_id: str) -> list[Any]:
    return [["external_ids", "includes", ["map", [[IFACE_ID_KEY, iface_id]]]]]


def _optional(value: Any, default: Any) -> Any:
    """Unwrap an optional column: OVSDB writes an absent value as an empty set."""
    return default if value == ["set", []] else value
