"""NP-90 to NP-93 and LG-12: the meaning is that of the present objects, whatever was before."""

from __future__ import annotations

from ryu_netpol.model.objects import Namespace, Pod, Policy
from tests.support.build import EGRESS, namespace, pod, pods, policy, rule
from tests.support.build import cluster as snapshot_of
from tests.unit.oracle.tables import WORLD, ask, world


def test_np_90_an_update_replaces_the_whole_policy() -> None:
    """NP-90: subject, types and rules of the new form count, and nothing of the old."""
    old = policy("red/p", "app=web", ingress=[rule(pods("app=db"))])
    new = policy("red/p", "app=db", egress=[rule(ports=["TCP/80"])], types=[EGRESS])

    assert not ask(world(old), "blue/a > red/a TCP/80").allowed
    assert ask(world(old, new), "blue/a > red/a TCP/80").allowed
    assert not ask(world(old, new), "red/b > blue/a TCP/81").allowed


def test_np_90_a_deleted_policy_means_nothing() -> None:
    """NP-90: without its policy a pod is open again."""
    assert not ask(world(policy("red/p")), "blue/a > red/a TCP/80").allowed
    assert ask(world(), "blue/a > red/a TCP/80").allowed


def test_np_91_namespace_labels() -> None:
    """NP-91: a namespace that gets or loses a label gets or loses its rights."""
    rules = policy("red/p", ingress=[rule(pods(ns="team=b"))])

    assert ask(world(rules), "blue/a > red/a TCP/80").allowed
    assert not ask(world(rules, namespace("blue", "team=x")), "blue/a > red/a TCP/80").allowed
    assert ask(world(rules, namespace("grey", "team=b")), "grey/a > red/a TCP/80").allowed


def test_np_92_pod_labels() -> None:
    """NP-92: a relabelled pod is another subject and another peer."""
    rules = policy("red/p", "app=web", ingress=[rule(pods("app=db"))])
    to_web = pod("red/b", "10.244.1.11", labelled="app=web")
    to_db = pod("red/a", "10.244.1.10", labelled="app=db")

    assert not ask(world(rules, to_web), "red/b > red/a TCP/80").allowed
    assert not ask(world(rules, to_web), "blue/a > red/b TCP/80").allowed
    assert ask(world(rules, to_db), "blue/a > red/a TCP/80").allowed


def test_np_93_pods_and_namespaces_come_and_go() -> None:
    """NP-93: a new pod joins what selects it; with its namespace its policies go too."""
    rules = policy("red/p", ingress=[rule(pods(ns="team=new"))])
    arrived = (namespace("late", "team=new"), pod("late/x", "10.244.1.70"))

    assert ask(world(rules, *arrived), "late/x > red/a TCP/80").allowed
    assert not ask(world(rules), "10.244.1.70 > red/a TCP/80").allowed

    blue_only = [o for o in WORLD if not _of_namespace(o, "red")]
    assert ask(snapshot_of(*blue_only), "blue/a > 10.244.1.10 TCP/80").allowed


def test_lg_12_the_annotation_comes_and_goes() -> None:
    """LG-12: isolation follows the annotation."""
    isolated, free = namespace("red", "team=r", default_deny=True), namespace("red", "team=r")

    assert not ask(world(isolated), "blue/a > red/a TCP/80").allowed
    assert ask(world(isolated, free), "blue/a > red/a TCP/80").allowed


def test_lg_12_a_legacy_policy_may_be_updated() -> None:
    """LG-12: the new spec counts."""
    isolated = namespace("red", default_deny=True)
    old = policy("red/p", ingress=[rule(ports=["TCP/80"])], legacy=True)
    new = policy("red/p", ingress=[rule(ports=["TCP/81"])], legacy=True)

    assert ask(world(isolated, old), "blue/a > red/a TCP/80").allowed
    assert not ask(world(isolated, old, new), "blue/a > red/a TCP/80").allowed
    assert ask(world(isolated, old, new), "blue/a > red/a TCP/81").allowed


def _of_namespace(thing: object, name: str) -> bool:
    if isinstance(thing, Pod | Policy):
        return thing.key.namespace == name
    return isinstance(thing, Namespace) and thing.name == name
