"""From one policy to rules in terms of identities: what both the full function and its incremental twin are made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import total_ordering
from typing import Protocol as Interface

from ryu_netpol.model.hashed import Hashed, remembered
from ryu_netpol.model.labels import Selector
from ryu_netpol.model.names import Direction, PolicyKey, Protocol
from ryu_netpol.model.net import BITS, Address, Cidr, PortRange, merge_ranges, subtract
from ryu_netpol.model.objects import BlockPeer, Pod, PodPeer, Policy, PortSpec, Rule
from ryu_netpol.policy.identity import Identity, port_names


@dataclass(frozen=True, slots=True, order=True)
class PortMatch:
    """Ports of one protocol; `first` -1: all of them."""

    protocol: Protocol
    first: int = -1
    last: int = -1

    @property
    def range(self) -> PortRange | None:
        """The ports; None: all."""
        return None if self.first < 0 else PortRange(self.first, self.last)

    def __str__(self) -> str:
        return f"{self.protocol.name}/{self.range or '*'}"


Ports = tuple[PortMatch, ...]


@total_ordering
@dataclass(frozen=True, slots=True)
class _AsText:
    """Compares as text, and only then writes it: rules are long, and few are compared with others of their policy."""

    value: object

    def __lt__(self, other: _AsText) -> bool:
        return repr(self.value) < repr(other.value)


@dataclass(frozen=True, slots=True)
class RuleKey(Hashed):
    """Names a resolved rule by content: a changed rule is another rule; one whose members change stays the same."""

    policy: PolicyKey
    direction: Direction
    subject: Selector
    rule: Rule
    ports: Ports | None
    """A rule with named ports falls into one resolved rule for each set of numbers."""

    __hash__ = remembered

    @property
    def order(self) -> tuple[str, str, str, _AsText]:
        """A sort key, so that numbers are given out in the same order on every run."""
        return str(self.policy), self.policy.api, self.direction, _AsText((self.subject, self.rule, self.ports))


@dataclass(frozen=True, slots=True)
class Peers:
    """The other end: pods by identity, and address blocks."""

    identities: frozenset[Identity] = frozenset()
    blocks: frozenset[Cidr] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.identities or self.blocks)


@dataclass(frozen=True, slots=True)
class ResolvedRule:
    """Allows what comes from (or goes to) a peer, at a subject, on a port. None: any."""

    key: RuleKey
    subjects: frozenset[Identity]
    peers: Peers | None
    ports: Ports | None


class Population(Interface):
    """The pods that own an address, which are those that rules can mean."""

    def select(self, peer: PodPeer, own: str) -> frozenset[Identity]:
        """Identities that a peer of a policy in namespace `own` matches."""

    def everybody(self) -> Iterable[Identity]:
        """All identities."""

    def addresses(self) -> Iterable[tuple[Address, Pod]]:
        """All addresses, each with its owner."""


def resolved_rules(policy: Policy, subjects: frozenset[Identity], pods: Population) -> Iterable[ResolvedRule]:
    """The rules of a policy that has these subjects; a rule with named ports falls into several (NP-46, NP-47)."""
    for direction in Direction:
        for rule in policy.rules(direction):
            peers = None if rule.peers is None else _peers(rule, policy.key.namespace, pods)
            if direction is Direction.INGRESS:
                groups = _ingress_groups(rule, subjects, peers)
            else:
                groups = _egress_groups(rule, subjects, peers, pods)
            for ports, chosen, others in groups:
                if ports == () or others == Peers():
                    continue
                key = RuleKey(policy.key, direction, policy.subject, rule, ports)
                yield ResolvedRule(key, chosen, others, ports)


def _peers(rule: Rule, own: str, pods: Population) -> Peers:
    identities: frozenset[Identity] = frozenset()
    blocks: set[Cidr] = set()
    for peer in rule.peers or ():
        if isinstance(peer, BlockPeer):
            blocks.update(subtract(peer.cidr, tuple(sorted(set(peer.excepts)))))
        else:
            # Mostly there is one, whose answer is no copy then: ten thousand rules may ask the same.
            identities = identities | pods.select(peer, own) if identities else pods.select(peer, own)
    return Peers(identities, frozenset(blocks))


Group = tuple[Ports | None, frozenset[Identity], Peers | None]
"""Ports, subjects, peers."""


def _ingress_groups(rule: Rule, subjects: frozenset[Identity], peers: Peers | None) -> Iterable[Group]:
    """Subjects by what the rule's ports mean for them (NP-46)."""
    if rule.ports is None:
        return [(None, subjects, peers)]
    if not port_names(rule):
        return [(_ports(rule.ports, None), subjects, peers)]
    groups: dict[Ports, set[Identity]] = defaultdict(set)
    for subject in subjects:
        groups[_ports(rule.ports, subject)].add(subject)
    return [(ports, frozenset(chosen), peers) for ports, chosen in groups.items()]


def _egress_groups(rule: Rule, subjects: frozenset[Identity], peers: Peers | None, pods: Population) -> Iterable[Group]:
    """Peers by what the rule's ports mean for them (NP-47)."""
    if rule.ports is None:
        return [(None, subjects, peers)]
    numeric = _ports(rule.ports, None)
    named = tuple(spec for spec in rule.ports if isinstance(spec.port, str))
    if not named:
        return [(numeric, subjects, peers)]
    identities: dict[Ports, set[Identity]] = defaultdict(set)
    blocks: dict[Ports, set[Cidr]] = defaultdict(set)
    for identity in pods.everybody() if peers is None else peers.identities:
        identities[_ports(rule.ports, identity)].add(identity)
    if peers is not None and peers.blocks:
        blocks[numeric] |= peers.blocks
        # An identity does not say whether its pods are inside the block, so here pods count by address.
        for address, pod in pods.addresses():
            if any(address in block for block in peers.blocks):
                numbers = _ports(named, Identity(pod.key.namespace, ports=pod.ports))
                blocks[numbers].add(Cidr(address.version, address.value, BITS[address.version]))
    groups: list[Group] = [
        (ports, subjects, Peers(frozenset(identities[ports]), frozenset(blocks[ports])))
        for ports in {*identities, *blocks}
    ]
    if peers is None:
        groups = [(numeric, subjects, None), *(group for group in groups if group[0] != numeric)]
    return groups


def _ports(specs: Iterable[PortSpec], destination: Identity | None) -> Ports:
    """What port entries mean at a destination: numbers of its named ports included (NP-42 to NP-48)."""
    everything: set[Protocol] = set()
    ranges: dict[Protocol, set[PortRange]] = defaultdict(set)
    for spec in specs:
        match spec.port:
            case None:
                everything.add(spec.protocol)
            case PortRange():
                ranges[spec.protocol].add(spec.port)
            case str(name):
                for port in destination.ports if destination else ():
                    if port.name == name and port.protocol is spec.protocol:
                        ranges[spec.protocol].add(PortRange(port.number, port.number))
    matches = [PortMatch(protocol) for protocol in everything]
    for protocol, some in ranges.items():
        if protocol not in everything:
            matches += (PortMatch(protocol, r.first, r.last) for r in merge_ranges(frozenset(some)))
    return tuple(sorted(matches))
