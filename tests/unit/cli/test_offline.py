"""Clusters that are completed for commands without a live one."""

from __future__ import annotations

from ryu_netpol.cli.offline import completed_alike
from ryu_netpol.model.load import Item, Loaded
from ryu_netpol.model.names import NodeName, PodKey
from ryu_netpol.model.objects import Object
from tests.support import build

A, B = PodKey("shop", "a"), PodKey("shop", "b")


def loaded(*objects: Object) -> Loaded:
    """Objects as if they had been read."""
    return Loaded(tuple(Item(value, "x.yaml", str(value)) for value in objects))


def test_pods_of_one_name_have_one_address() -> None:
    """Whoever else is there, a pod is placed and addressed on one side as on the other; so is a node."""
    a, b = (build.pod(name, node=None) for name in ("shop/a", "shop/b"))
    nodes = build.node("node2"), build.node("node1")

    old, new = completed_alike(loaded(b, *nodes), loaded(a, b, *nodes))

    assert old.pods[B] == new.pods[B]
    assert old.nodes == new.nodes
    assert new.pods[A].addresses != new.pods[B].addresses


def test_what_one_side_says_holds_for_both() -> None:
    """A pod that has an address and a node on one side has them on the other; a pod that says otherwise keeps it."""
    known, unknown = build.pod("shop/a", "10.0.0.9", node="node7"), build.pod("shop/a", node=None)

    for old, new in (completed_alike(loaded(known), loaded(unknown)), completed_alike(loaded(unknown), loaded(known))):
        assert known.addresses == old.pods[A].addresses == new.pods[A].addresses
        assert NodeName("node7") == old.pods[A].node == new.pods[A].node

    old, new = completed_alike(loaded(known), loaded(build.pod("shop/a", "10.0.0.8")))
    assert (known.addresses, (build.address("10.0.0.8"),)) == (old.pods[A].addresses, new.pods[A].addresses)


def test_finished_pods_take_no_address() -> None:
    """A pod that has finished on one side has no address there."""
    old, new = completed_alike(loaded(build.pod("shop/a")), loaded(build.pod("shop/a", finished=True)))

    assert () == new.pods[A].addresses != old.pods[A].addresses


def test_host_network_pods_have_addresses_of_their_node() -> None:
    """A pod that moves to the network of its node does not take its address with it."""
    old, new = completed_alike(loaded(build.pod("shop/a")), loaded(build.pod("shop/a", host_network=True)))

    assert new.nodes[NodeName("node1")].addresses == new.pods[A].addresses
    assert set(old.pods[A].addresses).isdisjoint(new.pods[A].addresses)
