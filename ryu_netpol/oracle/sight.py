"""The ends of connections, and what policies can see of them.

Ends that no policy can tell apart have equal Sights. What a rule can see of an end, and nothing else, makes its Sight:
which policies count at it (by value), which entries of peers match it, the named ports that somebody names, whether its
address is disputed. Nodes are no part of it: a pod and its own node are told apart when the pair is judged.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from ryu_netpol.model.hashed import Hashed, remembered
from ryu_netpol.model.labels import EVERYTHING as EVERY_POD
from ryu_netpol.model.labels import Labels, Selector
from ryu_netpol.model.names import Direction, NodeName, PodKey, PolicyKey
from ryu_netpol.model.net import BITS, VERSIONS, Address, Version
from ryu_netpol.model.objects import BlockPeer, Cluster, Namespace, Peer, Pod, PodPeer, Policy
from ryu_netpol.model.packet import Judgement
from ryu_netpol.oracle import match
from ryu_netpol.oracle.look import Glance, Look, Seen, port_names
from ryu_netpol.oracle.traffic import EVERYTHING, Shot, Traffic


@dataclass(frozen=True, slots=True, order=True)
class NodeAddress:
    """A node at one of its addresses: as a source its own processes (NP-50), as a destination itself (NP-51)."""

    node: NodeName
    address: Address


@dataclass(frozen=True, slots=True, order=True)
class Outside:
    """The addresses of this range that no pod has and, as destinations, no node: all policies see them alike."""

    version: Version
    first: int
    last: int


End = PodKey | NodeAddress | Outside
"""One end of a connection. A pod is one if it is visible and has an address that nobody took from it (NP-71)."""


class Annotation(NamedTuple):
    """What isolates the pods of a namespace for ingress in the old API (LG-1)."""

    namespace: str


@dataclass(frozen=True, slots=True)
class Dispute:
    """What closes an address that two pods claim (NP-71)."""


Isolating = PolicyKey | Annotation | Dispute


class Sight(NamedTuple):
    """What policies can see of an end; each number stands for a value, by the Terms."""

    egress: int
    """As the source: the policies that count at it; 0 for what is no pod."""
    ingress: int
    """As the destination."""
    seen_by_ingress: int
    """As the source: what rules of the destination's policies see of it."""
    seen_by_egress: int
    """As the destination."""


@dataclass(frozen=True, slots=True)
class Judged(Hashed):
    """What the policies at one end let through between it and the other."""

    allowed: Traffic = EVERYTHING
    isolated_by: tuple[Isolating, ...] = ()
    """Empty: not isolated."""
    by: tuple[tuple[PolicyKey, int, Traffic], ...] = ()
    """The rules that allow something, by policy and index, with what; the first has what several allow."""

    __hash__ = remembered

    def judgement(self, direction: Direction, subject: PodKey, shot: Shot) -> Judgement:
        """What this says of one connection, at this pod."""
        rules = ((policy, index) for policy, index, traffic in self.by if shot in traffic)
        policy, rule = next(rules, (None, None))
        isolated_by = tuple(key for key in self.isolated_by if isinstance(key, PolicyKey))
        return Judgement(direction, subject, shot in self.allowed, isolated_by, bool(self.isolated_by), policy, rule)


UNJUDGED = Judged()
"""Where no policy is asked, since the end is no pod."""


