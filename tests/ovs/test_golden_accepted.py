"""Open vSwitch takes every golden node whole, in one bundle, and shows it again as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ryu_netpol.cli.judges.trace import TracedBridge
from ryu_netpol.flows.ir import FlowTable
from ryu_netpol.flows.text import render_table
from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.switch import PrivateOvs
from tests.golden import names, node

BRIDGE = "n1"


@pytest.fixture(scope="module")
def ovs() -> Iterator[PrivateOvs]:
    """A switch without a datapath."""
    with PrivateOvs() as running:
        yield running


@pytest.fixture(scope="module")
def bridge(ovs: PrivateOvs) -> TracedBridge:
    """Its bridge, which becomes one node after the other."""
    return TracedBridge(ovs, BRIDGE)


def difference(ovs: PrivateOvs, flows: FlowTable, folder: Path) -> str:
    """What is not the same on the switch; empty if nothing is."""
    file = folder / "flows"
    file.write_text(render_table(flows))
    try:
        # A bare name of a bridge would be looked for in the machine's own run directory.
        return ovs.ofctl("diff-flows", f"unix:{ovs.run_dir}/{BRIDGE}.mgmt", str(file))
    except LabError as error:
        return str(error)


@pytest.mark.parametrize("name", names())
def test_open_vswitch_accepts(ovs: PrivateOvs, bridge: TracedBridge, tmp_path: Path, name: str) -> None:
    """Every flow of the node is installed, as it was meant, and nothing else is there."""
    compiled = node(name)
    bridge.become(compiled)

    assert difference(ovs, compiled.flows, tmp_path) == ""


def test_a_difference_is_seen(ovs: PrivateOvs, bridge: TracedBridge, tmp_path: Path) -> None:
    """P10: one flow less on either side is a difference."""
    compiled = node("ingress-pod-selector")
    bridge.become(compiled)
    flows = list(compiled.flows.values())

    assert difference(ovs, FlowTable(flows[1:]), tmp_path) != ""
