"""What the manifests describe, and what they leave open.

A folder of policies alone says nothing about pods, and most others describe an application and not its cluster. So
what is missing counts as missing only where the manifests speak about its surroundings (docs/check.md).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ryu_netpol.model.labels import Selector
from ryu_netpol.model.names import PodKey
from ryu_netpol.model.net import BITS, Address, Cidr
from ryu_netpol.model.objects import Namespace, Node, Object, Pod, PodPeer

BUILT_IN = frozenset({"default", "kube-node-lease", "kube-public", "kube-system"})
"""Every cluster has these namespaces, and hardly any manifest has them."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Pods, namespaces and nodes of the manifests."""

    pods: Mapping[str, tuple[Pod, ...]] = field(default_factory=dict)
    """By namespace; finished ones too, since whoever selects them surely means them."""
    listed: Mapping[str, Namespace] = field(default_factory=dict)
    """The namespaces that have a manifest."""
    nodes: tuple[Node, ...] = ()
    addressed: tuple[tuple[Address, Pod], ...] = ()
    """The addresses of all pods that policies can see, sorted."""
    _selected: dict[object, frozenset[PodKey]] = field(default_factory=dict, compare=False, repr=False)
    """What `selected` has found: a function of the rest, and policies say the same again and again."""

    @classmethod
    def of(cls, objects: Iterable[Object]) -> Scene:
        """Sort the objects."""
        objects = tuple(objects)
        pods: dict[str, list[Pod]] = {}
        for o in objects:
            if isinstance(o, Pod):
                pods.setdefault(o.key.namespace, []).append(o)
        visible = (o for o in objects if isinstance(o, Pod) and o.visible)
        addressed = ((address, pod) for pod in visible for address in pod.addresses)
        return cls(
            pods={name: tuple(found) for name, found in pods.items()},
            listed={o.name: o for o in objects if isinstance(o, Namespace)},
            nodes=tuple(o for o in objects if isinstance(o, Node)),
            addressed=tuple(sorted(addressed, key=lambda pair: pair[0])),
        )

    def describes_others(self, namespace: str) -> bool:
        """Whether there is a manifest of any other namespace."""
        return any(name != namespace for name in self.listed)

    def namespaces(self, chosen: Selector | None, own: str) -> dict[str, Namespace]:
        """The namespaces that a selector chooses; without a selector the policy's own (NP-31, NP-32).

        Those that are only known by name have no labels but that (NP-27).
        """
        if chosen is None:
            return {own: self._namespace(own)}
        known = {name: self._namespace(name) for name in {*self.listed, *self.pods, *BUILT_IN}}
        return {name: namespace for name, namespace in sorted(known.items()) if chosen.matches(namespace.labels)}

    def candidates(self, peer: PodPeer | None, own: str) -> tuple[Pod, ...]:
        """The pods of the namespaces that a peer chooses, of all without a peer; none if some may not be described."""
        everywhere = Selector()
        chosen = self.namespaces(everywhere if peer is None else peer.namespaces, own)
        if any(name not in self.listed and name not in self.pods for name in chosen):
            return ()
        return tuple(pod for name in chosen for pod in self.pods.get(name, ()))

    def selected(self, peer: PodPeer, own: str) -> frozenset[PodKey]:
        """The pods that a peer matches, those that policies do not see included."""
        key = (peer, own if peer.namespaces is None else None)
        if key not in self._selected:
            self._selected[key] = frozenset(
                pod.key
                for name in self.namespaces(peer.namespaces, own)
                for pod in self.pods.get(name, ())
                if peer.pods is None or peer.pods.matches(pod.labels)
            )
        return self._selected[key]

    def within(self, cidr: Cidr) -> tuple[tuple[Address, Pod], ...]:
        """The pods with an address of this block."""
        last = cidr.address((1 << (BITS[cidr.version] - cidr.prefix)) - 1)
        start = bisect_left(self.addressed, cidr.address(0), key=lambda pair: pair[0])
        return self.addressed[start : bisect_right(self.addressed, last, key=lambda pair: pair[0])]

    def _namespace(self, name: str) -> Namespace:
        return self.listed.get(name) or Namespace(name)
