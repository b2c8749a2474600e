"""The identities of addresses in this node's flows, kept up to date: those of endpoints, and elsewhere those to which
some rule refers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from immutables import Map

from ryu_netpol.model.names import PodKey
from ryu_netpol.model.net import Address
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.live.claims import Claims
from ryu_netpol.policy.rules import ResolvedRule


class AddressBook:
    """Addresses by identity, and identities by address."""

    def __init__(self) -> None:
        self._rules: Counter[Identity] = Counter()
        self._turned: set[Identity] = set()
        """Identities that may have become referred to, or ceased to be."""
        self._identity: dict[Address, Identity] = {}
        self.remote: Map[Address, Identity] = Map()
        self.members: Map[Identity, frozenset[Address]] = Map()

    def refer(self, old: ResolvedRule | None, new: ResolvedRule | None) -> None:
        """A rule was like this and is like that; None: it is not there."""
        was, now = _referred(old), _referred(new)
        for identity in was - now:
            self._rules[identity] -= 1
            if not self._rules[identity]:
                del self._rules[identity]
                self._turned.add(identity)
        for identity in now - was:
            if not self._rules[identity]:
                self._turned.add(identity)
            self._rules[identity] += 1

    def turned(self) -> set[Identity]:
        """Identities whose addresses have to be looked at since the last call."""
        turned, self._turned = self._turned, set()
        return turned

    def update(
        self, concerned: Iterable[Address], claims: Claims, identity: Mapping[PodKey, Identity]
    ) -> tuple[set[Address], set[Identity]]:
        """Look at some addresses again; returns those that have another identity, and the identities concerned."""
        changed: set[Address] = set()
        gone: dict[Identity, set[Address]] = defaultdict(set)
        come: dict[Identity, set[Address]] = defaultdict(set)
        with self.remote.mutate() as remote:
            for address in concerned:
                owner = claims.owners.get(address)
                whose = identity[owner.pod] if owner is not None else None
                here = address in claims.local
                now = whose if whose is not None and (here or self._rules[whose]) else None
                if now is not None and not here:
                    remote[address] = now
                elif address in remote:
                    del remote[address]
                old = self._identity.get(address)
                if old == now:
                    continue
                changed.add(address)
                if old is not None:
                    del self._identity[address]
                    gone[old].add(address)
                if now is not None:
                    self._identity[address] = now
                    come[now].add(address)
            self.remote = remote.finish()
        self._assemble(gone, come)
        return changed, {*gone, *come}

    def _assemble(self, gone: Mapping[Identity, set[Address]], come: Mapping[Identity, set[Address]]) -> None:
        with self.members.mutate() as members:
            for identity in {*gone, *come}:
                left = members.get(identity, frozenset()) - gone.get(identity, frozenset())
                left |= come.get(identity, frozenset())
                if left:
                    members[identity] = left
                else:
                    members.pop(identity, None)
            self.members = members.finish()


def _referred(rule: ResolvedRule | None) -> frozenset[Identity]:
    return rule.peers.identities if rule is not None and rule.peers is not None else frozenset()
