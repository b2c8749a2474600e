"""Many pairs as few rectangles: every one of these to every one of those."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ryu_netpol.oracle.places import Places, place_set, places

Pairs = Mapping[int, Places]
"""The sources of each destination."""


class Rectangle(NamedTuple):
    """Every source with every destination."""

    sources: Places
    destinations: Places


def rectangles(pairs: Pairs, optional: Pairs, *, everybody: Places) -> list[Rectangle]:
    """Cover all pairs, none of them twice, and besides them none but optional ones, which fill gaps.

    First destinations with the same sources are put together, and then the other way round; what is shorter counts.
    """
    down = _covered(pairs, optional, everybody=everybody)
    across = _covered(_turned(pairs), _turned(optional), everybody=everybody)
    turned = [Rectangle(found.destinations, found.sources) for found in across]
    return down if len(down) <= len(turned) else turned


def _turned(pairs: Pairs) -> Pairs:
    """The destinations of each source."""
    found: dict[int, Places] = defaultdict(int)
    for sources, destinations in _alike(pairs):
        for source in places(sources):
            found[source] |= destinations
    return found


def _covered(pairs: Pairs, optional: Pairs, *, everybody: Places) -> list[Rectangle]:
    filled = {destination: sources | optional.get(destination, 0) for destination, sources in pairs.items()}
    groups = [*_alike(pairs), *_alike(filled)]
    # Big groups first. Of two equal ones that which needs no filling, but for "everybody", which is easier to read.
    groups.sort(key=lambda group: (-group.destinations.bit_count(), group.sources != everybody))
    found, left = [], place_set(pairs)
    for sources, destinations in groups:
        if remaining := destinations & left:
            found.append(Rectangle(sources, remaining))
            left &= ~remaining
    return found


def _alike(pairs: Pairs) -> Iterator[Rectangle]:
    groups: dict[Places, Places] = defaultdict(int)
    for destination, sources in pairs.items():
        groups[sources] |= 1 << destination
    return (Rectangle(sources, destinations) for sources, destinations in groups.items())
