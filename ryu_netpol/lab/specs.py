"""From a cluster, as manifests describe it, to the plain values that the lab is made of."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from ryu_netpol.lab.node import NodeSpec
from ryu_netpol.lab.pods import PodSpec
from ryu_netpol.model.names import NodeName
from ryu_netpol.model.objects import Cluster, Node

FIRST_NODE = NodeName("node1")


def node_specs(cluster: Cluster) -> list[NodeSpec]:
    """Every node that the manifests describe or place a pod on, by name; one called node1 where there is none.

    Node addresses are those of the manifests; the lab adds one where a family is missing, for routes between the nodes:
    pods may have both families all the same. Pod networks are the lab's own, chosen so that no pod has one of the two
    addresses that belong to the gateway: pods keep their addresses, wherever these are.
    """
    names = sorted({*cluster.nodes, *(pod.node for pod in cluster.pods.values() if pod.node)}) or [FIRST_NODE]
    taken = {str(address) for pod in cluster.pods.values() for address in pod.addresses}
    specs = []
    for number, name in enumerate(names, start=1):
        node = cluster.nodes.get(name)
        numbered = NodeSpec.numbered(number, name, addresses=_with_both_families(node, number) if node else [])
        networks = tuple(next(n for n in _candidates(cidr) if not _gateway(n) & taken) for cidr in numbered.pod_cidrs)
        specs.append(NodeSpec(name, networks, numbered.addresses))
    return specs


def pod_specs(cluster: Cluster) -> list[PodSpec]:
    """Every pod that has not finished, in the order of their names. A pod without a node goes to the first."""
    first = node_specs(cluster)[0].name
    return [
        PodSpec(
            namespace=pod.key.namespace,
            name=pod.key.name,
            uid=pod.uid or pod.config_hash,
            node=pod.node or first,
            addresses=tuple(map(str, pod.addresses)),
            host_network=pod.host_network,
        )
        for _, pod in sorted(cluster.pods.items())
        if not pod.finished
    ]


def _with_both_families(node: Node, number: int) -> list[str]:
    added = {4: f"192.168.51.{number}", 6: f"fd00:51::{number:x}"}
    missing = {*added} - {address.version for address in node.addresses}
    # A node that says nothing has the lab's own addresses.
    return [*map(str, node.addresses), *(added[version] for version in sorted(missing))] if node.addresses else []


def _candidates(cidr: str) -> Iterator[str]:
    """The network itself, then those of the same shape beside it: 10.244.1.0/24, 10.245.1.0/24, ..."""
    network = ipaddress.ip_network(cidr)
    step = 1 << (16 if network.version == 4 else 80)
    for index in range(12):
        yield str(type(network)((int(network.network_address) + index * step, network.prefixlen)))


def _gateway(cidr: str) -> set[str]:
    network = ipaddress.ip_network(cidr)
    return {str(network[1]), str(network[2])}
