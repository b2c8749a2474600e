"""Model = flows: P1 on other seeds than those of tests/sim, and from both nodes' points of view."""

from __future__ import annotations

import random
from contextlib import AbstractContextManager, nullcontext

from ryu_netpol.flows.offline import FlowJudge
from ryu_netpol.flows.pipeline import check_flow
from tests.deep.probes import sampled
from tests.deep.tally import Check, Level, Tally
from tests.support.nodes import offline_nodes
from tests.support.strategies import random_cluster

PROBES = 30


def check(seed: int) -> Tally:
    """Compare what the oracle and the compiled flows say of connections of both nodes' grids."""
    rng = random.Random(seed)
    cluster = random_cluster(rng)
    nodes = offline_nodes(cluster)
    for node in nodes:
        for flow in node.flows.values():
            check_flow(flow)
    judge, counts, differences = FlowJudge(nodes), [0, 0], []
    for connection, verdict in sampled(cluster, nodes, rng, PROBES).items():
        allowed, dropped_by = judge.judge(connection)
        if allowed != verdict.allowed:
            said = f"the oracle says {verdict}, the flows say {allowed} by {dropped_by}"
            differences.append(f"seed {seed}: {connection}: {said}")
        else:
            counts[allowed] += 1
    return Tally(1, counts[True], counts[False], tuple(differences))


def opened() -> AbstractContextManager[Check]:
    """Nothing is shared."""
    return nullcontext(check)


LEVEL = Level("flows", 250, opened)
