"""The grid has the corners it promises, and nothing that the bridge never sees."""

from __future__ import annotations

import random

import pytest

from ryu_netpol.model.names import PORT_PROTOCOLS, NodeName, Protocol
from ryu_netpol.model.objects import Cluster
from tests.support.build import EGRESS, address, block, cluster, connection, node, pod, policy, rule
from tests.support.grid import OUTSIDERS, UNMENTIONED, grid, outsiders
from tests.support.strategies import OURS, random_cluster

NODE = NodeName("node1")


def small() -> Cluster:
    """Two pods here, one there, and a rule with edges."""
    return cluster(
        node("node1", "192.168.0.1", "10.244.1.1", "fd00::1"),
        node("node2", "192.168.0.2"),
        pod("a/a", "10.244.1.2", "fd00:1::2", ports=["http=TCP/8080"]),
        pod("a/b", "10.244.1.3"),
        pod("a/c", "10.244.2.2", "fd00:2::2", node="node2"),
        pod("a/done", "10.244.1.9", finished=True),
        policy(
            "a/p",
            ingress=[rule(block("198.51.100.0/24", "198.51.100.64/26"), ports=["TCP/80-90", "UDP/65535"])],
            egress=[rule(block("2001:db8::/64"), ports=["TCP/1-5"])],
            types=[EGRESS],
        ),
    )


def test_ends() -> None:
    """Every ordered pair of pods that touches the node, each pod with itself, nodes both ways, outsiders both ways."""
    ends = {(c.source, c.destination, c.origin) for c in grid(small(), NODE)}

    def end(source: str, destination: str, origin: str | None = None) -> tuple[object, ...]:
        return address(source), address(destination), origin

    assert end("10.244.1.2", "10.244.1.3") in ends
    assert end("10.244.1.2", "10.244.1.2") in ends
    assert end("10.244.2.2", "10.244.1.3") in ends
    assert end("fd00:1::2", "fd00:2::2") in ends
    assert end("10.244.2.2", "10.244.2.2") not in ends
    assert end("192.168.0.1", "10.244.1.2", "node1") in ends
    assert end("192.168.0.1", "10.244.1.2") in ends
    assert end("192.168.0.2", "10.244.1.2", "node2") in ends
    assert end("192.168.0.2", "10.244.2.2", "node2") not in ends
    assert end("10.244.1.2", "10.244.1.1") in ends
    assert end("198.51.100.64", "10.244.1.2") in ends
    assert end("10.244.1.2", "198.51.100.64") in ends
    assert end("10.244.1.9", "10.244.1.2") in ends


def test_one_end_is_a_pod_of_the_node() -> None:
    """The bridge sees nothing else, and no packet changes its family."""
    here = {address(text) for text in ("10.244.1.2", "fd00:1::2", "10.244.1.3")}

    assert all({c.source, c.destination} & here for c in grid(small(), NODE))
    assert all(c.source.version == c.destination.version for c in grid(small(), NODE))


def test_outsiders_stand_around_every_edge() -> None:
    """Both sides of both edges of blocks and of excepts, and a stranger."""
    four = {str(a) for a in outsiders(small(), 4)}

    assert {
        "198.51.99.255",
        "198.51.100.0",
        "198.51.100.255",
        "198.51.101.0",
        "198.51.100.63",
        "198.51.100.64",
        "198.51.100.127",
        "198.51.100.128",
        "10.244.1.9",
        str(OUTSIDERS[4]),
    } == four
    assert "2001:db8::" in {str(a) for a in outsiders(small(), 6)}


def test_outsiders_could_send_packets() -> None:
    """The edges of everything are no addresses of anybody."""
    snapshot = cluster(policy("a/p", ingress=[rule(block("0.0.0.0/0", "0.0.0.0/1"), block("::/0", "::/1"))]))

    assert {str(a) for a in outsiders(snapshot, 4)} == {"203.0.113.7", "128.0.0.0"}
    assert {str(a) for a in outsiders(snapshot, 6)} == {
        "2001:db8:ffff::7",
        "7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "8000::",
    }


@pytest.mark.parametrize(
    ("protocol", "ports"),
    [
        (Protocol.TCP, [1, 5, 6, 79, 80, 90, 91, 8080, UNMENTIONED, 65535]),
        (Protocol.UDP, [1, 80, 8080, UNMENTIONED, 65534, 65535]),
        (Protocol.SCTP, [1, 80, 8080, UNMENTIONED, 65535]),
    ],
)
def test_ports_stand_around_every_edge(protocol: Protocol, ports: list[int]) -> None:
    """Edges of the protocol's own ranges, the first ports of the others', named ports, one that nobody mentions."""
    pair = address("10.244.1.2"), address("10.244.1.3")
    asked = [c.port for c in grid(small(), NODE) if (c.source, c.destination, c.protocol) == (*pair, protocol)]

    assert ports == asked


def test_every_pair_is_asked_for_icmp() -> None:
    """The protocol without ports is there once for each pair."""
    assert sum(c == connection("10.244.1.2", "10.244.1.3", "ICMP") for c in grid(small(), NODE)) == 1


def test_the_edges_of_the_node_ports_are_asked_at_nodes() -> None:
    """NP-51 ends where the node-port range begins."""
    asked = set(grid(small(), NODE))

    for protocol in PORT_PROTOCOLS:
        for port in (29999, 30000, 32767, 32768):
            assert connection("10.244.1.2", "192.168.0.1", f"{protocol.name}/{port}") in asked
    assert connection("10.244.1.2", "10.244.1.3", "TCP/30000") not in asked


def test_a_node_without_pods_sees_nothing() -> None:
    """The grid of an unused node is empty, and so is every sample of it."""
    nothing = grid(small(), NodeName("node9"))

    assert len(nothing) == 0
    assert nothing.sample(random.Random(1), 10) == []


def test_the_grid_is_a_sequence() -> None:
    """Length, index, slice and iteration agree, and no connection is there twice."""
    connections = grid(small(), NODE)
    listed = list(connections)

    assert len(connections) == len(listed) == len(set(listed))
    assert listed == [connections[i] for i in range(len(connections))]
    assert listed[-1] == connections[-1]
    assert listed[3:9:2] == connections[3:9:2]
    with pytest.raises(IndexError):
        connections[len(connections)]
    with pytest.raises(IndexError):
        connections[-len(connections) - 1]


def test_samples() -> None:
    """A sample is as big as asked for, without doubles, of every part, and the same for the same seed."""
    connections = grid(random_cluster(random.Random(3)), OURS)

    sample = connections.sample(random.Random(7), 200)

    assert 200 == len(sample) == len(set(sample))
    assert set(sample) <= set(connections)
    assert all(set(part) & set(sample) for part in connections.parts)
    assert sample == connections.sample(random.Random(7), 200)
    assert sample != connections.sample(random.Random(8), 200)
    assert set(connections) == set(connections.sample(random.Random(1), 10**6))
