"""The columns that the agent knows are those of the installed Open vSwitch, and importing its library is quiet."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from ryu_netpol.adapters.ovsdb_schema import TABLES
from ryu_netpol.lab.switch import SCHEMA


def key_and_arity(column: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
    """What the IDL needs of a column's type; constraints are the server's business."""
    kind = column["type"]
    if isinstance(kind, str):
        return kind, None, 1, 1
    key = kind["key"]
    value = kind.get("value")
    simple = key if isinstance(key, str) else key.get("refTable") or key["type"]
    return simple, value, kind.get("min", 1), kind.get("max", 1)


def test_columns_are_those_of_the_installed_schema() -> None:
    """Every table and column that we declare exists, with the same kind of value."""
    installed = json.loads(SCHEMA.read_text())["tables"]

    for table, ours in TABLES.items():
        theirs = installed[table]["columns"]
        expected = {name: key_and_arity(theirs[name]) for name in ours["columns"]}
        assert expected == {name: key_and_arity(column) for name, column in ours["columns"].items()}
        assert ours.get("isRoot", False) == installed[table].get("isRoot", False)


def test_importing_the_adapter_prints_nothing() -> None:
    """eventlet's deprecation warning, which `ovs` sets off, stays away from users."""
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", "import ryu_netpol.adapters.ovsdb"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert (done.stdout, done.stderr) == ("", "")
