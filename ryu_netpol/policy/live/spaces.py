"""The namespaces that there are, described or only mentioned, and what selectors choose of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection

from ryu_netpol.model.labels import Operator, Selector
from ryu_netpol.model.objects import Namespace
from ryu_netpol.policy.identity import Scope
from ryu_netpol.policy.live.changes import Change, Changes


class Spaces:
    """Keeps for every selector of namespaces that is in use what it chooses."""

    def __init__(self) -> None:
        self._described: dict[str, Namespace] = {}
        self._mentions: Counter[str] = Counter()
        self._all: dict[str, Namespace] = {}
        self._labelled: dict[tuple[str, str], set[str]] = defaultdict(set)
        """Namespaces by label: few selectors have to look at all of them."""
        self._chosen: dict[Selector, set[str]] = {}
        self._choosing: dict[str, set[Selector]] = defaultdict(set)
        """The other way round: the selectors that choose a namespace."""
        self._users: Counter[Selector] = Counter()

    def default_deny(self, name: str) -> bool:
        """Whether the namespace's annotation isolates its pods (LG-1)."""
        return name in self._all and self._all[name].default_deny

    def update(self, changes: Changes) -> dict[str, Change[Namespace]]:
        """Take changes in; returns the namespaces that are others now."""
        concerned = set(changes.namespaces)
        for name, (_, new) in changes.namespaces.items():
            if new is None:
                self._described.pop(name, None)
            else:
                self._described[name] = new
        for of in (changes.pods, changes.policies):
            for key, change in of.items():
                if (change.old is None) is not (change.new is None):
                    self._mentions[key.namespace] += 1 if change.old is None else -1
                    concerned.add(key.namespace)
        changed = {}
        for name in concerned:
            old, new = self._all.get(name), self._now(name)
            if old != new:
                changed[name] = Change(old, new)
                self._replace(name, new)
        return changed

    def _now(self, name: str) -> Namespace | None:
        if (described := self._described.get(name)) is not None:
            return described
        if self._mentions[name]:
            return Namespace(name)
        del self._mentions[name]
        return None

    def _replace(self, name: str, new: Namespace | None) -> None:
        old = self._all.pop(name, None)
        for label in old.labels.items() if old is not None else ():
            self._labelled[label].discard(name)
            if not self._labelled[label]:
                del self._labelled[label]
        if new is not None:
            self._all[name] = new
            for label in new.labels.items():
                self._labelled[label].add(name)
        for selector in self._choosing.pop(name, ()):
            self._chosen[selector].discard(name)
        if new is not None:
            for selector, chosen in self._chosen.items():
                if selector.matches(new.labels):
                    chosen.add(name)
                    self._choosing[name].add(selector)

    def use(self, scope: Scope) -> None:
        """Somebody looks there from now on."""
        if isinstance(scope, str):
            return
        self._users[scope] += 1
        if scope not in self._chosen:
            chosen = {name for name in self._candidates(scope) if scope.matches(self._all[name].labels)}
            self._chosen[scope] = chosen
            for name in chosen:
                self._choosing[name].add(scope)

    def _candidates(self, selector: Selector) -> Collection[str]:
        """Namespaces among which are all that a selector chooses, as few as their labels can tell."""
        listed = [
            {name for value in wanted.values for name in self._labelled.get((wanted.key, value), ())}
            for wanted in selector.requirements
            if wanted.operator is Operator.IN
        ]
        return min(listed, key=len, default=self._all.keys())

    def drop(self, scope: Scope) -> None:
        """The counterpart of `use`."""
        if isinstance(scope, str):
            return
        self._users[scope] -= 1
        if not self._users[scope]:
            for name in self._chosen.pop(scope):
                self._choosing[name].discard(scope)
            del self._users[scope]

    def inside(self, scope: Scope) -> Collection[str]:
        """The namespaces in a scope that is in use."""
        return (scope,) if isinstance(scope, str) else self._chosen[scope]

    def scopes(self, name: str) -> list[Scope]:
        """The scopes in use that a namespace is in."""
        return [name, *self._choosing.get(name, ())]
