"""Manifests as a cluster that can be judged without one: every pod placed and addressed, every node compiled."""

from __future__ import annotations

from ryu_netpol.flows.offline import OfflineNode, offline_node
from ryu_netpol.lab.specs import node_specs
from ryu_netpol.model.decode.complete import complete
from ryu_netpol.model.load import Loaded
from ryu_netpol.model.names import NodeName
from ryu_netpol.model.net import Cidr
from ryu_netpol.model.objects import Cluster


def completed(loaded: Loaded) -> Cluster:
    """The cluster, the same for all four ways of judging it."""
    return complete(loaded.objects)


def nodes_of(cluster: Cluster) -> list[OfflineNode]:
    """Every node, compiled as its agent would; pod networks are those of the lab."""
    return [offline_node(cluster, NodeName(spec.name), map(Cidr.parse, spec.pod_cidrs)) for spec in node_specs(cluster)]
