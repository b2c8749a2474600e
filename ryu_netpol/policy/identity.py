"""Identities: pods in terms of what policies can see of them (docs/architecture.md).

Two pods of one namespace with the same values for those label keys that some selector can look at, and the same named
ports of those names that some rule mentions, cannot be told apart by any policy: they share an identity.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ryu_netpol.model.hashed import Hashed, remembered
from ryu_netpol.model.labels import EVERYTHING, Labels, Selector
from ryu_netpol.model.names import Direction
from ryu_netpol.model.objects import NamedPort, Namespace, Pod, PodPeer, Policy, Rule


@dataclass(frozen=True, slots=True)
class Identity(Hashed):
    """What policies can see of a pod."""

    namespace: str
    labels: Labels = field(default_factory=Labels)
    ports: tuple[NamedPort, ...] = ()

    __hash__ = remembered

    def __str__(self) -> str:
        return f"{self.namespace}/{{{self.labels}}}"

    @property
    def order(self) -> tuple[str, str, str]:
        """A sort key, so that numbers are given out in the same order on every run."""
        return self.namespace, str(self.labels), str(self.ports)


def seen(pod: Pod, keys: frozenset[str], port_names: frozenset[str]) -> Identity:
    """A pod's identity where policies look at these label keys and port names."""
    return Identity(
        pod.key.namespace,
        pod.labels.only(keys),
        tuple(sorted({port for port in pod.ports if port.name in port_names})),
    )


@dataclass(frozen=True, slots=True)
class Relevance:
    """Which label keys and port names can matter, by namespace."""

    keys: Mapping[str, frozenset[str]]
    port_names: Mapping[str, frozenset[str]]

    def identity(self, pod: Pod) -> Identity:
        """The identity of a pod."""
        namespace = pod.key.namespace
        return seen(pod, self.keys.get(namespace, frozenset()), self.port_names.get(namespace, frozenset()))


Scope = str | Selector
"""One namespace, or all that a selector chooses."""


def scope(peer: PodPeer, own: str) -> Scope:
    """Where a peer of a policy in namespace `own` can match pods (NP-31 to NP-33)."""
    return own if peer.namespaces is None else peer.namespaces


def in_scope(scope: Scope, namespaces: Iterable[Namespace]) -> frozenset[str]:
    """The names of the namespaces that are meant."""
    if isinstance(scope, str):
        return frozenset({scope})
    return frozenset(n.name for n in namespaces if scope.matches(n.labels))


class Sight(NamedTuple):
    """What a policy looks at: one label key, or one port name, in one namespace or in all that a selector chooses."""

    scope: Scope
    key: str = ""
    port: str = ""


def sights(policy: Policy) -> frozenset[Sight]:
    """Everything that a policy looks at."""
    own = policy.key.namespace
    found = _keys(own, policy.subject)
    for direction in Direction:
        for rule in policy.rules(direction):
            reached: set[Scope] = set()
            for peer in rule.peers or ():
                if isinstance(peer, PodPeer):
                    reached.add(scope(peer, own))
                    found |= _keys(scope(peer, own), peer.pods or EVERYTHING)
            if direction is Direction.INGRESS:
                reached = {own}
            elif rule.peers is None:
                reached = {EVERYTHING}
            found |= {Sight(there, port=name) for there in reached for name in port_names(rule)}
    return frozenset(found)


def _keys(scope: Scope, selector: Selector) -> set[Sight]:
    wanted = selector.keys()
    return {Sight(scope, key) for key in wanted}


def relevance(policies: Iterable[Policy], namespaces: Iterable[Namespace]) -> Relevance:
    """What the given policies can see. Pass those that have subjects on this node: nobody else's rules count here."""
    everywhere = tuple(namespaces)
    keys: dict[str, set[str]] = defaultdict(set)
    names: dict[str, set[str]] = defaultdict(set)
    for sight in {sight for policy in policies for sight in sights(policy)}:
        found, what = (names, sight.port) if sight.port else (keys, sight.key)
        for namespace in in_scope(sight.scope, everywhere):
            found[namespace].add(what)
    return Relevance(
        {namespace: frozenset(found) for namespace, found in keys.items()},
        {namespace: frozenset(found) for namespace, found in names.items()},
    )


def port_names(rule: Rule) -> frozenset[str]:
    """The port names that a rule mentions."""
    return frozenset(spec.port for spec in rule.ports or () if isinstance(spec.port, str))
