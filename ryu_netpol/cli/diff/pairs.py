"""What changes between two parts, found by one pair of their members."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ryu_netpol.cli.diff.cause import Cause, Presence, causes
from ryu_netpol.cli.diff.parts import Part
from ryu_netpol.model.names import PORT_PROTOCOLS, Direction, NodeName, PodKey
from ryu_netpol.model.net import VERSIONS, Version
from ryu_netpol.oracle.evaluate import NODE_PORTS
from ryu_netpol.oracle.sight import End, Judged, NodeAddress, Outside, Sight, Terms
from ryu_netpol.oracle.space import Space, free_address
from ryu_netpol.oracle.traffic import NOTHING, Traffic, ports, union

AT_NODE_PORTS = union(ports(protocol, NODE_PORTS) for protocol in PORT_PROTOCOLS)


class Found(NamedTuple):
    """A change between each two members of two parts."""

    gained: bool
    """False: lost."""
    causes: frozenset[Cause]
    traffic: Traffic
    version: Version | None = None
    """None: in each IP version that both have."""


class Pairs:
    """Two clusters, as far as pairs of their ends are concerned."""

    def __init__(self, old: Space, new: Space, terms: Terms) -> None:
        self._spaces = old, new
        self._taken = old.taken | new.taken
        self._ranges = tuple(outside for version in VERSIONS for outside in terms.ranges(version))
        self._nodes: dict[int, frozenset[NodeName | None]] = {}

    def changes(self, source: Part, destination: Part) -> tuple[Found, ...]:
        """Everything that changes from each member of one part to each of the other."""
        own = self.own_node(source, destination)
        if not _may_differ(source, destination) or (own and source.nodes):
            return ()
        pair = self._beside(source, destination) if own else self._representatives(source, destination)
        if pair is None:
            return ()
        by_version = {
            version: tuple(self._compared(pair, source.sights(version), destination.sights(version), version))
            for version in VERSIONS
            if _there(source, destination, version)
        }
        if len(set(by_version.values())) == 1:
            found = next(iter(by_version.values()))
        else:
            found = tuple(f._replace(version=version) for version, each in by_version.items() for f in each)
        # Between a pod and its own node, only the node ports are compared: the rest may be said for brevity's sake.
        return tuple(change for change in found if not own or change.traffic & AT_NODE_PORTS)

    def own_node(self, source: Part, destination: Part) -> bool:
        """Whether all pairs of these parts are a pod and its own node, in both clusters."""
        if source.nodes == destination.nodes or source.moved or destination.moved:
            return False
        if not (source.pods or destination.pods):
            return False
        nodes = self._nodes_of(source)
        return len(nodes) == 1 and nodes == self._nodes_of(destination)

    # One pair for all

    def _representatives(self, source: Part, destination: Part) -> tuple[End, End] | None:
        """Two members who are not the same, nor, if no pod has moved, a pod and its own node; None without such."""
        first = source.members[0]
        if source is destination:
            return (first, source.members[1]) if len(source.members) > 1 else None
        if not (source.nodes or destination.nodes) or source.moved or destination.moved:
            return first, destination.members[0]
        if len(self._nodes_of(source)) == 1:
            (node,) = self._nodes_of(source)
            return first, next(end for end in destination.members if self._node(end) != node)
        node = self._node(destination.members[0])
        return next(end for end in source.members if self._node(end) != node), destination.members[0]

    def _beside(self, pods: Part, node: Part) -> tuple[End, End]:
        """A pod and somebody who looks to policies as its own node does, but is not; the node where nobody does."""
        pod, end = pods.members[0], node.members[0]
        if isinstance(end, NodeAddress):
            for outside in self._ranges:
                if _contains(outside, end) and free_address(outside, self._taken) is not None:
                    return pod, outside
        return pod, end

    def _nodes_of(self, part: Part) -> frozenset[NodeName | None]:
        if part.number not in self._nodes:
            self._nodes[part.number] = frozenset(map(self._node, part.members))
        return self._nodes[part.number]

    def _node(self, end: End) -> NodeName | None:
        if isinstance(end, PodKey):
            pod = next(space.cluster.pods[end] for space in reversed(self._spaces) if end in space.cluster.pods)
            return pod.node
        return end.node if isinstance(end, NodeAddress) else None

    # What the two clusters say

    def _compared(
        self,
        pair: tuple[End, End],
        source: tuple[Sight | None, Sight | None],
        destination: tuple[Sight | None, Sight | None],
        version: Version,
    ) -> Iterator[Found]:
        old, new = (
            _judged(space, *pair, version) if first is not None and second is not None else None
            for space, first, second in zip(self._spaces, source, destination, strict=True)
        )
        for gained, closed, opened in ((True, old, new), (False, new, old)):
            if opened is not None and (traffic := _allowed(opened) - _allowed(closed)):
                yield Found(gained, _causes(traffic, closed, opened, gained=gained), traffic)


_Verdict = tuple[Judged, Judged]
"""What the policies at the source and those at the destination say."""


def _judged(space: Space, source: End, destination: End, version: Version) -> _Verdict:
    egress = space.judged(Direction.EGRESS, source, destination, version)
    return egress, space.judged(Direction.INGRESS, source, destination, version)


def _allowed(verdict: _Verdict | None) -> Traffic:
    return NOTHING if verdict is None else verdict[0].allowed & verdict[1].allowed


def _causes(traffic: Traffic, closed: _Verdict | None, opened: _Verdict, *, gained: bool) -> frozenset[Cause]:
    """What makes the difference at the destination; at the source only where nothing does there.

    To name both would make a group of every two policies, where each namespace has one that isolates both ways.
    """
    if closed is None:
        return frozenset({Presence(new=gained)})
    egress, ingress = (causes(traffic, *pair) for pair in zip(closed, opened, strict=True))
    return ingress or egress


def _there(source: Part, destination: Part, version: Version) -> bool:
    """Whether both ends are there in this version, in one of the clusters at least."""
    pairs = zip(source.sights(version), destination.sights(version), strict=True)
    return any(first is not None and second is not None for first, second in pairs)


def _may_differ(source: Part, destination: Part) -> bool:
    """False where policies see the same in both clusters, so that there is nothing to ask. Most pairs are like that."""
    if (source.moved and destination.nodes) or (destination.moved and source.nodes):
        return True
    return not (source.same_source and destination.same_destination)


def _contains(outside: Outside, node: NodeAddress) -> bool:
    return outside.version == node.address.version and outside.first <= node.address.value <= outside.last
