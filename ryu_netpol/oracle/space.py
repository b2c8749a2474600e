"""All connections of a cluster at once, exactly.

The Oracle judges one connection. A Space asks it once for each pair of Sights and each piece of the ports, and so knows
the answer for all others: nothing is sampled. Spaces of several clusters share their Terms: a Sight then means the same
in each of them, and is judged only once.

Callers: `ryu-netpol diff`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from ryu_netpol.model.labels import Labels
from ryu_netpol.model.names import PORT_PROTOCOLS, Direction, PodKey, PolicyKey
from ryu_netpol.model.net import Address, PortRange, Version
from ryu_netpol.model.objects import Cluster, NamedPort, Namespace, Pod, Policy, PortSpec
from ryu_netpol.model.packet import Connection
from ryu_netpol.oracle import match
from ryu_netpol.oracle.evaluate import Oracle
from ryu_netpol.oracle.look import Seen
from ryu_netpol.oracle.sight import (
    UNJUDGED,
    Annotation,
    Dispute,
    End,
    Isolating,
    Judged,
    NodeAddress,
    Outside,
    Sight,
    Terms,
)
from ryu_netpol.oracle.traffic import NOTHING, OTHER, Traffic, pieces, ports


class Space:
    """All connections of one cluster."""

    def __init__(self, cluster: Cluster, terms: Terms) -> None:
        self.cluster = cluster
        self.terms = terms
        """Shared with the spaces that it is compared with."""
        self.oracle = Oracle(cluster)
        """Who is asked."""
        owned = self.oracle.claims
        self._disputed = owned.disputed
        self.owned = frozenset({*owned.owners, *owned.disputed})
        """The addresses of pods."""
        claimed = [(address, (pod,)) for address, pod in owned.owners.items()]
        self.pods: dict[tuple[PodKey, Version], Address] = {
            (pod.key, address.version): address
            for address, rivals in (*claimed, *owned.disputed.items())
            for pod in rivals
        }
        self.nodes = frozenset(
            NodeAddress(node.name, address)
            for node in cluster.nodes.values()
            for address in node.addresses
            if address not in self.owned
        )
        self.taken = self.owned | {end.address for end in self.nodes}
        """The addresses of pods and nodes."""
        self._sights: dict[tuple[End, Version], Sight | None] = {}
        self._by_labels: dict[tuple[str, Labels, Direction], tuple[int, int]] = {}
        self._numbers: dict[PolicyKey, int] = {}

    # What can be seen

    def sight(self, end: End, version: Version) -> Sight | None:
        """What policies can see of this end; None where there is no such end in this IP version."""
        key = (end, version)
        if key not in self._sights:
            self._sights[key] = self._look(end, version)
        return self._sights[key]

    def _look(self, end: End, version: Version) -> Sight | None:
        if isinstance(end, PodKey):
            address = self.pods.get((end, version))
            return None if address is None else self._pod_sight(self.cluster.pods[end], address)
        if isinstance(end, NodeAddress):
            there = end in self.nodes and end.address.version == version
            return self._plain_sight(end.address) if there else None
        return self._plain_sight(Address(version, end.first)) if end.version == version else None

    def _pod_sight(self, pod: Pod, address: Address) -> Sight:
        disputed = address in self._disputed
        numbers = {}
        for direction in Direction:
            policies, entries = self._labels_of(pod, direction)
            named = self._named_ports(pod, direction)
            at_destination = direction is Direction.INGRESS
            subject = self.terms.number((direction, policies, named if at_destination else (), disputed))
            self.terms.looks[subject] = self.terms.looks[policies]
            seen = Seen(entries | self.terms.blocks_at(address, direction), () if at_destination else named, disputed)
            numbers[direction] = subject, self._seen(direction, seen)
        ingress, seen_by_ingress = numbers[Direction.INGRESS]
        egress, seen_by_egress = numbers[Direction.EGRESS]
        return Sight(egress, ingress, seen_by_ingress, seen_by_egress)

    def _plain_sight(self, address: Address) -> Sight:
        """Of what is no pod: nothing but the address counts (NP-34)."""
        by_ingress, by_egress = (
            self._seen(direction, Seen(self.terms.blocks_at(address, direction)))
            for direction in (Direction.INGRESS, Direction.EGRESS)
        )
        return Sight(0, 0, by_ingress, by_egress)

    def _seen(self, direction: Direction, seen: Seen) -> int:
        number = self.terms.number((direction, seen))
        self.terms.seen[number] = seen
        return number

    def _labels_of(self, pod: Pod, direction: Direction) -> tuple[int, int]:
        """What follows from namespace and labels: the policies that count, and the entries of peers that match."""
        key = (pod.key.namespace, pod.labels.only(self.terms.label_keys), direction)
        if key not in self._by_labels:
            policies = self.oracle.policies_of(pod, direction)
            values = [tuple(self._policy(policy) for policy in some) for some in policies[1:]]
            number = self.terms.number((direction, policies.isolated, *values, self._annotation(pod, direction)))
            self.terms.looks[number] = self.terms.look(policies.allowing if policies.isolated else (), direction)
            namespace = self.cluster.namespaces.get(pod.key.namespace) or Namespace(pod.key.namespace)
            self._by_labels[key] = number, self.terms.pods_at(pod, namespace, direction)
        return self._by_labels[key]

    def _policy(self, policy: Policy) -> int:
        if policy.key not in self._numbers:
            self._numbers[policy.key] = self.terms.number(replace(policy, uid=""))
        return self._numbers[policy.key]

    def _annotation(self, pod: Pod, direction: Direction) -> tuple[Annotation, ...]:
        namespace = self.cluster.namespaces.get(pod.key.namespace)
        denied = direction is Direction.INGRESS and namespace is not None and namespace.default_deny
        return (Annotation(pod.key.namespace),) if denied else ()

    def _named_ports(self, pod: Pod, direction: Direction) -> tuple[NamedPort, ...]:
        named = {port for port in pod.ports if port.name in self.terms.port_names[direction]}
        return tuple(sorted(named))

    # What is allowed

    def allowed(self, source: End, destination: End, version: Version) -> Traffic:
        """All that the source may open to the destination. Both are ends of this version, and not the same one."""
        ends = source, destination, version
        return self.judged(Direction.EGRESS, *ends).allowed & self.judged(Direction.INGRESS, *ends).allowed

    def judged(self, direction: Direction, source: End, destination: End, version: Version) -> Judged:
        """What the policies at the source (egress) or at the destination (ingress) say; nothing, where that is no pod.

        Raises ValueError if one of them is no end of this IP version.
        """
        first, second = self.sight(source, version), self.sight(destination, version)
        if first is None or second is None:
            raise ValueError(f"{source} or {destination} is not there in IPv{version}")
        egress = direction is Direction.EGRESS
        subject, peer = (source, destination) if egress else (destination, source)
        if not isinstance(subject, PodKey):
            return UNJUDGED
        own = isinstance(peer, NodeAddress) and peer.node == self.cluster.pods[subject].node
        number, seen = (first.egress, second.seen_by_egress) if egress else (second.ingress, first.seen_by_ingress)
        key = number, self.terms.seen[seen].by(self.terms.looks[number]), own
        if key not in self.terms.judged:
            self.terms.judged[key] = self._ask(direction, subject, source, destination, version)
        return self.terms.judged[key]

    def _ask(self, direction: Direction, subject: PodKey, source: End, destination: End, version: Version) -> Judged:
        """Put a question to the Oracle for each piece of the ports."""
        pod = self.cluster.pods[subject]
        origin = source.node if isinstance(source, NodeAddress) else None
        ends = self._address(source, version, self.owned), self._address(destination, version, self.taken)
        if {*ends} & self._disputed.keys():
            return Judged(NOTHING, (Dispute(),))
        policies = self.oracle.policies_of(pod, direction)
        seen = self.oracle.ends(Connection(*ends, OTHER, origin=origin))
        specs = self._specs(policies.allowing, direction, seen[direction is Direction.EGRESS])
        cuts = [*_spans(specs, seen[1].pod)]
        if isinstance(destination, NodeAddress):
            cuts += [ports(protocol, self.oracle.node_ports) for protocol in PORT_PROTOCOLS]

        allowed = NOTHING
        by: dict[tuple[PolicyKey, int], Traffic] = {}
        for piece, (protocol, port) in pieces(cuts):
            judgement = self.oracle.judge(direction, Connection(*ends, protocol, port, origin))
            if judgement.allowed:
                allowed |= piece
            if judgement.policy is not None and judgement.rule is not None:
                rule = judgement.policy, judgement.rule
                by[rule] = by.get(rule, NOTHING) | piece
        isolating: list[Isolating] = [policy.key for policy in policies.isolating]
        isolating += self._annotation(pod, direction)
        return Judged(allowed, tuple(isolating), tuple((*rule, traffic) for rule, traffic in sorted(by.items())))

    @staticmethod
    def _specs(policies: Iterable[Policy], direction: Direction, peer: match.End) -> Iterator[PortSpec]:
        """The ports of all rules that have this peer: where the answer may change."""
        for policy in policies:
            for rule in policy.rules(direction):
                if match.peers_match(rule.peers, policy.key.namespace, peer):
                    yield from rule.ports or ()

    def _address(self, end: End, version: Version, taken: Collection[Address]) -> Address:
        if isinstance(end, PodKey):
            return self.pods[end, version]
        address = end.address if isinstance(end, NodeAddress) else free_address(end, taken)
        if address is None:
            raise ValueError(f"every address of {end} is taken")
        return address


def free_address(outside: Outside, taken: Collection[Address]) -> Address | None:
    """An address of the range that is not taken; None where there is none."""
    addresses = (Address(outside.version, value) for value in range(outside.first, outside.last + 1))
    return next((address for address in addresses if address not in taken), None)


def _spans(specs: Iterable[PortSpec], destination: Pod | None) -> Iterator[Traffic]:
    """The ports that these entries name, at this destination."""
    declared: Sequence[NamedPort] = () if destination is None else destination.ports
    for spec in specs:
        if isinstance(spec.port, str):
            for port in declared:
                if port.name == spec.port:
                    yield ports(port.protocol, PortRange(port.number, port.number))
        elif spec.port is None:
            yield ports(spec.protocol)
        elif spec.port.last:
            yield ports(spec.protocol, spec.port)
