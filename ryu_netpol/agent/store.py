"""The cluster as the agent has heard of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ryu_netpol.agent.events import Deleted, Kind, Relisted, Replaced, Upserted
from ryu_netpol.model.objects import Cluster, Namespace, Node, Object, Pod, Policy

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
        self._snapshot: Cluster | None = None

    @property
    def synced(self) -> bool:
        """Whether every kind has been listed once: before that, nothing may be opened."""
        return self._listed == set(Kind)

    def apply(self, event: Upserted | Deleted | Relisted | Replaced) -> bool:
        """Take the event in; tell whether anything is different now."""
        match event:
            case Upserted(item):
                objects, key = self._objects[kind_of(item)], key_of(item)
                changed = objects.get(key) != item
                objects[key] = item
            case Deleted(item):
                changed = self._objects[kind_of(item)].pop(key_of(item), None) is not None
            case Relisted(kind, items):
                changed = self._relist(kind, items)
            case Replaced(items):
                changed = False
                for kind in Kind:
                    changed |= self._relist(kind, (item for item in items if kind_of(item) is kind))
        if changed:
            self._snapshot = None
        return changed

    def _relist(self, kind: Kind, items: Iterable[Object]) -> bool:
        new = {key_of(item): item for item in items}
        changed = kind not in self._listed or new != self._objects[kind]
        self._objects[kind] = new
        self._listed.add(kind)
        return changed

    def has_namespace(self, name: str) -> bool:
        """Whether the namespace itself is known, not only mentioned."""
        return name in self._objects[Kind.NAMESPACE]

    def snapshot(self) -> Cluster:
        """Everything, as one value. Namespaces that are only mentioned have no labels but their name."""
        if self._snapshot is None:
            self._snapshot = Cluster.of(*(item for objects in self._objects.values() for item in objects.values()))
        return self._snapshot
