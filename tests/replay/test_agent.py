"""Restarts that change flows, input that ends the agent, readiness that is not told, and states that nobody meant."""

from __future__ import annotations

from dataclasses import replace

from ryu_netpol.adapters.hostaddr import parse_addresses
from ryu_netpol.agent.effects import MarkReady, Report
from ryu_netpol.agent.events import BridgePort, BridgeSeen
from ryu_netpol.flows.delta import apply
from ryu_netpol.flows.interpret import Interpreter
from ryu_netpol.flows.ir import FlowTable
from ryu_netpol.flows.offline import OfflineNode, offline_node
from ryu_netpol.model.objects import Cluster
from tests.support import build
from tests.support.fake import World, bridge_seen
from tests.support.nodes import pod_cidrs
from tests.support.strategies import OURS

NODE = build.node("node1", "192.168.0.1")


def node_of(cluster: Cluster) -> OfflineNode:
    return offline_node(cluster, OURS, pod_cidrs(1))


def started(cluster: Cluster, flows: FlowTable | None = None, meters: frozenset[int] = frozenset()) -> World:
    world = World(flows=flows, meters=meters)
    world.epoch_limit = 1000 if flows else 0
    world.connect()
    world.list_all(cluster)
    world.show_bridge(node_of(cluster), cluster)
    return world


def test_restart_with_rules_of_one_dimension_that_overlap() -> None:
    """P6: of two "allow all" rules, the one that shares a subject with the other is not found again by its signature.

    `signatures` reads the subjects of a rule of one dimension from the cookies, where the lowest number alone stands.
    """
    cluster = build.cluster(
        NODE,
        build.pod("default/a", "10.244.1.10", labelled="x=1"),
        build.pod("default/b", "10.244.1.11", labelled="x=1,y=1"),
        build.pod("default/c", "10.244.1.12", labelled="y=1"),
        build.policy("default/p", "x=1", ingress=[build.rule()]),
        build.policy("default/q", "y=1", ingress=[build.rule()]),
    )
    before = started(cluster)
    after = started(cluster, before.flows, before.meters)

    assert after.plans == []


def test_two_rows_with_one_port_number() -> None:
    """A port number that the database shows twice closes ports; it does not end the agent (and again at each start)."""
    cluster = build.cluster(NODE, build.pod("default/a", "10.244.1.10"))
    world = started(cluster)
    seen = bridge_seen(node_of(cluster), cluster)
    (port,) = seen.ports
    world.deliver(BridgeSeen(seen.ports | {BridgePort("ghost", port.number)}, seen.gateway))

    told = {effect.message for effect in world.effects if isinstance(effect, Report) and effect.what == "unknown_port"}
    assert len(told) == 2
    assert (
        Interpreter(world.flows).run(node_of(cluster).entry(build.connection("10.244.1.10", "203.0.113.7"))).ports == ()
    )


def test_an_attachment_made_again_is_marked_ready_again() -> None:
    """DEL and ADD of one sandbox between two readings of the database: the new row says nothing of readiness yet."""
    cluster = build.cluster(NODE, build.pod("default/a", "10.244.1.10"))
    world = started(cluster)
    seen = bridge_seen(node_of(cluster), cluster)
    (port,) = seen.ports
    assert port.attachment is not None
    world.effects.clear()
    again = replace(port, attachment=replace(port.attachment, created=5))
    world.deliver(BridgeSeen(frozenset({again}), seen.gateway))

    assert MarkReady(port.name, port.attachment.container) in world.effects


def test_a_folder_that_changes_at_once_is_applied_at_once() -> None:
    """Labels and the policy that selects by them change in one edit: no bundle leaves the isolated pod open (NP-94).

    The folder's four lists are four events, and the first is sent before the others are looked at.
    """

    def version(label: str) -> Cluster:
        return build.cluster(
            NODE,
            build.pod("default/db", "10.244.1.10", labelled=f"app={label}"),
            build.pod("default/web", "10.244.1.11", labelled="app=web"),
            build.policy("default/db", f"app={label}"),
        )

    world, flows = started(version("db")), started(version("db")).flows
    sent = len(world.plans)
    world.list_all(version("database"))
    node = node_of(version("database"))
    connection = build.connection("10.244.1.11", "10.244.1.10")
    for plan in world.plans[sent:]:
        flows = apply(flows, plan)

        assert Interpreter(flows).run(node.entry(connection)).ports == ()


def test_service_addresses_of_ipvs_are_not_the_node() -> None:
    """NP-51: kube-proxy in mode ipvs gives every service address to the node, on kube-ipvs0. They lead to other pods.

    With them among the node's own addresses a pod without any egress reaches every service (seen with packets).
    """
    listing = """[
      {"ifname": "eth0", "addr_info": [{"family": "inet", "local": "192.168.0.1", "prefixlen": 24}]},
      {"ifname": "kube-ipvs0", "addr_info": [{"family": "inet", "local": "10.96.0.10", "prefixlen": 32}]}
    ]"""

    assert parse_addresses(listing) == {build.address("192.168.0.1")}
