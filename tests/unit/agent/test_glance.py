"""What an agent shows of itself at a glance."""

from __future__ import annotations

from dataclasses import replace

from ryu_netpol.agent.events import BridgePort, BridgeSeen, CommitFailed, Deleted, Kind, Relisted, SwitchLost, Upserted
from ryu_netpol.agent.glance import Port, Sizes
from ryu_netpol.agent.problems import Refused
from ryu_netpol.flows.offline import offline_node
from ryu_netpol.model.names import OfPort, PodKey, PolicyKey
from ryu_netpol.model.objects import Cluster
from tests.support import build
from tests.support.fake import World, bridge_seen
from tests.support.nodes import pod_cidrs
from tests.support.strategies import OURS

CLUSTER = build.cluster(
    build.node("node1", "192.168.0.1"),
    build.pod("default/a", "10.244.1.10", labelled="x=1"),
    build.pod("default/b", "10.244.1.11"),
    build.policy("default/p", "x=1", ingress=[build.rule()]),
    build.policy("default/nobody", "x=2", ingress=[build.rule()]),
)


def started(cluster: Cluster = CLUSTER) -> World:
    """A world in which everything has been installed."""
    world = World()
    world.connect()
    world.list_all(cluster)
    world.show_bridge(offline_node(cluster, OURS, pod_cidrs(1)), cluster)
    return world


def seen(cluster: Cluster = CLUSTER) -> BridgeSeen:
    """The bridge of that world."""
    return bridge_seen(offline_node(cluster, OURS, pod_cidrs(1)), cluster)


def test_an_agent_that_has_heard_nothing() -> None:
    """Nothing is listed, known or connected."""
    glance = World().agent.glance()

    assert glance.heard.listed == frozenset()
    assert (glance.heard.bridge, glance.heard.addresses, glance.switch.connected) == (False, False, False)
    assert (glance.ports, glance.sizes, glance.switch.epoch) == ((), Sizes(), None)


def test_kinds_are_listed_one_by_one() -> None:
    """A list, empty or not, makes its kind known."""
    world = World()
    world.deliver(Relisted(Kind.POD, frozenset()))

    assert world.agent.glance().heard.listed == {Kind.POD}


def test_an_agent_that_has_installed_everything() -> None:
    """Ports are ready, and of two policies the one counts that selects somebody here."""
    glance = started().agent.glance()

    assert {port.state for port in glance.ports} == {"ready"}
    assert [port.pod for port in glance.ports] == [PodKey("default", "a"), PodKey("default", "b")]
    assert glance.heard.objects[Kind.POLICY] == 2
    assert glance.sizes.policies == 1
    assert glance.switch.synced
    assert not glance.switch.in_flight


def test_a_plan_in_flight() -> None:
    """Until it is acknowledged a new endpoint waits, desired and installed differ, and then nothing is pending."""
    world = started()
    world.hold = True
    (first, second) = sorted(seen().ports, key=lambda port: port.number)
    assert second.attachment is not None
    world.deliver(replace(seen(), ports=frozenset({first})))
    world.release()
    world.hold = True
    world.deliver(seen())

    assert [port.state for port in world.agent.glance().ports] == ["ready", "waiting"]
    assert world.agent.glance().switch.in_flight
    assert not world.agent.progress.pending
    desired, installed = world.agent.tables()
    assert desired.total() > installed.total()

    world.deliver(replace(seen(), epoch_limit=5))
    assert world.agent.progress.pending

    world.release()
    assert [port.state for port in world.agent.glance().ports] == ["ready", "ready"]
    desired, installed = world.agent.tables()
    assert desired == installed
    assert not world.agent.progress.pending


def test_ports_that_are_closed() -> None:
    """A pod that the feed does not have is closed, and so are two ports of one number; a stranger's is unknown."""
    ports = sorted(seen().ports, key=lambda port: port.number)
    attachment = ports[0].attachment
    assert attachment is not None
    ghost = replace(ports[0], name="ghost", number=OfPort(50), attachment=replace(attachment, pod="ghost"))
    twin = replace(ports[1], name="twin")
    rogue = BridgePort("rogue", OfPort(60))
    world = started()
    world.deliver(replace(seen(), ports=frozenset({*ports, ghost, twin, rogue})))
    states = {port.name: port.state for port in world.agent.glance().ports}

    assert states == {ports[0].name: "ready", ports[1].name: "closed", "twin": "closed", "ghost": "closed",
                      "rogue": "unknown"}  # fmt: skip
    assert Port("rogue", None, "unknown") in world.agent.glance().ports
    assert {problem.what for problem in world.agent.glance().problems} == {"closed_endpoint", "unknown_port"}


def test_a_switch_that_is_away() -> None:
    """Nothing is synced without it; what was heard stays."""
    world = started()
    world.deliver(SwitchLost(world.connection))
    glance = world.agent.glance()

    assert not glance.switch.connected
    assert not glance.switch.synced
    assert glance.heard.listed == set(Kind)


def test_facts_are_of_pods_here() -> None:
    """Policies that select an endpoint, and those that select a pod which is placed here and not attached."""
    world = started()
    assert {one.policy.name: one.endpoints for one in world.agent.facts().policies} == {"p": 1}

    late = build.pod("default/late", "10.244.1.12", labelled="x=2")
    world.deliver(Upserted(late), Upserted(build.pod("default/far", "10.244.2.9", labelled="x=2", node="n2")))
    assert {one.policy.name: one.endpoints for one in world.agent.facts().policies} == {"p": 1, "nobody": 0}
    assert world.agent.facts().strays == (late.key,)

    world.deliver(Upserted(replace(late, terminating=True)))
    assert world.agent.facts().strays == ()
    world.deliver(Upserted(replace(late, finished=True)))
    assert {one.policy.name for one in world.agent.facts().policies} == {"p"}
    world.deliver(Upserted(late), Deleted(late))
    assert {one.policy.name for one in world.agent.facts().policies} == {"p"}


def test_refused_flows_are_of_policies() -> None:
    """What the switch refused is known by its policies until it takes a bundle."""
    world = started()
    world.hold = True
    world.deliver(Upserted(build.policy("default/new", "x=1", ingress=[build.rule(ports=["TCP/99"])])))
    numbers = world.agent.view().numbers
    assert numbers is not None
    (number,) = (number for key, number in numbers.rules.items() if key.policy.name == "new")
    world.deliver(CommitFailed(2, ("BAD",), frozenset({number})))
    assert world.agent.facts().refused == Refused(("BAD",), frozenset({PolicyKey("default", "new")}))

    world.release()
    assert world.agent.facts().refused == Refused()
