"""Whom a policy selects on this node, and which of the port names in it nobody has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ryu_netpol.model.names import Direction, PolicyKey, Protocol
from ryu_netpol.model.net import subtract
from ryu_netpol.model.objects import NamedPort, PodPeer, Policy, Rule
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


def unknown_ports(policy: Policy, subjects: Iterable[Identity], pods: Population) -> tuple[PortName, ...]:
    """The port names of a policy that no destination has, where there are destinations: they allow nothing there.

    Destinations of ingress rules are the endpoints here (NP-46), of egress rules the peers, wherever they are (NP-47).
    """
    missing: set[PortName] = set()
    for direction in Direction:
        for rule in policy.rules(direction):
            wanted = {PortName(direction, s.protocol, s.port) for s in rule.ports or () if isinstance(s.port, str)}
            if not wanted:
                continue
            ingress = direction is Direction.INGRESS
            there = (i.ports for i in subjects) if ingress else _ports_of_peers(rule, policy.key.namespace, pods)
            found = list(there)
            if found:
                missing |= wanted - {PortName(direction, port.protocol, port.name) for ports in found for port in ports}
    return tuple(sorted(missing))


def _ports_of_peers(rule: Rule, own: str, pods: Population) -> Iterator[tuple[NamedPort, ...]]:
    """The named ports of everybody whom an egress rule means."""
    if rule.peers is None:
        yield from (identity.ports for identity in pods.everybody())
    for peer in rule.peers or ():
        if isinstance(peer, PodPeer):
            yield from (identity.ports for identity in pods.select(peer, own))
        else:
            # An identity does not say whether its pods are inside the block.
            blocks = subtract(peer.cidr, tuple(sorted(set(peer.excepts))))
            yield from (pod.ports for address, pod in pods.addresses() if any(address in block for block in blocks))
