"""A node without a switch: ports made up for its pods, the flows that its agent would install, and how packets enter.

For everything that judges a cluster by its flows: `reach --via flows` and `--via trace`, `flows`, and the tests that
hold the compiler against the oracle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ryu_netpol.flows.bridge import SECOND_MAC, Bridge
from ryu_netpol.flows.compile import compile_node, meters
from ryu_netpol.flows.interpret import Interpreter, Outcome, Packet
from ryu_netpol.flows.ir import Flow, FlowTable
from ryu_netpol.flows.numbers import Numbers
from ryu_netpol.model.names import Epoch, NodeName, OfPort, Protocol
from ryu_netpol.model.net import Address, Cidr
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.packet import Connection
from ryu_netpol.policy.owners import Endpoint
from ryu_netpol.policy.resolve import NodePolicy, resolve

GATEWAY_PORT = 1
GATEWAY_MAC = 0x0E_00_00_00_00_01
FIRST_POD_PORT = 2
POD_MAC = 0x0A_00_00_00_00_00
FIRST_EPOCH = Epoch(1)


@dataclass(frozen=True, slots=True)
class OfflineNode:
    """One node with everything compiled."""

    name: NodeName
    bridge: Bridge
    policy: NodePolicy
    numbers: Numbers
    flows: FlowTable
    meters: frozenset[int]

    def entry(self, connection: Connection) -> Packet:
        """The connection's first packet, as it enters this node's bridge: by the sender's port, else by the gateway."""
        sender = self.sender(connection)
        if sender is not None:
            where = {"in_port": sender.port, "eth_src": sender.mac, "eth_dst": self.bridge.gateway_mac}
        else:
            where = {"in_port": self.bridge.gateway_port, "eth_src": self.bridge.gateway_mac, "eth_dst": SECOND_MAC}
        source = connection.source
        if connection.origin == self.name:
            second = (a for a in self.bridge.node_speaks_from if a.version == connection.destination.version)
            source = next(second, source)
        if connection.protocol is Protocol.ICMP:
            return Packet.echo(source, connection.destination).with_(**where)
        first = Packet.ip(source, connection.destination, connection.protocol, connection.port or 0)
        return first.with_(**where)

    def exit(self, connection: Connection) -> int:
        """The port by which the packet leaves this bridge if it is allowed."""
        endpoint = self.policy.local.get(connection.destination)
        return endpoint.port if endpoint is not None else self.bridge.gateway_port

    def sender(self, connection: Connection) -> Endpoint | None:
        """The endpoint that opens the connection, if it is one of this node."""
        return self.policy.local.get(connection.source) if connection.origin is None else None

    def has(self, address: Address) -> bool:
        """Whether packets to this address come to this node: an endpoint of it has the address, or claims it."""
        claimed = address in self.policy.contested
        return address in self.policy.local or (claimed and any(address in e.addresses for e in self.policy.endpoints))


def offline_node(cluster: Cluster, node: NodeName, pod_cidrs: Iterable[Cidr]) -> OfflineNode:
    """Compile one node of a cluster."""
    pods = sorted((p for p in cluster.pods.values() if p.node == node and p.visible), key=lambda pod: pod.key)
    endpoints = [
        Endpoint(pod.key, OfPort(FIRST_POD_PORT + number), POD_MAC + FIRST_POD_PORT + number, pod.addresses)
        for number, pod in enumerate(pods)
    ]
    known = cluster.nodes.get(node)
    bridge = Bridge(
        GATEWAY_PORT,
        GATEWAY_MAC,
        tuple(pod_cidrs),
        node_addresses=frozenset(known.addresses) if known else frozenset(),
    )
    policy = resolve(cluster, node, endpoints)
    numbers = Numbers().assign(policy)
    flows = compile_node(policy, bridge, numbers, FIRST_EPOCH)
    return OfflineNode(node, bridge, policy, numbers, flows, meters(policy, bridge))


class FlowJudge:
    """Judges connections by compiled flows, run by our own interpreter (`reach --via flows`)."""

    def __init__(self, nodes: Iterable[OfflineNode]) -> None:
        self.nodes = tuple(nodes)
        self._interpreters = {node.name: Interpreter(node.flows) for node in self.nodes}

    def path(self, connection: Connection) -> list[OfflineNode]:
        """The nodes whose bridges judge the connection: the sender's first, then the receiver's."""
        return path(self.nodes, connection)

    def outcomes(self, connection: Connection) -> Iterator[tuple[OfflineNode, Outcome]]:
        """What becomes of the connection's first packet in each bridge on its way, up to one that keeps it."""
        for node in self.path(connection):
            outcome = self._interpreters[node.name].run(node.entry(connection))
            yield node, outcome
            if outcome.ports != (node.exit(connection),):
                return

    def judge(self, connection: Connection) -> tuple[bool, Flow | None]:
        """Whether every bridge on the way lets it through; if not, the flow that drops it."""
        for node, outcome in self.outcomes(connection):
            if outcome.ports != (node.exit(connection),):
                return False, outcome.dropped_by
        return True, None


def path(nodes: Iterable[OfflineNode], connection: Connection) -> list[OfflineNode]:
    """The nodes whose bridges see the connection: the sender's first, then the receiver's."""
    nodes = tuple(nodes)
    senders = [node for node in nodes if node.sender(connection) is not None]
    return senders + [n for n in nodes if n.has(connection.destination) and n not in senders]
