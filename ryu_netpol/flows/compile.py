"""From policy to flows: the whole table of one node, a pure function of policy, bridge, numbers and epoch."""

from __future__ import annotations

from ryu_netpol.flows.base import base_flows
from ryu_netpol.flows.bridge import Bridge
from ryu_netpol.flows.conjunction import isolation_flows, rule_flows
from ryu_netpol.flows.endpoints import address_flows, port_flows
from ryu_netpol.flows.ir import FlowTable
from ryu_netpol.flows.numbers import Numbers
from ryu_netpol.model.names import Epoch
from ryu_netpol.policy.resolve import NodePolicy


def compile_node(policy: NodePolicy, bridge: Bridge, numbers: Numbers, epoch: Epoch) -> FlowTable:
    """Every flow of the node. `numbers` must have a number for each identity and rule of the policy."""
    return FlowTable(
        (
            *base_flows(bridge, epoch),
            *port_flows(bridge, policy),
            *address_flows(bridge, policy, numbers.identities),
            *isolation_flows(policy, numbers.identities),
            *rule_flows(numbers.shapes(policy), numbers.rules),
        )
    )


def meters(policy: NodePolicy, bridge: Bridge) -> frozenset[int]:
    """The meters that these flows refer to: one for each declared port, by its number."""
    return frozenset({*(int(e.port) for e in policy.endpoints), *(closed.port for closed in bridge.closed)})
