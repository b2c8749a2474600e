"""Which nodes and pods a lab gets from a cluster."""

from ryu_netpol.lab.specs import node_specs, pod_specs
from ryu_netpol.model.names import NodeName, PodKey
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Cluster, Node, Pod


def pod(name: str, *addresses: str, node: str | None = "node1", **more: object) -> Pod:
    return Pod(
        PodKey("default", name),
        node=None if node is None else NodeName(node),
        addresses=tuple(map(Address.parse, addresses)),
        **more,  # type: ignore[arg-type]
    )


def test_an_empty_cluster_has_one_node() -> None:
    """There must be something to look at."""
    (node,) = node_specs(Cluster.of())

    assert (node.name, node.pod_cidrs[0], node.addresses[0]) == ("node1", "10.244.1.0/24", "192.168.50.1")


def test_nodes_are_those_described_and_those_with_pods() -> None:
    """A described node keeps its addresses, and has a way to other nodes in both families."""
    described = Node(NodeName("b"), addresses=(Address.parse("172.18.0.2"),))

    nodes = node_specs(Cluster.of(described, pod("web", node="a")))

    assert [(node.name, *node.addresses) for node in nodes] == [
        ("a", "192.168.50.1", "fd00:50::1"),
        ("b", "172.18.0.2", "fd00:51::2"),
    ]


def test_a_pod_with_a_gateway_address_moves_the_network() -> None:
    """Pods keep their addresses; the lab's networks give way."""
    (node,) = node_specs(Cluster.of(pod("web", "10.244.1.2"), pod("six", "fd00:10:244:1::1")))

    assert node.pod_cidrs == ("10.245.1.0/24", "fd00:10:245:1::/64")


def test_pods_that_have_finished_are_not_attached() -> None:
    """Their addresses are free for others (NP-70)."""
    assert [spec.name for spec in pod_specs(Cluster.of(pod("done", finished=True), pod("web")))] == ["web"]


def test_a_static_pod_is_known_by_its_hash() -> None:
    """The kubelet names it so to the CNI plugin."""
    (spec,) = pod_specs(Cluster.of(pod("static", node=None, config_hash="abc")))

    assert (spec.uid, spec.node) == ("abc", "node1")
