"""Two clusters compared: every connection that is allowed in one of them only, as few Changes.

Who is on both sides is known by name: pods by namespace and name, nodes by name and address, everybody else by address.
The comparison is exact and complete (oracle/space.py). Never compared, since no policy can change it: a pod with itself
(NP-52), and a pod with its own node (NP-50, NP-51), but for the node ports there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ryu_netpol.cli.diff.cause import Cause
from ryu_netpol.cli.diff.merge import Rectangle, rectangles
from ryu_netpol.cli.diff.pairs import AT_NODE_PORTS, Pairs
from ryu_netpol.cli.diff.parts import Part, divide
from ryu_netpol.cli.diff.twins import Found
from ryu_netpol.model.names import NodeName, PodKey
from ryu_netpol.model.net import VERSIONS, Version
from ryu_netpol.model.objects import Cluster
from ryu_netpol.oracle.places import Places, place_set, places
from ryu_netpol.oracle.sight import End, Terms
from ryu_netpol.oracle.space import Space
from ryu_netpol.oracle.traffic import Traffic, union


@dataclass(frozen=True, slots=True)
class Change:
    """Connections from each source to each destination, but for those that are never compared."""

    gained: bool
    """False: lost."""
    causes: frozenset[Cause]
    sources: frozenset[End]
    destinations: frozenset[End]
    traffic: Traffic
    version: Version | None = None
    """None: in each IP version that both ends have."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that changes, and who was compared."""

    old: Space
    new: Space
    changes: tuple[Change, ...]
    sources: frozenset[End]
    destinations: frozenset[End]

    def there(self, *, new: bool) -> frozenset[End]:
        """Everybody in one of the clusters."""
        space = self.new if new else self.old
        return frozenset(end for end in self.sources if any(space.sight(end, version) for version in VERSIONS))

    def nodes(self, pod: PodKey) -> frozenset[NodeName | None]:
        """Where a pod was and is: two nodes if it has moved."""
        pods = (space.cluster.pods.get(pod) for space in (self.old, self.new))
        return frozenset(found.node for found in pods if found is not None)


def compare(old: Cluster, new: Cluster) -> Comparison:
    """Find all connections that are gained or lost."""
    terms = Terms(old, new)
    spaces = Space(old, terms), Space(new, terms)
    parts = divide(*spaces, terms)
    return Comparison(
        *spaces,
        changes=tuple(_changes(parts, Pairs(*spaces, parts))),
        sources=frozenset(end for part in parts for end in part.members),
        destinations=frozenset(end for part in parts if part.destination for end in part.members),
    )


def _changes(parts: Sequence[Part], pairs: Pairs) -> Iterator[Change]:
    """Put together what has one cause: over sources and destinations, then over ports."""
    found: dict[Found, dict[int, Places]] = defaultdict(dict)
    for part in parts:
        if part.destination:
            for change, sources in pairs.changes(part).items():
                found[change][part.number] = sources

    # Who is never compared may fill gaps: pods themselves, their own nodes, but not at the node ports.
    fill = {at: {part.number: pairs.never(part, at_node_ports=at) for part in parts} for at in (True, False)}
    everybody = place_set(part.number for part in parts)
    merged: dict[tuple[Found, Rectangle], list[Traffic]] = defaultdict(list)
    for change, where in found.items():
        at_node_ports = bool(change.traffic & AT_NODE_PORTS)
        for rectangle in rectangles(where, fill[at_node_ports], everybody=everybody):
            merged[change._replace(traffic=Traffic()), rectangle].append(change.traffic)
    for (change, rectangle), traffic in merged.items():
        yield Change(
            change.gained,
            change.causes,
            _members(parts, rectangle.sources),
            _members(parts, rectangle.destinations),
            union(traffic),
            change.version,
        )


def _members(parts: Sequence[Part], some: Places) -> frozenset[End]:
    return frozenset(end for number in places(some) for end in parts[number].members)
