"""Short names for the matches that the compiler's parts share."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from ryu_netpol.flows.fields import ETH_IP, ETH_IPV6, ICMPV6, PAGE, Subfield
from ryu_netpol.flows.ir import FieldMatch, Match
from ryu_netpol.model.names import Protocol
from ryu_netpol.model.net import VERSIONS, Address, Cidr, Version

CT_NEW, CT_EST, CT_REL, CT_RPL, CT_INV, CT_TRK = 1, 2, 4, 8, 16, 32
"""Bits of ct_state (ovs-fields(7))."""

IP = {version: Match.of(eth_type=ETH_IP[version]) for version in VERSIONS}
_IP_FIELD = {version: match.fields[0] for version, match in IP.items()}
_END = {(version, end): f"ipv{version}_{end}" for version in VERSIONS for end in ("src", "dst")}
ICMP6 = Match.of(eth_type=ETH_IPV6, ip_proto=ICMPV6)
LATER_FRAGMENT = 3
"""ip_frag of a fragment that is not the first (ovs-fields(7), "nw_frag": later)."""
PORT_FIELD = {Protocol.TCP: "tcp", Protocol.UDP: "udp", Protocol.SCTP: "sctp"}
"""What the port fields of a protocol are called, before `_src` and `_dst`."""


def exact(field: str, value: int) -> Match:
    """Packets with this value in a whole field. Not checked: for values that have the field's width."""
    return Match((FieldMatch(field, value),))


def source(block: Address | Cidr) -> Match:
    """Packets from an address or block."""
    return _address("src", block) if isinstance(block, Address) else _block("src", block)


def destination(block: Address | Cidr) -> Match:
    """Packets to an address or block."""
    return _address("dst", block) if isinstance(block, Address) else _block("dst", block)


def _address(end: str, address: Address) -> Match:
    # There may be a hundred thousand, each of which is asked for twice: to make one takes no longer than to find it.
    return Match((_IP_FIELD[address.version], FieldMatch(_END[address.version, end], address.value)))


@lru_cache(maxsize=16384)
def _block(end: str, block: Cidr) -> Match:
    return IP[block.version] + Match.of(FieldMatch(_END[block.version, end], block.network, block.mask))


def connection_end(end: Literal["src", "dst"], address: Address) -> Match:
    """Packets of, or about, a connection that was opened by (src) or to (dst) an address.

    Needs ct_state and the IP version matched.
    """
    return exact(f"ct_nw_{end}" if address.version == 4 else f"ct_ipv6_{end}", address.value)


@lru_cache(maxsize=16384)
def protocol(version: Version, proto: Protocol) -> Match:
    """Packets of a protocol."""
    return IP[version] + Match.of(ip_proto=int(proto))


@lru_cache(maxsize=16384)
def later_fragments(version: Version, proto: Protocol) -> Match:
    """Fragments of a protocol that are not the first of their datagram.

    Trap: of an IPv6 one the switch sees no protocol but that of the fragment header (docs/ovs-facts.md, Fragments).
    """
    whole = protocol(version, proto) if version == 4 else IP[version]
    return whole + Match.of(ip_frag=LATER_FRAGMENT)


@lru_cache(maxsize=16384)
def port(version: Version, proto: Protocol, value: int, mask: int) -> Match:
    """Packets to a port, under a mask."""
    return protocol(version, proto) + Match.of(FieldMatch(f"{PORT_FIELD[proto]}_dst", value, mask))


@lru_cache(maxsize=16384)
def ct(*, on: int, off: int = 0) -> Match:
    """Packets whose ct_state has these bits set, and those clear."""
    return Match.of(ct_state=(on, on | off))


@lru_cache(maxsize=16384)
def reg(sub: Subfield, value: int) -> Match:
    """Packets with this value in a register field."""
    return Match.of(FieldMatch(sub.field, value << sub.first, sub.mask))


def paged(match: Match, page: int) -> Match:
    """The same packets, under a match that differs from those of other pages: page 0 is the match itself."""
    return match + Match.of(FieldMatch(PAGE.field, 0, page)) if page else match


def unpaged(match: Match) -> Match:
    """The match of page 0 that matches the same packets."""
    if all(field.field != PAGE.field for field in match.fields):
        return match
    return Match(tuple(field for field in match.fields if field.field != PAGE.field))
