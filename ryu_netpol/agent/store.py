"""The cluster as the agent has heard of it, and what is new about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from ryu_netpol.agent.events import Deleted, Kind, Reached, Relisted, Replaced, Together, Upserted
from ryu_netpol.model.labels import Labels
from ryu_netpol.model.names import PodKey, PolicyKey
from ryu_netpol.model.objects import Cluster, Namespace, Node, Object, Pod, Policy
from ryu_netpol.policy.live import Change, Changes

_KINDS: dict[type, Kind] = {Pod: Kind.POD, Namespace: Kind.NAMESPACE, Node: Kind.NODE, Policy: Kind.POLICY}


def kind_of(item: Object) -> Kind:
    """The kind of an object."""
    return _KINDS[type(item)]


def key_of(item: Object) -> Any:
    """What an object is known by, within its kind."""
    return item.name if isinstance(item, Namespace | Node) else item.key


class Store:
    """Keeps the last version of every object. Equal by value means: nothing happened."""

    def __init__(self) -> None:
        self._objects: dict[Kind, dict[Any, Object]] = {kind: {} for kind in Kind}
        self._listed: set[Kind] = set()
        self._taken: dict[Kind, dict[Any, Object | None]] = {kind: {} for kind in Kind}
        """What objects that changed were when the changes were taken last."""

    @property
    def synced(self) -> bool:
        """Whether every kind has been listed once: before that, nothing may be opened."""
        return self._listed == set(Kind)

    @property
    def listed(self) -> frozenset[Kind]:
        """The kinds that have been listed."""
        return frozenset(self._listed)

    @property
    def counts(self) -> dict[Kind, int]:
        """How many objects of each kind there are."""
        return {kind: len(objects) for kind, objects in self._objects.items()}

    @property
    def pods(self) -> Mapping[PodKey, Pod]:
        """All pods."""
        return cast(Mapping[PodKey, Pod], self._objects[Kind.POD])

    def apply(self, event: Upserted | Deleted | Relisted | Replaced | Reached | Together) -> bool:
        """Take the event in; tell whether anything is different now."""
        match event:
            case Upserted(item):
                return self._put(kind_of(item), key_of(item), item)
            case Deleted(item):
                return self._put(kind_of(item), key_of(item), None)
            case Relisted(kind, items):
                return self._relist(kind, items)
            case Replaced(items):
                by_kind: dict[Kind, list[Object]] = {kind: [] for kind in Kind}
                for item in items:
                    by_kind[kind_of(item)].append(item)
                changed = [self._relist(kind, some) for kind, some in by_kind.items()]
                return any(changed)
            case Reached():
                return False
            case Together(events):
                changed = [self.apply(event) for event in events]
                return any(changed)

    def _relist(self, kind: Kind, items: Iterable[Object]) -> bool:
        new = {key_of(item): item for item in items}
        gone = [key for key in self._objects[kind] if key not in new]
        changed = kind not in self._listed
        self._listed.add(kind)
        for key in gone:
            changed |= self._put(kind, key, None)
        for key, item in new.items():
            changed |= self._put(kind, key, item)
        return changed

    def _put(self, kind: Kind, key: Any, item: Object | None) -> bool:
        objects = self._objects[kind]
        old = objects.get(key)
        if not _differ(old, item):
            return False
        self._taken[kind].setdefault(key, old)
        if item is None:
            del objects[key]
        else:
            objects[key] = item
        return True

    def take(self) -> Changes:
        """What has changed since the last call."""
        taken, self._taken = self._taken, {kind: {} for kind in Kind}

        def changes(kind: Kind) -> dict[Any, Change[Any]]:
            objects = self._objects[kind]
            return {key: Change(old, new) for key, old in taken[kind].items() if _differ(old, new := objects.get(key))}

        return Changes(changes(Kind.POD), changes(Kind.NAMESPACE), changes(Kind.POLICY))

    def has_namespace(self, name: str) -> bool:
        """Whether the namespace itself is known, not only mentioned."""
        return name in self._objects[Kind.NAMESPACE]

    def selecting(self, pods: Iterable[Pod]) -> Iterator[PolicyKey]:
        """The policies that select one of these pods."""
        by_space: dict[str, list[Labels]] = defaultdict(list)
        for pod in pods:
            by_space[pod.key.namespace].append(pod.labels)
        policies = cast(Mapping[PolicyKey, Policy], self._objects[Kind.POLICY]) if by_space else {}
        for name, policy in policies.items():
            if any(policy.subject.matches(labels) for labels in by_space.get(name.namespace, ())):
                yield name

    def snapshot(self) -> Cluster:
        """Everything, as one value. Namespaces that are only mentioned have no labels but their name."""
        return Cluster.of(*(item for objects in self._objects.values() for item in objects.values()))


def _differ(old: Object | None, new: Object | None) -> bool:
    # Most objects of a list are new, or the very same: to compare them by value would take most of the time.
    return old is not new and (old is None or new is None or old != new)
