"""NP-20 to NP-27: label selectors, as they choose subjects, peers and namespaces.

Every selector meets the same pods and namespaces; those that it chooses are named, all others it does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ryu_netpol.model.objects import METADATA_NAME, Object
from tests.rules.cases import Case, case, stage, story, v1
from tests.support.build import namespace, pod, pods, policy, rule

LABELLED = {
    "none": "",
    "other": "tier=x",
    "empty": "app=",
    "web": "app=web",
    "db": "app=db",
    "upper-value": "app=Web",
    "upper-key": "App=web",
    "longer": "app=web2",
    "front": "app=web,tier=front",
}
"""Pods in red, and pods of namespaces, by what their labels are."""

PEOPLE: tuple[Object, ...] = (
    *(pod(f"red/{name}", f"10.244.1.{n}", labelled=text) for n, (name, text) in enumerate(LABELLED.items(), 100)),
    *(namespace(f"ns-{name}", text) for name, text in LABELLED.items()),
    *(pod(f"ns-{name}/x", f"10.244.2.{n}", node="node2") for n, name in enumerate(LABELLED, 100)),
)

WITH_APP = ("empty", "web", "db", "upper-value", "longer", "front")
CHOICES: list[tuple[str, str, tuple[str, ...]]] = [
    ("NP-20 two labels", "app=web,tier=front", ("front",)),
    ("NP-20 a label and an expression", "app=web,!tier", ("web",)),
    ("NP-20 two expressions on one key", "app in (web,db),app notin (db)", ("web", "front")),
    ("NP-20 labels that contradict each other", "app=web,app=db", ()),
    ("NP-21 a label", "app=web", ("web", "front")),
    ("NP-21 a label with an empty value", "app=", ("empty",)),
    ("NP-22 In", "app in (web,db)", ("web", "db", "front")),
    ("NP-22 In with an empty value listed", "app in (db,)", ("empty", "db")),
    ("NP-22 Exists", "app", WITH_APP),
    ("NP-22 DoesNotExist", "!app", ("none", "other", "upper-key")),
    ("NP-23 NotIn", "app notin (web,db)", ("none", "other", "empty", "upper-value", "upper-key", "longer")),
    ("NP-23 NotIn with an empty value listed", "app notin (web,)", ("none", "other", "db", "upper-value", "upper-key",
                                                                     "longer")),
    ("NP-24 an empty selector", "*", tuple(LABELLED)),
]  # fmt: skip
"""A selector, and whom it chooses."""


def chosen(title: str, chooser: str, who: tuple[str, ...]) -> Case:
    """A selector chooses subjects in red, peers of blue/a, and namespaces that are peers of blue/b.

    The policy of the subjects allows nothing, so that whoever is chosen is out of reach.
    """
    others = [name for name in LABELLED if name not in who]
    return case(
        title,
        *PEOPLE,
        policy("red/subjects", chooser),
        policy("blue/peers", "app=web", ingress=[rule(pods(chooser, ns="team=r"))]),
        policy("blue/namespaces", "app=db", ingress=[rule(pods(ns=chooser))]),
        allowed=[*_come_in(who), *(f"blue/b > red/{name} TCP/80" for name in others)],
        denied=[*_come_in(others), *(f"blue/b > red/{name} TCP/80" for name in who)],
    )


def _come_in(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield f"red/{name} > blue/a TCP/80"
        yield f"ns-{name}/x > blue/b TCP/80"


DB_COMES_IN = policy("red/p", ingress=[rule(pods("app=db"))])

CASES = [
    *(chosen(*choice) for choice in CHOICES),
    *(
        case(
            f"NP-24 a selector with {what} matches everything",
            v1(f"{{podSelector: {text}}}"),
            v1(f"{{podSelector: {text}, ingress: [{{from: [{{namespaceSelector: {text}}}]}}]}}", name="blue/p"),
            allowed=["red/a > blue/a TCP/80", "grey/a > blue/b TCP/80", "blue/b > blue/a TCP/80"],
            denied=["blue/a > red/a TCP/80", "red/a > red/b TCP/80", "198.51.100.7 > blue/a TCP/80"],
        )
        for what, text in {
            "nothing in it": "{}",
            "empty members": "{matchLabels: {}, matchExpressions: []}",
            "null members": "{matchLabels: null, matchExpressions: null}",
        }.items()
    ),
    *(
        case(
            f"NP-25 a {how} namespaceSelector is the own namespace",
            v1(f"{{podSelector: {{}}, ingress: [{{from: [{{podSelector: {{}}{text}}}]}}]}}"),
            allowed=["red/b > red/a TCP/80"],
            denied=["blue/a > red/a TCP/80", "grey/a > red/a TCP/80"],
        )
        for how, text in {"missing": "", "null": ", namespaceSelector: null"}.items()
    ),
    *(
        case(
            f"NP-25 a {how} podSelector is every pod of the namespaces",
            v1(f"{{ingress: [{{from: [{{namespaceSelector: {{matchLabels: {{team: b}}}}{text}}}]}}]}}"),
            allowed=["blue/a > red/a TCP/80", "blue/b > red/a TCP/80"],
            denied=["red/b > red/a TCP/80", "grey/a > red/a TCP/80"],
        )
        for how, text in {"missing": "", "null": ", podSelector: null"}.items()
    ),
    case(
        "NP-25 an empty namespaceSelector is every namespace",
        v1("{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: db}}, namespaceSelector: {}}]}]}"),
        allowed=["blue/b > red/a TCP/80", "red/b > red/a TCP/80"],
        denied=["blue/a > red/a TCP/80", "grey/a > red/a TCP/80"],
    ),
    story(
        "NP-26 when the label goes, so does the right",
        stage(DB_COMES_IN, allowed=["red/b > red/a TCP/80"]),
        stage(
            DB_COMES_IN,
            pod("red/b", "10.244.1.11", "fd00:10:244:1::b", labelled="app=web"),
            denied=["red/b > red/a TCP/80", "red/b > red/a TCP/80 v6"],
        ),
    ),
    case(
        "NP-27 a namespace carries its name, whether a manifest says so or not",
        "{apiVersion: v1, kind: Namespace, metadata: {name: blue}}",
        policy("red/p", ingress=[rule(pods(ns=f"{METADATA_NAME}=blue"))]),
        allowed=["blue/a > red/a TCP/80"],
        denied=["grey/a > red/a TCP/80", "red/b > red/a TCP/80"],
    ),
    case(
        "NP-27 so does one that nobody describes",
        policy("red/p", ingress=[rule(pods(ns=f"{METADATA_NAME}=late"))]),
        pod("late/x", "10.244.1.98"),
        allowed=["late/x > red/a TCP/80"],
        denied=["blue/a > red/a TCP/80"],
    ),
    case(
        "NP-27 nobody can call himself by another's name",
        f"{{apiVersion: v1, kind: Namespace, metadata: {{name: grey, labels: {{{METADATA_NAME}: blue}}}}}}",
        policy("red/p", ingress=[rule(pods(ns=f"{METADATA_NAME}=blue"))]),
        policy("blue/p", "app=db", ingress=[rule(pods(ns=f"{METADATA_NAME}=grey"))]),
        allowed=["blue/a > red/a TCP/80", "grey/a > blue/b TCP/80"],
        denied=["grey/a > red/a TCP/80", "red/a > blue/b TCP/80"],
    ),
]
