"""Which endpoints of this node policies select, kept up to date: one answer for all policies that select alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ryu_netpol.model.labels import Labels, Selector
from ryu_netpol.model.names import PodKey, PolicyKey
from ryu_netpol.model.objects import Pod, Policy
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.owners import Endpoint


class Choice(NamedTuple):
    """What a policy selects: a selector of pods, in its namespace."""

    namespace: str
    selector: Selector

    @classmethod
    def of(cls, policy: Policy) -> Choice:
        """That of a policy."""
        return cls(policy.key.namespace, policy.subject)


class Subjects:
    """Endpoints that own an address, by what selects them."""

    def __init__(self) -> None:
        self._speaking: dict[str, dict[Endpoint, Labels]] = defaultdict(dict)
        self._choices: dict[str, set[Choice]] = defaultdict(set)
        self._policies: dict[Choice, set[PolicyKey]] = {}
        self._chosen: dict[Choice, set[Endpoint]] = {}
        self.identities: dict[Choice, frozenset[Identity]] = {}
        """Those of the endpoints that are chosen, as of the last `look`."""

    def policies(self, choice: Choice) -> Iterable[PolicyKey]:
        """All that select so."""
        return self._policies.get(choice, ())

    def any(self, choice: Choice) -> bool:
        """Whether anybody is selected."""
        return bool(self._chosen.get(choice))

    def count(self, choice: Choice) -> int:
        """How many endpoints are selected."""
        return len(self._chosen.get(choice, ()))

    def add(self, policy: Policy) -> None:
        """A policy is there."""
        choice = Choice.of(policy)
        if choice not in self._policies:
            self._policies[choice] = set()
            self._choices[choice.namespace].add(choice)
            speaking = self._speaking[choice.namespace]
            self._chosen[choice] = {e for e, labels in speaking.items() if choice.selector.matches(labels)}
        self._policies[choice].add(policy.key)

    def remove(self, policy: Policy) -> None:
        """The counterpart of `add`."""
        choice = Choice.of(policy)
        self._policies[choice].discard(policy.key)
        if not self._policies[choice]:
            del self._policies[choice], self._chosen[choice]
            self._choices[choice.namespace].discard(choice)
            self.identities.pop(choice, None)

    def update(self, gone: Iterable[Endpoint], come: Mapping[Endpoint, Pod]) -> set[Choice]:
        """Endpoints own an address no more, or own one; with other labels they do both. Returns what they concern."""
        concerned: set[Choice] = set()
        for endpoint in gone:
            self._speaking[endpoint.pod.namespace].pop(endpoint, None)
            for choice in self._choices[endpoint.pod.namespace]:
                if endpoint in self._chosen[choice]:
                    self._chosen[choice].discard(endpoint)
                    concerned.add(choice)
        for endpoint, pod in come.items():
            self._speaking[endpoint.pod.namespace][endpoint] = pod.labels
            for choice in self._choices[endpoint.pod.namespace]:
                if choice.selector.matches(pod.labels):
                    self._chosen[choice].add(endpoint)
                    concerned.add(choice)
        return concerned

    def choices(self, endpoint: Endpoint) -> Iterable[Choice]:
        """What selects an endpoint."""
        return (choice for choice in self._choices[endpoint.pod.namespace] if endpoint in self._chosen[choice])

    def look(self, choices: Iterable[Choice], identity: Mapping[PodKey, Identity]) -> set[Choice]:
        """Look at the identities of those chosen; returns the choices with others than before."""
        changed: set[Choice] = set()
        for choice in choices:
            if choice in self._chosen:
                now = frozenset(identity[endpoint.pod] for endpoint in self._chosen[choice])
                if self.identities.get(choice) != now:
                    self.identities[choice] = now
                    changed.add(choice)
        return changed
