"""Sets of places in a list, as numbers with a bit for each: to intersect two of them takes no time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Places = int
"""A set of places, one bit for each."""


def places(some: Places) -> Iterator[int]:
    """The places, in order."""
    while some:
        lowest = some & -some
        yield lowest.bit_length() - 1
        some ^= lowest


def place_set(some: Iterable[int]) -> Places:
    """The set of these places."""
    found = 0
    for place in some:
        found |= 1 << place
    return found


def union(sets: Iterable[Places]) -> Places:
    """All places that are in any of these sets."""
    found = 0
    for some in sets:
        found |= some
    return found
