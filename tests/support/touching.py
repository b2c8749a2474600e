"""Policies of our node along a history, and where exactly two of them differ."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import TypeVar

from ryu_netpol.model.names import Direction, OfPort, PodKey
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Cluster
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.owners import Endpoint
from ryu_netpol.policy.resolve import NodePolicy, resolve
from ryu_netpol.policy.touched import Touched, everything
from tests.support.strategies import OURS

K = TypeVar("K")
V = TypeVar("V")


class Ports:
    """Ports of our bridge: each pod keeps its own, so that nothing differs but what has changed."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[PodKey, str], int] = {}

    def policy(self, cluster: Cluster) -> NodePolicy:
        """What holds on our node; of pods with one address some are as old as each other, others are not."""
        return resolve(cluster, OURS, self._endpoints(cluster))

    def _endpoints(self, cluster: Cluster) -> Iterator[Endpoint]:
        for pod in cluster.pods.values():
            if pod.node == OURS and pod.visible:
                number = self._numbers.setdefault((pod.key, pod.uid), len(self._numbers) + 2)
                yield Endpoint(pod.key, OfPort(number), number, pod.addresses, created=number % 3)


def policies(clusters: Iterable[Cluster]) -> list[NodePolicy]:
    """What holds on our node in one state after the other."""
    ports = Ports()
    return [ports.policy(cluster) for cluster in clusters]


def difference(before: NodePolicy, after: NodePolicy) -> Touched:
    """Where two policies differ, and nothing else."""
    addresses = ((p.local, p.remote, p.contested, p.owners, _identities(p)) for p in (before, after))
    identities = ((p.members, *(p.isolated[direction] for direction in Direction)) for p in (before, after))
    return Touched(
        _unequal(zip(*addresses, strict=True)),
        _unequal([(before.endpoints, after.endpoints)]),
        _unequal(zip(*identities, strict=True)),
        _unequal([(before.rules, after.rules)]),
    )


def differences(several: Iterable[NodePolicy]) -> Touched:
    """What is touched on the way from the first of some policies to the last."""
    touched = Touched()
    for before, after in pairwise(several):
        touched |= difference(before, after)
    return touched


def some(rng: random.Random, *of: NodePolicy) -> Touched:
    """Some keys of some policies, whether anything happened there or not."""
    known = everything(*of)
    return Touched(
        frozenset(key for key in known.addresses if rng.random() < 0.3),
        frozenset(key for key in known.endpoints if rng.random() < 0.3),
        frozenset(key for key in known.identities if rng.random() < 0.3),
        frozenset(key for key in known.rules if rng.random() < 0.3),
    )


def _identities(policy: NodePolicy) -> dict[Address, Identity]:
    return {address: policy.endpoints[endpoint] for address, endpoint in policy.local.items()}


def _unequal(pairs: Iterable[tuple[Mapping[K, V], Mapping[K, V]]]) -> frozenset[K]:
    return frozenset(key for before, after in pairs for key in {*before, *after} if before.get(key) != after.get(key))
