"""`ryu-netpol diff` finds every connection that is gained or lost between two clusters, and no other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from ryu_netpol.cli.diff import parts, twins
from ryu_netpol.cli.diff.compare import Change, Comparison, compare
from ryu_netpol.model.names import PodKey
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.packet import Connection
from ryu_netpol.oracle.board import Board
from ryu_netpol.oracle.claims import claims
from ryu_netpol.oracle.evaluate import NODE_PORTS, Oracle
from ryu_netpol.oracle.look import Seen
from ryu_netpol.oracle.sight import UNJUDGED, End, NodeAddress, Outside, Terms
from ryu_netpol.oracle.space import Space
from tests.support.crowd import crowded
from tests.support.grid import grid
from tests.support.strategies import ALL, DEFAULT, Feature, random_cluster, random_history

CLUSTERS = 300
BATCH = 20
PROBES = 80
"""Connections of each cluster and node."""


@dataclass(frozen=True)
class Question:
    """A connection by the names of its ends, so that it can be asked in both clusters."""

    source: End
    destination: End
    connection: Connection


class Side:
    """One of the clusters: who is who in it, found out without the code that is tested."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._oracle = Oracle(cluster)
        found = claims(cluster.pods.values())
        self.pods: dict[Address, tuple[PodKey, ...]] = {a: (pod.key,) for a, pod in found.owners.items()}
        self.pods |= {a: tuple(pod.key for pod in pods) for a, pods in found.disputed.items()}
        self.nodes = {a: node.name for node in cluster.nodes.values() for a in node.addresses if a not in self.pods}

    def questions(self, rng: random.Random) -> Iterator[Question]:
        """Connections of the grid, by name."""
        for name in sorted(self.cluster.nodes):
            for connection in grid(self.cluster, name).sample(rng, PROBES):
                for source in self._sources(connection):
                    for destination in self._destinations(connection):
                        yield Question(source, destination, connection)

    def _sources(self, connection: Connection) -> list[End]:
        if connection.origin is not None:
            return [NodeAddress(connection.origin, connection.source)]
        return [*self.pods.get(connection.source, (alone(connection.source),))]

    def _destinations(self, connection: Connection) -> list[End]:
        address = connection.destination
        if address in self.nodes:
            return [NodeAddress(self.nodes[address], address)]
        return [*self.pods.get(address, (alone(address),))]

    def allowed(self, question: Question) -> bool | None:
        """The Oracle's word; None where one end is not there."""
        connection = question.connection
        source = self._address(question.source, connection.source)
        destination = self._address(question.destination, connection.destination)
        if source is None or destination is None:
            return None
        return self._oracle.evaluate(replace(connection, source=source, destination=destination)).allowed

    def _address(self, end: End, asked: Address) -> Address | None:
        if isinstance(end, PodKey):
            return next((a for a, keys in self.pods.items() if end in keys and a.version == asked.version), None)
        if isinstance(end, NodeAddress):
            return asked if self.nodes.get(asked) == end.node else None
        return asked

    def is_own_node(self, pod: End, node: End) -> bool:
        """Whether they are a pod and its node, as far as they are here."""
        if not isinstance(pod, PodKey) or not isinstance(node, NodeAddress):
            return False
        return pod not in self.cluster.pods or self.cluster.pods[pod].node == node.node


def alone(address: Address) -> Outside:
    """An outsider."""
    return Outside(address.version, address.value, address.value)


def is_compared(question: Question, old: Side, new: Side) -> bool:
    """Not a pod with itself or its own node, nor an address that is a pod's in the other cluster."""
    source, destination, connection = question.source, question.destination, question.connection
    if source == destination:
        return False
    if old.is_own_node(destination, source) and new.is_own_node(destination, source):
        return False
    if old.is_own_node(source, destination) and new.is_own_node(source, destination):
        return connection.port is not None and connection.port in NODE_PORTS
    if isinstance(source, Outside) and (connection.source in old.pods or connection.source in new.pods):
        return False
    somebody = old.pods.keys() | new.pods.keys() | old.nodes.keys() | new.nodes.keys()
    return not isinstance(destination, Outside) or connection.destination not in somebody


