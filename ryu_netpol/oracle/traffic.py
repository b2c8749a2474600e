"""Sets of protocols and ports: exact, small, and equal if they mean the same.

All protocols lie on one line: 65,535 places for the ports of each that has ports (1 to 65535; 0 is no port), and one
for all others together, which no policy tells apart (NP-83). A set is the places at which it begins or ends.
"""

from __future__ import annotations

import operator
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from ryu_netpol.model.names import PORT_PROTOCOLS, Protocol
from ryu_netpol.model.net import PortRange

ALL_PORTS = PortRange(1, 0xFFFF)
OTHER = Protocol.ICMP
"""Stands for every protocol without ports."""

_SIZE = 0xFFFF
_START = {protocol: index * _SIZE for index, protocol in enumerate(PORT_PROTOCOLS)}
_OTHER = len(PORT_PROTOCOLS) * _SIZE
_END = _OTHER + 1

Shot = tuple[Protocol, int | None]
"""A protocol, and a port where it has ports."""


@dataclass(frozen=True, slots=True, order=True)
class Traffic:
    """A set of shots."""

    edges: tuple[int, ...] = ()
    """Where it begins, where it ends, where it begins again, ... on the line."""

    def __bool__(self) -> bool:
        return bool(self.edges)

    def __contains__(self, shot: Shot) -> bool:
        return bisect_right(self.edges, _place(*shot)) % 2 == 1

    def __and__(self, other: Traffic) -> Traffic:
        return _combined(self, other, operator.and_)

    def __or__(self, other: Traffic) -> Traffic:
        return _combined(self, other, operator.or_)

    def __sub__(self, other: Traffic) -> Traffic:
        return _combined(self, other, operator.gt)

    def ranges(self, protocol: Protocol) -> tuple[PortRange, ...]:
        """The ports of a protocol in this set."""
        start = _START[protocol]
        pairs = zip(self.edges[::2], self.edges[1::2], strict=True)
        inside = ((max(first - start, 0) + 1, min(end - start, _SIZE)) for first, end in pairs)
        return tuple(PortRange(first, last) for first, last in inside if first <= last)

    @property
    def other(self) -> bool:
        """Whether the protocols without ports are in this set."""
        return (OTHER, None) in self


NOTHING = Traffic()
EVERYTHING = Traffic((0, _END))


def ports(protocol: Protocol, span: PortRange = ALL_PORTS) -> Traffic:
    """The ports of this range, which contains more than 0."""
    start = _START[protocol]
    return Traffic((start + max(span.first, 1) - 1, start + span.last))


def pieces(parts: Iterable[Traffic]) -> Iterator[tuple[Traffic, Shot]]:
    """Cut everything so that each part either contains a whole piece or nothing of it; each with one of its shots."""
    cuts = {0, _END}
    for part in parts:
        cuts.update(part.edges)
    for first, end in pairwise(sorted(cuts)):
        yield Traffic((first, end)), _shot(first)


def union(parts: Iterable[Traffic]) -> Traffic:
    """Everything that is in any of them."""
    found = NOTHING
    for part in parts:
        found |= part
    return found


@lru_cache(maxsize=65536)
def _combined(one: Traffic, two: Traffic, keep: Callable[[bool, bool], bool]) -> Traffic:
    """The places for which `keep` says yes, told whether each of the two sets has them."""
    edges: list[int] = []
    for place in sorted({*one.edges, *two.edges}):
        kept = keep(bisect_right(one.edges, place) % 2 == 1, bisect_right(two.edges, place) % 2 == 1)
        if kept != (len(edges) % 2 == 1):
            edges.append(place)
    return Traffic(tuple(edges))


def _place(protocol: Protocol, port: int | None) -> int:
    return _OTHER if port is None else _START[protocol] + port - 1


def _shot(place: int) -> Shot:
    for protocol, start in _START.items():
        if start <= place < start + _SIZE:
            return protocol, place - start + 1
    return OTHER, None
