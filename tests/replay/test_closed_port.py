"""A port that is closed has no right to an address that a pod elsewhere has by now (NP-70, NP-71)."""

from __future__ import annotations

from dataclasses import replace

from ryu_netpol.flows.bridge import ClosedPort
from ryu_netpol.flows.compile import compile_node
from ryu_netpol.flows.interpret import Interpreter
from ryu_netpol.flows.offline import FIRST_EPOCH, offline_node
from tests.support import build
from tests.support.nodes import pod_cidrs
from tests.support.strategies import OURS


def test_the_port_of_a_finished_pod_does_not_keep_its_address() -> None:
    """Until CNI DEL the port is there, closed; packets to the address go where its owner is now."""
    here = build.pod("default/here", "10.244.1.10")
    elsewhere = build.pod("default/elsewhere", "10.244.2.10", node="node2")
    node = offline_node(build.cluster(build.node("node1", "192.168.0.1"), here, elsewhere), OURS, pod_cidrs(1))
    bridge = replace(node.bridge, closed=(ClosedPort(9, 0x0A0000000009, elsewhere.addresses),))
    flows = compile_node(node.policy, bridge, node.numbers, FIRST_EPOCH)
    connection = build.connection("10.244.1.10", "10.244.2.10", "TCP/80")

    assert Interpreter(flows).run(node.entry(connection)).ports == (node.bridge.gateway_port,)
