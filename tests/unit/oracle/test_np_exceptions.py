"""NP-50 to NP-84: nodes, life cycle, families, services, other protocols."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ryu_netpol.model.net import PortRange
from ryu_netpol.model.objects import Object
from ryu_netpol.oracle.evaluate import evaluate
from tests.support.build import EGRESS, INGRESS, address, block, connection, node, pod, pods, policy, rule
from tests.support.build import cluster as snapshot_of
from tests.unit.oracle.tables import WORLD, ask, case, each, world

CLOSED = policy("red/closed", types=[INGRESS, EGRESS])
CLOSED_BLUE = policy("blue/closed", types=[INGRESS, EGRESS])


def aged(name: str, *addresses: str, started: int = 0, **tweaks: Any) -> Object:
    """A pod that began at some time."""
    return pod(name, *addresses, started=f"2024-05-01T00:00:0{started}Z", **tweaks)


CASES = [
    case(
        "NP-50 the own node always gets in",
        CLOSED,
        allowed=["node/node1 > red/a TCP/80", "node/node1 > red/a ICMP v6", "node/node1 > red/b SCTP/9 v6"],
        denied=["node/node2 > red/a TCP/80", "node/node2 > red/a ICMP v6", "198.51.100.7 > red/a TCP/80"],
    ),
    case(
        "NP-50 a host-network pod of the same node cannot be told from it",
        CLOSED,
        CLOSED_BLUE,
        allowed=["red/host > red/a TCP/80", "red/host > blue/a TCP/80"],
        denied=["red/host > blue/b TCP/80"],
    ),
    case(
        "NP-50 what the node forwards is an outsider's, even with its address",
        CLOSED,
        denied=["192.168.0.1 > red/a TCP/80", "fd00:192:168::1 > red/a TCP/80", "10.244.1.1 > red/a TCP/80"],
    ),
    case(
        "NP-50 another node is an outsider that a block can name",
        policy("red/p", ingress=[rule(block("192.168.0.2/32"))]),
        allowed=["node/node2 > red/a TCP/80", "192.168.0.2 > red/a TCP/80"],
        denied=["node/node2 > red/a TCP/80 v6", "192.168.0.1 > red/a TCP/80"],
    ),
    case(
        "NP-50 a pod that has no node yet has no own node",
        CLOSED,
        pod("red/x", "10.244.1.77", node=None),
        denied=["node/node1 > red/x TCP/80", "198.51.100.7 > red/x TCP/80"],
    ),
    case(
        "NP-51 a pod reaches all addresses of its own node",
        CLOSED,
        allowed=[
            "red/a > node/node1 TCP/80",
            "red/a > 10.244.1.1 UDP/53",
            "red/a > node/node1 ICMP v6",
            "red/a > red/host TCP/9100",
        ],
        denied=["red/a > node/node2 TCP/80", "red/a > 10.244.2.1 TCP/80", "red/a > 192.168.0.3 TCP/80"],
    ),
    case(
        "NP-51 the node-port range leads to other pods",
        CLOSED,
        allowed=["red/a > node/node1 TCP/29999", "red/a > node/node1 TCP/32768"],
        denied=[
            "red/a > node/node1 TCP/30000",
            "red/a > node/node1 UDP/32767",
            "red/a > node/node1 SCTP/31000",
            "red/a > node/node1 TCP/30000 v6",
        ],
    ),
    case(
        "NP-51 node ports are judged by the rules",
        policy("red/p", types=[EGRESS], egress=[rule(block("192.168.0.1/32"), ports=["TCP/30080"])]),
        allowed=["red/a > node/node1 TCP/30080"],
        denied=["red/a > node/node1 TCP/30081", "red/a > node/node1 UDP/30080", "red/a > node/node2 TCP/30080"],
    ),
    case(
        "NP-52 a pod reaches itself",
        CLOSED,
        allowed=["red/a > red/a TCP/80", "red/a > red/a ICMP v6", "red/b > red/b UDP/53 v6"],
        denied=["red/a > red/b TCP/80"],
    ),
    case(
        "NP-53 replies need no rule: ingress isolation does not touch what a pod opens",
        policy("red/in", "app=web", types=[INGRESS]),
        policy("blue/out", "app=db", types=[EGRESS]),
        allowed=["red/a > blue/b TCP/80", "red/a > 198.51.100.7 TCP/80"],
        denied=["blue/b > red/a TCP/80"],
    ),
    case(
        "NP-60 a host-network pod is never a subject",
        policy("red/p", "app=web", types=[INGRESS, EGRESS]),
        allowed=["198.51.100.7 > red/host TCP/80", "red/host > 198.51.100.7 TCP/80", "red/host > blue/b TCP/80"],
        denied=["198.51.100.7 > red/a TCP/80"],
    ),
    case(
        "NP-61 as a peer a host-network pod is its node",
        policy("blue/p", "app=db", ingress=[rule(block("192.168.0.1/32")), rule(pods("app=web", ns="*"))]),
        allowed=["red/host > blue/b TCP/80", "node/node1 > blue/b TCP/80"],
        denied=["red/host > blue/b TCP/80 v6"],
    ),
    case(
        "NP-61 gateway addresses are the node's",
        policy("red/p", egress=[rule(block("10.244.2.1/32"))], types=[EGRESS]),
        allowed=["red/a > 10.244.2.1 TCP/80", "red/a > 10.244.1.1 TCP/80"],
        denied=["red/a > node/node2 TCP/80"],
    ),
    case(
        "NP-61 addresses are followed as they change",
        CLOSED,
        node("node1", "192.168.0.9"),
        allowed=["red/a > 192.168.0.9 TCP/80"],
        denied=["red/a > 192.168.0.1 TCP/80"],
    ),
    case(
        "NP-70 a finished pod is no subject and no peer",
        policy("red/p", "app=db"),
        policy("blue/p", ingress=[rule(pods("app=db", ns="*"))]),
        pod("red/b", "10.244.1.11", labelled="app=db", finished=True),
        allowed=["198.51.100.7 > 10.244.1.11 TCP/80"],
        denied=["10.244.1.11 > blue/a TCP/80"],
    ),
    case(
        "NP-70 its address counts for who has it now",
        policy("red/p", "app=db"),
        policy("blue/p", "app=db", ingress=[rule(pods("app=db", ns="*"))]),
        pod("red/b", "10.244.1.11", labelled="app=db", finished=True),
        pod("red/c", "10.244.1.11", labelled="app=cache"),
        allowed=["198.51.100.7 > red/c TCP/80"],
        denied=["red/c > blue/b TCP/80"],
    ),
    case(
        "NP-71 a pod that stays beats one that is going",
        policy("blue/p", "app=db", ingress=[rule(pods("app=db", ns="*"))]),
        aged("red/x", "10.244.1.30", started=1, labelled="app=db"),
        aged("red/y", "10.244.1.30", started=9, terminating=True),
        allowed=["10.244.1.30 > blue/b TCP/80"],
    ),
    case(
        "NP-71 the later start beats the earlier",
        policy("blue/p", "app=db", ingress=[rule(pods("app=db", ns="*"))]),
        aged("red/x", "10.244.1.30", started=1, labelled="app=db"),
        aged("red/y", "10.244.1.30", started=2),
        denied=["10.244.1.30 > blue/b TCP/80"],
    ),
    case(
        "NP-71 equal claims close the address, in both directions",
        aged("red/x", "10.244.1.30", started=1),
        aged("blue/x", "10.244.1.30", started=1),
        allowed=["red/a > red/b TCP/80"],
        denied=[
            "10.244.1.30 > 198.51.100.7 TCP/80",
            "red/a > 10.244.1.30 TCP/80",
            "10.244.1.30 > 10.244.1.30 TCP/80",
            "node/node1 > 10.244.1.30 TCP/80",
        ],
    ),
    case(
        "NP-71 a dispute closes the address, not the pod",
        aged("red/x", "10.244.1.30", "fd00:10:244:1::30", started=1),
        aged("red/y", "10.244.1.30", "fd00:10:244:1::31", started=1),
        allowed=["red/a > red/x TCP/80 v6", "red/y > red/a TCP/80 v6"],
        denied=["red/a > red/x TCP/80", "red/y > red/a TCP/80"],
    ),
    case(
        "NP-71 a terminating pod keeps its meaning",
        policy("red/p", "app=web", ingress=[rule(pods("app=db"))]),
        pod("red/b", "10.244.1.11", labelled="app=db", terminating=True),
        allowed=["red/b > red/a TCP/80"],
    ),
    case(
        "NP-72 a pod without an address matches nothing",
        policy("red/p", "app=web", ingress=[rule(pods("app=db"))]),
        pod("red/b", labelled="app=db"),
        denied=["10.244.1.11 > red/a TCP/80"],
        allowed=["198.51.100.7 > 10.244.1.11 TCP/80"],
    ),
    case(
        "NP-72 it joins with its address",
        policy("red/p", "app=web", ingress=[rule(pods("app=db"))]),
        pod("red/b", "10.244.1.44", labelled="app=db"),
        allowed=["10.244.1.44 > red/a TCP/80"],
        denied=["10.244.1.11 > red/a TCP/80"],
    ),
    case(
        "NP-73 a new pod is isolated by the policies that are there",
        CLOSED,
        pod("red/new", "10.244.1.60"),
        denied=["red/a > red/new TCP/80", "red/new > blue/a TCP/80", "198.51.100.7 > red/new ICMP"],
    ),
    case(
        "NP-75 selectors and isolation hold for both addresses",
        policy("red/p", "app=web", ingress=[rule(pods("app=db"), ports=["TCP/http"])]),
        allowed=[
            "red/b > red/a TCP/80",
            "red/b > red/a TCP/80 v6",
            "node/node1 > red/a UDP/1 v6",
            "red/a > red/a ICMP v6",
        ],
        denied=[
            "red/b > red/a TCP/81 v6",
            "grey/a > red/a TCP/80",
            "198.51.100.7 > red/a TCP/80",
            "2001:db8::7 > red/a TCP/80",
        ],
    ),
    case(
        "NP-76 a block speaks about its own family",
        policy("red/p", ingress=[rule(block("0.0.0.0/0"))]),
        allowed=["198.51.100.7 > red/a TCP/80", "blue/b > red/a TCP/80"],
        denied=["2001:db8::7 > red/a TCP/80", "blue/b > red/a TCP/80 v6"],
    ),
    case(
        "NP-76 the same for IPv6",
        policy("red/p", types=[EGRESS], egress=[rule(block("::/0"))]),
        allowed=["red/a > 2001:db8::7 TCP/80", "red/a > blue/b TCP/80 v6"],
        denied=["red/a > 198.51.100.7 TCP/80", "red/a > blue/b TCP/80"],
    ),
    case(
        "NP-80 a flow to a service is judged at its backend",
        policy("red/p", types=[EGRESS], egress=[rule(pods("app=db", ns="team=b"))]),
        allowed=["red/a > blue/b TCP/8080"],
        denied=["red/a > 10.96.0.10 TCP/80"],
    ),
    case(
        "NP-81 ports are the pod's, not the service's",
        policy("red/p", "app=web", ingress=[rule(ports=["TCP/8080"])]),
        allowed=["blue/a > red/a TCP/8080"],
        denied=["blue/a > red/a TCP/80"],
    ),
    case(
        "NP-82 a block with only the virtual address matches nothing",
        policy("red/p", types=[EGRESS], egress=[rule(block("10.96.0.0/16"))]),
        denied=["red/a > blue/b TCP/80"],
    ),
    case(
        "NP-83 other protocols pass by rules without ports only",
        policy(
            "red/p", "app=web", ingress=[rule(pods("app=db")), rule(pods(ns="team=b"), ports=["TCP", "UDP", "SCTP"])]
        ),
        allowed=["red/b > red/a ICMP", "red/b > red/a ICMP v6"],
        denied=["blue/a > red/a ICMP", "198.51.100.7 > red/a ICMP"],
    ),
]


@each(CASES)
def test_exceptions(objects: tuple[Object, ...], question: str, expected: bool) -> None:
    """Nodes, life cycle, families, services and other protocols are as NP-50 to NP-84 say."""
    verdict = ask(world(*objects), question)

    assert expected == verdict.allowed, verdict.reason


def test_np_50_origin_decides_not_the_address() -> None:
    """NP-50: a process of the node is the node whatever address it uses, even one that belongs to a pod."""
    snapshot = world(CLOSED)

    for source in ("10.244.1.1", "192.168.0.1", "10.244.1.254", "10.244.2.21"):
        assert evaluate(snapshot, connection(source, "10.244.1.10", origin="node1")).allowed
        assert not evaluate(snapshot, connection(source, "10.244.1.10", origin="node2")).allowed


def test_np_50_a_process_of_a_node_is_no_pod() -> None:
    """NP-50, NP-34: a process that uses a pod's address has neither the pod's rights nor its limits."""
    from_b = connection("10.244.2.21", "10.244.1.10", origin="node2")
    let_in = policy("red/p", ingress=[rule(pods(ns="team=b"))])

    assert not evaluate(world(let_in), from_b).allowed
    assert evaluate(world(CLOSED_BLUE), from_b).allowed


def test_np_51_node_ports_are_configurable() -> None:
    """NP-51: the range is an argument."""
    snapshot = world(CLOSED)
    to_node = connection("10.244.1.10", "192.168.0.1", "TCP/20000")

    assert evaluate(snapshot, to_node).allowed
    assert not evaluate(snapshot, to_node, node_ports=PortRange(20000, 20010)).allowed


def test_np_51_an_unknown_node_has_no_addresses() -> None:
    """NP-51: without the Node object there is nothing that could be its address."""
    snapshot = snapshot_of(*(o for o in WORLD if o != WORLD[0]), CLOSED)

    assert not ask(snapshot, "red/a > 192.168.0.1 TCP/80").allowed


def test_np_71_the_reason_names_both_pods() -> None:
    """NP-71: a closed address is reported with those who claim it."""
    snapshot = world(aged("red/x", "10.244.1.30"), aged("blue/x", "10.244.1.30"))

    reason = ask(snapshot, "red/a > 10.244.1.30 TCP/80").reason

    assert reason == "blue/x and red/x both claim 10.244.1.30, which is closed until one has it"


def test_np_71_three_claims() -> None:
    """NP-71: only the strongest claims dispute; one of them alone wins."""
    losing, first, second = (aged("red/x", "10.244.1.30", started=1), aged("red/y", "10.244.1.30", started=2), None)
    second = replace(first, key=losing.key._replace(name="z"))

    assert "red/y and red/z" in ask(world(losing, first, second), "red/a > 10.244.1.30 TCP/80").reason
    assert ask(world(losing, first), "red/a > 10.244.1.30 TCP/80").allowed


def test_np_71_the_former_owner_leaves_nothing() -> None:
    """NP-71: after delete and reuse only the labels of the new owner count."""
    rules = policy("red/p", "app=web", ingress=[rule(pods("app=db"))])
    before, reused = world(rules), tuple(o for o in WORLD if getattr(o, "key", None) != ("red", "b"))
    after = snapshot_of(*reused, rules, pod("grey/new", "10.244.1.11", labelled="app=db"))

    assert ask(before, "10.244.1.11 > red/a TCP/80").allowed
    assert not ask(after, "10.244.1.11 > red/a TCP/80").allowed
    assert address("10.244.1.11") in after.pods[("grey", "new")].addresses  # type: ignore[index]