class Terms:
    """What the policies of some clusters speak about, and what has been judged so far."""

    def __init__(self, *clusters: Cluster) -> None:
        self.judged: dict[tuple[int, Glance, bool], Judged] = {}
        """By the policies at one end, what their rules see of the other, and whether these are a pod and its node."""
        self.looks: dict[int, Look] = {}
        """By the number for the policies at an end."""
        self.seen: dict[int, Seen] = {}
        """By the number for what is seen of a peer."""
        self._numbers: dict[object, int] = {}
        self._at: dict[tuple[Version, int, Direction], int] = {}
        self._in: dict[tuple[Namespace, Direction], list[tuple[int, str, PodPeer]]] = {}
        self._pods: dict[tuple[Namespace, Labels, Direction], int] = {}
        self.label_keys: frozenset[str] = _label_keys(clusters)
        self.entries: dict[Direction, Mapping[tuple[str, Peer], int]] = {}
        """The entries of peers, with their places."""
        self.port_names: dict[Direction, frozenset[str]] = {}
        everything = [policy for cluster in clusters for policy in cluster.policies.values()]
        for direction in Direction:
            rules = [(policy.key.namespace, rule) for policy in everything for rule in policy.rules(direction)]
            peers = (_entry(namespace, peer) for namespace, rule in rules for peer in rule.peers or ())
            self.entries[direction] = {entry: place for place, entry in enumerate(dict.fromkeys(peers))}
            self.port_names[direction] = port_names(rule for _, rule in rules)
        self._cuts = {version: self._edges(version) for version in VERSIONS}

    def number(self, value: object) -> int:
        """A number that stands for this value, 1 or more."""
        return self._numbers.setdefault(value, len(self._numbers) + 1)

    def ranges(self, version: Version) -> Iterator[Outside]:
        """All addresses, cut where a block begins or ends."""
        return (Outside(version, first, end - 1) for first, end in pairwise(self._cuts[version]))

    def look(self, policies: Iterable[Policy], direction: Direction) -> Look:
        """What the rules of these policies look at."""
        rules = [(policy.key.namespace, rule) for policy in policies for rule in policy.rules(direction)]
        entries = self.entries[direction]
        peers = (
            sum(1 << place for place in {entries[_entry(namespace, peer)] for peer in rule.peers})
            for namespace, rule in rules
            if rule.peers is not None
        )
        return Look(tuple(dict.fromkeys(peers)), port_names(rule for _, rule in rules))

    def blocks_at(self, address: Address, direction: Direction) -> int:
        """The entries with a block that matches the address, one bit for each."""
        piece = bisect_right(self._cuts[address.version], address.value)
        key = (address.version, piece, direction)
        if key not in self._at:
            blocks = ((n, peer) for (_, peer), n in self.entries[direction].items() if isinstance(peer, BlockPeer))
            self._at[key] = sum(1 << n for n, block in blocks if match.block_matches(block, address))
        return self._at[key]

    def pods_at(self, pod: Pod, namespace: Namespace, direction: Direction) -> int:
        """The entries that match a pod by its labels, one bit for each."""
        key = (namespace, pod.labels.only(self.label_keys), direction)
        if key not in self._pods:
            if (namespace, direction) not in self._in:
                self._in[namespace, direction] = [*self._about(pod, namespace, direction)]
            end = match.End(Address(4, 0), pod, namespace)
            about = self._in[namespace, direction]
            self._pods[key] = sum(1 << n for n, own, peer in about if match.pod_peer_matches(peer, own, end))
        return self._pods[key]

    def _about(self, pod: Pod, namespace: Namespace, direction: Direction) -> Iterator[tuple[int, str, PodPeer]]:
        """The entries that match pods of this namespace, if their labels are right; any of its pods will do to ask."""
        end = match.End(Address(4, 0), pod, namespace)
        for (own, peer), place in self.entries[direction].items():
            if isinstance(peer, PodPeer) and match.pod_peer_matches(replace(peer, pods=EVERY_POD), own, end):
                yield place, own, peer

    def _edges(self, version: Version) -> list[int]:
        cuts = {0, 1 << BITS[version]}
        peers = [peer for entries in self.entries.values() for _, peer in entries if isinstance(peer, BlockPeer)]
        for block in (block for peer in peers for block in (peer.cidr, *peer.excepts)):
            if block.version == version:
                cuts |= {block.network, block.network + (1 << (BITS[version] - block.prefix))}
        return sorted(cuts)


def _label_keys(clusters: Iterable[Cluster]) -> frozenset[str]:
    """The labels of pods that some policy asks for."""
    selectors: list[Selector] = []
    for policy in (policy for cluster in clusters for policy in cluster.policies.values()):
        peers = (peer for rule in (*policy.ingress, *policy.egress) for peer in rule.peers or ())
        selectors += [
            policy.subject,
            *(peer.pods for peer in peers if isinstance(peer, PodPeer) and peer.pods is not None),
        ]
    return frozenset().union(*map(Selector.keys, selectors))


def _entry(namespace: str, peer: Peer) -> tuple[str, Peer]:
    """A peer, with the namespace of its policy where that matters (NP-31)."""
    own = not isinstance(peer, BlockPeer) and peer.namespaces is None
    return (namespace if own else "", peer)
