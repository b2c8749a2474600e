"""Many pairs as few rectangles: every one of these to every one of those."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple


class Rectangle(NamedTuple):
    """Every source with every destination."""

    sources: frozenset[int]
    destinations: frozenset[int]


def rectangles(
    pairs: Collection[tuple[int, int]], optional: Collection[tuple[int, int]], *, everybody: frozenset[int]
) -> list[Rectangle]:
    """Cover all pairs, none of them twice, and besides them none but optional ones, which fill gaps.

    First destinations with the same sources are put together, and then the other way round; what is shorter counts.
    """
    down = _covered(pairs, optional, everybody=everybody)
    across = _covered(_turned(pairs), _turned(optional), everybody=everybody)
    turned = [Rectangle(found.destinations, found.sources) for found in across]
    return down if len(down) <= len(turned) else turned


def _turned(pairs: Collection[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(destination, source) for source, destination in pairs]


def _covered(
    pairs: Collection[tuple[int, int]], optional: Collection[tuple[int, int]], *, everybody: frozenset[int]
) -> list[Rectangle]:
    plain = _sources(pairs)
    fill = _sources(optional)
    filled = {destination: sources | fill.get(destination, frozenset()) for destination, sources in plain.items()}
    groups = [*_alike(plain), *_alike(filled)]
    # Big groups first. Of two equal ones that which needs no filling, but for "everybody", which is easier to read.
    groups.sort(key=lambda group: (-len(group.destinations), group.sources != everybody))
    found, left = [], set(plain)
    for sources, destinations in groups:
        if remaining := destinations & left:
            found.append(Rectangle(sources, remaining))
            left -= remaining
    return found


def _sources(pairs: Collection[tuple[int, int]]) -> dict[int, frozenset[int]]:
    found = defaultdict(set)
    for source, destination in pairs:
        found[destination].add(source)
    return {destination: frozenset(sources) for destination, sources in found.items()}


def _alike(sources: Mapping[int, frozenset[int]]) -> Iterator[Rectangle]:
    groups = defaultdict(set)
    for destination, these in sources.items():
        groups[these].add(destination)
    return (Rectangle(these, frozenset(destinations)) for these, destinations in groups.items())
