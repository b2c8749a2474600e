"""From policy to flows: the whole table of one node, a pure function of policy, bridge, numbers and epoch.

This is the reference. `live.LiveFlows` makes the same of the same parts, in steps that follow what changed.
"""

from __future__ import annotations

from collections.abc import Iterator

from ryu_netpol.flows.addresses import address_flows, node_flows
from ryu_netpol.flows.base import base_flows, epoch_flows
from ryu_netpol.flows.bridge import Bridge
from ryu_netpol.flows.clauses import MergedClauses
from ryu_netpol.flows.conjunction import conjunction_flow, dimensions, isolation_flows, versions_here
from ryu_netpol.flows.endpoints import endpoint_flows, silent_flows
from ryu_netpol.flows.ir import Flow, FlowTable
from ryu_netpol.flows.numbers import Numbers
from ryu_netpol.model.names import Epoch
from ryu_netpol.policy.resolve import NodePolicy
from ryu_netpol.policy.touched import everything


def compile_node(policy: NodePolicy, bridge: Bridge, numbers: Numbers, epoch: Epoch) -> FlowTable:
    """Every flow of the node. `numbers` must have a number for each identity and rule of the policy."""
    return FlowTable(_flows(policy, bridge, numbers, epoch))


def _flows(policy: NodePolicy, bridge: Bridge, numbers: Numbers, epoch: Epoch) -> Iterator[Flow]:
    yield from base_flows(bridge)
    yield from node_flows(bridge)
    yield from epoch_flows(epoch)
    yield from silent_flows(policy, bridge)
    there = everything(policy)
    for endpoint in there.endpoints:
        yield from endpoint_flows(endpoint, policy, bridge)
    for address in there.addresses:
        yield from address_flows(address, policy, bridge, numbers.identities)
    for identity in there.identities:
        yield from isolation_flows(identity, policy, numbers.identities)
    clauses, versions = MergedClauses(), versions_here(policy)
    for key, rule in policy.rules.items():
        yield from conjunction_flow(rule, numbers.rules[key])
        clauses.add(dimensions(rule, numbers.rules[key], versions), numbers.identities)
    yield from (flow for _, flow in clauses.changes() if flow is not None)


def meters(policy: NodePolicy, bridge: Bridge) -> frozenset[int]:
    """The meters that these flows refer to: one for each declared port, by its number."""
    return frozenset({*(int(e.port) for e in policy.endpoints), *(closed.port for closed in bridge.closed)})
