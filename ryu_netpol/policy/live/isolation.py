"""Who is isolated, and by which policies, kept up to date (NP-1, NP-2, LG-1, LG-11)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from immutables import Map

from ryu_netpol.model.names import Direction, PolicyKey
from ryu_netpol.model.objects import Policy
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.live.spaces import Spaces
from ryu_netpol.policy.owners import Endpoint

_Isolating = frozenset[tuple[Direction, Identity]]


class Isolation:
    """Counts the endpoints of each identity, and who isolates it."""

    def __init__(self, spaces: Spaces) -> None:
        self._spaces = spaces
        self._speaking: dict[Endpoint, Identity] = {}
        self._here: Counter[Identity] = Counter()
        self._by_policy: dict[PolicyKey, _Isolating] = {}
        self._policies: dict[tuple[Direction, Identity], set[PolicyKey]] = defaultdict(set)
        self._isolated: dict[Direction, Map[Identity, tuple[PolicyKey, ...]]] = {d: Map() for d in Direction}
        self._concerned: set[Identity] = set()

    @property
    def isolated(self) -> Mapping[Direction, Mapping[Identity, tuple[PolicyKey, ...]]]:
        """Isolated identities with the policies that isolate them, as of the last `update`."""
        return dict(self._isolated)

    def speaks(self, endpoint: Endpoint, identity: Identity | None) -> None:
        """An endpoint that owns an address has this identity; None: it owns none."""
        old = self._speaking.get(endpoint)
        if old == identity:
            return
        if old is not None:
            del self._speaking[endpoint]
            self._here[old] -= 1
            self._concerned.add(old)
        if identity is not None:
            self._speaking[endpoint] = identity
            self._here[identity] += 1
            self._concerned.add(identity)

    def isolates(self, key: PolicyKey, policy: Policy | None, subjects: frozenset[Identity]) -> None:
        """A policy has these subjects; None: it does not count. Those of the old API isolate nobody (LG-4)."""
        now: _Isolating = frozenset()
        if policy is not None and not policy.legacy:
            now = frozenset((direction, subject) for direction in policy.directions for subject in subjects)
        was = self._by_policy.pop(key, frozenset())
        if now:
            self._by_policy[key] = now
        for place in was - now:
            self._policies[place].discard(key)
        for place in now - was:
            self._policies[place].add(key)
        self._concerned.update(identity for _, identity in was ^ now)

    def update(self, others: Iterable[str]) -> set[Identity]:
        """Decide again where something changed; `others`: namespaces whose annotation may have. Returns who."""
        denied = set(others)
        concerned = self._concerned | {identity for identity in self._here if identity.namespace in denied}
        self._concerned = set()
        changed: set[Identity] = set()
        for direction in Direction:
            isolated = self._isolated[direction].mutate()
            for identity in concerned:
                keys = self._policies.get((direction, identity))
                annotated = direction is Direction.INGRESS and self._annotated(identity)
                now = tuple(sorted(keys or ())) if keys or annotated else None
                if isolated.get(identity) != now:
                    changed.add(identity)
                    if now is None:
                        del isolated[identity]
                    else:
                        isolated[identity] = now
                if not keys:
                    self._policies.pop((direction, identity), None)
            self._isolated[direction] = isolated.finish()
        for identity in concerned:
            if not self._here[identity]:
                del self._here[identity]
        return changed

    def _annotated(self, identity: Identity) -> bool:
        return self._here[identity] > 0 and self._spaces.default_deny(identity.namespace)
