"""What must hold on one node, kept up to date: the incremental twin of `policy.resolve`, which it equals after every
change, with work in proportion to what changed (R4, decision 0012).

Each module keeps one relation and says what a change touched there; LivePolicy hands that on to the next one:

    spaces       namespaces, and what selectors choose of them
    claims       who owns which address
    policies     which policies are active, because they select an endpoint (subjects)
    vision       what active policies look at: on it depend identities
    population   the identities there are, and which of them each peer matches
    isolation    who is isolated
    addresses    which address stands for which identity in the node's flows
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from immutables import Map

from ryu_netpol.model.names import NodeName, PodKey, PolicyKey
from ryu_netpol.model.objects import Pod
from ryu_netpol.policy.coverage import Coverage
from ryu_netpol.policy.identity import Identity, sights
from ryu_netpol.policy.live.addresses import AddressBook
from ryu_netpol.policy.live.changes import Change, Changes
from ryu_netpol.policy.live.claims import Claims
from ryu_netpol.policy.live.isolation import Isolation
from ryu_netpol.policy.live.policies import Policies
from ryu_netpol.policy.live.population import LivePopulation
from ryu_netpol.policy.live.spaces import Spaces
from ryu_netpol.policy.live.vision import Vision
from ryu_netpol.policy.owners import Endpoint
from ryu_netpol.policy.resolve import NodePolicy
from ryu_netpol.policy.rules import ResolvedRule, RuleKey, resolved_rules
from ryu_netpol.policy.touched import Touched

__all__ = ["Change", "Changes", "LivePolicy"]


class LivePolicy:
    """The policy of one node. Everything that it hands out is immutable; it remembers nothing but what is now."""

    def __init__(self, node: NodeName) -> None:
        self._pods: dict[PodKey, Pod] = {}
        self._pods_in: dict[str, set[PodKey]] = defaultdict(set)
        self._endpoints_of: dict[PodKey, tuple[Endpoint, ...]] = {}
        self._declared: Iterable[Endpoint] = ()
        self._identity: dict[PodKey, Identity] = {}
        """Of every pod that owns an address or has an endpoint here."""
        self._rules_of: dict[PolicyKey, dict[RuleKey, ResolvedRule]] = {}
        self._spaces = Spaces()
        self._claims = Claims(node)
        self._policies = Policies(self._spaces)
        self._vision = Vision(self._spaces)
        self._population = LivePopulation(self._spaces, lambda: self._claims.addresses(self._pods))
        self._isolation = Isolation(self._spaces)
        self._addresses = AddressBook()
        self._endpoints: Map[Endpoint, Identity] = Map()
        self._rules: Map[RuleKey, ResolvedRule] = Map()

    @property
    def active(self) -> int:
        """How many policies select an endpoint."""
        return len(self._policies.active)

    def coverage(self) -> Iterator[Coverage]:
        """What each policy that selects an endpoint means here. Takes as long as there are such policies."""
        return self._policies.coverage(self._population)

    def update(self, changes: Changes, endpoints: Iterable[Endpoint]) -> tuple[NodePolicy, Touched]:
        """Take in what has changed, and which endpoints there are; the same object means: the same endpoints.

        Returns what must hold now, and where it may be different from what was returned last.
        """
        spaces = self._spaces.update(changes)
        self._take_pods(changes.pods)
        gone, come = self._take_endpoints(endpoints, changes.pods)
        addresses, owners = self._claims.update(self._pods, changes.pods, gone, come)
        pods = {*changes.pods, *owners, *(endpoint.pod for endpoint in (*gone, *come))}
        touched_endpoints = {*gone, *chain.from_iterable(self._endpoints_of.get(pod, ()) for pod in pods)}
        speaking = {endpoint: self._pods[endpoint.pod] for endpoint in touched_endpoints if self._speaks(endpoint)}
        choices, policies = self._policies.select(touched_endpoints, speaking, changes.policies, spaces)
        turns = self._policies.turns(policies)
        ceased = [sight for was, _ in turns.values() if was is not None for sight in sights(was)]
        begun = [sight for _, now in turns.values() if now is not None for sight in sights(now)]
        hazy = self._vision.update(ceased, begun, spaces)
        renamed = self._identify(pods, hazy)
        touched_endpoints |= {endpoint for pod in renamed for endpoint in self._endpoints_of.get(pod, ())}
        now = {pod: self._identity[pod] if pod in self._claims.owned else None for pod in {*owners, *renamed}}
        came_or_went, dirty = self._population.update(now, spaces)
        self._policies.turn(turns, self._population)
        dirty |= turns.keys() | self._policies.look(choices, touched_endpoints, self._identity)
        if came_or_went or addresses or changes.pods:
            dirty |= self._policies.wide
        rules = self._resolve(dirty)
        for endpoint in touched_endpoints:
            self._isolation.speaks(endpoint, self._identity[endpoint.pod] if self._speaks(endpoint) else None)
        isolated = self._isolation.update(spaces)
        for pod in renamed:
            addresses |= self._claims.owned.get(pod, frozenset())
        for identity in self._addresses.turned():
            for pod in self._population.pods.get(identity, ()):
                addresses |= self._claims.owned[pod]
        _, identities = self._addresses.update(addresses, self._claims, self._identity)
        self._settle(touched_endpoints)
        touched = Touched(
            frozenset(addresses), frozenset(touched_endpoints), frozenset(isolated | identities), frozenset(rules)
        )
        return self._policy(), touched

    def _policy(self) -> NodePolicy:
        return NodePolicy(
            self._endpoints,
            self._claims.local,
            self._addresses.remote,
            self._claims.contested,
            self._isolation.isolated,
            self._rules,
            self._claims.owners,
            self._addresses.members,
        )

    # Pods and endpoints

    def _take_pods(self, changed: Mapping[PodKey, Change[Pod]]) -> None:
        for key, (_, new) in changed.items():
            if new is None:
                del self._pods[key]
                self._pods_in[key.namespace].discard(key)
            else:
                self._pods[key] = new
                self._pods_in[key.namespace].add(key)

    def _take_endpoints(
        self, endpoints: Iterable[Endpoint], changed: Mapping[PodKey, Change[Pod]]
    ) -> tuple[set[Endpoint], set[Endpoint]]:
        """Those that count no more, and those that count now. Both, if their pod changed: it may claim otherwise."""
        if endpoints is self._declared and not any(pod in self._endpoints_of for pod in changed):
            return set(), set()
        self._declared = endpoints
        before = {endpoint for of in self._endpoints_of.values() for endpoint in of}
        now = {e for e in endpoints if (pod := self._pods.get(e.pod)) is not None and pod.visible}
        concerned = before ^ now | {endpoint for endpoint in before & now if endpoint.pod in changed}
        of_pod: dict[PodKey, tuple[Endpoint, ...]] = defaultdict(tuple)
        for endpoint in now:
            of_pod[endpoint.pod] += (endpoint,)
        self._endpoints_of = dict(of_pod)
        return before & concerned, now & concerned

    def _speaks(self, endpoint: Endpoint) -> bool:
        """Whether an endpoint owns an address: one that does not says nothing and hears nothing."""
        return endpoint in self._endpoints_of.get(endpoint.pod, ()) and any(
            self._claims.local.get(address) == endpoint for address in endpoint.addresses
        )

    # Identities

    def _identify(self, pods: Iterable[PodKey], hazy: Iterable[str]) -> set[PodKey]:
        """Look at pods again, and at all of some namespaces; returns those that have another identity."""
        changed: set[PodKey] = set()
        everybody = (pod for namespace in hazy for pod in self._pods_in[namespace] if pod in self._identity)
        for key in {*pods, *everybody}:
            known = key in self._claims.owned or key in self._endpoints_of
            now = self._vision.identity(self._pods[key]) if known else None
            if self._identity.get(key) != now:
                changed.add(key)
                if now is None:
                    del self._identity[key]
                else:
                    self._identity[key] = now
        return changed

    # Rules

    def _resolve(self, dirty: Iterable[PolicyKey]) -> set[RuleKey]:
        """Resolve policies again; returns the rules that came, went or changed."""
        changed: set[RuleKey] = set()
        with self._rules.mutate() as rules:
            for key in dirty:
                policy, subjects = self._policies.active.get(key), self._policies.subjects(key)
                old = self._rules_of.pop(key, {})
                new = {}
                if policy is not None:
                    new = {rule.key: rule for rule in resolved_rules(policy, subjects, self._population)}
                    self._rules_of[key] = new
                self._isolation.isolates(key, policy, subjects)
                for name in {*old, *new}:
                    was, now = old.get(name), new.get(name)
                    if was == now:
                        continue
                    changed.add(name)
                    self._addresses.refer(was, now)
                    if now is None:
                        del rules[name]
                    else:
                        rules[name] = now
            self._rules = rules.finish()
        return changed

    def _settle(self, touched: Iterable[Endpoint]) -> None:
        with self._endpoints.mutate() as endpoints:
            for endpoint in touched:
                if endpoint in self._endpoints_of.get(endpoint.pod, ()):
                    endpoints[endpoint] = self._identity[endpoint.pod]
                else:
                    endpoints.pop(endpoint, None)
            self._endpoints = endpoints.finish()
