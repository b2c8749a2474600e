"""LG-1 to LG-11: the API of 1.3, where the annotation isolates and policies only allow."""

from __future__ import annotations

from ryu_netpol.model.objects import BlockPeer, Object
from tests.support.build import EGRESS, INGRESS, namespace, pod, pods, policy, rule
from tests.unit.oracle.tables import ask, case, each, world

RED = namespace("red", "team=r", default_deny=True)
"""Namespace red with the annotation."""


def legacy(*rules: object, subject: str = "*") -> Object:
    """A legacy policy in red."""
    return policy("red/old", subject, ingress=rules, legacy=True)  # type: ignore[arg-type]


CASES = [
    case(
        "LG-1 the annotation isolates all pods for ingress, selected or not",
        RED,
        allowed=["red/a > blue/a TCP/80", "blue/a > blue/b TCP/80"],
        denied=["blue/a > red/a TCP/80", "red/a > red/b TCP/80", "198.51.100.7 > red/b ICMP", "grey/a > red/a UDP/1"],
    ),
    case(
        "LG-1 without it the default is to allow",
        namespace("red", "team=r"),
        allowed=["blue/a > red/a TCP/80", "red/a > red/b TCP/80", "198.51.100.7 > red/b ICMP"],
    ),
    case(
        "LG-4 without the annotation a legacy policy has no effect",
        legacy(rule(ports=["TCP/80"])),
        allowed=["blue/a > red/a TCP/81", "198.51.100.7 > red/a ICMP"],
    ),
    case(
        "LG-4 not even an allowing one, where a v1 policy isolates",
        legacy(rule(ports=["TCP/80"])),
        policy("red/new", "app=web"),
        allowed=["blue/a > red/b TCP/80"],
        denied=["blue/a > red/a TCP/80"],
    ),
    case(
        "LG-5 isolated pods are open to their node and themselves only",
        RED,
        allowed=["node/node1 > red/a TCP/80", "node/node1 > red/a ICMP v6", "red/a > red/a TCP/80"],
        denied=["node/node2 > red/a TCP/80", "red/b > red/a TCP/80", "192.168.0.1 > red/a TCP/80"],
    ),
    case(
        "LG-5 egress is never limited",
        RED,
        legacy(rule(ports=["TCP/80"])),
        allowed=["red/a > 198.51.100.7 TCP/443", "red/a > blue/b UDP/53", "red/a > grey/a ICMP"],
    ),
    case(
        "LG-6 rules allow, for the selected pods of the own namespace",
        RED,
        namespace("blue", "team=b", default_deny=True),
        legacy(rule(pods("app=db"), ports=["TCP/80"]), subject="app=web"),
        allowed=["red/b > red/a TCP/80"],
        denied=["red/b > red/a TCP/81", "red/a > red/b TCP/80", "blue/b > red/a TCP/80", "blue/b > blue/a TCP/80"],
    ),
    case(
        "LG-6 rules and policies add up, peers and ports do not mix",
        RED,
        legacy(rule(pods("app=db"), ports=["TCP/80"]), rule(pods(ns="team=b"), ports=["TCP/81"])),
        policy("red/other", ingress=[rule(ports=["UDP/53"])], legacy=True),
        allowed=["red/b > red/a TCP/80", "blue/a > red/a TCP/81", "198.51.100.7 > red/a UDP/53"],
        denied=["red/b > red/a TCP/81", "blue/a > red/a TCP/80", "198.51.100.7 > red/a TCP/80"],
    ),
    case(
        "LG-7 missing from and ports mean any",
        RED,
        legacy(rule()),
        allowed=["198.51.100.7 > red/a TCP/1", "blue/b > red/a ICMP v6", "node/node2 > red/a SCTP/5"],
    ),
    case(
        "LG-7 an empty from means nobody",
        RED,
        legacy(rule(nobody=True)),
        denied=["red/b > red/a TCP/80", "198.51.100.7 > red/a TCP/80"],
    ),
    case(
        "LG-7 empty ports mean none",
        RED,
        legacy(rule(pods("app=db"), ports=[])),
        denied=["red/b > red/a TCP/80", "red/b > red/a ICMP"],
    ),
    case(
        "LG-8 podSelector means the own namespace, namespaceSelector all pods of others",
        RED,
        legacy(rule(pods("app=db")), rule(pods(ns="kubernetes.io/metadata.name=grey"))),
        allowed=["red/b > red/a TCP/80", "grey/a > red/a TCP/80"],
        denied=["blue/b > red/a TCP/80", "198.51.100.7 > red/a TCP/80"],
    ),
    case(
        "LG-8 ports: protocol, number, name",
        RED,
        legacy(rule(ports=["UDP", "TCP/http", "TCP/9999"])),
        allowed=["blue/a > red/a UDP/1", "blue/a > red/a TCP/80", "blue/a > red/b TCP/8000", "blue/a > red/b TCP/9999"],
        denied=["blue/a > red/b TCP/80", "blue/a > red/a SCTP/1", "blue/a > red/a ICMP"],
    ),
    case(
        "LG-10 a legacy policy without rules allows nothing and isolates nothing",
        legacy(),
        namespace("blue", "team=b", default_deny=True),
        policy("blue/old", legacy=True),
        allowed=["blue/a > red/a TCP/80"],
        denied=["red/a > blue/a TCP/80"],
    ),
    case(
        "LG-11 the rules of both APIs add up under the annotation",
        RED,
        legacy(rule(ports=["TCP/80"])),
        policy("red/new", "app=web", ingress=[rule(ports=["TCP/81"])]),
        allowed=["blue/a > red/a TCP/80", "blue/a > red/a TCP/81", "blue/a > red/b TCP/80"],
        denied=["blue/a > red/a TCP/82", "blue/a > red/b TCP/81"],
    ),
    case(
        "LG-11 a v1 policy isolates without the annotation, and for egress",
        legacy(rule()),
        policy("red/new", "app=web", types=[INGRESS, EGRESS]),
        allowed=["blue/a > red/b TCP/80", "red/b > blue/a TCP/80"],
        denied=["blue/a > red/a TCP/80", "red/a > blue/a TCP/80"],
    ),
    case(
        "LG-11 a v1 policy that isolates for egress only leaves the annotation's isolation alone",
        RED,
        policy("red/new", egress=[rule()], types=[EGRESS]),
        allowed=["red/a > blue/a TCP/80"],
        denied=["blue/a > red/a TCP/80"],
    ),
    case(
        "LG-11 a legacy and a v1 policy of one name are two policies",
        RED,
        legacy(rule(ports=["TCP/80"])),
        policy("red/old", ingress=[rule(ports=["TCP/81"])]),
        allowed=["blue/a > red/a TCP/80", "blue/a > red/a TCP/81"],
    ),
    case(
        "LG-1 a pod of an isolated namespace that comes later is isolated too",
        RED,
        pod("red/new", "10.244.1.61"),
        denied=["blue/a > red/new TCP/80"],
    ),
]


@each(CASES)
def test_legacy(objects: tuple[Object, ...], question: str, expected: bool) -> None:
    """Legacy policies are as LG-1 to LG-13 say."""
    verdict = ask(world(*objects), question)

    assert expected == verdict.allowed, verdict.reason


def test_lg_1_the_judgement_shows_the_annotation() -> None:
    """LG-1: a pod isolated by the annotation is isolated by no policy."""
    (judgement,) = ask(world(RED), "198.51.100.7 > red/a TCP/80").judgements

    assert judgement.isolated
    assert judgement.isolated_by == ()
    assert "the annotation of its namespace" in str(judgement)


def test_lg_8_the_tables_use_no_blocks() -> None:
    """LG-8: legacy policies have no ipBlock, so neither has any in these tables."""
    rules = [r for c in CASES for o in c.objects if hasattr(o, "legacy") and o.legacy for r in o.ingress]

    assert not [peer for r in rules for peer in r.peers or () if isinstance(peer, BlockPeer)]
