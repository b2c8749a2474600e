"""What no manifest says and an explanation depends on: the nodes of pods that nobody has placed."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ryu_netpol.model.names import PodKey
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.probe import Probe
from ryu_netpol.oracle.explain import Explanation


def assumed_nodes(
    probe: Probe, explanation: Explanation, cluster: Cluster, unplaced: Collection[PodKey]
) -> Iterator[str]:
    """Name the node of each unplaced pod, if the connection is one of a pod and a node, and there are several nodes."""
    of_nodes = {address for node in cluster.nodes.values() for address in node.addresses}
    ends = (probe.source, explanation.source), (probe.destination, explanation.destination)
    at_node = any(end.pod is None and end.address in of_nodes for _, end in ends)
    if len(cluster.nodes) == 1 or not at_node or not explanation.sides:
        return
    for asked, end in ends:
        key = asked if end.pod is None else end.pod.key
        if isinstance(key, PodKey) and key in unplaced:
            yield (
                f"no manifest says where {key} runs: {cluster.pods[key].node} is assumed, and no policy comes between "
                "a pod and its own node (NP-50, NP-51)"
            )
