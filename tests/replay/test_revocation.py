"""Revocations that the epoch misses: an established connection goes on that a new one would be denied (DESIGN 6).

Found by a differential fuzz (established against new, after every change) and confirmed with packets in the lab.
"""

from __future__ import annotations

from dataclasses import replace

from ryu_netpol.agent.events import Deleted, Upserted
from ryu_netpol.flows.interpret import ConnState, Interpreter
from ryu_netpol.flows.ir import FlowTable
from ryu_netpol.flows.numbers import recover_epoch
from ryu_netpol.flows.offline import OfflineNode, offline_node
from ryu_netpol.model.objects import Cluster, Object
from ryu_netpol.model.packet import Connection
from tests.support import build
from tests.support.fake import World
from tests.support.nodes import pod_cidrs
from tests.support.strategies import OURS

NODES = (build.node("node1", "192.168.0.1"), build.node("node2", "192.168.0.2"))
KEEP = build.pod("default/keep", "10.244.2.11", labelled="app=keep", node="node2")
WEB = build.pod("default/web", "10.244.2.10", labelled="app=web", node="node2")
DB = build.pod("default/db", "10.244.1.10", labelled="app=db")
POLICY = build.policy(
    "default/db", "app=db", ingress=[build.rule(build.pods("app=web"), build.pods("app=keep"), ports=["UDP/53"])]
)
WEB_TO_DB = build.connection("10.244.2.10", "10.244.1.10", "UDP/53")


def started(*objects: Object) -> tuple[World, Cluster]:
    cluster = build.cluster(*objects)
    world = World()
    world.connect()
    world.list_all(cluster)
    world.show_bridge(node_of(cluster), cluster)
    return world, cluster


def node_of(cluster: Cluster) -> OfflineNode:
    return offline_node(cluster, OURS, pod_cidrs(1))


def mark_of(world: World) -> int:
    epoch = recover_epoch(world.flows)
    assert epoch is not None
    return epoch


def verdicts(world: World, cluster: Cluster, connection: Connection, mark: int) -> tuple[bool, bool]:
    """Whether the bridge lets it through as a new connection, and as one that was judged at this mark."""
    node, run = node_of(cluster), Interpreter(world.flows).run
    packet, wanted = node.entry(connection), (node.exit(connection),)
    return run(packet).ports == wanted, run(packet, ConnState.established(mark)).ports == wanted


def test_relabelled_remote_pod() -> None:
    """NP-92, NP-94: a remote pod gets labels that no rule mentions; its address flow goes, its connections stay.

    `narrow._deleted` says that a deleted ADDRESS flow narrows nothing ("whoever gets it next is told apart then"), and
    the deleted clause concerns an identity that is no longer alive. But the pod still has the address.
    """
    world, _ = started(*NODES, KEEP, WEB, DB, POLICY)
    mark = mark_of(world)
    other = replace(WEB, labels=build.labels("app=other"))
    world.deliver(Upserted(other))

    assert verdicts(world, build.cluster(*NODES, KEEP, other, DB, POLICY), WEB_TO_DB, mark) == (False, False)


def test_relabelled_namespace_of_remote_pods() -> None:
    """NP-91, NP-94: the same by the labels of a namespace."""
    policy = build.policy(
        "default/db", "app=db", ingress=[build.rule(build.pods(ns="team=x"), build.pods("app=keep"), ports=["UDP/53"])]
    )
    there = build.namespace("other", "team=x")
    web = build.pod("other/web", "10.244.2.10", node="node2")
    world, _ = started(*NODES, there, KEEP, web, DB, policy)
    mark = mark_of(world)
    relabelled = build.namespace("other", "team=y")
    world.deliver(Upserted(relabelled))

    assert verdicts(world, build.cluster(*NODES, relabelled, KEEP, web, DB, policy), WEB_TO_DB, mark) == (False, False)


def test_remote_address_of_a_new_owner_that_no_rule_mentions() -> None:
    """NP-71: the next owner of a remote address has no flow of its own, so that nobody notices that it has one."""
    world, _ = started(*NODES, KEEP, WEB, DB, POLICY)
    mark = mark_of(world)
    heir = build.pod("default/heir", "10.244.2.10", labelled="app=heir", node="node2")
    world.deliver(Deleted(WEB), Upserted(heir))

    assert verdicts(world, build.cluster(*NODES, KEEP, heir, DB, POLICY), WEB_TO_DB, mark) == (False, False)


CLIENT = build.pod("default/client", "10.244.1.11", labelled="app=client")
TO_DB = build.connection("10.244.1.11", "10.244.1.10", "UDP/53")
HEIR = build.pod("default/heir", "10.244.1.10", labelled="app=heir")
CLOSED = build.policy("default/heir", "app=heir")
ALIKE = build.pod("default/alike", "10.244.1.12", labelled="app=heir")
"""Of the heir's identity, which is isolated already: so its coming narrows nothing but for its address."""


def judged_again_while_nobody_has_the_address(world: World, cluster: Cluster, mark: int) -> int:
    """The client sends on to the address of the pod that has gone; returns the connection's mark after that."""
    outcome = Interpreter(world.flows).run(node_of(cluster).entry(TO_DB), ConnState.established(mark))
    for commit in outcome.commits:
        mark = mark & ~commit.mask | commit.mark & commit.mask
    return mark


def test_address_released_by_the_bundle_that_raises_the_epoch() -> None:
    """NP-71: the only subject of a rule goes: the epoch is raised, and what the same bundle releases is forgotten.

    The client's packets to the address that nobody has are judged, allowed (to an outsider) and committed with the new
    epoch. Whoever gets the address then inherits the connection. `core._program` clears `released` at every raise.
    """
    policy = build.policy("default/db", "app=db", ingress=[build.rule(build.pods("app=client"), ports=["UDP/53"])])
    world, _ = started(*NODES, ALIKE, CLIENT, DB, policy, CLOSED)
    mark = mark_of(world)
    without = build.cluster(*NODES, ALIKE, CLIENT, policy, CLOSED)
    world.deliver(Deleted(DB))
    world.show_bridge(node_of(without), without)
    mark = judged_again_while_nobody_has_the_address(world, without, mark)
    after = build.cluster(*NODES, ALIKE, CLIENT, HEIR, policy, CLOSED)
    world.deliver(Upserted(HEIR))
    world.show_bridge(node_of(after), after)

    assert verdicts(world, after, TO_DB, mark) == (False, False)


def test_address_released_while_the_switch_is_away() -> None:
    """NP-71: as above; the pod goes while the switch is down, which comes back without flows.

    `core._released` compares with what is installed: nothing. The kernel's connection tracking outlives the switch.
    """
    world, _ = started(*NODES, ALIKE, CLIENT, DB, CLOSED)
    mark = mark_of(world)
    without = build.cluster(*NODES, ALIKE, CLIENT, CLOSED)
    world.disconnect()
    world.deliver(Deleted(DB))
    world.show_bridge(node_of(without), without)
    world.flows, world.meters = FlowTable(), frozenset()
    world.connect()
    mark = judged_again_while_nobody_has_the_address(world, without, mark)
    after = build.cluster(*NODES, ALIKE, CLIENT, HEIR, CLOSED)
    world.deliver(Upserted(HEIR))
    world.show_bridge(node_of(after), after)

    assert verdicts(world, after, TO_DB, mark) == (False, False)
