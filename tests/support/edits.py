"""Small changes that matter more often than those of a history: policies written otherwise, pods that change."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from ryu_netpol.model.names import PodKey
from ryu_netpol.model.net import BITS, Address, Cidr, PortRange
from ryu_netpol.model.objects import BlockPeer, Cluster, Peer, PortSpec, Rule


def with_twins(cluster: Cluster) -> Cluster:
    """The cluster with a second pod of every kind, so that one of a kind can go, or change, and the kind remain."""
    twins = (
        replace(
            pod,
            key=PodKey(pod.key.namespace, f"{pod.key.name}-twin"),
            uid=f"{pod.uid}-twin",
            addresses=tuple(Address(address.version, address.value + 100) for address in pod.addresses),
        )
        for pod in cluster.pods.values()
        if not pod.host_network
    )
    return replace(cluster, pods={**cluster.pods, **{twin.key: twin for twin in twins}})


def relabelled(rng: random.Random, cluster: Cluster) -> Cluster:
    """The cluster with one of its pods labelled as another one, or without one of its labels."""
    pod, like = rng.choice(list(cluster.pods.values())), rng.choice(list(cluster.pods.values()))
    labels = like.labels if like.labels != pod.labels else pod.labels.only(frozenset(list(pod.labels)[1:]))
    return replace(cluster, pods={**cluster.pods, pod.key: replace(pod, labels=labels)})


def rescheduled(rng: random.Random, cluster: Cluster) -> Cluster:
    """The cluster with one of its pods on another node, and with its address: a machine that migrated."""
    pod = rng.choice(list(cluster.pods.values()))
    node = rng.choice([name for name in cluster.nodes if name != pod.node])
    return replace(cluster, pods={**cluster.pods, pod.key: replace(pod, node=node)})


def edited(rng: random.Random, cluster: Cluster) -> Cluster:
    """The cluster with one of its policies written otherwise.

    Some edits mean the same, some give with one hand and take with the other.
    """
    policy = rng.choice(list(cluster.policies.values()))
    new = replace(
        policy,
        ingress=tuple(part for rule in policy.ingress for part in _rewritten(rng, rule)),
        egress=tuple(part for rule in policy.egress for part in _rewritten(rng, rule)),
    )
    if policy.legacy:
        new = policy
    return replace(cluster, policies={**cluster.policies, policy.key: new})


def _rewritten(rng: random.Random, rule: Rule) -> list[Rule]:
    peers, ports = rule.peers, rule.ports
    match rng.randrange(9):
        case 0 if peers and len(peers) > 1:  # one rule for each peer
            return [Rule((peer,), ports) for peer in peers]
        case 1 if ports and len(ports) > 1:  # one rule for each port
            return [Rule(peers, (port,)) for port in ports]
        case 2 if peers:  # blocks in halves
            return [Rule(tuple(half for peer in peers for half in _halves(peer)), ports)]
        case 3 if ports:  # ranges in halves
            return [Rule(peers, tuple(half for spec in ports for half in _half_ranges(spec)))]
        case 4 if peers and len(peers) > 1:  # one peer less
            return [Rule(tuple(rng.sample(peers, len(peers) - 1)), ports)]
        case 5 if ports and len(ports) > 1:  # one port less
            return [Rule(peers, tuple(rng.sample(ports, len(ports) - 1)))]
        case 6 | 7 if peers:  # blocks lose a half
            return [Rule(tuple(rng.choice(list(_halves(peer)) or [peer]) for peer in peers), ports)]
    return [rule]


def _halves(peer: Peer) -> Iterator[Peer]:
    if not isinstance(peer, BlockPeer) or peer.cidr.prefix == BITS[peer.cidr.version]:
        yield peer
        return
    prefix = peer.cidr.prefix + 1
    step = 1 << (BITS[peer.cidr.version] - prefix)
    for network in (peer.cidr.network, peer.cidr.network + step):
        half = Cidr(peer.cidr.version, network, prefix)
        if half not in peer.excepts:
            yield BlockPeer(half, peer.excepts)


def _half_ranges(spec: PortSpec) -> Iterator[PortSpec]:
    span = spec.port
    if not isinstance(span, PortRange) or span.first == span.last:
        yield spec
        return
    middle = (span.first + span.last) // 2
    yield replace(spec, port=PortRange(span.first, middle))
    yield replace(spec, port=PortRange(middle + 1, span.last))
