"""The part of Open vSwitch's database schema that the agent reads or writes, and the import of the `ovs` package.

The IDL needs the types of the columns that it replicates (RFC 7047, section 3.2); they are written down here, so that
no schema file has to be on the machine. `tests/ovs/test_ovsdb_schema.py` compares them with the installed schema. Their
meaning is in ovs-vswitchd.conf.db(5).

Trap: `ovs` imports eventlet where it is installed, which then prints a deprecation warning that is none of our users'
business, and imports a resolver for DNS, which takes half of a start's imports and which nobody here asks anything. So
this module alone imports `ovs`, quietly and without it.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import ovs.db.idl  # type: ignore[import-untyped]
    import ovs.poller  # type: ignore[import-untyped]

Transaction = ovs.db.idl.Transaction
Poller = ovs.poller.Poller
POLLIN: int = ovs.poller.POLLIN


def _optional(kind: str) -> dict[str, Any]:
    return {"type": {"key": kind, "min": 0, "max": 1}}


def _many(kind: str) -> dict[str, Any]:
    return {"type": {"key": kind, "min": 0, "max": "unlimited"}}


def _rows(table: str, *, at_least: int = 0) -> dict[str, Any]:
    return {"type": {"key": {"type": "uuid", "refTable": table}, "min": at_least, "max": "unlimited"}}


_STRING: dict[str, Any] = {"type": "string"}
_MAP: dict[str, Any] = {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}}

TABLES: dict[str, dict[str, Any]] = {
    "Open_vSwitch": {"isRoot": True, "maxRows": 1, "columns": {"bridges": _rows("Bridge")}},
    "Bridge": {
        "columns": {
            "name": _STRING,
            "ports": _rows("Port"),
            "controller": _rows("Controller"),
            "fail_mode": _optional("string"),
            "protocols": _many("string"),
            "datapath_type": _STRING,
            "other_config": _MAP,
            "external_ids": _MAP,
        }
    },
    "Port": {"columns": {"name": _STRING, "interfaces": _rows("Interface", at_least=1)}},
    "Interface": {
        "columns": {
            "name": _STRING,
            "type": _STRING,
            "mac": _optional("string"),
            "mac_in_use": _optional("string"),
            "ofport": _optional("integer"),
            "error": _optional("string"),
            "external_ids": _MAP,
        }
    },
    "Controller": {
        "columns": {
            "target": _STRING,
            "inactivity_probe": _optional("integer"),
            "connection_mode": _optional("string"),
            "max_backoff": _optional("integer"),
        }
    },
}


class Replica(ovs.db.idl.Idl):  # type: ignore[misc]
    """A replica of our tables; it connects, and connects again, whenever its run() is called.

    `remembered` is for what a reader has made of a row; the entry goes when the row changes. Reading a row is slow
    (0.1 ms), and one of several hundred changes at a time.
    """

    def __init__(self, *args: Any) -> None:
        self.remembered: dict[Any, Any] = {}
        super().__init__(*args)

    def notify(self, event: Any, row: Any, updates: Any = None) -> None:
        """Called by the IDL for every row that appears, changes or goes."""
        del event, updates
        self.remembered.pop(row.uuid, None)


def open_replica(remote: str) -> Replica:
    """A replica of the database at this address ("unix:PATH")."""
    helper = ovs.db.idl.SchemaHelper(schema_json={"name": "Open_vSwitch", "tables": TABLES})
    helper.register_all()
    replica = Replica(remote, helper)
    # A node's database is local and its restart takes a moment: the default would wait up to 8 s between attempts.
    replica._session.reconnect.set_backoff(200, 1000)
    return replica


def is_current(idl: Replica) -> bool:
    """Whether the connection stands and the replica is complete."""
    return bool(idl.state == Replica.IDL_S_MONITORING and idl._session.is_connected())
