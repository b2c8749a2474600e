"""How the tables of the oracle are written: a world everybody knows, a policy, and who gets through.

    node1: red/a red/b blue/a           node2: blue/b grey/a            outside: 198.51.100.7, 2001:db8::7
    red/a    app=web  dual stack, http=TCP/80 http=TCP/8080 dns=UDP/53
    red/b    app=db   dual stack, http=TCP/8000
    blue/a   app=web  IPv4
    blue/b   app=db   dual stack, http=UDP/80
    grey/a   no label, IPv6
    red/host host network of node1, app=web
    namespaces: red team=r, blue team=b, grey has no label of its own

Expectations were written by hand from docs/semantics.md; a case names its rule, and a connection reads
"red/a > blue/b TCP/80", with " v6" at the end for the other family of dual-stack ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from ryu_netpol.model.names import Protocol
from ryu_netpol.model.objects import Cluster, Object
from ryu_netpol.model.packet import Connection, Verdict
from ryu_netpol.model.probe import Probe, parse_end, resolve
from ryu_netpol.oracle.evaluate import evaluate
from tests.support.build import cluster, namespace, node, pod

OUTSIDE = "198.51.100.7"
OUTSIDE_6 = "2001:db8::7"

WORLD: tuple[Object, ...] = (
    node("node1", "192.168.0.1", "fd00:192:168::1", "10.244.1.1"),
    node("node2", "192.168.0.2", "fd00:192:168::2", "10.244.2.1"),
    namespace("red", "team=r"),
    namespace("blue", "team=b"),
    namespace("grey"),
    pod(
        "red/a",
        "10.244.1.10",
        "fd00:10:244:1::a",
        labelled="app=web",
        ports=["http=TCP/80", "http=TCP/8080", "dns=UDP/53"],
    ),
    pod("red/b", "10.244.1.11", "fd00:10:244:1::b", labelled="app=db", ports=["http=TCP/8000"]),
    pod("blue/a", "10.244.1.20", labelled="app=web"),
    pod("blue/b", "10.244.2.21", "fd00:10:244:2::15", labelled="app=db", node="node2", ports=["http=UDP/80"]),
    pod("grey/a", "fd00:10:244:2::1e", node="node2"),
    pod("red/host", "192.168.0.1", "fd00:192:168::1", labelled="app=web", host_network=True),
)


@dataclass(frozen=True)
class Case:
    """A rule, what is added to the world (or put in place of what has the same key), and what follows."""

    rule: str
    objects: tuple[Object, ...]
    allowed: tuple[str, ...]
    denied: tuple[str, ...]


def case(rule: str, *objects: Object, allowed: Iterable[str] = (), denied: Iterable[str] = ()) -> Case:
    """A case; its name begins with the number of the rule."""
    return Case(rule, objects, tuple(allowed), tuple(denied))


def world(*objects: Object) -> Cluster:
    """The world with these objects added or put in place of others."""
    return cluster(*WORLD, *objects)


def ask(snapshot: Cluster, question: str) -> Verdict:
    """The oracle's answer to "red/a > blue/b TCP/80"."""
    return evaluate(snapshot, connection(snapshot, question))


def connection(snapshot: Cluster, question: str) -> Connection:
    """The connection that a question is about."""
    read = re.fullmatch(r"(\S+) > (\S+) (\w+)(?:/(\d+))?( v6)?", question)
    if read is None:
        raise ValueError(f"{question!r} is no question")
    source, destination, protocol, port, six = read.groups()
    ends = parse_end(source), parse_end(destination)
    return resolve(snapshot, Probe(*ends, Protocol[protocol], int(port) if port else None, 6 if six else None))


def each(cases: Iterable[Case]) -> pytest.MarkDecorator:
    """Parametrize a test with every question of every case."""
    return pytest.mark.parametrize(
        ("objects", "question", "expected"),
        [
            pytest.param(case.objects, question, expected, id=f"{case.rule}: {question}")
            for case in cases
            for expected, questions in ((True, case.allowed), (False, case.denied))
            for question in questions
        ],
    )
