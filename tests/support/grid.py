"""Every question worth asking about a cluster: the corners where a mistake would show.

Ends are the addresses of pods, those of nodes (as themselves and as their own processes), and outsiders at and around
the edges of every block. Ports are those at and around the edges of every range. Only what passes the bridge of one
node counts, so one end is always a pod there.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import overload

from ryu_netpol.model.names import PORT_PROTOCOLS, NodeName, Protocol
from ryu_netpol.model.net import BITS, VERSIONS, Address, Cidr, PortRange, Version
from ryu_netpol.model.objects import BlockPeer, Cluster, PortSpec, Rule
from ryu_netpol.model.packet import Connection

NODE_PORTS = PortRange(30000, 32767)
OUTSIDERS: dict[Version, Address] = {4: Address.parse("203.0.113.7"), 6: Address.parse("2001:db8:ffff::7")}
"""Strangers; no policy need mention them."""
UNMENTIONED = 9999
"""A port that no generated policy mentions by number; ranges may contain it."""

_NEVER_ENDS = tuple(
    map(Cidr.parse, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/127", "fe80::/10", "ff00::/8"))
)
"""What no pod talks to by routing: unspecified, loopback, link-local, multicast, broadcast."""

Start = tuple[Address, NodeName | None]
"""A source: its address, and the node where it is the node's own process."""
Shot = tuple[Protocol, int | None]
"""A protocol, and a destination port."""


@dataclass(frozen=True)
class Part:
    """All combinations of some pairs of ends with some shots."""

    pairs: Sequence[tuple[Start, Address]]
    shots: Sequence[Shot]

    def __len__(self) -> int:
        return len(self.pairs) * len(self.shots)

    def __getitem__(self, index: int) -> Connection:
        pair, shot = divmod(index, len(self.shots))
        (source, origin), destination = self.pairs[pair]
        protocol, port = self.shots[shot]
        return Connection(source, destination, protocol, port, origin)


class Grid(Sequence[Connection]):
    """A list of connections that are made when they are asked for; there may be a hundred thousand."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.parts = tuple(part for part in parts if len(part))

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    @overload
    def __getitem__(self, index: int) -> Connection: ...
    @overload
    def __getitem__(self, index: slice) -> list[Connection]: ...
    def __getitem__(self, index: int | slice) -> Connection | list[Connection]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        for part in self.parts:
            if 0 <= index < len(part):
                return part[index]
            index -= len(part)
        raise IndexError("there are not so many connections")

    def __iter__(self) -> Iterator[Connection]:
        return (part[index] for part in self.parts for index in range(len(part)))

    def sample(self, rng: random.Random, n: int) -> list[Connection]:
        """At most n of them, each once, the same for the same seed; every part has an equal share if it can."""
        chosen: list[Connection] = []
        for left, part in zip(range(len(self.parts), 0, -1), sorted(self.parts, key=len), strict=True):
            share = min(len(part), (n - len(chosen)) // left)
            chosen += [part[index] for index in sorted(rng.sample(range(len(part)), share))]
        return chosen


def grid(cluster: Cluster, node: NodeName) -> Grid:
    """Every connection of interest that the bridge of this node sees: pods among each other, then with all others."""
    return Grid(part for version in VERSIONS for part in _parts(cluster, node, version))


def _parts(cluster: Cluster, node: NodeName, version: Version) -> Iterator[Part]:
    here = _pod_addresses(cluster, version, node)
    pods = _pod_addresses(cluster, version)
    nodes = _node_addresses(cluster, version)
    strangers = [a for a in outsiders(cluster, version) if a not in pods and a not in nodes]
    shots = _shots(cluster)

    among_pods = [(a, b) for a, b in product(pods, pods) if a != b and (a in here or b in here)]
    yield Part([((source, None), destination) for source, destination in among_pods], shots)
    yield Part([((pod, None), pod) for pod in here], [(Protocol.ICMP, None), (Protocol.TCP, UNMENTIONED)])

    processes: list[Start] = [(a, name) for name, a in _first_addresses(cluster, version)]
    others: list[Start] = [(a, None) for a in (*nodes, *strangers)] + processes
    yield Part([*product(others, here), *(((pod, None), other) for pod in here for other in strangers)], shots)

    edges = [port for port in _around(NODE_PORTS) if (Protocol.TCP, port) not in shots]
    shots_at_nodes = [*shots, *((protocol, port) for protocol in PORT_PROTOCOLS for port in edges)]
    yield Part([((pod, None), other) for pod in here for other in nodes], shots_at_nodes)


def _pod_addresses(cluster: Cluster, version: Version, node: NodeName | None = None) -> list[Address]:
    """Addresses that pods have now, of all nodes or of one."""
    return _unique(
        address
        for pod in cluster.pods.values()
        if pod.visible and (node is None or pod.node == node)
        for address in pod.addresses
        if address.version == version
    )


def _node_addresses(cluster: Cluster, version: Version) -> list[Address]:
    pods = _pod_addresses(cluster, version)
    addresses = (address for node in cluster.nodes.values() for address in node.addresses)
    return _unique(address for address in addresses if address.version == version and address not in pods)


def _first_addresses(cluster: Cluster, version: Version) -> Iterator[tuple[NodeName, Address]]:
    """What a node's own processes send from; more of them would say the same (NP-50)."""
    for node in cluster.nodes.values():
        for address in [a for a in node.addresses if a.version == version][:1]:
            yield node.name, address


