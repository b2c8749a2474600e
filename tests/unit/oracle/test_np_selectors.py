"""NP-20 to NP-27: label selectors, as they choose peers and subjects."""

from __future__ import annotations

import pytest

from ryu_netpol.model.labels import EVERYTHING
from ryu_netpol.model.objects import PodPeer
from tests.support.build import labels, namespace, pod, pods, policy, rule
from tests.unit.oracle.tables import ask, world

SELECTORS = [
    # id, selector, labels, whether they match
    ("NP-20 both labels", "app=web,tier=front", "app=web,tier=front", True),
    ("NP-20 one label is not enough", "app=web,tier=front", "app=web,tier=back", False),
    ("NP-20 label and expression", "app=web,!tier", "app=web", True),
    ("NP-20 label without its expression", "app=web,!tier", "app=web,tier=x", False),
    ("NP-20 two expressions on one key", "app in (web,db),app notin (db)", "app=web", True),
    ("NP-20 contradictory expressions", "app in (web,db),app notin (db)", "app=db", False),
    ("NP-20 contradictory labels", "app=web,app=db", "app=web", False),
    ("NP-21 equal", "app=web", "app=web", True),
    ("NP-21 other case of the value", "app=web", "app=Web", False),
    ("NP-21 other case of the key", "app=web", "App=web", False),
    ("NP-21 prefix of the value", "app=web", "app=web2", False),
    ("NP-21 other value", "app=web", "app=db", False),
    ("NP-21 absent key", "app=web", "", False),
    ("NP-21 empty value does not match an absent key", "app=", "tier=x", False),
    ("NP-21 empty value matches an empty value", "app=", "app=", True),
    ("NP-21 empty value does not match another", "app=", "app=web", False),
    ("NP-22 In, first value", "app in (web,db)", "app=web", True),
    ("NP-22 In, last value", "app in (web,db)", "app=db", True),
    ("NP-22 In, other value", "app in (web,db)", "app=x", False),
    ("NP-22 In, absent key", "app in (web,db)", "", False),
    ("NP-22 In, empty value listed", "app in (web,)", "app=", True),
    ("NP-22 In, empty value listed, absent key", "app in (web,)", "tier=x", False),
    ("NP-22 Exists", "app", "app=web", True),
    ("NP-22 Exists, empty value", "app", "app=", True),
    ("NP-22 Exists, absent key", "app", "tier=web", False),
    ("NP-22 DoesNotExist", "!app", "tier=web", True),
    ("NP-22 DoesNotExist, present key", "!app", "app=web", False),
    ("NP-22 DoesNotExist, empty value", "!app", "app=", False),
    ("NP-23 NotIn, other value", "app notin (web,db)", "app=x", True),
    ("NP-23 NotIn, listed value", "app notin (web,db)", "app=db", False),
    ("NP-23 NotIn, absent key", "app notin (web,db)", "", True),
    ("NP-23 NotIn, empty value", "app notin (web,db)", "app=", True),
    ("NP-23 NotIn, empty value listed", "app notin (web,)", "app=", False),
    ("NP-23 NotIn, empty value listed, absent key", "app notin (web,)", "tier=x", True),
    ("NP-24 empty selector", "*", "app=web", True),
    ("NP-24 empty selector, no labels", "*", "", True),
]

table = pytest.mark.parametrize(
    ("chosen", "labelled", "expected"), [row[1:] for row in SELECTORS], ids=[row[0] for row in SELECTORS]
)


@table
def test_as_peer(chosen: str, labelled: str, expected: bool) -> None:
    """A selector chooses the pods that may come in."""
    snapshot = world(policy("red/p", ingress=[rule(pods(chosen))]), pod("red/x", "10.244.1.99", labelled=labelled))

    assert expected == ask(snapshot, "red/x > red/a TCP/80").allowed


@table
def test_as_subject(chosen: str, labelled: str, expected: bool) -> None:
    """A selector chooses the pods that are isolated."""
    snapshot = world(policy("red/p", chosen), pod("red/x", "10.244.1.99", labelled=labelled))

    assert expected != ask(snapshot, "red/b > red/x TCP/80").allowed


@table
def test_as_namespace_peer(chosen: str, labelled: str, expected: bool) -> None:
    """A selector chooses the namespaces whose pods may come in."""
    snapshot = world(
        policy("red/p", ingress=[rule(pods(ns=chosen))]), namespace("new", labelled), pod("new/x", "10.244.1.99")
    )

    assert expected == ask(snapshot, "new/x > red/a TCP/80").allowed


def test_np_25_a_missing_selector_is_not_an_empty_one() -> None:
    """NP-25: without namespaceSelector the own namespace is meant, with an empty one all of them."""
    own = world(policy("red/p", ingress=[rule(PodPeer(pods=EVERYTHING, namespaces=None))]))
    every = world(policy("red/p", ingress=[rule(PodPeer(pods=None, namespaces=EVERYTHING))]))

    assert ask(own, "red/b > red/a TCP/80").allowed
    assert not ask(own, "blue/a > red/a TCP/80").allowed
    assert ask(every, "blue/a > red/a TCP/80").allowed


def test_np_26_selectors_see_current_labels() -> None:
    """NP-26: when the label goes, so does the right."""
    rules = policy("red/p", ingress=[rule(pods("app=db"))])
    relabelled = pod("red/b", "10.244.1.11", labelled="app=web")

    assert ask(world(rules), "red/b > red/a TCP/80").allowed
    assert not ask(world(rules, relabelled), "red/b > red/a TCP/80").allowed


def test_np_27_namespaces_carry_their_name() -> None:
    """NP-27: a policy names a namespace by its label, also one that nobody has described, and nobody can forge it."""
    name = "kubernetes.io/metadata.name"
    rules = policy("red/p", ingress=[rule(pods(ns=f"{name}=blue")), rule(pods(ns=f"{name}=late"))])
    forged = namespace("grey", f"{name}=blue")
    snapshot = world(rules, forged, pod("late/x", "10.244.1.98"))

    assert ask(snapshot, "blue/a > red/a TCP/80").allowed
    assert ask(snapshot, "late/x > red/a TCP/80").allowed
    assert not ask(snapshot, "grey/a > red/a TCP/80").allowed
    assert labels(f"{name}=grey") == forged.labels
