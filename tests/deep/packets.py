"""Model = packets: agents, plugin and real packets in a lab for each cluster. Needs root."""

from __future__ import annotations

import random
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from ryu_netpol.cli.judges import packets
from ryu_netpol.cli.judges.answer import Question
from ryu_netpol.cli.offline import nodes_of
from ryu_netpol.flows.offline import OfflineNode
from ryu_netpol.model.decode.complete import complete
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.packet import Connection
from ryu_netpol.model.probe import NodeEnd, Probe
from tests.deep.probes import sampled
from tests.deep.tally import Check, Level, Tally
from tests.support import manifests
from tests.support.strategies import random_cluster

PROBES = 60


def check(seed: int) -> Tally:
    """Bring a cluster up as a lab and hold the oracle against what its packets do."""
    rng = random.Random(seed)
    cluster = in_the_lab(random_cluster(rng))
    nodes = nodes_of(cluster)
    asked = sampled(cluster, nodes, rng, PROBES, possible=partial(can_be_sent, nodes))
    questions = [Question(probe(connection), connection) for connection in asked]

    def write(folder: Path) -> None:
        manifests.write(cluster.objects(), folder, rng=rng)

    answers = packets.judge(cluster, questions, write=write)
    counts, differences = [0, 0], []
    for question, answer in zip(questions, answers, strict=True):
        verdict = asked[question.connection]
        if answer.allowed is None or answer.allowed != verdict.allowed:
            said = f"the oracle says {verdict}, packets say {answer.word}: {answer.reason}"
            differences.append(f"seed {seed}: {question.probe}: {said}")
        else:
            counts[answer.allowed] += 1
    return Tally(1, counts[True], counts[False], tuple(differences))


def in_the_lab(cluster: Cluster) -> Cluster:
    """The cluster as a lab can have it: every pod has a node and an address, gateways have those of the pod network."""
    nodes = {name: replace(node, addresses=node.addresses[:2]) for name, node in cluster.nodes.items()}
    return complete(replace(cluster, nodes=nodes).objects())


def probe(connection: Connection) -> Probe:
    """How `reach` is asked about a connection."""
    source = connection.source if connection.origin is None else NodeEnd(connection.origin)
    return Probe(source, connection.destination, connection.protocol, connection.port, connection.source.version)


def can_be_sent(nodes: list[OfflineNode], connection: Connection) -> bool:
    """Whether the lab has both ends: not a gateway's address, none of a pod network that no pod has."""
    return all(_is_an_end(nodes, end) for end in (connection.source, connection.destination))


def _is_an_end(nodes: list[OfflineNode], address: Address) -> bool:
    owned = any(address in node.policy.owners or address in node.bridge.node_addresses for node in nodes)
    return owned or not any(address in cidr for node in nodes for cidr in node.bridge.pod_cidrs)


def opened() -> AbstractContextManager[Check]:
    """Nothing is shared: a lab of its own for each cluster."""
    return nullcontext(check)


LEVEL = Level("packets", 1, opened)
