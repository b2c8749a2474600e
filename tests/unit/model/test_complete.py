"""What pods and nodes are given where a cluster says nothing (NP-27, NP-70, NP-72)."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

from ryu_netpol.model.decode.complete import complete
from ryu_netpol.model.names import NodeName, PodKey, PolicyKey
from ryu_netpol.model.net import Address, Cidr
from ryu_netpol.model.objects import METADATA_NAME, Cluster, Namespace, Node, Object, Pod, Policy

N1, N2 = NodeName("n1"), NodeName("n2")


def pod(name: str, *addresses: str, node: NodeName | None = None) -> Pod:
    return Pod(PodKey("ns", name), node=node, addresses=tuple(map(Address.parse, addresses)))


def given(cluster: Cluster, name: str) -> list[str]:
    return [str(a) for a in cluster.pods[PodKey("ns", name)].addresses]


def test_nothing_given() -> None:
    """Pods go to node1 and get addresses in the order of their names; node and namespace come into being."""
    cluster = complete([pod("b"), pod("a")])

    assert given(cluster, "a") == ["10.244.1.10", "fd00:10:244:1::a"]
    assert given(cluster, "b") == ["10.244.1.11", "fd00:10:244:1::b"]
    assert {p.node for p in cluster.pods.values()} == {"node1"}
    assert [str(a) for a in cluster.nodes[NodeName("node1")].addresses] == ["192.168.50.1", "fd00:50::1"]
    assert cluster.namespaces["ns"].labels[METADATA_NAME] == "ns"


def test_empty() -> None:
    """A cluster without anything has a node."""
    cluster = complete([])

    assert list(cluster.nodes) == ["node1"]
    assert not cluster.pods


def test_nodes_are_numbered_by_name() -> None:
    """Nodes that only pods mention come into being; each has its own part of the pod network."""
    cluster = complete([pod("a", node=N2), pod("b", node=N1), pod("c")])

    assert given(cluster, "a") == ["10.244.2.10", "fd00:10:244:2::a"]
    assert given(cluster, "b") == ["10.244.1.10", "fd00:10:244:1::a"]
    assert given(cluster, "c") == ["10.244.1.11", "fd00:10:244:1::b"]
    assert [str(a) for a in cluster.nodes[N2].addresses] == ["192.168.50.2", "fd00:50::2"]


def test_chosen_node_and_network() -> None:
    """Who asks for a node or a network gets it."""
    cluster = complete([pod("a")], node=N2, pod_cidrs=(Cidr.parse("10.1.0.0/16"),))

    assert given(cluster, "a") == ["10.1.1.10"]
    assert list(cluster.nodes) == ["n2"]


def test_given_addresses_stay_and_are_not_given_again() -> None:
    """What has an address keeps it, one IP version included; nobody else gets it."""
    node = Node(N1, addresses=(Address.parse("192.0.2.1"),))
    cluster = complete([pod("a"), pod("b", "10.244.1.10"), pod("c"), node, Node(N2)])

    assert given(cluster, "a") == ["10.244.1.11", "fd00:10:244:1::a"]
    assert given(cluster, "b") == ["10.244.1.10"]
    assert given(cluster, "c") == ["10.244.1.12", "fd00:10:244:1::b"]
    assert cluster.nodes[N1] == node
    assert [str(a) for a in cluster.nodes[N2].addresses] == ["192.168.50.2", "fd00:50::2"]


def test_host_network() -> None:
    """NP-61: a host-network pod has its node's addresses, one of each IP version."""
    node = Node(N1, addresses=tuple(map(Address.parse, ("fd00::9", "192.0.2.1", "192.0.2.2"))))
    cluster = complete([replace(pod("a", node=N1), host_network=True), node])

    assert given(cluster, "a") == ["192.0.2.1", "fd00::9"]


def test_a_node_has_the_addresses_of_its_host_network_pods() -> None:
    """Manifests taken from a cluster have pods with addresses, often without nodes; other pods show nothing of one."""
    host = replace(pod("a", "192.0.2.1", "fd00::9", node=N1), host_network=True)
    done = replace(pod("b", "192.0.2.7", node=N2), host_network=True, finished=True)
    cluster = complete([host, done, pod("c", "10.0.0.1", node=N2)])

    assert cluster.nodes[N1].addresses == host.addresses
    assert [str(a) for a in cluster.nodes[N2].addresses] == ["192.168.50.2", "fd00:50::2"]


def test_finished_pods() -> None:
    """NP-70: a finished pod gets no address."""
    assert given(complete([replace(pod("a"), finished=True)]), "a") == []


def test_everything_else_is_kept() -> None:
    """Policies and namespaces come through unchanged."""
    policy, namespace = Policy(PolicyKey("other", "p")), Namespace("ns", default_deny=True)
    cluster = complete([policy, namespace])

    assert cluster.policies == {policy.key: policy}
    assert cluster.namespaces == {"ns": namespace, "other": Namespace("other")}


def test_order_does_not_matter() -> None:
    """The same objects give the same cluster, in whatever order they come; and completing again changes nothing."""
    objects: tuple[Object, ...] = (pod("a"), pod("b", node=N2), pod("c", "10.244.1.10"), Node(N1))
    expected = complete(objects)

    assert all(complete(order) == expected for order in permutations(objects))
    assert complete(expected.objects()) == expected


def test_many() -> None:
    """More pods than a node's part of the network holds still get addresses of their own."""
    cluster = complete([pod(f"p{i}", node=N1) for i in range(600)] + [pod(f"q{i}", node=N2) for i in range(300)])
    addresses = [a for p in cluster.pods.values() for a in p.addresses]

    assert len(addresses) == len(set(addresses)) == 1800
    assert str(max(a for a in addresses if a.version == 4)).startswith("10.246.")
