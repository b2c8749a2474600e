"""Pods that are there before and after a change, under the same owner: what they were, and what they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from ryu_netpol.model.net import Address
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.resolve import NodePolicy

Change = tuple[Identity, Identity | None]
"""What pods were and what they are; None: nothing that a rule refers to."""


class Stayed:
    """Two policies, seen by address. What is not touched is in both and the same, and is never looked for."""

    def __init__(self, before: NodePolicy, after: NodePolicy, touched: Iterable[Address]) -> None:
        self.before = before
        self.after = after
        self._left: dict[Identity, set[Address]] = defaultdict(set)
        """By identity, the addresses that have another one now, or another owner, or none."""
        self._moved: dict[Identity, dict[Identity | None, list[Address]]] = {}
        self.arrived = False
        """A pod is on this node that was elsewhere."""
        for address in touched:
            self._look(address)
        self.moved = frozenset(self._moved)
        """Identities of which some pod has another one now."""

    def _look(self, address: Address) -> None:
        was, now, stayed = identity_of(self.before, address), identity_of(self.after, address), self.has(address)
        if stayed and address in self.after.local and address not in self.before.local:
            self.arrived = True
        if was is None or (stayed and was == now):
            return
        self._left[was].add(address)
        if stayed:
            self._moved.setdefault(was, {}).setdefault(now, []).append(address)

    def has(self, address: Address) -> bool:
        """Whether a pod has an address that had it before."""
        owner = self.before.owners.get(address)
        return owner is not None and owner == self.after.owners.get(address)

    def remains(self, identity: Identity) -> bool:
        """Whether some pod of an identity has the same one now."""
        return len(self.before.members.get(identity, ())) > len(self._left.get(identity, ()))

    def became(self, identity: Identity) -> Mapping[Identity | None, list[Address]]:
        """What else pods of an identity are now, and their addresses."""
        return self._moved.get(identity, {})

    def changes(self) -> Iterator[Change]:
        """All that pods were and are, where these differ."""
        return ((was, now) for was, found in self._moved.items() for now in found)

    def among(self, identities: Collection[Identity], now: Identity | None) -> Iterable[Address]:
        """The addresses of pods that were of one of some identities, and are of this one."""
        if now is not None and now in identities:
            yield from self._still(now, self.before.members.get(now, frozenset()))
        for was in self.moved.intersection(identities):
            yield from self.became(was).get(now, ())

    def here(self, was: Identity, now: Identity) -> Iterable[Address]:
        """The addresses of pods of this node that were of the one and are of the other."""
        # What stayed and is here now was here before: see `arrived`.
        if was != now:
            return (address for address in self.became(was).get(now, ()) if address in self.after.local)
        members, local = self.before.members.get(was, frozenset()), self.after.local
        few, many = (members, local) if len(members) < len(local) else (local, members)
        return self._still(was, (address for address in few if address in many))

    def _still(self, identity: Identity, addresses: Iterable[Address]) -> Iterable[Address]:
        left: Collection[Address] = self._left.get(identity, ())
        return (address for address in addresses if address not in left) if left else addresses


def identity_of(policy: NodePolicy, address: Address) -> Identity | None:
    """What the owner of an address is; None: nobody, or nothing that a rule refers to."""
    endpoint = policy.local.get(address)
    return policy.remote.get(address) if endpoint is None else policy.endpoints[endpoint]
