"""What changes between the parts of two clusters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from ryu_netpol.cli.diff.parts import Part
from ryu_netpol.cli.diff.twins import Found, Twins, Verdict, compared
from ryu_netpol.model.names import PORT_PROTOCOLS, Direction, NodeName, PodKey
from ryu_netpol.model.net import VERSIONS, Version
from ryu_netpol.oracle.board import Board
from ryu_netpol.oracle.evaluate import NODE_PORTS
from ryu_netpol.oracle.places import Places, place_set, places
from ryu_netpol.oracle.sight import End, NodeAddress
from ryu_netpol.oracle.space import Space
from ryu_netpol.oracle.traffic import ports, union

AT_NODE_PORTS = union(ports(protocol, NODE_PORTS) for protocol in PORT_PROTOCOLS)

_ByVersion = Mapping[Version, tuple[Found, ...]]
"""What changes in each IP version that both ends have."""


class Pairs:
    """All pairs of parts, one destination at a time. A set of parts is the set of their numbers."""

    def __init__(self, old: Space, new: Space, parts: Sequence[Part]) -> None:
        self._spaces = old, new
        self._parts = parts
        self._everybody = place_set(part.number for part in parts)
        self._pods = place_set(part.number for part in parts if part.pods)
        self._nodes = place_set(part.number for part in parts if part.nodes)
        self._moved = place_set(part.number for part in parts if part.moved)
        self._changed = place_set(part.number for part in parts if not part.same_source)
        self._homes = self._on_one_node()
        ends = [part.members for part in parts]
        self._twins = {v: Twins(*(Board(space, v, ends) for space in self._spaces)) for v in VERSIONS}

    def never(self, destination: Part, *, at_node_ports: bool) -> Places:
        """Who is never compared with the members of this part, as sources: a pod itself, its own node."""
        alone = destination.pods and len(destination.members) == 1
        own = self._own_nodes(destination) if destination.pods or not at_node_ports else 0
        return own | (1 << destination.number if alone else 0)

    def _own_nodes(self, part: Part) -> Places:
        """The nodes of these pods, or the pods of this node, where all pairs of members are a pod and its own node."""
        return self._homes.get(part.number, 0) & (self._nodes if part.pods else self._pods)

    def changes(self, destination: Part) -> Mapping[Found, Places]:
        """Everything that changes to each member of a part, with the parts from each of whose members it does."""
        sources = self._everybody if destination.pods else self._pods
        sources &= ~self.never(destination, at_node_ports=True)
        one_by_one = sources & (self._nodes if destination.moved else self._moved if destination.nodes else 0)
        together = sources & ~one_by_one
        if destination.same_destination:
            # Most pairs are left out here: policies see the same in both clusters, so that there is nothing to ask.
            together &= self._changed
        own = self._own_nodes(destination)
        found: dict[Found, Places] = defaultdict(int)
        for by_version, some in self._shares(destination, together):
            for change in _found(by_version):
                # Between a pod and its own node, only the node ports are compared: the rest may be said for brevity.
                found[change] |= some if change.traffic & AT_NODE_PORTS else some & ~own
        for number in places(one_by_one):
            for change in _found(self._pair(self._parts[number], destination)):
                found[change] |= 1 << number
        return {change: some for change, some in found.items() if some}

    def _shares(self, destination: Part, sources: Places) -> Iterator[tuple[_ByVersion, Places]]:
        """Sources from which the same changes, in each version."""
        shares: list[tuple[_ByVersion, Places]] = [({}, sources)] if sources else []
        for version, twins in self._twins.items():
            there = twins.there(destination.number)
            changes = twins.changes(destination.number, sources & there)
            shares = [
                *((known, some & ~there) for known, some in shares),
                *(({**known, version: each}, some & at) for known, some in shares for each, at in changes.items()),
            ]
            shares = [share for share in shares if share[1]]
        return iter(shares)

    # One pair for all

    def _pair(self, source: Part, destination: Part) -> _ByVersion:
        """Pods that have moved, and a node: nobody else is like them."""
        pair = source.members[0], destination.members[0]
        found = {}
        for version in VERSIONS:
            sights = zip(source.sights(version), destination.sights(version), strict=True)
            old, new = (
                None if None in both else _verdict(space, *pair, version)
                for space, both in zip(self._spaces, sights, strict=True)
            )
            if old is not None or new is not None:
                found[version] = compared(old, new)
        return found

    def _on_one_node(self) -> dict[int, Places]:
        """Of pods that are all on one node and have not moved, and of nodes: everybody there is on this node."""
        homes: dict[NodeName | None, Places] = defaultdict(int)
        numbers: dict[int, NodeName | None] = {}
        for part in self._parts:
            nodes = {self._node(end) for end in part.members} if part.pods or part.nodes else ()
            if len(nodes) == 1 and not part.moved:
                (numbers[part.number],) = nodes
                homes[numbers[part.number]] |= 1 << part.number
        return {number: homes[node] for number, node in numbers.items()}

    def _node(self, end: End) -> NodeName | None:
        if isinstance(end, PodKey):
            pod = next(space.cluster.pods[end] for space in reversed(self._spaces) if end in space.cluster.pods)
            return pod.node
        return end.node if isinstance(end, NodeAddress) else None


def _found(by_version: _ByVersion) -> tuple[Found, ...]:
    """The changes of all versions; those that are the same in each are told once."""
    if len(set(by_version.values())) == 1:
        return next(iter(by_version.values()))
    return tuple(change._replace(version=version) for version, each in by_version.items() for change in each)


def _verdict(space: Space, source: End, destination: End, version: Version) -> Verdict:
    egress = space.judged(Direction.EGRESS, source, destination, version)
    return egress, space.judged(Direction.INGRESS, source, destination, version)
