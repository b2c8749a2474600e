"""The policies there are, whom they select on this node, and which of them are active, kept up to date."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from ryu_netpol.model.names import Direction, PodKey, PolicyKey
from ryu_netpol.model.objects import BlockPeer, Namespace, Pod, PodPeer, Policy
from ryu_netpol.policy.coverage import Coverage, unknown_ports
from ryu_netpol.policy.identity import Identity, port_names
from ryu_netpol.policy.live.changes import Change
from ryu_netpol.policy.live.population import LivePopulation
from ryu_netpol.policy.live.spaces import Spaces
from ryu_netpol.policy.live.subjects import Choice, Subjects
from ryu_netpol.policy.owners import Endpoint


class Policies:
    """A policy that selects an endpoint is active (NP-10, LG-4)."""

    def __init__(self, spaces: Spaces) -> None:
        self._spaces = spaces
        self._policies: dict[PolicyKey, Policy] = {}
        self._legacy_in: dict[str, set[PolicyKey]] = defaultdict(set)
        self._selecting: set[Choice] = set()
        self._subjects = Subjects()
        self.active: dict[PolicyKey, Policy] = {}
        self.wide: set[PolicyKey] = set()
        """Active policies on which anything may bear: named ports in egress rules mean something else for each pod."""
        self._naming: set[PolicyKey] = set()
        """Active policies with named ports."""

    def select(
        self,
        endpoints: Iterable[Endpoint],
        speaking: Mapping[Endpoint, Pod],
        changed: Mapping[PolicyKey, Change[Policy]],
        spaces: Mapping[str, Change[Namespace]],
    ) -> tuple[set[Choice], set[PolicyKey]]:
        """Take in endpoints (`speaking`: those that own an address), policies and namespaces that changed.

        Returns the choices with other endpoints, and the policies that may have become active or inactive.
        """
        policies = set(changed)
        concerned: set[Choice] = set()
        for key, (old, new) in changed.items():
            if old is not None:
                self._subjects.remove(old)
                self._legacy_in[key.namespace].discard(key)
                concerned.add(Choice.of(old))
                self._policies.pop(key)
            if new is not None:
                self._policies[key] = new
                self._subjects.add(new)
                concerned.add(Choice.of(new))
                if new.legacy:
                    self._legacy_in[key.namespace].add(key)
        concerned |= self._subjects.update(endpoints, speaking)
        for choice in concerned:
            if self._subjects.any(choice) is not (choice in self._selecting):
                self._selecting ^= {choice}
                policies |= set(self._subjects.policies(choice))
        for namespace in spaces:
            policies |= self._legacy_in.get(namespace, set())
        return concerned, policies

    def turns(self, policies: Iterable[PolicyKey]) -> dict[PolicyKey, Change[Policy]]:
        """Those of these policies that are active and were not, or the other way round, or say something else."""
        turns = {}
        for key in policies:
            policy, was = self._policies.get(key), self.active.get(key)
            now = policy if policy is not None and self._counts(policy) else None
            if now != was:
                turns[key] = Change(was, now)
        return turns

    def _counts(self, policy: Policy) -> bool:
        annotated = not policy.legacy or self._spaces.default_deny(policy.key.namespace)
        return annotated and Choice.of(policy) in self._selecting

    def turn(self, turns: Mapping[PolicyKey, Change[Policy]], population: LivePopulation) -> None:
        """Let these turns be so, and the population know what peers are asked for."""
        for key, (was, now) in turns.items():
            if now is not None:
                population.use(key, _peers(now))
                self.active[key] = now
            if was is not None:
                population.drop(key, _peers(was))
            if now is None:
                del self.active[key]
            for some, belongs in ((self.wide, _is_wide), (self._naming, _has_names)):
                if now is not None and belongs(now):
                    some.add(key)
                else:
                    some.discard(key)

    def look(
        self, choices: set[Choice], endpoints: Iterable[Endpoint], identity: Mapping[PodKey, Identity]
    ) -> set[PolicyKey]:
        """Look at these choices, and at all that select these endpoints; returns policies with other subjects."""
        looked = choices | {choice for endpoint in endpoints for choice in self._subjects.choices(endpoint)}
        changed = self._subjects.look(looked, identity)
        return {key for choice in changed for key in self._subjects.policies(choice)}

    def subjects(self, key: PolicyKey) -> frozenset[Identity]:
        """Identities of the endpoints that a policy selects, if it is active."""
        policy = self.active.get(key)
        return self._subjects.identities[Choice.of(policy)] if policy is not None else frozenset()

    def coverage(self, population: LivePopulation) -> Iterator[Coverage]:
        """What each active policy means here. Takes as long as there are active policies."""
        for key, policy in self.active.items():
            unknown = unknown_ports(policy, self.subjects(key), population) if key in self._naming else ()
            yield Coverage(key, self._subjects.count(Choice.of(policy)), unknown)


def _peers(policy: Policy) -> list[PodPeer]:
    """The peers that say something about pods, of rules that count."""
    return [
        peer
        for direction in Direction
        for rule in policy.rules(direction)
        for peer in rule.peers or ()
        if isinstance(peer, PodPeer)
    ]


def _has_names(policy: Policy) -> bool:
    return any(port_names(rule) for direction in Direction for rule in policy.rules(direction))


def _is_wide(policy: Policy) -> bool:
    """Whether named ports of its egress rules are looked up at everybody, or at addresses inside blocks."""
    return any(
        port_names(rule) and (rule.peers is None or any(isinstance(peer, BlockPeer) for peer in rule.peers))
        for rule in policy.rules(Direction.EGRESS)
    )
