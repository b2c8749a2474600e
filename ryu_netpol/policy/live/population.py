"""The pods that own an address, by identity; and which identities each peer of a rule matches."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from ryu_netpol.model.labels import Selector
from ryu_netpol.model.names import PodKey, PolicyKey
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Pod, PodPeer
from ryu_netpol.policy.identity import Identity, Scope, scope
from ryu_netpol.policy.live.spaces import Spaces


class _Question(NamedTuple):
    """What a peer asks: who is there, and matches. Many peers ask the same."""

    scope: Scope
    pods: Selector | None

    @classmethod
    def of(cls, peer: PodPeer, own: str) -> _Question:
        return cls(scope(peer, own), peer.pods)

    def matches(self, identity: Identity) -> bool:
        """Its labels hold every key that the selector can look at."""
        return self.pods is None or self.pods.matches(identity.labels)


class LivePopulation:
    """A Population that is kept up to date."""

    def __init__(self, spaces: Spaces, owned: Callable[[], Iterator[tuple[Address, Pod]]]) -> None:
        self._spaces = spaces
        self._owned = owned
        self.pods: dict[Identity, set[PodKey]] = {}
        """Who has each identity."""
        self._identity: dict[PodKey, Identity] = {}
        self._by_space: dict[str, set[Identity]] = defaultdict(set)
        self._answers: dict[_Question, frozenset[Identity]] = {}
        self._askers: dict[_Question, Counter[PolicyKey]] = {}
        self._by_scope: dict[Scope, set[_Question]] = defaultdict(set)

    # A Population, for rules

    def select(self, peer: PodPeer, own: str) -> frozenset[Identity]:
        """Identities that a peer of a policy matches; it must be in use."""
        return self._answers[_Question.of(peer, own)]

    def everybody(self) -> Iterable[Identity]:
        """All identities."""
        return self.pods.keys()

    def addresses(self) -> Iterator[tuple[Address, Pod]]:
        """All addresses, each with its owner."""
        return self._owned()

    # Keeping it up to date

    def use(self, policy: PolicyKey, peers: Iterable[PodPeer]) -> None:
        """A policy with these peers counts from now on."""
        for peer in peers:
            question = _Question.of(peer, policy.namespace)
            if question not in self._answers:
                self._spaces.use(question.scope)
                self._by_scope[question.scope].add(question)
                self._askers[question] = Counter()
                self._answers[question] = frozenset(
                    identity
                    for namespace in self._spaces.inside(question.scope)
                    for identity in self._by_space.get(namespace, ())
                    if question.matches(identity)
                )
            self._askers[question][policy] += 1

    def drop(self, policy: PolicyKey, peers: Iterable[PodPeer]) -> None:
        """The counterpart of `use`."""
        for peer in peers:
            question = _Question.of(peer, policy.namespace)
            askers = self._askers[question]
            askers[policy] -= 1
            if not askers[policy]:
                del askers[policy]
            if not askers:
                del self._askers[question], self._answers[question]
                self._by_scope[question.scope].discard(question)
                self._spaces.drop(question.scope)

    def update(
        self, now: Mapping[PodKey, Identity | None], others: Iterable[str]
    ) -> tuple[set[Identity], set[PolicyKey]]:
        """Pods have these identities now (None: they own no address); `others`: namespaces with other labels.

        Returns the identities that came or went, and the policies of whose peers some match others now.
        """
        before = self._move(now)
        born = {identity for identity, was in before.items() if not was and identity in self.pods}
        died = {identity for identity, was in before.items() if was and identity not in self.pods}
        concerned: dict[_Question, set[Identity]] = defaultdict(set)
        for identity in born | died:
            for there in self._spaces.scopes(identity.namespace):
                for question in self._by_scope.get(there, ()):
                    if question.matches(identity):
                        concerned[question].add(identity)
        dirty = self._answer(concerned)
        for namespace in others:
            here = self._by_space.get(namespace, set())
            if here or any(identity.namespace == namespace for identity in died):
                dirty |= self._ask_again(namespace, here)
        return born | died, dirty

    def _move(self, now: Mapping[PodKey, Identity | None]) -> dict[Identity, bool]:
        """Do it; returns whether each identity concerned was there before."""
        before: dict[Identity, bool] = {}
        for pod, new in now.items():
            old = self._identity.pop(pod, None)
            for identity in (old, new):
                if identity is not None:
                    before.setdefault(identity, identity in self.pods)
            if old is not None:
                self.pods[old].discard(pod)
                if not self.pods[old]:
                    del self.pods[old]
            if new is not None:
                self._identity[pod] = new
                self.pods.setdefault(new, set()).add(pod)
        for identity in before:
            if identity in self.pods:
                self._by_space[identity.namespace].add(identity)
            else:
                self._by_space[identity.namespace].discard(identity)
        return before

    def _answer(self, concerned: Mapping[_Question, set[Identity]]) -> set[PolicyKey]:
        """Look again at some identities for some questions; returns whose answers changed."""
        dirty: set[PolicyKey] = set()
        for question, identities in concerned.items():
            there = {identity for identity in identities if identity in self.pods}
            self._answers[question] = self._answers[question] - identities | there
            dirty.update(self._askers[question])
        return dirty

    def _ask_again(self, namespace: str, here: set[Identity]) -> set[PolicyKey]:
        """A namespace may have come into the scope of some questions, or left it, perhaps with all who were there."""
        inside = set(self._spaces.scopes(namespace))
        dirty: set[PolicyKey] = set()
        for question, answer in self._answers.items():
            if isinstance(question.scope, Selector):
                now = {i for i in here if question.matches(i)} if question.scope in inside else set()
                if now != {identity for identity in answer if identity.namespace == namespace}:
                    self._answers[question] = frozenset(i for i in answer if i.namespace != namespace) | now
                    dirty.update(self._askers[question])
        return dirty
