"""What the interpreter is asked about: a packet, and what connection tracking knows of it.

A header that is not given is zero, as in Open vSwitch's own `struct flow`: there is no difference between an absent
header and a zero one, except where a match names the prerequisite (ovs-fields(7)).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from ryu_netpol.flows.fields import ETH_ARP, ETH_IP, ETH_IPV6, FIELDS, ICMPV6, ORDER
from ryu_netpol.model.names import Protocol
from ryu_netpol.model.net import Address

HEADERS = frozenset(name for name in FIELDS if not name.startswith(("reg", "ct_", "conj_id")))
"""The fields that a packet brings along; registers and connection tracking fields are zero when it arrives."""
PORTS = {
    Protocol.TCP: ("tcp_src", "tcp_dst"),
    Protocol.UDP: ("udp_src", "udp_dst"),
    Protocol.SCTP: ("sctp_src", "sctp_dst"),
}
TRANSPORT = frozenset(name for name, field in FIELDS.items() if any(needed == "ip_proto" for needed, _ in field.needs))
"""Headers that a later fragment does not have."""
ECHO_REQUEST, NEIGHBOUR_SOLICITATION = 128, 135
EPHEMERAL = 40000
"""Source port where none is given."""
REQUEST = 1
"""ARP operation."""
FRAGMENT_HEADER = 44
"""The protocol that the switch sees of a later IPv6 fragment (docs/ovs-facts.md, Fragments; IANA: IPv6-Frag)."""


class Fragment(enum.IntEnum):
    """Values of ip_frag (ovs-fields(7), "nw_frag"), as the switch sees them in the mode nx-match."""

    NO = 0
    FIRST = 1
    LATER = 3


def present(name: str, fields: Mapping[str, int]) -> bool:
    """Whether a packet with these fields has this one (ovs-fields(7), "Prerequisites"); fields left out are zero."""
    for needed, values in FIELDS[name].needs:
        if fields.get(needed, 0) not in values:
            return False
    return not (name in TRANSPORT and fields.get("ip_frag", 0) & 2)


@dataclass(frozen=True, slots=True)
class Packet:
    """The headers of a packet that are not zero, and the port that it came in by, in the order of the fields."""

    headers: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, **headers: int) -> Packet:
        """Build a packet from `field=value`. Raises ValueError for what no packet can be."""
        given = {name: int(value) for name, value in headers.items() if value}
        for name, value in given.items():
            if name not in HEADERS:
                raise ValueError(f"{name} is not a header")
            if value >> FIELDS[name].bits:
                raise ValueError(f"{value:#x} does not fit into {name}")
            if not present(name, given):
                raise ValueError(f"a packet with {name} needs {', '.join(n for n, _ in FIELDS[name].needs)} for it")
        return cls(tuple(sorted(given.items(), key=lambda header: ORDER[header[0]])))

    def with_(self, **headers: int) -> Packet:
        """The same packet with other values for these headers."""
        return Packet.of(**{**dict(self.headers), **headers})

    def __getitem__(self, name: str) -> int:
        return dict(self.headers).get(name, 0)

    # --- kinds of packets ---------------------------------------------------------------------------------------

    @classmethod
    def ip(
        cls,
        source: Address,
        destination: Address,
        protocol: int,
        port: int = 0,
        *,
        source_port: int = 0,
        fragment: Fragment = Fragment.NO,
        **more: int,
    ) -> Packet:
        """An IP packet; ports only for TCP, UDP and SCTP, and not on later fragments. `more`: in_port, eth_src, ..."""
        if source.version != destination.version:
            raise ValueError(f"no packet goes from {source} to {destination}")
        family = f"ipv{source.version}"
        headers = {
            "eth_type": ETH_IP[source.version],
            f"{family}_src": source.value,
            f"{family}_dst": destination.value,
        }
        seen = FRAGMENT_HEADER if source.version == 6 and fragment is Fragment.LATER else protocol
        headers |= {"ip_proto": seen, "ip_frag": fragment, "nw_ttl": 64}
        if protocol in PORTS and fragment is not Fragment.LATER:
            headers |= dict(zip(PORTS[Protocol(protocol)], (source_port, port), strict=True))
        elif protocol not in PORTS and (port or source_port):
            raise ValueError(f"IP protocol {protocol} has no ports")
        return cls.of(**{**headers, **more})

    @classmethod
    def tcp(
        cls,
        source: Address,
        destination: Address,
        port: int,
        *,
        source_port: int = EPHEMERAL,
        fragment: Fragment = Fragment.NO,
        **more: int,
    ) -> Packet:
        """A TCP segment to this port."""
        return cls.ip(source, destination, Protocol.TCP, port, source_port=source_port, fragment=fragment, **more)

    @classmethod
    def udp(
        cls,
        source: Address,
        destination: Address,
        port: int,
        *,
        source_port: int = EPHEMERAL,
        fragment: Fragment = Fragment.NO,
        **more: int,
    ) -> Packet:
        """A UDP datagram to this port."""
        return cls.ip(source, destination, Protocol.UDP, port, source_port=source_port, fragment=fragment, **more)

    @classmethod
    def sctp(
        cls,
        source: Address,
        destination: Address,
        port: int,
        *,
        source_port: int = EPHEMERAL,
        fragment: Fragment = Fragment.NO,
        **more: int,
    ) -> Packet:
        """An SCTP packet to this port."""
        return cls.ip(source, destination, Protocol.SCTP, port, source_port=source_port, fragment=fragment, **more)

    @classmethod
    def echo(cls, source: Address, destination: Address, *, fragment: Fragment = Fragment.NO, **more: int) -> Packet:
        """An echo request, ICMP or ICMPv6."""
        if source.version == 4:
            return cls.ip(source, destination, Protocol.ICMP, fragment=fragment, **more)
        kind = {"icmpv6_type": ECHO_REQUEST} if fragment is not Fragment.LATER else {}
        return cls.ip(source, destination, ICMPV6, fragment=fragment, **{**kind, **more})

    @classmethod
    def arp_request(cls, mac: int, sender: Address, target: Address, **more: int) -> Packet:
        """Who has `target`? Tell `sender`, by broadcast."""
        headers = {
            "eth_type": ETH_ARP,
            "arp_op": REQUEST,
            "arp_sha": mac,
            "arp_spa": sender.value,
            "arp_tpa": target.value,
        }
        return cls.of(**{**headers, "eth_src": mac, "eth_dst": 0xFFFFFFFFFFFF, **more})

    @classmethod
    def neighbour_solicitation(
        cls, mac: int, source: Address, target: Address, *, option: bool = True, **more: int
    ) -> Packet:
        """The same for IPv6 (RFC 4861 section 4.3), with or without the source link-layer address option."""
        low = target.value & 0xFFFFFF
        headers = {"eth_type": ETH_IPV6, "ip_proto": ICMPV6, "nw_ttl": 255, "icmpv6_type": NEIGHBOUR_SOLICITATION}
        headers |= {"ipv6_src": source.value, "ipv6_dst": 0xFF02_0000_0000_0000_0000_0001_FF00_0000 | low}
        headers |= {"nd_target": target.value, "nd_sll": mac if option else 0}
        return cls.of(**{**headers, "eth_src": mac, "eth_dst": 0x3333_FF00_0000 | low, **more})

    def reply(self, **more: int) -> Packet:
        """An answer to this packet: addresses and ports swapped. `more`: above all in_port."""
        swapped = dict(self.headers)
        for name in self._ends():
            for this, other in ((f"{name}_src", f"{name}_dst"), (f"{name}_dst", f"{name}_src")):
                swapped[this] = self[other]
        return Packet.of(**{**swapped, **more})

    def _ends(self) -> list[str]:
        fields = dict(self.headers)
        return [n for n in ("eth", "ipv4", "ipv6", "tcp", "udp", "sctp") if present(f"{n}_src", fields)]


class CtFlag(enum.IntFlag):
    """Bits of ct_state (ovs-fields(7), "Connection Tracking State")."""

    NEW = 1
    EST = 2
    REL = 4
    RPL = 8
    INV = 16
    TRK = 32


@dataclass(frozen=True, slots=True)
class ConnState:
    """What connection tracking says when the packet meets ct()."""

    flags: CtFlag
    mark: int = 0
    """The connection's mark; zero for a connection that was not committed."""
    ends: tuple[Address, Address] | None = None
    """Who opened it, to whom; what flows see of it is zero without."""

    @classmethod
    def new(cls) -> ConnState:
        """The first packet of a connection."""
        return cls(CtFlag.NEW)

    @classmethod
    def established(cls, mark: int, *, reply: bool = False) -> ConnState:
        """A packet of a committed connection that has seen an answer, or is the answer."""
        return cls(CtFlag.EST | (CtFlag.RPL if reply else CtFlag(0)), mark)

    @classmethod
    def related(cls, mark: int, *, reply: bool = False, ends: tuple[Address, Address] | None = None) -> ConnState:
        """An ICMP error that is about a committed connection."""
        return cls(CtFlag.REL | (CtFlag.RPL if reply else CtFlag(0)), mark, ends)

    @classmethod
    def invalid(cls) -> ConnState:
        """A packet that connection tracking refuses."""
        return cls(CtFlag.INV)

    @property
    def ct_state(self) -> int:
        """The field's value after ct()."""
        return int(self.flags | CtFlag.TRK)

    @property
    def addresses(self) -> dict[str, int]:
        """The fields that say who opened the connection, to whom."""
        if self.ends is None:
            return {}
        prefix = "ct_nw" if self.ends[0].version == 4 else "ct_ipv6"
        return {f"{prefix}_{name}": end.value for name, end in zip(("src", "dst"), self.ends, strict=True)}

    def __str__(self) -> str:
        """As `ofproto/trace --ct-next` takes it."""
        return ",".join(["trk", *(str(flag.name).lower() for flag in CtFlag if flag in self.flags & ~CtFlag.TRK)])