def outsiders(cluster: Cluster, version: Version) -> list[Address]:
    """A stranger, the addresses of pods that have finished, and both sides of both edges of every block."""
    finished = (address for pod in cluster.pods.values() if pod.finished for address in pod.addresses)
    blocks = (block for block in _blocks(cluster))
    around = (address for block in blocks for address in _edges(block))
    return _unique(
        address
        for address in (OUTSIDERS[version], *finished, *around)
        if address.version == version and not any(address in block for block in _NEVER_ENDS)
    )


def _edges(block: Cidr) -> Iterator[Address]:
    size = 1 << (BITS[block.version] - block.prefix)
    for value in (block.network - 1, block.network, block.network + size - 1, block.network + size):
        if 0 <= value < 1 << BITS[block.version]:
            yield Address(block.version, value)


def _blocks(cluster: Cluster) -> Iterator[Cidr]:
    for rule in _rules(cluster):
        for peer in rule.peers or ():
            if isinstance(peer, BlockPeer):
                yield peer.cidr
                yield from peer.excepts


def _shots(cluster: Cluster) -> list[Shot]:
    """Each protocol with the edges of its own ranges, and the first ports of everybody else's (NP-44)."""
    ranges = [(spec.protocol, spec.port) for spec in _specs(cluster) if isinstance(spec.port, PortRange)]
    named = [(port.protocol, port.number) for pod in cluster.pods.values() for port in pod.ports]
    declared = [port for pod in cluster.pods.values() for port in pod.container_ports]
    shots: list[Shot] = [(Protocol.ICMP, None)]
    for protocol in PORT_PROTOCOLS:
        own = {port for owner, span in ranges if owner is protocol for port in _around(span)}
        others = {span.first for _, span in ranges} | {number for _, number in (*named, *declared)}
        shots += [(protocol, port) for port in sorted(own | others | {UNMENTIONED})]
    return shots


def _around(span: PortRange) -> list[int]:
    return [port for port in (span.first - 1, span.first, span.last, span.last + 1) if 1 <= port <= 0xFFFF]


def _specs(cluster: Cluster) -> Iterator[PortSpec]:
    return (spec for rule in _rules(cluster) for spec in rule.ports or ())


def _rules(cluster: Cluster) -> Iterator[Rule]:
    return (rule for policy in cluster.policies.values() for rule in (*policy.ingress, *policy.egress))


def _unique(addresses: Iterable[Address]) -> list[Address]:
    return list(dict.fromkeys(addresses))
