"""Who gets an address after a restart of the agent must not inherit what its former owner left (NP-71)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ryu_netpol.agent.events import Deleted, Upserted
from ryu_netpol.flows.interpret import ConnState, Interpreter
from ryu_netpol.flows.numbers import recover_epoch
from ryu_netpol.flows.offline import OfflineNode, offline_node
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.model.objects import Cluster, Pod
from tests.support import build
from tests.support.fake import World
from tests.support.nodes import pod_cidrs
from tests.support.strategies import OURS

NODE = build.node("node1", "192.168.0.1")
CLIENT = build.pod("default/client", "10.244.1.11", labelled="app=client")
KEEP = build.pod("default/keep", "10.244.1.12", labelled="app=heir")
CLOSED = build.policy("default/closed", "app=heir")
ONLY_WEB = build.policy(
    "default/client", "app=client", egress=[build.rule(build.pods("app=web"))], types=[build.EGRESS]
)


def node_of(cluster: Cluster) -> OfflineNode:
    return offline_node(cluster, OURS, pod_cidrs(1))


def show(world: World, cluster: Cluster) -> None:
    world.show_bridge(node_of(cluster), cluster)


def started(cluster: Cluster, before: World | None = None) -> World:
    world = World(flows=before.flows, meters=before.meters) if before else World()
    world.epoch_limit = before.epoch_limit if before else 0
    world.connect()
    world.list_all(cluster)
    show(world, cluster)
    return world


def established(world: World, cluster: Cluster, to: str, epoch: int | None) -> tuple[bool, bool]:
    """Whether the client's connection passes as a new one, and as one that was judged at this epoch."""
    assert epoch is not None
    node, connection = node_of(cluster), build.connection("10.244.1.11", to, "UDP/53")
    run, wanted = Interpreter(world.flows).run, (node.exit(connection),)
    packet = node.entry(connection)
    return run(packet).ports == wanted, run(packet, ConnState.established(epoch)).ports == wanted


@pytest.mark.parametrize("seen", [True, False], ids=["before", "while the agent is down"])
def test_local_address(seen: bool) -> None:
    """A pod goes, before the restart or during it; the next owner of its address is isolated."""
    former = build.pod("default/former", "10.244.1.10", labelled="app=former")
    heir = build.pod("default/heir", "10.244.1.10", labelled="app=heir")
    first = build.cluster(NODE, CLIENT, KEEP, former, CLOSED)
    without, after = build.cluster(NODE, CLIENT, KEEP, CLOSED), build.cluster(NODE, CLIENT, KEEP, heir, CLOSED)
    before = started(first)
    epoch = recover_epoch(before.flows)
    if seen:
        before.deliver(Deleted(former))
        show(before, without)
    world = started(without, before)
    world.deliver(Upserted(heir))
    show(world, after)

    assert established(world, after, "10.244.1.10", epoch) == (False, False)


def test_remote_address_that_no_rule_mentions_afterwards() -> None:
    """A pod elsewhere goes, the agent restarts, and its address passes to somebody whom the client may not reach."""
    web = build.pod("default/web", "10.244.2.10", labelled="app=web", node="node2")
    heir = replace(web, key=build.pod("default/heir").key, labels=build.labels("app=other"))
    without = build.cluster(NODE, CLIENT, ONLY_WEB)
    before = started(build.cluster(NODE, CLIENT, ONLY_WEB, web))
    epoch = recover_epoch(before.flows)
    before.deliver(Deleted(web))
    world = started(without, before)
    world.deliver(Upserted(heir))

    assert established(world, build.cluster(NODE, CLIENT, ONLY_WEB, heir), "10.244.2.10", epoch) == (False, False)


def test_local_address_outside_of_all_blocks() -> None:
    """An IPAM plugin gives out what nothing dropped before: it was an outsider's until now."""
    heir = build.pod("default/heir", "10.99.0.9", labelled="app=heir")
    world = started(build.cluster(NODE, CLIENT, KEEP, CLOSED))
    epoch = recover_epoch(world.flows)
    after = build.cluster(NODE, CLIENT, KEEP, heir, CLOSED)
    world.deliver(Upserted(heir))
    show(world, after)

    assert established(world, after, "10.99.0.9", epoch) == (False, False)


@pytest.mark.parametrize("mentioned", [True, False])
def test_a_pod_elsewhere_with_an_address_of_our_block(mentioned: bool) -> None:
    """It is reached, whether a rule refers to it or not."""
    far: Pod = build.pod("default/far", "10.244.1.77", labelled="app=web", node="node2")
    cluster = build.cluster(NODE, CLIENT, far, *([ONLY_WEB] if mentioned else []))
    node, connection = node_of(cluster), build.connection("10.244.1.11", "10.244.1.77", "UDP/53")
    outcome = Interpreter(node.flows).run(node.entry(connection))

    assert TableId.EGRESS_ADMIN in {flow.table for flow in outcome.path}
    assert outcome.ports == (node.exit(connection),)
