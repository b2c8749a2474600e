"""Golden flows: one manifest per construct, and what is compiled of it. The difference of a change is reviewed.

`NAME.yaml` is the cluster, `NAME.flows` what its policies and addresses bring into the pipeline of its node. What is
the same on every node is in `base.flows` only, which shows all tables. `make golden` (`python -m tests.golden`) writes
them; tests/golden/test_golden.py compares, tests/ovs/test_golden_accepted.py gives them to Open vSwitch.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ryu_netpol.cli.common import load_valid
from ryu_netpol.cli.offline import completed, nodes_of
from ryu_netpol.flows.ir import CookieKind, Flow, FlowTable
from ryu_netpol.flows.offline import OfflineNode
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.flows.text import render_table

FOLDER = Path(__file__).parent
BASE = "base"
_POLICY_TABLES = (TableId.SOURCE_ID, TableId.DEST_ID, TableId.EGRESS, TableId.INGRESS)
_EVERYWHERE = frozenset({CookieKind.BASE, CookieKind.MISS, CookieKind.NODE})
"""What every node has, whatever its policies."""


def names() -> list[str]:
    """Every construct."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def node(name: str) -> OfflineNode:
    """The first node of a construct's cluster, compiled; the only one, unless remote pods are its point."""
    return nodes_of(completed(load_valid([str(FOLDER / f"{name}.yaml")])))[0]


def flows_file(name: str) -> Path:
    """Where the flows of a construct are written."""
    return FOLDER / f"{name}.flows"


def render(name: str) -> str:
    """The text of a construct's flows: who the numbers stand for, then the flows, table by table."""
    compiled = node(name)
    lines = [*_legend(compiled)]
    for table in TableId if name == BASE else _POLICY_TABLES:
        flows = [flow for flow in compiled.flows.values() if flow.table == table and _shown(flow, name)]
        if flows:
            lines += ["", f"# {table.name}", *render_table(FlowTable(flows)).splitlines()]
    return "\n".join(lines) + "\n"


def _shown(flow: Flow, name: str) -> bool:
    return name == BASE or flow.cookie.kind not in _EVERYWHERE


def _legend(compiled: OfflineNode) -> Iterator[str]:
    for identity, number in sorted(compiled.numbers.identities.items(), key=lambda item: item[1]):
        ports = "".join(f" {port.name}={port.protocol.name}/{port.number}" for port in identity.ports)
        yield f"# identity {number}: {identity}{ports}"
    for key, rule in sorted(compiled.numbers.rules.items(), key=lambda item: item[1]):
        ports = "any port" if key.ports is None else ", ".join(map(str, key.ports))
        yield f"# rule {rule}: {key.policy} {key.direction.lower()}, {ports}"
