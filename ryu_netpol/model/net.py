"""Addresses, address blocks and port ranges; IPv4 and IPv6 are treated alike.

Parsing and CIDR arithmetic are netaddr's; what we keep are small integers, since these values sit in every flow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import netaddr

Version = Literal[4, 6]
"""IP version."""

VERSIONS: tuple[Version, Version] = (4, 6)

BITS = {4: 32, 6: 128}
"""Length of an address, by IP version."""


def _parse(text: str) -> netaddr.IPAddress:
    # Without a version netaddr tries IPv4 first, and its exception keeps all frames that led here until collected.
    return netaddr.IPAddress(text, 6 if ":" in text else 4, flags=netaddr.INET_PTON)


class Address(NamedTuple):
    """An IPv4 or IPv6 address as version and number. A tuple, since it is the key of every table of addresses."""

    version: Version
    value: int

    @classmethod
    @lru_cache(maxsize=65536)
    def parse(cls, text: str) -> Address:
        """Read an address. Raises ValueError for anything else, leading zeros in IPv4 included."""
        try:
            ip = _parse(text)
        except (netaddr.AddrFormatError, TypeError, ValueError):
            raise ValueError(f"{text!r} is not an IP address") from None
        return cls(ip.version, int(ip))

    def __str__(self) -> str:
        return str(netaddr.IPAddress(self.value, self.version))


@dataclass(frozen=True, slots=True, order=True)
class Cidr:
    """An address block; host bits are cleared (NP-35)."""

    version: Version
    network: int
    prefix: int

    def __post_init__(self) -> None:
        if not 0 <= self.prefix <= BITS[self.version]:
            raise ValueError(f"prefix length {self.prefix} is out of range for IPv{self.version}")
        object.__setattr__(self, "network", self.network & self.mask)

    @classmethod
    @lru_cache(maxsize=65536)
    def parse(cls, text: str) -> Cidr:
        """Read `address/prefix`. Raises ValueError for anything else; the prefix length is required (VA-5)."""
        head, slash, tail = text.partition("/") if isinstance(text, str) else ("", "", "")
        if not slash or not tail.isascii() or not tail.isdigit():
            raise ValueError(f"{text!r} is not a CIDR: write ADDRESS/PREFIX-LENGTH")
        try:
            ip = _parse(head)
            return cls(ip.version, int(ip), int(tail))
        except (netaddr.AddrFormatError, ValueError):
            raise ValueError(f"{text!r} is not a CIDR") from None

    @property
    def mask(self) -> int:
        """The netmask as a number."""
        bits = BITS[self.version]
        return ((1 << self.prefix) - 1) << (bits - self.prefix)

    def __contains__(self, item: Address | Cidr) -> bool:
        if item.version != self.version:
            return False
        if isinstance(item, Cidr):
            return item.prefix >= self.prefix and item.network & self.mask == self.network
        return item.value & self.mask == self.network

    def address(self, offset: int) -> Address:
        """The address this many places into the block."""
        return Address(self.version, self.network + offset)

    def __str__(self) -> str:
        return f"{netaddr.IPAddress(self.network, self.version)}/{self.prefix}"


@lru_cache(maxsize=16384)
def subtract(cidr: Cidr, excepts: tuple[Cidr, ...]) -> tuple[Cidr, ...]:
    """The blocks that make up `cidr` without any of `excepts` (NP-36), as few as possible, sorted."""
    # One difference of two sets: to remove a thousand blocks one by one takes seconds.
    left = netaddr.IPSet([_network(cidr)]) - netaddr.IPSet([_network(b) for b in excepts if b.version == cidr.version])
    return tuple(sorted(Cidr(n.version, n.first, n.prefixlen) for n in left.iter_cidrs()))


def _network(cidr: Cidr) -> netaddr.IPNetwork:
    return netaddr.IPNetwork((cidr.network, cidr.prefix), version=cidr.version)


@dataclass(frozen=True, slots=True, order=True)
class PortRange:
    """The ports from first to last, both included (NP-45)."""

    first: int
    last: int

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last <= 0xFFFF:
            raise ValueError(f"{self.first}-{self.last} is not a range of ports")

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.last + 1))

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


@lru_cache(maxsize=16384)
def port_masks(ports: PortRange) -> tuple[tuple[int, int], ...]:
    """The fewest (value, mask) pairs that match exactly the ports of the range (ovs-fields(7), bitwise matches)."""
    pairs = []
    start, stop = ports.first, ports.last + 1
    while start < stop:
        size = start & -start or 0x10000
        while start + size > stop:
            size >>= 1
        pairs.append((start, 0x10000 - size))
        start += size
    return tuple(pairs)


@lru_cache(maxsize=16384)
def merge_ranges(ranges: Iterable[PortRange]) -> tuple[PortRange, ...]:
    """The same ports as ranges that neither overlap nor touch, sorted."""
    merged: list[PortRange] = []
    for r in sorted(ranges):
        if merged and r.first <= merged[-1].last + 1:
            merged[-1] = PortRange(merged[-1].first, max(merged[-1].last, r.last))
        else:
            merged.append(r)
    return tuple(merged)
