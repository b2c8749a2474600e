"""The nodes of generated clusters, compiled offline."""

from __future__ import annotations

from ryu_netpol.flows.offline import OfflineNode, offline_node
from ryu_netpol.model.net import Address, Cidr
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.packet import Connection


def pod_cidrs(number: int) -> tuple[Cidr, Cidr]:
    """The blocks of the pods of node `number`, as the generators give out addresses."""
    return Cidr.parse(f"10.244.{number}.0/24"), Cidr.parse(f"fd00:10:244:{number}::/64")


def offline_nodes(cluster: Cluster) -> list[OfflineNode]:
    """Every node of the cluster."""
    return [offline_node(cluster, name, pod_cidrs(number)) for number, name in enumerate(sorted(cluster.nodes), 1)]


def can_happen(nodes: list[OfflineNode], connection: Connection) -> bool:
    """Whether a packet can carry these addresses, and whether it matters to anybody what becomes of it.

    The second address of a gateway belongs to the node alone: the kernel forwards no packet whose source is an address
    of its own (martian source, RFC 1812 section 5.3.8). The generated clusters do not list these addresses among their
    nodes', since only the agent gives them out. Nobody hears what goes to an address of a node's block that no pod has:
    the bridge drops it, where the oracle sees an outsider.
    """
    seconds = {address for node in nodes for address in node.bridge.node_speaks_from}
    if connection.destination in seconds or (connection.origin is None and connection.source in seconds):
        return False
    if connection.origin is None and any(_nobody(n, connection.source) for n in nodes if n.has(connection.destination)):
        return False
    return not any(_nobody(node, connection.destination) for node in nodes)


def _nobody(node: OfflineNode, end: Address) -> bool:
    known = end in node.policy.owners or end in node.policy.contested or end in node.bridge.own_addresses
    return not known and any(end in cidr for cidr in node.bridge.pod_cidrs)
