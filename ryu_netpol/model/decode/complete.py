"""What a cluster would have given its pods and nodes: addresses, nodes, namespaces. For the commands that have none.

The agent never does this: the addresses of its pods come from the CNI plugin. The result depends on the objects alone
and not on their order, so that all ways of judging a cluster speak about the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ryu_netpol.model.names import NodeName
from ryu_netpol.model.net import Address, Cidr
from ryu_netpol.model.objects import Cluster, Node, Object, Pod

NODE = NodeName("node1")
"""Where pods run that nobody placed, in a cluster without nodes."""
POD_CIDRS = (Cidr.parse("10.244.0.0/16"), Cidr.parse("fd00:10:244::/48"))
"""Node N's pods get 10.244.N.0/24 and fd00:10:244:N::/64, where N counts the nodes by name from 1."""
NODE_CIDRS = (Cidr.parse("192.168.50.0/24"), Cidr.parse("fd00:50::/64"))
"""Node N has the N-th address."""

_NODE_BITS = {4: 8, 6: 64}
_FIRST_POD, _LAST_POD = 10, 254
_OVERFLOW = 256


def complete(
    objects: Iterable[Object], *, node: NodeName | None = None, pod_cidrs: tuple[Cidr, ...] = POD_CIDRS
) -> Cluster:
    """Build a cluster in which every pod has a node and an address.

    Pods without a node go to `node`; without it, to the first node by name, or to node1 where there is none. A pod with
    any address keeps what it has, so that a pod of one IP version stays so. Finished pods get no address. A node that
    does not say its addresses has those of its host-network pods.
    """
    cluster = Cluster.of(*objects)
    names = set(cluster.nodes) | {pod.node for pod in cluster.pods.values() if pod.node is not None}
    home = node or min(names, default=NODE)
    if not names or any(pod.node is None for pod in cluster.pods.values()):
        names.add(home)
    taken = {a for n in cluster.nodes.values() for a in n.addresses}
    taken |= {a for pod in cluster.pods.values() for a in pod.addresses}

    nodes: dict[NodeName, Node] = {}
    free: dict[NodeName, tuple[Iterator[Address], ...]] = {}
    for number, name in enumerate(sorted(names), start=1):
        given = cluster.nodes.get(name, Node(name))
        addresses = given.addresses or _host_addresses(cluster, name)
        addresses = addresses or tuple(_next(_node_addresses(cidr, number), taken) for cidr in NODE_CIDRS)
        nodes[name] = replace(given, addresses=addresses)
        free[name] = tuple(_pod_addresses(cidr, number) for cidr in pod_cidrs)

    pods = {}
    for key, pod in sorted(cluster.pods.items()):
        placed = replace(pod, node=pod.node or home)
        pods[key] = _addressed(placed, nodes, free, taken)
    return Cluster(pods, dict(sorted(cluster.namespaces.items())), nodes, dict(sorted(cluster.policies.items())))


def _host_addresses(cluster: Cluster, node: NodeName) -> tuple[Address, ...]:
    """The addresses of a node as its host-network pods show them."""
    pods = (p for _, p in sorted(cluster.pods.items()) if p.host_network and p.node == node and not p.finished)
    return tuple(dict.fromkeys(address for pod in pods for address in pod.addresses))


def _addressed(
    pod: Pod, nodes: dict[NodeName, Node], free: dict[NodeName, tuple[Iterator[Address], ...]], taken: set[Address]
) -> Pod:
    if pod.addresses or pod.finished or pod.node is None:
        return pod
    if pod.host_network:
        first = {a.version: a for a in reversed(nodes[pod.node].addresses)}
        return replace(pod, addresses=tuple(first[version] for version in sorted(first)))
    return replace(pod, addresses=tuple(_next(addresses, taken) for addresses in free[pod.node]))


def _next(addresses: Iterator[Address], taken: set[Address]) -> Address:
    """Take the first address that nobody has."""
    address = next(a for a in addresses if a not in taken)
    taken.add(address)
    return address


def _node_addresses(cidr: Cidr, number: int) -> Iterator[Address]:
    """The number-th address, and if that is taken, those a thousand further on."""
    while True:
        yield cidr.address(number)
        number += 1000


def _pod_addresses(cidr: Cidr, number: int) -> Iterator[Address]:
    """The addresses of one node's part of the block; when it is full, of one 256 nodes further on."""
    part = number
    while True:
        for host in range(_FIRST_POD, _LAST_POD + 1):
            yield cidr.address((part << _NODE_BITS[cidr.version]) + host)
        part += _OVERFLOW
