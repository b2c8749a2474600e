"""NP-1 to NP-15: what isolates, how policies combine, what a policy object says."""

from __future__ import annotations

from ryu_netpol.model.objects import Object
from tests.support.build import EGRESS, INGRESS, block, namespace, pod, pods, policy, port, rule
from tests.unit.oracle.tables import ask, case, each, world

CASES = [
    case(
        "NP-1 nobody is isolated without a policy",
        allowed=["red/b > red/a TCP/80", "198.51.100.7 > red/a UDP/53", "blue/b > red/a SCTP/7", "blue/a > red/a ICMP"],
    ),
    case(
        "NP-1 an SCTP rule closes TCP and UDP",
        policy("red/p", "app=web", ingress=[rule(ports=["SCTP/80"])]),
        allowed=["red/b > red/a SCTP/80", "198.51.100.7 > red/a SCTP/80"],
        denied=["red/b > red/a TCP/80", "red/b > red/a UDP/80", "red/b > red/a SCTP/81", "red/b > red/a ICMP"],
    ),
    case(
        "NP-1 a policy isolates for ingress only",
        policy("red/p", "app=web"),
        allowed=["red/a > red/b TCP/80", "red/a > 198.51.100.7 TCP/443"],
        denied=["red/b > red/a TCP/80"],
    ),
    case(
        "NP-1 what a policy does not select stays open",
        policy("red/p", "app=web"),
        allowed=["red/a > red/b TCP/80", "198.51.100.7 > red/b TCP/80"],
    ),
    case(
        "NP-2 egress isolation includes DNS and the world",
        policy("red/p", "app=web", types=[EGRESS]),
        allowed=["red/b > red/a TCP/80", "red/b > blue/b UDP/53"],
        denied=[
            "red/a > blue/b UDP/53",
            "red/a > 198.51.100.7 TCP/443",
            "red/a > red/b TCP/80",
            "red/a > node/node2 TCP/6443",
        ],
    ),
    case(
        "NP-3 flows without a pod are outside the API",
        policy("red/p", types=[INGRESS, EGRESS]),
        policy("blue/p", types=[INGRESS, EGRESS]),
        allowed=[
            "node/node1 > node/node2 TCP/22",
            "198.51.100.7 > 203.0.113.9 UDP/53",
            "198.51.100.7 > node/node1 ICMP",
        ],
    ),
    case(
        "NP-3 an unselected pod speaks to a restricted one by the rules of that one",
        policy("red/p", "app=web", ingress=[rule(pods("app=db"))]),
        allowed=["red/b > red/a TCP/1", "blue/a > red/b TCP/1"],
        denied=["blue/a > red/a TCP/1"],
    ),
    case(
        "NP-4 policies add up",
        policy("red/none"),
        policy("red/p80", ingress=[rule(ports=["TCP/80"])]),
        policy("red/p81", ingress=[rule(ports=["TCP/81"])]),
        allowed=["blue/a > red/a TCP/80", "blue/a > red/a TCP/81"],
        denied=["blue/a > red/a TCP/82"],
    ),
    case(
        "NP-4 a policy of another namespace adds nothing",
        policy("red/p"),
        policy("blue/p", ingress=[rule()]),
        denied=["blue/a > red/a TCP/80"],
        allowed=["red/a > blue/a TCP/80"],
    ),
    case(
        "NP-4 a policy for other pods adds nothing",
        policy("red/p"),
        policy("red/q", "app=db", ingress=[rule()]),
        denied=["blue/a > red/a TCP/80"],
        allowed=["blue/a > red/b TCP/80"],
    ),
    case(
        "NP-5 both ends must allow",
        policy("red/p", "app=web", egress=[rule(pods(ns="team=b"))], types=[EGRESS]),
        policy("blue/p", "app=db", ingress=[rule(pods(ns="team=r"), ports=["TCP/80"])]),
        allowed=["red/a > blue/b TCP/80", "red/a > blue/a TCP/81"],
        denied=["red/a > blue/b TCP/81", "red/a > red/b TCP/80", "blue/a > blue/b TCP/80"],
    ),
    case(
        "NP-5 the destination's ingress does not open the source's egress",
        policy("red/p", "app=web", types=[EGRESS]),
        policy("blue/p", ingress=[rule()]),
        denied=["red/a > blue/b TCP/80"],
    ),
    case(
        "NP-6 peers and ports of different rules do not mix",
        policy(
            "red/p",
            "app=web",
            ingress=[rule(pods("app=db"), ports=["TCP/80"]), rule(pods(ns="team=b"), ports=["TCP/81"])],
        ),
        allowed=["red/b > red/a TCP/80", "blue/a > red/a TCP/81"],
        denied=["red/b > red/a TCP/81", "blue/a > red/a TCP/80"],
    ),
    case(
        "NP-6 peers and ports of different policies do not mix",
        policy("red/p", ingress=[rule(pods("app=db"), ports=["TCP/80"])]),
        policy("red/q", ingress=[rule(pods(ns="team=b"), ports=["TCP/81"])]),
        allowed=["red/b > red/a TCP/80", "blue/a > red/a TCP/81"],
        denied=["red/b > red/a TCP/81", "blue/a > red/a TCP/80"],
    ),
    case(
        "NP-10 an empty podSelector selects its own namespace, all of it",
        policy("red/p"),
        allowed=["red/a > blue/a TCP/80"],
        denied=["blue/a > red/a TCP/80", "blue/a > red/b TCP/80", "grey/a > red/a TCP/80"],
    ),
    case(
        "NP-10 the same labels elsewhere are not selected",
        policy("red/p", "app=web"),
        allowed=["red/b > blue/a TCP/80"],
        denied=["red/b > red/a TCP/80"],
    ),
    case(
        "NP-11 only egress rules and no policyTypes also cut ingress",
        policy("red/p", "app=web", egress=[rule()]),
        allowed=["red/a > blue/a TCP/80"],
        denied=["blue/a > red/a TCP/80"],
    ),
    case(
        "NP-11 an empty egress list is no egress",
        policy("red/p", "app=web", egress=[]),
        allowed=["red/a > blue/a TCP/80"],
        denied=["blue/a > red/a TCP/80"],
    ),
    case(
        "NP-12 rules of an unlisted direction are dead text",
        policy("red/p", "app=web", ingress=[rule(ports=["TCP/80"])], egress=[rule(ports=["TCP/80"])], types=[EGRESS]),
        allowed=["blue/a > red/a TCP/81", "red/a > blue/a TCP/80"],
        denied=["red/a > blue/a TCP/81"],
    ),
    case(
        "NP-12 dead rules open nothing that another policy closes",
        policy("red/p", "app=web", ingress=[rule()], types=[EGRESS]),
        policy("red/q", "app=web"),
        denied=["blue/a > red/a TCP/80"],
    ),
    case(
        "NP-13 Ingress without rules allows nothing",
        policy("red/p", "app=web", types=[INGRESS]),
        allowed=["red/a > blue/a TCP/80"],
        denied=["blue/a > red/a TCP/80", "198.51.100.7 > red/a TCP/80", "node/node2 > red/a TCP/80"],
    ),
    case(
        "NP-14 Egress without rules allows nothing",
        policy("red/p", "app=web", types=[EGRESS]),
        allowed=["blue/a > red/a TCP/80"],
        denied=["red/a > blue/a TCP/80", "red/a > 198.51.100.7 TCP/80", "red/a > node/node2 TCP/80"],
    ),
    case(
        "NP-15 an empty rule allows everything in",
        policy("red/p", "app=web", ingress=[rule()], types=[INGRESS, EGRESS]),
        allowed=["198.51.100.7 > red/a TCP/1", "2001:db8::7 > red/a SCTP/9", "blue/b > red/a ICMP v6"],
        denied=["red/a > blue/a TCP/80"],
    ),
    case(
        "NP-15 an empty rule allows everything out",
        policy("red/p", "app=web", egress=[rule()]),
        allowed=["red/a > 198.51.100.7 UDP/1", "red/a > 2001:db8::7 ICMP", "red/a > node/node2 SCTP/9"],
        denied=["blue/a > red/a TCP/80"],
    ),
]


