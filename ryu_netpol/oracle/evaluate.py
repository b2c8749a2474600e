"""The reference evaluator: what the policies of a cluster mean for one connection.

It is the meaning that compiled flows are compared with, so it is slow and obvious and knows nothing of flows: one
function for each rule of docs/semantics.md, each naming it. It imports the model only, so that it cannot share a
mistake with the compiler. What an Oracle caches (owners of addresses, policies at each pod) is a function of its
cluster.

Callers: tests, `explain` and `space` beside, `ryu-netpol reach` and `demo`.

Trap: whether a connection comes from a node's own processes is told by `Connection.origin` and by nothing else. An
address of the node does not tell it: what a node forwards for others may carry one too (NP-50).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ryu_netpol.model.names import PORT_PROTOCOLS, Direction, PodKey
from ryu_netpol.model.net import Address, PortRange
from ryu_netpol.model.objects import Cluster, Namespace, Pod, Policy
from ryu_netpol.model.packet import Connection, Judgement, Verdict
from ryu_netpol.oracle.claims import claims
from ryu_netpol.oracle.match import End, rule_matches

NODE_PORTS = PortRange(30000, 32767)
"""Ports at which a node forwards to services, unless the API server was told others (NP-51)."""


def evaluate(cluster: Cluster, connection: Connection, *, node_ports: PortRange = NODE_PORTS) -> Verdict:
    """Judge one connection. To judge many in the same cluster, keep an Oracle."""
    return Oracle(cluster, node_ports=node_ports).evaluate(connection)


class Policies(NamedTuple):
    """The policies that count for one pod in one direction, in order of their keys."""

    isolated: bool
    isolating: tuple[Policy, ...]
    allowing: tuple[Policy, ...]
    """Those whose rules count; not the same, since legacy policies allow without isolating (LG-4, LG-6)."""


class Oracle:
    """The meaning of one cluster."""

    def __init__(self, cluster: Cluster, *, node_ports: PortRange = NODE_PORTS) -> None:
        self.cluster = cluster
        self.node_ports = node_ports
        self.claims = claims(cluster.pods.values())
        self._ends: dict[Address, End] = {}
        self._policies: dict[tuple[PodKey, Direction], Policies] = {}
        self._in_namespace: dict[str, list[Policy]] = defaultdict(list)
        for key, policy in sorted(cluster.policies.items()):
            self._in_namespace[key.namespace].append(policy)

    def evaluate(self, connection: Connection) -> Verdict:
        """Judge a connection at both ends that are pods; all must allow it (NP-5).

        Raises ValueError for what no packet can be: ends of different families, or a port where the protocol has none.
        """
        _check(connection)
        if (verdict := self._disputed(connection)) is not None:
            return verdict
        source, destination = self.ends(connection)
        if source.pod is not None and source.pod is destination.pod:
            return Verdict(allowed=True, reason=f"{source.pod.key} reaches itself (NP-52)")

        judged = []
        if source.pod is not None:
            judged.append(self._egress(source.pod, destination, connection))
        if destination.pod is not None:
            judged.append(self._ingress(destination.pod, source, destination, connection))
        return combine(judged)

    def judge(self, direction: Direction, connection: Connection) -> Judgement:
        """Judge a connection between two ends at one of them alone: a pod whose address nobody disputes.

        Raises ValueError if that end is no such pod.
        """
        source, destination = self.ends(connection)
        subject = source.pod if direction is Direction.EGRESS else destination.pod
        if subject is None:
            raise ValueError(f"no pod has the address that {connection} is judged at")
        if direction is Direction.EGRESS:
            return self._egress(subject, destination, connection)[0]
        return self._ingress(subject, source, destination, connection)[0]

    def ends(self, connection: Connection) -> tuple[End, End]:
        """Source and destination as policies see them."""
        source = End(connection.source)  # NP-50, NP-61: a node's process, unless the next line finds a pod
        if connection.origin is None:
            source = self._end(connection.source)
        return source, self._end(connection.destination)

    # Each direction by itself

    def _egress(self, subject: Pod, destination: End, connection: Connection) -> tuple[Judgement, str]:
        """Judge a connection at the pod that opens it (NP-2)."""
        policies = self.policies_of(subject, Direction.EGRESS)
        if policies.isolated and self._leads_to_own_node(subject, destination, connection):
            judgement = _judgement(Direction.EGRESS, subject, policies, allowed=True)
            return judgement, f"egress: {subject.key} always reaches its own node {subject.node} (NP-51)"
        return _judge(
            Direction.EGRESS, subject, policies, peer=destination, destination=destination, connection=connection
        )

    def _ingress(self, subject: Pod, source: End, destination: End, connection: Connection) -> tuple[Judgement, str]:
        """Judge a connection at the pod that it is opened to (NP-1, LG-5)."""
        policies = self.policies_of(subject, Direction.INGRESS)
        if policies.isolated and _comes_from_own_node(subject, connection):
            judgement = _judgement(Direction.INGRESS, subject, policies, allowed=True)
            return judgement, f"ingress: {subject.key} is always reached by its own node {subject.node} (NP-50)"
        return _judge(Direction.INGRESS, subject, policies, peer=source, destination=destination, connection=connection)

    def _leads_to_own_node(self, subject: Pod, destination: End, connection: Connection) -> bool:
        """Whether NP-51 opens the connection; ports at which the node forwards to services lead elsewhere."""
        if subject.node is None or destination.pod is not None:
            return False
        node = self.cluster.nodes.get(subject.node)
        if node is None or destination.address not in node.addresses:
            return False
        return connection.port is None or connection.port not in self.node_ports

    # What counts for a pod

    def policies_of(self, subject: Pod, direction: Direction) -> Policies:
        """Collect what isolates a pod and what allows it something; names and times play no part (NP-4)."""
        key = (subject.key, direction)
        if key not in self._policies:
            namespace = self._namespace(subject.key.namespace)
            denied = direction is Direction.INGRESS and namespace.default_deny  # LG-1; LG-5: never egress
            selecting = [p for p in self._selecting(subject) if direction in p.directions]  # NP-12
            isolating = tuple(p for p in selecting if not p.legacy)
            # LG-11: both APIs add up. LG-4: where the annotation is missing, a legacy policy has no effect at all.
            allowing = tuple(p for p in selecting if not p.legacy or denied)
            self._policies[key] = Policies(denied or bool(isolating), isolating, allowing)
        return self._policies[key]

    def _selecting(self, subject: Pod) -> Iterator[Policy]:
        """The policies of the pod's own namespace that select it (NP-10, LG-6), in order of their keys."""
        policies = self._in_namespace.get(subject.key.namespace, ())
        return (policy for policy in policies if policy.subject.matches(subject.labels))

    # Whose an address is

    def _end(self, address: Address) -> End:
        """Look up who has an address now (NP-71)."""
        if address not in self._ends:
            pod = self.claims.owners.get(address)
            namespace = None if pod is None else self._namespace(pod.key.namespace)
            self._ends[address] = End(address, pod, namespace)
        return self._ends[address]

    def _namespace(self, name: str) -> Namespace:
        """A namespace that nobody has described has no labels but its name (NP-27)."""
        return self.cluster.namespaces.get(name) or Namespace(name)

    def _disputed(self, connection: Connection) -> Verdict | None:
        """Nothing goes from or to an address that two pods claim with equal right (NP-71)."""
        addresses = [connection.destination]
        if connection.origin is None:
            addresses.append(connection.source)
        for address in addresses:
            if pods := self.claims.disputed.get(address):
                names = " and ".join(str(pod.key) for pod in pods)
                return Verdict(allowed=False, reason=f"{names} both claim {address}, which is closed until one has it")
        return None


