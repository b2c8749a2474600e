"""What policies with subjects on this node look at, by namespace: on it depends which pods can be told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ryu_netpol.model.labels import Labels
from ryu_netpol.model.objects import Pod
from ryu_netpol.policy.identity import Identity, Scope, Sight, seen
from ryu_netpol.policy.live.spaces import Spaces

_UNSEEN = Labels()

_Seen = tuple[frozenset[str], frozenset[str]]
"""Label keys, and names of ports."""


class Vision:
    """Counts who looks at what."""

    def __init__(self, spaces: Spaces) -> None:
        self._spaces = spaces
        self._counts: Counter[Sight] = Counter()
        self._by_scope: dict[Scope, set[Sight]] = {}
        self._known: dict[str, _Seen] = {}
        """Namespaces that somebody asked about."""

    def identity(self, pod: Pod) -> Identity:
        """The identity of a pod."""
        namespace = pod.key.namespace
        if namespace not in self._known:
            self._known[namespace] = self._look(namespace)
        keys, ports = self._known[namespace]
        # Nobody looks into most namespaces of a large cluster.
        return seen(pod, keys, ports) if keys or ports else Identity(namespace, _UNSEEN)

    def update(self, gone: Iterable[Sight], come: Iterable[Sight], others: Iterable[str]) -> set[str]:
        """Forget and add sights; `others` are namespaces whose labels changed.

        Returns the namespaces whose pods may have other identities now.
        """
        concerned = set(others)
        for sight in come:
            self._counts[sight] += 1
            if self._counts[sight] == 1:
                self._by_scope.setdefault(sight.scope, set()).add(sight)
                self._spaces.use(sight.scope)
                concerned.update(self._spaces.inside(sight.scope))
        for sight in gone:
            self._counts[sight] -= 1
            if not self._counts[sight]:
                del self._counts[sight]
                self._by_scope[sight.scope].discard(sight)
                concerned.update(self._spaces.inside(sight.scope))
                self._spaces.drop(sight.scope)
        changed = set()
        for namespace in concerned & self._known.keys():
            found = self._look(namespace)
            if found != self._known[namespace]:
                self._known[namespace] = found
                changed.add(namespace)
        return changed

    def _look(self, namespace: str) -> _Seen:
        sights = [sight for scope in self._spaces.scopes(namespace) for sight in self._by_scope.get(scope, ())]
        return frozenset(s.key for s in sights if s.key), frozenset(s.port for s in sights if s.port)
