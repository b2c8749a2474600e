"""What a verdict says besides yes and no, what is refused, and what no table can ask."""

from __future__ import annotations

import pytest

from ryu_netpol.model.names import Direction, PodKey, PolicyKey
from ryu_netpol.model.net import PortRange
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.packet import Judgement, Verdict
from ryu_netpol.oracle.evaluate import Oracle, evaluate
from tests.rules.cases import connection as asked
from tests.rules.cases import world
from tests.rules.world import WORLD
from tests.support.build import EGRESS, INGRESS, connection, namespace, pod, pods, policy, rule

A, B = PodKey("red", "a"), PodKey("blue", "b")
CLOSED = policy("red/closed", types=[INGRESS, EGRESS])


def ask(snapshot: Cluster, question: str) -> Verdict:
    """The oracle's answer to "red/a > blue/b TCP/80"."""
    return evaluate(snapshot, asked(snapshot, question))


def test_judgements_of_both_directions() -> None:
    """Egress at the source comes first, then ingress at the destination; each names what decides."""
    out = policy("red/out", types=[EGRESS], egress=[rule(ports=["UDP"]), rule(pods(ns="team=b"))])
    closed = policy("blue/closed", "app=db", types=[INGRESS])

    verdict = ask(world(out, closed), "red/a > blue/b TCP/80")

    assert (
        Judgement(Direction.EGRESS, A, True, isolated_by=(out.key,), isolated=True, policy=out.key, rule=1),
        Judgement(Direction.INGRESS, B, False, isolated_by=(closed.key,), isolated=True),
    ) == verdict.judgements
    assert not verdict.allowed
    assert verdict.reason == "ingress: blue/b is isolated by blue/closed and no rule allows it"


def test_the_first_policy_and_the_first_rule_are_named() -> None:
    """Of several policies that allow it the first by key is named, with its first matching rule."""
    late = policy("red/z", ingress=[rule()])
    early = policy("red/b", ingress=[rule(ports=["UDP"]), rule(ports=["TCP"]), rule()])
    closed = policy("red/a")

    (judgement,) = ask(world(late, early, closed), "198.51.100.7 > red/a TCP/80").judgements

    assert (PolicyKey("red", "b"), 1) == (judgement.policy, judgement.rule)
    assert (closed.key, early.key, late.key) == judgement.isolated_by


def test_an_open_pod_is_judged_too() -> None:
    """Not isolated is a judgement of its own, without policy."""
    (judgement,) = ask(world(), "198.51.100.7 > red/a TCP/80").judgements

    assert Judgement(Direction.INGRESS, A, True) == judgement


@pytest.mark.parametrize(
    ("question", "reason", "judged"),
    [
        pytest.param("red/a > red/a TCP/80", "red/a reaches itself (NP-52)", 0, id="NP-52"),
        pytest.param("node/node2 > node/node1 TCP/80", "no end is a pod that policies can see (NP-3)", 0, id="NP-3"),
        pytest.param(
            "node/node1 > red/a TCP/80", "ingress: red/a is always reached by its own node node1 (NP-50)", 1, id="NP-50"
        ),
        pytest.param(
            "red/a > node/node1 TCP/80", "egress: red/a always reaches its own node node1 (NP-51)", 1, id="NP-51"
        ),
        pytest.param(
            "red/a > red/b TCP/80",
            "egress: red/a is isolated by red/p and no rule allows it; "
            "ingress: red/b is isolated by red/p and no rule allows it",
            2,
            id="both ends",
        ),
    ],
)
def test_reasons(question: str, reason: str, judged: int) -> None:
    """The reason is a sentence that names who and why."""
    verdict = ask(world(policy("red/p", types=[INGRESS, EGRESS])), question)

    assert (reason, judged) == (verdict.reason, len(verdict.judgements))


def test_the_own_node_needs_no_exception_where_nothing_isolates() -> None:
    """NP-50 is given as the reason only where it decides."""
    assert ask(world(), "node/node1 > red/a TCP/80").reason == "ingress: red/a is not isolated"


def test_different_families_are_refused() -> None:
    """No packet goes from one family to the other."""
    with pytest.raises(ValueError, match=r"10\.244\.1\.10 and 2001:db8::7 are addresses of different families"):
        evaluate(world(), connection("10.244.1.10", "2001:db8::7"))


