"""From the cluster to what must hold on one node: the full function, which is the reference (R4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ryu_netpol.model.names import Direction, NodeName, PodKey, PolicyKey
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Cluster, Pod, PodPeer, Policy
from ryu_netpol.policy.identity import Identity, Relevance, in_scope, relevance, scope
from ryu_netpol.policy.owners import Endpoint, Owner, Owners, owners
from ryu_netpol.policy.rules import Peers, PortMatch, Ports, ResolvedRule, RuleKey, resolved_rules

__all__ = ["NodePolicy", "Peers", "PortMatch", "Ports", "ResolvedRule", "RuleKey", "resolve"]


@dataclass(frozen=True, slots=True)
class NodePolicy:
    """Everything that the compiler needs to know about policy on this node."""

    endpoints: Mapping[Endpoint, Identity]
    local: Mapping[Address, Endpoint]
    """Addresses of endpoints, each with the one that owns it."""
    remote: Mapping[Address, Identity]
    """Addresses of pods elsewhere, of those identities that some rule refers to."""
    contested: Mapping[Address, tuple[PodKey, ...]]
    isolated: Mapping[Direction, Mapping[Identity, tuple[PolicyKey, ...]]]
    """Isolated identities, with the policies that isolate them; none: the namespace's annotation does."""
    rules: Mapping[RuleKey, ResolvedRule]
    owners: Mapping[Address, Owner]
    """Whose every address is, also those that no rule refers to."""
    members: Mapping[Identity, frozenset[Address]]
    """The addresses of every identity that needs a number: those of local and remote."""


def resolve(cluster: Cluster, node: NodeName, endpoints: Iterable[Endpoint]) -> NodePolicy:
    """What must hold on this node. Endpoints whose pod is not in the cluster, or not policy-visible, do not count."""
    counted = [e for e in endpoints if (pod := cluster.pods.get(e.pod)) is not None and pod.visible]
    claims = owners(cluster, node, counted)
    # An endpoint that owns no address says nothing and hears nothing: policy need not know it.
    speaking = sorted(set(claims.local.values()), key=lambda e: e.port)
    subjects = _policies_with_subjects(cluster, speaking)
    seen = relevance(subjects, cluster.namespaces.values())
    pods = _Pods(cluster, claims, seen)
    local = {e: seen.identity(cluster.pods[e.pod]) for e in counted}
    here = frozenset(local[e] for e in speaking)
    rules = {
        resolved.key: resolved
        for policy, selected in subjects.items()
        for resolved in resolved_rules(policy, frozenset(local[e] for e in selected), pods)
    }
    referred = {i for rule in rules.values() if rule.peers for i in rule.peers.identities}
    remote = {address: i for address, pod in claims.remote.items() if (i := pods.identity[pod.key]) in referred}
    members: dict[Identity, set[Address]] = defaultdict(set)
    for address, identity in ({a: local[e] for a, e in claims.local.items()} | remote).items():
        members[identity].add(address)
    return NodePolicy(
        local,
        claims.local,
        remote,
        claims.contested,
        {direction: _isolated(direction, here, subjects, cluster, local) for direction in Direction},
        rules,
        claims.all(cluster),
        {identity: frozenset(addresses) for identity, addresses in members.items()},
    )


def _policies_with_subjects(cluster: Cluster, endpoints: Iterable[Endpoint]) -> dict[Policy, list[Endpoint]]:
    """The policies that count on this node, each with the endpoints it selects (NP-10, LG-4)."""
    by_namespace: dict[str, list[Endpoint]] = defaultdict(list)
    for endpoint in endpoints:
        by_namespace[endpoint.pod.namespace].append(endpoint)
    chosen: dict[Policy, list[Endpoint]] = {}
    for policy in cluster.policies.values():
        namespace = policy.key.namespace
        if policy.legacy and not cluster.namespaces[namespace].default_deny:
            continue
        selected = [e for e in by_namespace[namespace] if policy.subject.matches(cluster.pods[e.pod].labels)]
        if selected:
            chosen[policy] = selected
    return chosen


def _isolated(
    direction: Direction,
    here: frozenset[Identity],
    policies: Mapping[Policy, list[Endpoint]],
    cluster: Cluster,
    local: Mapping[Endpoint, Identity],
) -> dict[Identity, tuple[PolicyKey, ...]]:
    """Who is isolated, and by which policies (NP-1, NP-2, LG-1, LG-11)."""
    by: dict[Identity, set[PolicyKey]] = defaultdict(set)
    if direction is Direction.INGRESS:
        for identity in here:
            if cluster.namespaces[identity.namespace].default_deny:
                by[identity] = set()
    for policy, selected in policies.items():
        if not policy.legacy and direction in policy.directions:
            for endpoint in selected:
                by[local[endpoint]].add(policy.key)
    return {identity: tuple(sorted(keys)) for identity, keys in by.items()}


class _Pods:
    """Pods that own an address, by identity and namespace."""

    def __init__(self, cluster: Cluster, claims: Owners, seen: Relevance) -> None:
        self.cluster = cluster
        self.address: dict[Address, PodKey] = {a: e.pod for a, e in claims.local.items()}
        self.address |= {a: pod.key for a, pod in claims.remote.items()}
        self.identity = {key: seen.identity(cluster.pods[key]) for key in set(self.address.values())}
        self.by_namespace: dict[str, set[Identity]] = defaultdict(set)
        for identity in self.identity.values():
            self.by_namespace[identity.namespace].add(identity)

    def everybody(self) -> Iterable[Identity]:
        """All identities."""
        return frozenset(self.identity.values())

    def addresses(self) -> Iterable[tuple[Address, Pod]]:
        """All addresses, each with its owner."""
        return ((address, self.cluster.pods[key]) for address, key in self.address.items())

    def select(self, peer: PodPeer, own: str) -> frozenset[Identity]:
        """Identities that a peer matches. Their labels hold every key that the selector can look at."""
        return frozenset(
            identity
            for namespace in in_scope(scope(peer, own), self.cluster.namespaces.values())
            for identity in self.by_namespace.get(namespace, ())
            if peer.pods is None or peer.pods.matches(identity.labels)
        )
