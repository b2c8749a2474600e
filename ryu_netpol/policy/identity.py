"""Identities: pods in terms of what policies can see of them (docs/architecture.md).

Two pods of one namespace with the same values for those label keys that some selector can look at, and the same named
ports of those names that some rule mentions, cannot be told apart by any policy: they share an identity.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ryu_netpol.model.labels import Labels, Selector
from ryu_netpol.model.names import Direction
from ryu_netpol.model.objects import NamedPort, Namespace, Pod, PodPeer, Policy, Rule


@dataclass(frozen=True, slots=True)
class Identity:
    """What policies can see of a pod."""

    namespace: str
    labels: Labels = field(default_factory=Labels)
    ports: tuple[NamedPort, ...] = ()

    def __str__(self) -> str:
        return f"{self.namespace}/{{{self.labels}}}"

    @property
    def order(self) -> tuple[str, str, str]:
        """A sort key, so that numbers are given out in the same order on every run."""
        return self.namespace, str(self.labels), str(self.ports)


@dataclass(frozen=True, slots=True)
class Relevance:
    """Which label keys and port names can matter, by namespace."""

    keys: Mapping[str, frozenset[str]]
    port_names: Mapping[str, frozenset[str]]

    def identity(self, pod: Pod) -> Identity:
        """The identity of a pod."""
        namespace = pod.key.namespace
        names = self.port_names.get(namespace, frozenset())
        return Identity(
            namespace,
            pod.labels.only(self.keys.get(namespace, frozenset())),
            tuple(sorted({port for port in pod.ports if port.name in names})),
        )


def reach(peer: PodPeer, own: str, namespaces: Iterable[Namespace]) -> frozenset[str]:
    """The namespaces in which a peer of a policy in namespace `own` can match pods (NP-31 to NP-33)."""
    if peer.namespaces is None:
        return frozenset({own})
    return frozenset(n.name for n in namespaces if peer.namespaces.matches(n.labels))


def relevance(policies: Iterable[Policy], namespaces: Iterable[Namespace]) -> Relevance:
    """What the given policies can see. Pass those that have subjects on this node: nobody else's rules count here."""
    everywhere = tuple(namespaces)
    keys: dict[str, set[str]] = defaultdict(set)
    names: dict[str, set[str]] = defaultdict(set)

    def look(selector: Selector | None, reached: Iterable[str]) -> None:
        if selector is not None and (wanted := selector.keys()):
            for namespace in reached:
                keys[namespace] |= wanted

    for policy in policies:
        own = policy.key.namespace
        look(policy.subject, [own])
        for direction in Direction:
            for rule in policy.rules(direction):
                reached: set[str] = set()
                for peer in rule.peers or ():
                    if isinstance(peer, PodPeer):
                        spaces = reach(peer, own, everywhere)
                        look(peer.pods, spaces)
                        reached |= spaces
                if mentioned := port_names(rule):
                    if direction is Direction.INGRESS:
                        reached = {own}
                    elif rule.peers is None:
                        reached = {namespace.name for namespace in everywhere}
                    for namespace in reached:
                        names[namespace] |= mentioned
    return Relevance(
        {namespace: frozenset(found) for namespace, found in keys.items()},
        {namespace: frozenset(found) for namespace, found in names.items()},
    )


def port_names(rule: Rule) -> frozenset[str]:
    """The port names that a rule mentions."""
    return frozenset(spec.port for spec in rule.ports or () if isinstance(spec.port, str))