def _comes_from_own_node(subject: Pod, connection: Connection) -> bool:
    """Whether the pod's own node opened the connection itself (NP-50): not whether it carries its address."""
    return connection.origin is not None and connection.origin == subject.node


def _judge(
    direction: Direction, subject: Pod, policies: Policies, *, peer: End, destination: End, connection: Connection
) -> tuple[Judgement, str]:
    """Allow what a rule of any policy allows, and everything where nothing isolates (NP-1 to NP-4)."""
    if not policies.isolated:
        judgement = _judgement(direction, subject, policies, allowed=True)
        return judgement, str(judgement)
    for policy in policies.allowing:
        for index, rule in enumerate(policy.rules(direction)):
            namespace = policy.key.namespace
            if rule_matches(rule, namespace, peer=peer, destination=destination, connection=connection):
                judgement = _judgement(direction, subject, policies, allowed=True, by=(policy, index))
                return judgement, str(judgement)
    judgement = _judgement(direction, subject, policies, allowed=False)
    return judgement, str(judgement)


def _judgement(
    direction: Direction, subject: Pod, policies: Policies, *, allowed: bool, by: tuple[Policy, int] | None = None
) -> Judgement:
    policy, rule = by or (None, None)
    return Judgement(
        direction=direction,
        subject=subject.key,
        allowed=allowed,
        isolated_by=tuple(p.key for p in policies.isolating),
        isolated=policies.isolated,
        policy=None if policy is None else policy.key,
        rule=rule,
    )


def combine(judged: Sequence[tuple[Judgement, str]]) -> Verdict:
    """Judgements with their reasons: all must allow it (NP-5); where no end is a pod, policies say nothing (NP-3)."""
    if not judged:
        return Verdict(allowed=True, reason="no end is a pod that policies can see (NP-3)")
    judgements = tuple(judgement for judgement, _ in judged)
    allowed = all(judgement.allowed for judgement in judgements)
    reasons = [reason for judgement, reason in judged if judgement.allowed == allowed]
    return Verdict(allowed, "; ".join(reasons), judgements)


def _check(connection: Connection) -> None:
    if connection.source.version != connection.destination.version:
        raise ValueError(f"{connection.source} and {connection.destination} are addresses of different families")
    if (connection.protocol in PORT_PROTOCOLS) != (connection.port is not None):
        want = "needs a" if connection.port is None else "has no"
        raise ValueError(f"{connection.protocol.name} {want} destination port")
