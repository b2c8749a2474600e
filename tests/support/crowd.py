"""Clusters with many pods of few kinds."""

from __future__ import annotations

import random
from dataclasses import replace

from ryu_netpol.model.names import PodKey
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Cluster, Pod

COPIES = 3
NEAR = 40
"""How far the address of a copy may be: mostly in the same blocks."""


def crowded(rng: random.Random, cluster: Cluster) -> Cluster:
    """The same cluster with up to so many copies of each pod; some of them claim the address of another one."""
    taken = {address for pod in cluster.pods.values() for address in pod.addresses}
    taken |= {address for node in cluster.nodes.values() for address in node.addresses}
    pods = dict(cluster.pods)
    for pod in cluster.pods.values():
        for number in range(rng.randint(0, COPIES)):
            copy = _copy(rng, pod, number, taken)
            pods[copy.key] = copy
    return replace(cluster, pods=pods)


def _copy(rng: random.Random, pod: Pod, number: int, taken: set[Address]) -> Pod:
    addresses = []
    for address in pod.addresses:
        if not pod.host_network and rng.random() < 0.9:
            near = (Address(address.version, address.value + rng.randint(1, NEAR)) for _ in range(NEAR))
            address = next((other for other in near if other not in taken), address)
            taken.add(address)
        addresses.append(address)
    key = PodKey(pod.key.namespace, f"{pod.key.name}-{number}")
    return replace(pod, key=key, uid=f"{pod.uid}-{number}", addresses=tuple(addresses))
