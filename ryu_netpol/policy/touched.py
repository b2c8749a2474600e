"""What may be different between two policies of a node, so that whoever follows need not look at the rest."""

from __future__ import annotations

from dataclasses import dataclass

from ryu_netpol.model.net import Address
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.owners import Endpoint
from ryu_netpol.policy.resolve import NodePolicy, RuleKey


@dataclass(frozen=True, slots=True)
class Touched:
    """Keys of NodePolicy's maps. What is not named is equal in both; what is named may be, too."""

    addresses: frozenset[Address] = frozenset()
    """Keys of local, remote, contested and owners; also where only the identity of the address is another."""
    endpoints: frozenset[Endpoint] = frozenset()
    """Those that are there or not, have another identity, or own other addresses."""
    identities: frozenset[Identity] = frozenset()
    """Keys of members and of isolated, in either direction."""
    rules: frozenset[RuleKey] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.addresses or self.endpoints or self.identities or self.rules)

    def __or__(self, other: Touched) -> Touched:
        return Touched(
            self.addresses | other.addresses,
            self.endpoints | other.endpoints,
            self.identities | other.identities,
            self.rules | other.rules,
        )


def everything(*policies: NodePolicy) -> Touched:
    """All keys of some policies: for whoever knows nothing of what they have in common."""
    return Touched(
        frozenset(a for p in policies for of in (p.local, p.remote, p.contested, p.owners) for a in of),
        frozenset(e for p in policies for e in p.endpoints),
        frozenset(i for p in policies for of in (p.members, *p.isolated.values()) for i in of),
        frozenset(key for p in policies for key in p.rules),
    )
