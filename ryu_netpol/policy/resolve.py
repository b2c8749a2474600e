"""From the cluster to what must hold on one node: the full function, which is the reference (R4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ryu_netpol.model.labels import Selector
from ryu_netpol.model.names import Direction, NodeName, PodKey, PolicyKey, Protocol
from ryu_netpol.model.net import BITS, Address, Cidr, PortRange, merge_ranges, subtract
from ryu_netpol.model.objects import BlockPeer, Cluster, PodPeer, Policy, PortSpec, Rule
from ryu_netpol.policy.identity import Identity, Relevance, reach, relevance
from ryu_netpol.policy.owners import Endpoint, Owner, Owners, owners


@dataclass(frozen=True, slots=True, order=True)
class PortMatch:
    """Ports of one protocol; `first` -1: all of them."""

    protocol: Protocol
    first: int = -1
    last: int = -1

    @property
    def range(self) -> PortRange | None:
        """The ports; None: all."""
        return None if self.first < 0 else PortRange(self.first, self.last)

    def __str__(self) -> str:
        return f"{self.protocol.name}/{self.range or '*'}"


Ports = tuple[PortMatch, ...]


@dataclass(frozen=True, slots=True)
class RuleKey:
    """Names a resolved rule by content: a changed rule is another rule; one whose members change stays the same."""

    policy: PolicyKey
    direction: Direction
    subject: Selector
    rule: Rule
    ports: Ports | None
    """A rule with named ports falls into one resolved rule for each set of numbers."""

    @property
    def order(self) -> tuple[str, str, str, str]:
        """A sort key, so that numbers are given out in the same order on every run."""
        return str(self.policy), self.policy.api, self.direction, repr((self.subject, self.rule, self.ports))


@dataclass(frozen=True, slots=True)
class Peers:
    """The other end: pods by identity, and address blocks."""

    identities: frozenset[Identity] = frozenset()
    blocks: frozenset[Cidr] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.identities or self.blocks)


@dataclass(frozen=True, slots=True)
class ResolvedRule:
    """Allows what comes from (or goes to) a peer, at a subject, on a port. None: any."""

    key: RuleKey
    subjects: frozenset[Identity]
    peers: Peers | None
    ports: Ports | None


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

    def identities(self) -> frozenset[Identity]:
        """Every identity that needs a number."""
        here = frozenset(self.endpoints[endpoint] for endpoint in self.local.values())
        return here | frozenset(self.remote.values())


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
        for resolved in _rules(policy, frozenset(local[e] for e in selected), pods)
    }
    referred = {i for rule in rules.values() if rule.peers for i in rule.peers.identities}
    return NodePolicy(
        local,
        claims.local,
        {address: i for address, pod in claims.remote.items() if (i := pods.identity[pod.key]) in referred},
        claims.contested,
        {direction: _isolated(direction, here, subjects, cluster, local) for direction in Direction},
        rules,
        claims.all(cluster),
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

    def select(self, peer: PodPeer, own: str) -> frozenset[Identity]:
        """Identities that a peer matches. Their labels hold every key that the selector can look at."""
        return frozenset(
            identity
            for namespace in reach(peer, own, self.cluster.namespaces.values())
            for identity in self.by_namespace.get(namespace, ())
            if peer.pods is None or peer.pods.matches(identity.labels)
        )


def _rules(policy: Policy, subjects: frozenset[Identity], pods: _Pods) -> Iterable[ResolvedRule]:
    for direction in Direction:
        for rule in policy.rules(direction):
            peers = None if rule.peers is None else _peers(rule, policy.key.namespace, pods)
            if direction is Direction.INGRESS:
                groups = _ingress_groups(rule, subjects, peers)
            else:
                groups = _egress_groups(rule, subjects, peers, pods)
            for ports, chosen, others in groups:
                if ports == () or others == Peers():
                    continue
                key = RuleKey(policy.key, direction, policy.subject, rule, ports)
                yield ResolvedRule(key, chosen, others, ports)


def _peers(rule: Rule, own: str, pods: _Pods) -> Peers:
    identities: set[Identity] = set()
    blocks: set[Cidr] = set()
    for peer in rule.peers or ():
        if isinstance(peer, BlockPeer):
            blocks.update(subtract(peer.cidr, tuple(sorted(set(peer.excepts)))))
        else:
            identities |= pods.select(peer, own)
    return Peers(frozenset(identities), frozenset(blocks))


Group = tuple[Ports | None, frozenset[Identity], Peers | None]
"""Ports, subjects, peers."""


def _ingress_groups(rule: Rule, subjects: frozenset[Identity], peers: Peers | None) -> Iterable[Group]:
    """Subjects by what the rule's ports mean for them (NP-46)."""
    if rule.ports is None:
        return [(None, subjects, peers)]
    groups: dict[Ports, set[Identity]] = defaultdict(set)
    for subject in subjects:
        groups[_ports(rule.ports, subject)].add(subject)
    return [(ports, frozenset(chosen), peers) for ports, chosen in groups.items()]


def _egress_groups(rule: Rule, subjects: frozenset[Identity], peers: Peers | None, pods: _Pods) -> Iterable[Group]:
    """Peers by what the rule's ports mean for them (NP-47)."""
    if rule.ports is None:
        return [(None, subjects, peers)]
    numeric = _ports(rule.ports, None)
    named = tuple(spec for spec in rule.ports if isinstance(spec.port, str))
    if not named:
        return [(numeric, subjects, peers)]
    identities: dict[Ports, set[Identity]] = defaultdict(set)
    blocks: dict[Ports, set[Cidr]] = defaultdict(set)
    everybody = frozenset(pods.identity.values())
    for identity in everybody if peers is None else peers.identities:
        identities[_ports(rule.ports, identity)].add(identity)
    if peers is not None and peers.blocks:
        blocks[numeric] |= peers.blocks
        # An identity does not say whether its pods are inside the block, so here pods count by address.
        for address, key in pods.address.items():
            if any(address in block for block in peers.blocks):
                pod = pods.cluster.pods[key]
                numbers = _ports(named, Identity(key.namespace, ports=pod.ports))
                blocks[numbers].add(Cidr(address.version, address.value, BITS[address.version]))
    groups: list[Group] = [
        (ports, subjects, Peers(frozenset(identities[ports]), frozenset(blocks[ports])))
        for ports in {*identities, *blocks}
    ]
    if peers is None:
        groups = [(numeric, subjects, None), *(group for group in groups if group[0] != numeric)]
    return groups


def _ports(specs: Iterable[PortSpec], destination: Identity | None) -> Ports:
    """What port entries mean at a destination: numbers of its named ports included (NP-42 to NP-48)."""
    everything: set[Protocol] = set()
    ranges: dict[Protocol, set[PortRange]] = defaultdict(set)
    for spec in specs:
        match spec.port:
            case None:
                everything.add(spec.protocol)
            case PortRange():
                ranges[spec.protocol].add(spec.port)
            case str(name):
                for port in destination.ports if destination else ():
                    if port.name == name and port.protocol is spec.protocol:
                        ranges[spec.protocol].add(PortRange(port.number, port.number))
    matches = [PortMatch(protocol) for protocol in everything]
    for protocol, some in ranges.items():
        if protocol not in everything:
            matches += (PortMatch(protocol, r.first, r.last) for r in merge_ranges(frozenset(some)))
    return tuple(sorted(matches))
