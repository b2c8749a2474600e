"""P2 of the policy: after every change LivePolicy says what resolve says, and names every place that is different."""

from __future__ import annotations

import random
from collections.abc import Hashable, Mapping
from typing import Any

import pytest

from ryu_netpol.flows.offline import offline_node
from ryu_netpol.model.names import Direction
from ryu_netpol.model.objects import BlockPeer, Cluster, Namespace, Pod, Rule
from ryu_netpol.policy.coverage import Coverage, PortName
from ryu_netpol.policy.live import Change, Changes, LivePolicy
from ryu_netpol.policy.owners import Endpoint
from ryu_netpol.policy.resolve import NodePolicy, resolve
from ryu_netpol.policy.touched import Touched
from tests.support.nodes import pod_cidrs
from tests.support.strategies import OURS, random_cluster, random_history

SEEDS = range(60)


def described(cluster: Cluster) -> dict[str, Namespace]:
    """Namespaces as a feed shows them: one that is only mentioned has nothing to say."""
    return {name: space for name, space in cluster.namespaces.items() if space != Namespace(name)}


def changes(old: Cluster, new: Cluster) -> Changes:
    """What is different in two clusters."""

    def differ(was: Mapping[Any, Any], now: Mapping[Any, Any]) -> dict[Any, Change[Any]]:
        return {key: Change(was.get(key), now.get(key)) for key in {*was, *now} if was.get(key) != now.get(key)}

    return Changes(
        differ(old.pods, new.pods), differ(described(old), described(new)), differ(old.policies, new.policies)
    )


def endpoints_of(cluster: Cluster) -> tuple[Endpoint, ...]:
    """A port for each of our pods."""
    return tuple(offline_node(cluster, OURS, pod_cidrs(1)).policy.endpoints)


def plain(policy: NodePolicy) -> dict[str, Any]:
    """A policy as plain dicts, which can be compared."""
    maps = {name: dict(getattr(policy, name)) for name in NodePolicy.__dataclass_fields__}
    return maps | {"isolated": {direction: dict(of) for direction, of in policy.isolated.items()}}


def missed(old: NodePolicy, new: NodePolicy, touched: Touched) -> dict[str, set[Hashable]]:
    """Places that are different and were not named."""

    def differ(*names: str) -> set[Any]:
        return {
            key
            for name in names
            for was, now in [(getattr(old, name), getattr(new, name))]
            for key in {*was, *now}
            if was.get(key) != now.get(key)
        }

    def identities(policy: NodePolicy) -> dict[Any, Any]:
        return {address: policy.endpoints[e] for address, e in policy.local.items()} | dict(policy.remote)

    isolated = {
        identity
        for direction in old.isolated
        for identity in {*old.isolated[direction], *new.isolated[direction]}
        if old.isolated[direction].get(identity) != new.isolated[direction].get(identity)
    }
    was, now = identities(old), identities(new)
    found = {
        "addresses": differ("local", "remote", "contested", "owners")
        | {address for address in {*was, *now} if was.get(address) != now.get(address)},
        "endpoints": differ("endpoints"),
        "identities": differ("members") | isolated,
        "rules": differ("rules"),
    }
    return {name: places - getattr(touched, name) for name, places in found.items() if places - getattr(touched, name)}


def coverage(cluster: Cluster, policy: NodePolicy) -> set[Coverage]:
    """What policies mean here, pod by pod."""
    here = set(policy.local.values())
    owners = [cluster.pods[owner.pod] for owner in policy.owners.values()]
    found = set()
    for key, value in cluster.policies.items():
        namespace = cluster.namespaces[key.namespace]
        subjects = [e for e in here if e.pod.namespace == key.namespace]
        subjects = [e for e in subjects if value.subject.matches(cluster.pods[e.pod].labels)]
        if not subjects or (value.legacy and not namespace.default_deny):
            continue
        unknown = set()
        for direction in Direction:
            for rule in value.rules(direction):
                there = [cluster.pods[e.pod] for e in subjects]
                if direction is Direction.EGRESS:
                    there = [pod for pod in owners if means(rule, key.namespace, pod, cluster)]
                has = {(port.name, port.protocol) for pod in there for port in pod.ports}
                for spec in rule.ports or ():
                    if there and isinstance(spec.port, str) and (spec.port, spec.protocol) not in has:
                        unknown.add(PortName(direction, spec.protocol, spec.port))
        found.add(Coverage(key, len(subjects), tuple(sorted(unknown))))
    return found


def means(rule: Rule, own: str, pod: Pod, cluster: Cluster) -> bool:
    """Whether a rule that names nothing but pods names this one."""
    namespace = cluster.namespaces[pod.key.namespace]
    found = False
    for peer in rule.peers or ():
        if isinstance(peer, BlockPeer):
            return False
        there = peer.namespaces.matches(namespace.labels) if peer.namespaces else namespace.name == own
        found |= there and (peer.pods is None or peer.pods.matches(pod.labels))
    return found


def follow(seed: int, *, steps: int = 12) -> None:
    """Let LivePolicy follow a history, and compare after every step."""
    rng = random.Random(seed)
    cluster = random_cluster(rng, policies=rng.choice([0, 3, 8]))
    endpoints = endpoints_of(cluster)
    live = LivePolicy(OURS)
    before, _ = live.update(Changes(), ())
    policy, touched = live.update(changes(Cluster(), cluster), endpoints)
    for step in [None, *random_history(rng, cluster, steps)]:
        if step is not None:
            if rng.random() < 0.25:
                continue
            before = policy
            there = endpoints_of(step.cluster)
            if rng.random() < 0.3:
                there = tuple(e for e in there if rng.random() < 0.8)
            endpoints = endpoints if set(there) == set(endpoints) else there
            policy, touched = live.update(changes(cluster, step.cluster), endpoints)
            cluster = step.cluster

        assert plain(resolve(cluster, OURS, endpoints)) == plain(policy)
        assert missed(before, policy, touched) == {}
        assert coverage(cluster, policy) == set(live.coverage())


@pytest.mark.parametrize("seed", SEEDS)
def test_live_equals_resolved(seed: int) -> None:
    """Whatever changes, and however much at once, the live policy is the resolved one."""
    follow(seed)