@each(CASES)
def test_isolation(objects: tuple[Object, ...], question: str, expected: bool) -> None:
    """Isolation and combination are as NP-1 to NP-15 say."""
    verdict = ask(world(*objects), question)

    assert expected == verdict.allowed, verdict.reason


def test_np_4_names_of_policies_do_not_matter() -> None:
    """NP-4: what is allowed is the same whatever the policies are called and in whichever order they come."""
    allow = rule(block("198.51.100.0/24"), ports=["TCP/80"])
    for open_name, closed_name in (("a", "z"), ("z", "a")):
        closed, opened = policy(f"red/{closed_name}"), policy(f"red/{open_name}", ingress=[allow])
        for objects in ((closed, opened), (opened, closed)):
            assert ask(world(*objects), "198.51.100.7 > red/a TCP/80").allowed


def test_builders_are_what_the_tables_mean() -> None:
    """The short notation of the tables stands for the values it looks like."""
    assert frozenset({INGRESS, EGRESS}) == policy("red/p", egress=[rule()]).directions
    assert frozenset({INGRESS}) == policy("red/p", egress=[]).directions
    assert rule().peers is None
    assert rule().ports is None
    assert (port("TCP/80"),) == rule(ports=["TCP/80"]).ports
    assert namespace("red").labels["kubernetes.io/metadata.name"] == "red"
    assert (
        pod("red/x", ports=["http=TCP/80"]).ports[0].name,
        pod("x", ports=["TCP/80"]).container_ports[0][1],
    ) == ("http", 80)
