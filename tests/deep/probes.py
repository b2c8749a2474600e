"""What is asked about a cluster."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import islice, zip_longest

from ryu_netpol.flows.offline import OfflineNode
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.packet import Connection, Verdict
from ryu_netpol.oracle.evaluate import Oracle
from tests.support.grid import grid
from tests.support.nodes import can_happen

DRAWN = 3
"""So many times as many are drawn as are asked."""

Asked = dict[Connection, Verdict]
"""Connections with what the oracle says of them."""


def sampled(
    cluster: Cluster,
    nodes: list[OfflineNode],
    rng: random.Random,
    number: int,
    *,
    possible: Callable[[Connection], bool] = lambda _: True,
) -> Asked:
    """At most so many connections, from every node's point of view, none of them one that no packet can be.

    What a rule allows, what is denied, and what nobody judges have equal shares as far as they were drawn: rules allow
    little of all that can be asked.
    """
    grids = [found for node in nodes if (found := grid(cluster, node.name))]
    drawn = [connection for one in grids for connection in one.sample(rng, DRAWN * number // len(grids))]
    rng.shuffle(drawn)
    oracle = Oracle(cluster)
    kinds: dict[str, list[tuple[Connection, Verdict]]] = {"by rule": [], "denied": [], "not judged": []}
    for connection in dict.fromkeys(drawn):
        if can_happen(nodes, connection) and possible(connection):
            verdict = oracle.evaluate(connection)
            kinds[_kind(verdict)].append((connection, verdict))
    turns = zip_longest(*kinds.values())
    return dict(islice((asked for turn in turns for asked in turn if asked is not None), number))


def _kind(verdict: Verdict) -> str:
    if not verdict.allowed:
        return "denied"
    return "by rule" if any(judgement.policy is not None for judgement in verdict.judgements) else "not judged"
