"""Explanations, one kind of answer after the other, on small clusters that everybody can check by hand."""

from __future__ import annotations

import pytest

from ryu_netpol.model.objects import Object, Rule
from ryu_netpol.oracle.evaluate import Oracle
from ryu_netpol.oracle.explain import Explanation, Side, Situation, Why, explain
from ryu_netpol.oracle.words import rule_words
from tests.rules.cases import connection, world
from tests.support.build import EGRESS, INGRESS, block, namespace, pod, pods, policy, rule


def told(question: str, *objects: Object) -> Explanation:
    """The explanation of "red/a > blue/b TCP/80" in the world with these objects."""
    snapshot = world(*objects)
    return explain(Oracle(snapshot), connection(snapshot, question))


def only_side(question: str, *objects: Object) -> Side:
    """The side of the direction that somebody is isolated for."""
    (side,) = [side for side in told(question, *objects).sides if side.judgement.isolated]
    return side


def failures(question: str, *objects: Object) -> list[str]:
    """By what the closest rule fails."""
    return [str(failure) for failure in only_side(question, *objects).misses[0].failures]


FAILURES = {
    "label absent": (
        "grey/a > red/a TCP/80", rule(pods("app=web", ns="*")),
        ["label: wanted app=web, found no label app"],
    ),
    "label of another value": (
        "red/b > red/a TCP/80", rule(pods("app in (web,api)")),
        ["label: wanted app in (api,web), found app=db"],
    ),
    "label that must not be there": (
        "red/b > red/a TCP/80", rule(pods("!app")),
        ["label: wanted !app, found app=db"],
    ),
    "several labels": (
        "red/b > red/a TCP/80", rule(pods("app=web,tier")),
        ["label: wanted app=web, found app=db", "label: wanted tier, found no label tier"],
    ),
    "namespace of the policy": (
        "blue/a > red/a TCP/80", rule(pods("app=web")),
        ["namespace: wanted namespace red, found namespace blue"],
    ),
    "namespace label": (
        "blue/a > red/a TCP/80", rule(pods(ns="team=r")),
        ["namespace label: wanted team=r, found team=b"],
    ),
    "outsider": (
        "198.51.100.7 > red/a TCP/80", rule(pods()),
        ["not a pod: wanted a pod, found 198.51.100.7"],
    ),
    "host network": (
        "red/host > blue/b TCP/80", rule(pods()),
        ["not a pod: wanted a pod, found 192.168.0.1"],
    ),
    "outside of a block": (
        "198.51.100.7 > red/a TCP/80", rule(block("203.0.113.0/24")),
        ["cidr: wanted an address in 203.0.113.0/24, found 198.51.100.7"],
    ),
    "inside an except": (
        "198.51.100.7 > red/a TCP/80", rule(block("198.51.0.0/16", "198.51.1.0/24", "198.51.100.0/24")),
        ["except: wanted an address outside of the except 198.51.100.0/24, found 198.51.100.7"],
    ),
    "other family": (
        "2001:db8::7 > red/a TCP/80", rule(block("0.0.0.0/0")),
        ["family: wanted IPv4, found IPv6"],
    ),
    "protocol": ("red/b > red/a UDP/80", rule(ports=["TCP/80"]), ["protocol: wanted TCP, found UDP"]),
    "number": ("red/b > red/a TCP/81", rule(ports=["TCP/80"]), ["port: wanted port 80, found 81"]),
    "range": ("red/b > red/a TCP/91", rule(ports=["TCP/80-90"]), ["port: wanted a port from 80-90, found 91"]),
    "protocol and number": (
        "red/b > red/a UDP/81", rule(ports=["TCP/80"]),
        ["protocol: wanted TCP, found UDP", "port: wanted port 80, found 81"],
    ),
    "ICMP": (
        "red/b > red/a ICMP", rule(ports=["TCP/80", "UDP"]),
        ["portless protocol: wanted TCP/80 or every port of UDP, found ICMP, which only a rule without ports allows"],
    ),
    "name that is not declared": (
        "red/b > red/a TCP/80", rule(ports=["TCP/admin"]),
        ["port name undeclared: wanted a pod that declares port admin, found red/a, which declares dns and http"],
    ),
    "name of another protocol": (
        "red/b > red/a TCP/53", rule(ports=["TCP/dns"]),
        ["port name of another protocol: wanted dns of TCP, found dns of UDP at red/a"],
    ),
    "name of other numbers": (
        "red/b > red/a TCP/81", rule(ports=["TCP/http"]),
        ["port name of another number: wanted http, which is 80 or 8080 at red/a, found 81"],
    ),
    "peer and port": (
        "red/b > red/a TCP/81", rule(pods("app=web"), ports=["TCP/80"]),
        ["label: wanted app=web, found app=db", "port: wanted port 80, found 81"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("question", "only", "expected"), FAILURES.values(), ids=FAILURES)
def test_failures(question: str, only: Rule, expected: list[str]) -> None:
    """Each thing by which a rule can fail is named, with what was wanted and what there is."""
    at = question.split(" > ")[1].partition("/")[0]

    assert failures(question, policy(f"{at}/p", ingress=[only])) == expected


def test_failures_of_a_name_at_an_outsider() -> None:
    """Only pods declare names (NP-47)."""
    outward = policy("red/p", types=[EGRESS], egress=[rule(ports=["TCP/http"])])

    assert failures("red/a > 198.51.100.7 TCP/80", outward) == [
        "port name undeclared: wanted a pod that declares port http, found 198.51.100.7, which is no pod"
    ]


def test_failures_of_empty_legacy_lists() -> None:
    """Present and empty lists match nothing (LG-7)."""
    closed = namespace("red", "team=r", default_deny=True)
    nobody = policy("red/p", ingress=[rule(nobody=True)], legacy=True)
    no_port = policy("red/p", ingress=[rule(ports=[])], legacy=True)

    assert failures("red/b > red/a TCP/80", closed, nobody) == [
        "nobody: wanted nobody, since the list of peers is empty, found red/b"
    ]
    assert failures("red/b > red/a TCP/80", closed, no_port) == [
        "no ports: wanted no port, since the list of ports is empty, found TCP/80"
    ]


def test_the_closest_rule() -> None:
    """Fewer lists that fail, then fewer things to repair, then names and indexes; so too for entries in a list."""
    side = only_side(
        "red/b > red/a TCP/81",
        policy("red/both", ingress=[rule(pods("app=web"), ports=["TCP/80"])]),
        policy("red/far", ingress=[rule(pods("app=web,tier")), rule(ports=["UDP/80"])]),
        policy("red/near", ingress=[rule(pods("app=web,tier"), pods("app=web")), rule(ports=["UDP/80", "UDP/81"])]),
    )

    assert [(miss.policy.name, miss.index) for miss in side.misses] == [
        ("near", 0), ("near", 1), ("far", 0), ("far", 1), ("both", 0),
    ]  # fmt: skip
    assert [entry.index for entry in side.misses[0].peers] == [1, 0]
    assert side.misses[0].ports == ()


def test_every_rule_that_allows() -> None:
    """The first is the one that the verdict names; rules that fail are listed behind it all the same."""
    first = policy("red/first", ingress=[rule(ports=["TCP/443"]), rule(pods("app=db"))])
    side = only_side("red/b > red/a TCP/80", first, policy("red/second", ingress=[rule()]))

    assert side.why is Why.RULE
    assert [(hit.policy.name, hit.index) for hit in side.allowing] == [("first", 1), ("second", 0)]
    assert (side.judgement.policy, side.judgement.rule) == (side.allowing[0].policy, 1)
    assert [(miss.policy.name, miss.index) for miss in side.misses] == [("first", 0)]


def test_both_directions() -> None:
    """Each pod is explained for itself (NP-5)."""
    found = told("red/a > blue/b TCP/80", policy("red/out", types=[EGRESS]), policy("blue/in"))

    assert [(side.judgement.direction, side.why) for side in found.sides] == [
        (EGRESS, Why.NO_RULE),
        (INGRESS, Why.NO_RULE),
    ]
    assert [side.misses for side in found.sides] == [(), ()]


def test_policies_around_the_subject() -> None:
    """Those that do not select it and by which label, and those that are about the other direction (NP-11)."""
    out = policy("red/out", types=[EGRESS], egress=[rule()])
    side = told("red/b > red/a TCP/80", out, policy("red/other", "app=db"), policy("blue/elsewhere")).sides[1]

    assert side.why is Why.NOT_ISOLATED
    assert [key.name for key in side.other_direction] == ["out"]
    assert [(each.policy.name, *map(str, each.failures)) for each in side.not_selecting] == [
        ("other", "label: wanted app=db, found app=web")
    ]


def test_legacy_policies_without_effect() -> None:
    """A policy of the old API that selects a pod counts for nothing without the annotation (LG-4), and with it does."""
    old = policy("red/old", ingress=[rule(pods("app=nobody"))], legacy=True)
    without = told("red/b > red/a TCP/80", old).sides[1]
    closed = only_side("red/b > red/a TCP/80", old, namespace("red", "team=r", default_deny=True))

    assert (without.why, [key.name for key in without.without_effect]) == (Why.NOT_ISOLATED, ["old"])
    assert (closed.why, closed.annotation, closed.without_effect) == (Why.NO_RULE, True, ())
    assert [miss.policy.name for miss in closed.misses] == ["old"]


SITUATIONS = {
    "no pod (NP-3)": ("198.51.100.7 > 203.0.113.7 TCP/80", Situation.NO_POD, True),
    "itself (NP-52)": ("red/a > red/a TCP/80", Situation.ITSELF, True),
    "disputed (NP-71)": ("red/b > red/a TCP/80", Situation.DISPUTED, False),
}


@pytest.mark.parametrize(("question", "situation", "allowed"), SITUATIONS.values(), ids=SITUATIONS)
def test_situations_without_policies(question: str, situation: Situation, allowed: bool) -> None:
    """Where no policy is asked, it is said why."""
    rival = [pod("blue/rival", "10.244.1.10")] if situation is Situation.DISPUTED else []
    found = told(question, policy("red/p"), *rival)

    assert (found.situation, found.verdict.allowed, found.sides) == (situation, allowed, ())


def test_the_own_node() -> None:
    """No policy comes between a pod and its node (NP-50, NP-51)."""
    closed = policy("red/p", types=[INGRESS, EGRESS], ingress=[rule(pods("app=db"))])

    assert [side.why for side in told("node/node1 > red/a TCP/80", closed).sides] == [Why.OWN_NODE]
    assert [side.why for side in told("red/a > node/node1 TCP/80", closed).sides] == [Why.OWN_NODE]
    assert told("node/node1 > red/a TCP/80", closed).notes == ()


def test_notes_about_nodes() -> None:
    """Why the own node does not help: a node port (NP-51), and an address that is not the node itself (NP-50)."""
    closed = policy("red/p", types=[INGRESS, EGRESS])

    assert told("red/a > node/node1 TCP/30000", closed).notes == (
        "30000 is a node port, which leads to other pods: that node1 is the pod's own node does not help (NP-51)",
    )
    assert told("192.168.0.1 > red/a TCP/80", closed).notes == (
        "192.168.0.1 is an address of node1, but as a source it is what node1 forwards for others; for the node's own "
        "processes ask from node/node1 (NP-50)",
    )
    assert told("192.168.0.1 > red/a TCP/80").notes == ()


WORDS = {
    "from everybody; at every port of every protocol": rule(),
    "from all pods of namespace red; at TCP/80 or every port of UDP": rule(pods(), ports=["TCP/80", "UDP"]),
    "from pods app=web of all namespaces; at TCP/http": rule(pods("app=web", ns="*"), ports=["TCP/http"]),
    "from all pods of namespaces team=b or 10.0.0.0/8 except 10.1.0.0/16; at SCTP/1-9":
        rule(pods(ns="team=b"), block("10.0.0.0/8", "10.1.0.0/16"), ports=["SCTP/1-9"]),
    "from nobody; at no port": rule(nobody=True, ports=[]),
}  # fmt: skip


@pytest.mark.parametrize("expected", WORDS)
def test_rules_in_words(expected: str) -> None:
    """A rule is a sentence; absent, empty and given lists differ."""
    assert rule_words(WORDS[expected], "red", INGRESS) == expected
    assert rule_words(WORDS[expected], "red", EGRESS) == expected.replace("from", "to", 1)
