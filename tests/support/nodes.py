"""The nodes of generated clusters, compiled offline."""

from __future__ import annotations

from ryu_netpol.flows.offline import OfflineNode, offline_node
from ryu_netpol.model.net import Cidr
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.packet import Connection


def pod_cidrs(number: int) -> tuple[Cidr, Cidr]:
    """The blocks of the pods of node `number`, as the generators give out addresses."""
    return Cidr.parse(f"10.244.{number}.0/24"), Cidr.parse(f"fd00:10:244:{number}::/64")


def offline_nodes(cluster: Cluster) -> list[OfflineNode]:
    """Every node of the cluster."""
    return [offline_node(cluster, name, pod_cidrs(number)) for number, name in enumerate(sorted(cluster.nodes), 1)]


def can_happen(nodes: list[OfflineNode], connection: Connection) -> bool:
    """Whether a packet can carry these addresses: the second address of a gateway belongs to the node alone.

    The kernel forwards no packet whose source is an address of its own (martian source, RFC 1812 section 5.3.8). The
    generated clusters do not list these addresses among their nodes', since only the agent gives them out.
    """
    seconds = {address for node in nodes for address in node.bridge.node_speaks_from}
    return connection.destination not in seconds and (connection.origin is not None or connection.source not in seconds)
