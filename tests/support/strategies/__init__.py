"""Generated clusters, and generated histories of them, from alphabets so small that everything overlaps.

One generator, two sources of choice: `random_cluster(rng)` for many big clusters, fast and the same for the same seed,
and Hypothesis strategies (`clusters()`, `histories()`) that shrink. What may occur is a set of features, so that a test
can leave out what its subject does not do.

The corners that the alphabets are for: blocks that overlap, nest and touch; ranges that meet; the same labels and the
same pod names in several namespaces; keys that only one policy mentions; empty label values, which are not absent ones;
port names that stand for several numbers or protocols; addresses of finished pods that somebody else has by now.
"""

from __future__ import annotations

import random

from hypothesis import strategies as st

from ryu_netpol.model.names import NodeName
from ryu_netpol.model.objects import Cluster, Policy
from ryu_netpol.model.packet import Connection
from tests.support.grid import grid
from tests.support.strategies.alphabet import ALL, DEFAULT, OURS, Feature
from tests.support.strategies.choices import Draw, DrawnChoices, RandomChoices
from tests.support.strategies.generator import Change, Generator

__all__ = [
    "ALL",
    "DEFAULT",
    "OURS",
    "Change",
    "Feature",
    "clusters",
    "connections",
    "histories",
    "policies",
    "random_cluster",
    "random_history",
]


def random_cluster(rng: random.Random, *, features: frozenset[Feature] = DEFAULT, policies: int = 8) -> Cluster:
    """A cluster with up to this many policies; the same for the same seed."""
    return Generator(RandomChoices(rng), features, policies).cluster()


def random_history(
    rng: random.Random, cluster: Cluster, length: int, *, features: frozenset[Feature] = DEFAULT
) -> list[Change]:
    """At least this many changes, one after the other, of a cluster."""
    return Generator(RandomChoices(rng), features).history(cluster, length)


def clusters(features: frozenset[Feature] = DEFAULT, *, policies: int = 4) -> st.SearchStrategy[Cluster]:
    """Clusters that shrink."""

    @st.composite
    def build(draw: Draw) -> Cluster:
        return Generator(DrawnChoices(draw), features, policies).cluster()

    return build()


def histories(
    features: frozenset[Feature] = DEFAULT, *, length: int = 8, policies: int = 3
) -> st.SearchStrategy[tuple[Cluster, list[Change]]]:
    """A cluster to begin with, and up to this many decisions to change it."""

    @st.composite
    def build(draw: Draw) -> tuple[Cluster, list[Change]]:
        choices = DrawnChoices(draw)
        generator = Generator(choices, features, policies)
        start = generator.cluster()
        return start, generator.history(start, choices.number(0, length))

    return build()


def policies(features: frozenset[Feature] = DEFAULT) -> st.SearchStrategy[Policy]:
    """Policies of either API."""

    @st.composite
    def build(draw: Draw) -> Policy:
        return Generator(DrawnChoices(draw), features).policy()

    return build()


def connections(cluster: Cluster, node: NodeName = OURS) -> st.SearchStrategy[Connection]:
    """Connections of the grid of this cluster; there must be a pod with an address on the node."""
    return st.sampled_from(grid(cluster, node))