@pytest.mark.parametrize(
    ("to", "message"), [("TCP", "TCP needs a destination port"), ("ICMP/8", "ICMP has no destination port")]
)
def test_ports_where_the_protocol_has_them(to: str, message: str) -> None:
    """A connection has a port exactly when its protocol has ports."""
    with pytest.raises(ValueError, match=message):
        evaluate(world(), connection("10.244.1.10", "10.244.1.11", to))


def test_an_oracle_answers_many_questions() -> None:
    """What an Oracle remembers changes no answer."""
    snapshot = world(policy("red/p", "app=web", ingress=[rule(pods("app=db"))], egress=[rule(ports=["TCP/80"])]))
    oracle = Oracle(snapshot)
    asked = [
        connection(source, destination, to)
        for source in ("10.244.1.10", "10.244.1.11", "198.51.100.7")
        for destination in ("10.244.1.10", "10.244.1.11", "192.168.0.1")
        for to in ("TCP/80", "TCP/81", "ICMP")
    ]

    for _ in range(2):
        assert [evaluate(snapshot, one) for one in asked] == [oracle.evaluate(one) for one in asked]


# --- what no table can ask: a node's processes with odd addresses, arguments, what no bridge ever sees ----------------


def test_origin_decides_not_the_address() -> None:
    """NP-50: a process of the node is the node whatever address it uses, even one that belongs to a pod."""
    for source in ("10.244.1.1", "192.168.0.1", "10.244.1.254", "10.244.2.21"):
        assert evaluate(world(CLOSED), connection(source, "10.244.1.10", origin="node1")).allowed
        assert not evaluate(world(CLOSED), connection(source, "10.244.1.10", origin="node2")).allowed


def test_a_process_of_a_node_is_no_pod() -> None:
    """NP-50, NP-34: a process that uses a pod's address has neither the pod's rights nor its limits."""
    from_b = connection("10.244.2.21", "10.244.1.10", origin="node2")
    let_in = policy("red/p", ingress=[rule(pods(ns="team=b"))])

    assert not evaluate(world(let_in), from_b).allowed
    assert evaluate(world(policy("blue/closed", types=[EGRESS])), from_b).allowed


def test_a_pod_without_a_node_has_no_own_node() -> None:
    """NP-50: while the scheduler has not placed it, every node is a stranger."""
    snapshot = world(CLOSED, pod("red/x", "10.244.1.77", node=None))

    assert not ask(snapshot, "node/node1 > red/x TCP/80").allowed


def test_node_ports_are_configurable() -> None:
    """NP-51: the range is an argument."""
    to_node = connection("10.244.1.10", "192.168.0.1", "TCP/20000")

    assert evaluate(world(CLOSED), to_node).allowed
    assert not evaluate(world(CLOSED), to_node, node_ports=PortRange(20000, 20010)).allowed


def test_an_unknown_node_has_no_addresses() -> None:
    """NP-51: without the Node object there is nothing that could be its address."""
    snapshot = Cluster.of(*WORLD[1:], CLOSED)

    assert not ask(snapshot, "red/a > 192.168.0.1 TCP/80").allowed


def test_a_dispute_is_reported() -> None:
    """NP-71: a closed address is reported with those who claim it, whether it is asked for or speaks."""
    snapshot = world(pod("red/x", "10.244.1.30"), pod("blue/x", "10.244.1.30"))
    sentence = "blue/x and red/x both claim 10.244.1.30, which is closed until one has it"

    assert sentence == ask(snapshot, "red/a > 10.244.1.30 TCP/80").reason
    assert sentence == ask(snapshot, "10.244.1.30 > 198.51.100.7 TCP/80").reason


def test_three_claims() -> None:
    """NP-71: only the strongest claims dispute; one of them alone wins."""
    first = pod("red/x", "10.244.1.30", started="2024-05-01T00:00:01Z")
    second, third = (pod(name, "10.244.1.30", started="2024-05-01T00:00:02Z") for name in ("red/y", "red/z"))

    assert "red/y and red/z" in ask(world(first, second, third), "red/a > 10.244.1.30 TCP/80").reason
    assert ask(world(first, second), "red/a > 10.244.1.30 TCP/80").allowed


def test_the_annotation_isolates_without_a_policy() -> None:
    """LG-1: a pod isolated by the annotation is isolated by no policy."""
    annotated = namespace("red", "team=r", default_deny=True)
    (judgement,) = ask(world(annotated), "198.51.100.7 > red/a TCP/80").judgements

    assert judgement.isolated
    assert judgement.isolated_by == ()
    assert "the annotation of its namespace" in str(judgement)
