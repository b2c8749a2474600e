"""Whom a policy selects on this node, and which of the port names in it nobody has."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from ryu_netpol.model.names import Direction, PolicyKey, Protocol
from ryu_netpol.model.objects import PodPeer, Policy, Rule
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.rules import Population


class PortName(NamedTuple):
    """A named port of a rule."""

    direction: Direction
    protocol: Protocol
    name: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a policy means on this node."""

    policy: PolicyKey
    endpoints: int
    """How many endpoints of this node it selects."""
    unknown: tuple[PortName, ...] = ()
    """Port names that mean nothing: of ingress, at none of these endpoints; of egress, at none of the peers."""


def unknown_ports(policy: Policy, subjects: Collection[Identity], pods: Population) -> tuple[PortName, ...]:
    """The port names of a policy that no destination has, where there are destinations: they allow nothing there.

    Destinations of ingress rules are the endpoints here (NP-46), of egress rules the pods that they name, wherever they
    are (NP-47). To whom a rule for everybody, or for a block, may lead is not asked: that is too many.
    """
    missing: set[PortName] = set()
    for direction in Direction:
        for rule in policy.rules(direction):
            names = {PortName(direction, s.protocol, s.port) for s in rule.ports or () if isinstance(s.port, str)}
            if names:
                there = subjects if direction is Direction.INGRESS else _peers(rule, policy.key.namespace, pods)
                missing |= {name for name in names if there and not any(_has(name, one) for one in there)}
    return tuple(sorted(missing))


def _peers(rule: Rule, own: str, pods: Population) -> Collection[Identity]:
    """Who an egress rule means, if it names pods only."""
    peers = [peer for peer in rule.peers or () if isinstance(peer, PodPeer)]
    if not peers or len(peers) < len(rule.peers or ()):
        return ()
    return frozenset().union(*(pods.select(peer, own) for peer in peers))


def _has(name: PortName, identity: Identity) -> bool:
    return any(port.name == name.name and port.protocol is name.protocol for port in identity.ports)
