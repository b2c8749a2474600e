"""Manifests as a cluster that can be judged without one: every pod placed and addressed, every node compiled."""

from __future__ import annotations

from dataclasses import replace

from ryu_netpol.flows.offline import OfflineNode, offline_node
from ryu_netpol.lab.specs import node_specs
from ryu_netpol.model.decode.complete import complete
from ryu_netpol.model.load import Loaded
from ryu_netpol.model.names import NodeName
from ryu_netpol.model.net import Cidr
from ryu_netpol.model.objects import Cluster, Namespace, Node, Object, Pod


def completed(loaded: Loaded) -> Cluster:
    """The cluster, the same for all four ways of judging it."""
    return complete(loaded.objects)


def completed_alike(old: Loaded, new: Loaded) -> tuple[Cluster, Cluster]:
    """Two clusters, in which pods and nodes of one name get the same node and addresses if the manifests name none.

    Both are completed as one cluster first, so that nothing differs that the manifests do not say.
    """
    known: dict[object, Object] = {}
    for value in (*old.objects, *new.objects):
        known[_name(value)] = _filled(value, known.get(_name(value)))
    together = complete(known.values())
    first, second = (complete([_placed(value, together) for value in side.objects]) for side in (old, new))
    return first, second


def _name(value: Object) -> object:
    return type(value), value.name if isinstance(value, Namespace | Node) else value.key


def _filled(value: Object, other: Object | None) -> Object:
    """What the other says of the same pod or node, where this says nothing."""
    if isinstance(value, Pod) and isinstance(other, Pod):
        return replace(value, node=value.node or other.node, addresses=value.addresses or other.addresses)
    if isinstance(value, Node) and isinstance(other, Node):
        return replace(value, addresses=value.addresses or other.addresses)
    return value


def _placed(value: Object, cluster: Cluster) -> Object:
    """Give an object what the same one has in a completed cluster, as far as it says nothing itself."""
    if isinstance(value, Node):
        return replace(value, addresses=value.addresses or cluster.nodes[value.name].addresses)
    if not isinstance(value, Pod):
        return value
    like = cluster.pods[value.key]
    free = not value.finished and not value.host_network and not like.host_network
    return replace(value, node=value.node or like.node, addresses=value.addresses or (like.addresses if free else ()))


def nodes_of(cluster: Cluster) -> list[OfflineNode]:
    """Every node, compiled as its agent would; pod networks are those of the lab."""
    return [offline_node(cluster, NodeName(spec.name), map(Cidr.parse, spec.pod_cidrs)) for spec in node_specs(cluster)]