def told(change: Change, question: Question) -> bool:
    """Whether the change speaks of this connection."""
    connection = question.connection
    return (
        change.version in (None, connection.source.version)
        and (connection.protocol, connection.port) in change.traffic
        and is_among(question.source, change.sources)
        and is_among(question.destination, change.destinations)
    )


def is_among(end: End, ends: frozenset[End]) -> bool:
    """Whether it is one of them, or an address inside of one."""
    if not isinstance(end, Outside):
        return end in ends
    return any(
        isinstance(other, Outside) and other.version == end.version and other.first <= end.first <= other.last
        for other in ends
    )


def mistakes(old: Cluster, new: Cluster, comparison: Comparison, rng: random.Random) -> Iterator[str]:
    """Every connection of which the comparison says something else than the Oracle."""
    sides = Side(old), Side(new)
    for side in sides:
        for question in side.questions(rng):
            if is_compared(question, *sides):
                before, after = (bool(side.allowed(question)) for side in sides)
                expected = [after] if before != after else []
                found = [change.gained for change in comparison.changes if told(change, question)]
                if found != expected:
                    yield f"{question}: was {before}, is {after}, told {found}"


def changed(rng: random.Random, features: frozenset[Feature]) -> tuple[Cluster, Cluster]:
    """A cluster, every third one with pods that cannot be told apart, and what it is some events later."""
    old = random_cluster(rng, features=features)
    if rng.randrange(3) == 0:
        old = crowded(rng, old)
    return old, random_history(rng, old, rng.randint(1, 6), features=features)[-1].cluster


@pytest.mark.parametrize("start", range(0, CLUSTERS, BATCH), ids="clusters from {}".format)
def test_exactly_what_changes_is_told(start: int) -> None:
    """Each connection that only one of the clusters allows is in one change, with the right sign; others in none."""
    for seed in range(start, start + BATCH):
        rng = random.Random(seed)
        old, new = changed(rng, ALL if seed % 5 == 0 else DEFAULT)

        assert list(mistakes(old, new, compare(old, new), rng)) == [], seed


DEFECTS = {
    "blocks are not seen": (Terms, "blocks_at", lambda *_: 0),
    "named ports are not seen": (Space, "_named_ports", lambda *_: ()),
    "pods never move": (parts, "_moved", lambda *_: None),
    "rules look at nothing": (Seen, "by", lambda seen, _: ((), (), seen.disputed)),
    "all that is allowed is seen alike": (Board, "share", lambda *_: (-1, UNJUDGED)),
    "what policies say does not change": (twins, "_pair", lambda old, _: (old, old)),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_defects_are_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: a comparison that does not look at something is caught."""
    monkeypatch.setattr(*DEFECTS[name])

    assert any(some_mistakes(seed) for seed in range(60))


def some_mistakes(seed: int) -> list[str]:
    """What is wrong with one comparison."""
    rng = random.Random(seed)
    old, new = changed(rng, DEFAULT)
    return list(mistakes(old, new, compare(old, new), rng))


@pytest.mark.parametrize("defect", ["a change is missing", "a sign is wrong", "a change is told twice"])
def test_wrong_reports_are_found(defect: str) -> None:
    """P10: nothing may be missing, turned round or told twice."""
    rng = random.Random(1)
    old, new = changed(rng, DEFAULT)
    right = compare(old, new)
    first, *others = sorted(right.changes, key=lambda change: -len(change.sources) * len(change.destinations))
    wrong = {
        "a change is missing": others,
        "a sign is wrong": [replace(first, gained=not first.gained), *others],
        "a change is told twice": [first, first, *others],
    }

    assert list(mistakes(old, new, replace(right, changes=tuple(wrong[defect])), rng))
