"""What rules look at in the other end of a connection: as much as can make a difference to them.

Two ends may be told apart by some policy, and still be alike to all that count at a third one. Judging is by what these
see: a pod that five policies select tells few kinds of peers apart, however many kinds there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ryu_netpol.model.objects import NamedPort, Rule

Glance = tuple[tuple[bool, ...], tuple[NamedPort, ...], bool]
"""What some rules see of a peer: whether it is among the peers of each, its ports that they name, and if it is
disputed."""


class Look(NamedTuple):
    """What some rules look at in a peer."""

    peers: tuple[int, ...] = ()
    """Their lists of peers, each as its entries, one bit for each."""
    names: frozenset[str] = frozenset()
    """The ports that they name."""


class Seen(NamedTuple):
    """All that any rule can see of a peer."""

    entries: int = 0
    """The entries that match it, one bit for each."""
    named: tuple[NamedPort, ...] = ()
    """Its named ports, where they are those of the destination."""
    disputed: bool = False
    """Its address is claimed by several pods (NP-71)."""

    def by(self, look: Look) -> Glance:
        """As much of it as these rules look at."""
        among = tuple(bool(self.entries & entries) for entries in look.peers)
        return among, tuple(port for port in self.named if port.name in look.names), self.disputed


def port_names(rules: Iterable[Rule]) -> frozenset[str]:
    """The ports that these rules name."""
    return frozenset(spec.port for rule in rules for spec in rule.ports or () if isinstance(spec.port, str))
