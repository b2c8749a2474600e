"""All connections of a cluster at once: the Oracle's verdicts, and few questions to it."""

from __future__ import annotations

import random

import pytest

from ryu_netpol.model.names import NodeName, PodKey, Protocol
from ryu_netpol.model.net import PortRange
from ryu_netpol.model.objects import Cluster
from ryu_netpol.oracle.evaluate import Oracle
from ryu_netpol.oracle.sight import NodeAddress, Outside, Terms
from ryu_netpol.oracle.space import Space, free_address
from ryu_netpol.oracle.traffic import EVERYTHING, NOTHING, ports
from tests.support import build
from tests.support.grid import grid
from tests.support.strategies import ALL, OURS, random_cluster

A, B, C = (PodKey("shop", name) for name in "abc")
NODE = NodeAddress(NodeName("node1"), build.address("192.168.0.1"))
SERVER = build.policy("shop/server", "app=b", ingress=[build.rule(build.pods("app=a"), ports=["TCP/http", "UDP/53"])])


def cluster(*more: object) -> Cluster:
    """Three pods, two of which nobody can tell apart, and their node."""
    return Cluster.of(
        build.node("node1", "192.168.0.1"),
        build.pod("shop/a", "10.244.1.10", labelled="app=a"),
        build.pod("shop/b", "10.244.1.11", labelled="app=b", ports=["http=TCP/8080"]),
        build.pod("shop/c", "10.244.1.12", labelled="app=c,color=red"),
        build.pod("shop/d", "10.244.1.13", labelled="app=c,color=blue"),
        *more,  # type: ignore[arg-type]
    )


def space(*more: object) -> Space:
    """All connections of this cluster."""
    described = cluster(*more)
    return Space(described, Terms(described))


def test_all_ports_at_once() -> None:
    """Named ports are resolved at the destination; what no rule names is closed."""
    found = space(SERVER)

    expected = ports(Protocol.TCP, PortRange(8080, 8080)) | ports(Protocol.UDP, PortRange(53, 53))
    assert expected == found.allowed(A, B, 4)
    assert found.allowed(C, B, 4) == NOTHING
    assert found.allowed(B, A, 4) == EVERYTHING


def test_own_node() -> None:
    """A pod's node reaches it always, and is reached but at the node ports."""
    closed = build.policy("shop/closed", types=[build.INGRESS, build.EGRESS])
    found = space(closed)
    at_node_ports = [EVERYTHING - found.allowed(A, NODE, 4)]

    assert found.allowed(NODE, A, 4) == EVERYTHING
    assert [PortRange(30000, 32767)] == [span for some in at_node_ports for span in some.ranges(Protocol.UDP)]
    assert found.allowed(A, NODE, 4).other


def test_labels_that_nobody_asks_for_do_not_tell_pods_apart() -> None:
    """Pods with other labels have one sight, until a policy asks for them."""
    found, asked = space(SERVER), space(SERVER, build.policy("shop/more", "color=red"))

    assert found.sight(C, 4) == found.sight(PodKey("shop", "d"), 4)
    assert asked.sight(C, 4) != asked.sight(PodKey("shop", "d"), 4)


def test_addresses_are_cut_at_the_edges_of_blocks() -> None:
    """Ranges cover everything once, and begin or end where a block or one of its excepts does."""
    rule = build.rule(build.block("10.0.0.0/8", "10.1.0.0/16"))
    terms = Terms(cluster(build.policy("shop/block", ingress=[rule])))
    edges = [build.address(text).value for text in ("10.0.0.0", "10.1.0.0", "10.2.0.0", "11.0.0.0")]

    assert [0, *edges] == [outside.first for outside in terms.ranges(4)]
    assert [*(edge - 1 for edge in edges), (1 << 32) - 1] == [outside.last for outside in terms.ranges(4)]
    assert [Outside(6, 0, (1 << 128) - 1)] == list(terms.ranges(6))


def test_who_is_not_there() -> None:
    """A pod without an address of the version is no end, and nothing is said about it."""
    found = space()

    assert found.sight(A, 6) is None
    with pytest.raises(ValueError, match="is not there in IPv6"):
        found.allowed(A, B, 6)


def test_ranges_without_a_free_address_have_nobody() -> None:
    """A range that pods fill up has no outsider; else the first free address stands for it."""
    one, two = build.address("10.0.0.0"), build.address("10.0.0.1")
    outside = Outside(4, one.value, two.value)

    assert two == free_address(outside, {one})
    assert free_address(outside, {one, two}) is None


@pytest.mark.parametrize("start", range(0, 60, 20), ids="clusters from {}".format)
def test_the_space_says_what_the_oracle_says(start: int) -> None:
    """Between pods, each connection of the grid is in the traffic that is allowed exactly if the Oracle allows it."""
    for seed in range(start, start + 20):
        rng = random.Random(seed)
        described = random_cluster(rng, features=ALL)
        found, oracle = Space(described, Terms(described)), Oracle(described)
        pods = {address: key for (key, _), address in found.pods.items()}
        for asked in grid(described, OURS).sample(rng, 300):
            ends = pods.get(asked.source), pods.get(asked.destination)
            if asked.origin is None and ends[0] and ends[1] and asked.source != asked.destination:
                allowed = (asked.protocol, asked.port) in found.allowed(*ends, asked.source.version)

                assert oracle.evaluate(asked).allowed == allowed, asked
