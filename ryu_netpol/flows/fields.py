"""Every field that a flow may match or change, and every register bit: declared once, checked at import.

Sources: ovs-fields(7) for names, widths and prerequisites; OpenFlow 1.4 section 7.2.3 and Open vSwitch's nicira-ext.h
for the numbers. A field has one name here, the one that ovs-ofctl reads.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

ETH_ARP, ETH_IPV4, ETH_IPV6 = 0x0806, 0x0800, 0x86DD
ETH_IP = {4: ETH_IPV4, 6: ETH_IPV6}
"""EtherType, by IP version."""
ICMPV6 = 58


class Form(enum.Enum):
    """How a value of the field is written."""

    NUMBER = "number"
    MAC = "MAC address"
    IPV4 = "IPv4 address"
    IPV6 = "IPv6 address"


OXM, NXM0, NXM1 = 0x8000, 0x0000, 0x0001
ERICSSON = 0x1000
"""OXM class of the ERICOXM_OF fields (neighbour discovery: reserved, options type), as Open vSwitch 3.1 sends them."""


@dataclass(frozen=True, slots=True)
class Field:
    """One header, metadata or conntrack field."""

    name: str
    nxm: str
    """Its name in move, load, push and pop."""
    bits: int
    oxm_class: int
    number: int
    form: Form = Form.NUMBER
    maskable: bool = False
    needs: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Prerequisites: these fields must be matched with one of these values."""
    settable: bool = False


_ARP = (("eth_type", (ETH_ARP,)),)
_IP4 = (("eth_type", (ETH_IPV4,)),)
_IP6 = (("eth_type", (ETH_IPV6,)),)
_IP = (("eth_type", (ETH_IPV4, ETH_IPV6)),)
_TCP = (*_IP, ("ip_proto", (6,)))
_UDP = (*_IP, ("ip_proto", (17,)))
_SCTP = (*_IP, ("ip_proto", (132,)))
_ICMP6 = (*_IP6, ("ip_proto", (ICMPV6,)))
_ND = (*_ICMP6, ("icmpv6_type", (135, 136)))

_DECLARED = (
    Field("in_port", "OXM_OF_IN_PORT", 32, OXM, 0),
    *(Field(f"reg{n}", f"NXM_NX_REG{n}", 32, NXM1, n, maskable=True, settable=True) for n in range(8)),
    Field("conj_id", "NXM_NX_CONJ_ID", 32, NXM1, 37),
    Field("ct_state", "NXM_NX_CT_STATE", 32, NXM1, 105, maskable=True),
    Field("ct_zone", "NXM_NX_CT_ZONE", 16, NXM1, 106),
    Field("ct_mark", "NXM_NX_CT_MARK", 32, NXM1, 107, maskable=True, settable=True),
    Field("eth_dst", "NXM_OF_ETH_DST", 48, OXM, 3, Form.MAC, maskable=True, settable=True),
    Field("eth_src", "NXM_OF_ETH_SRC", 48, OXM, 4, Form.MAC, maskable=True, settable=True),
    Field("vlan_tci", "NXM_OF_VLAN_TCI", 16, NXM0, 4, maskable=True),
    Field("eth_type", "NXM_OF_ETH_TYPE", 16, OXM, 5),
    Field("ip_proto", "NXM_OF_IP_PROTO", 8, OXM, 10, needs=_IP),
    Field("ipv4_src", "NXM_OF_IP_SRC", 32, OXM, 11, Form.IPV4, maskable=True, needs=_IP4, settable=True),
    Field("ipv4_dst", "NXM_OF_IP_DST", 32, OXM, 12, Form.IPV4, maskable=True, needs=_IP4, settable=True),
    Field("ipv6_src", "NXM_NX_IPV6_SRC", 128, OXM, 26, Form.IPV6, maskable=True, needs=_IP6, settable=True),
    Field("ipv6_dst", "NXM_NX_IPV6_DST", 128, OXM, 27, Form.IPV6, maskable=True, needs=_IP6, settable=True),
    # Of the connection's first packet, also where the packet is an error about it.
    Field("ct_nw_src", "NXM_NX_CT_NW_SRC", 32, NXM1, 120, Form.IPV4, maskable=True, needs=_IP4),
    Field("ct_nw_dst", "NXM_NX_CT_NW_DST", 32, NXM1, 121, Form.IPV4, maskable=True, needs=_IP4),
    Field("ct_ipv6_src", "NXM_NX_CT_IPV6_SRC", 128, NXM1, 122, Form.IPV6, maskable=True, needs=_IP6),
    Field("ct_ipv6_dst", "NXM_NX_CT_IPV6_DST", 128, NXM1, 123, Form.IPV6, maskable=True, needs=_IP6),
    Field("nw_ttl", "NXM_NX_IP_TTL", 8, NXM1, 29, needs=_IP),
    Field("ip_frag", "NXM_NX_IP_FRAG", 2, NXM1, 26, maskable=True, needs=_IP),
    Field("tcp_src", "NXM_OF_TCP_SRC", 16, OXM, 13, maskable=True, needs=_TCP, settable=True),
    Field("tcp_dst", "NXM_OF_TCP_DST", 16, OXM, 14, maskable=True, needs=_TCP, settable=True),
    Field("udp_src", "NXM_OF_UDP_SRC", 16, OXM, 15, maskable=True, needs=_UDP, settable=True),
    Field("udp_dst", "NXM_OF_UDP_DST", 16, OXM, 16, maskable=True, needs=_UDP, settable=True),
    Field("sctp_src", "OXM_OF_SCTP_SRC", 16, OXM, 17, maskable=True, needs=_SCTP, settable=True),
    Field("sctp_dst", "OXM_OF_SCTP_DST", 16, OXM, 18, maskable=True, needs=_SCTP, settable=True),
    Field("arp_op", "NXM_OF_ARP_OP", 16, OXM, 21, needs=_ARP, settable=True),
    Field("arp_spa", "NXM_OF_ARP_SPA", 32, OXM, 22, Form.IPV4, maskable=True, needs=_ARP, settable=True),
    Field("arp_tpa", "NXM_OF_ARP_TPA", 32, OXM, 23, Form.IPV4, maskable=True, needs=_ARP, settable=True),
    Field("arp_sha", "NXM_NX_ARP_SHA", 48, OXM, 24, Form.MAC, maskable=True, needs=_ARP, settable=True),
    Field("arp_tha", "NXM_NX_ARP_THA", 48, OXM, 25, Form.MAC, maskable=True, needs=_ARP, settable=True),
    Field("icmpv6_type", "NXM_NX_ICMPV6_TYPE", 8, OXM, 29, needs=_ICMP6, settable=True),
    Field("icmpv6_code", "NXM_NX_ICMPV6_CODE", 8, OXM, 30, needs=_ICMP6),
    Field("nd_target", "NXM_NX_ND_TARGET", 128, OXM, 31, Form.IPV6, maskable=True, needs=_ND, settable=True),
    Field(
        "nd_sll", "NXM_NX_ND_SLL", 48, OXM, 32, Form.MAC, maskable=True, settable=True,
        needs=(*_ICMP6, ("icmpv6_type", (135,))),
    ),
    Field(
        "nd_tll", "NXM_NX_ND_TLL", 48, OXM, 33, Form.MAC, maskable=True, settable=True,
        needs=(*_ICMP6, ("icmpv6_type", (136,))),
    ),
    Field("nd_reserved", "ERICOXM_OF_ICMPV6_ND_RESERVED", 32, ERICSSON, 1, needs=_ND, settable=True),
    Field("nd_options_type", "ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE", 8, ERICSSON, 2, needs=_ND, settable=True),
)  # fmt: skip

FIELDS = {field.name: field for field in _DECLARED}
"""Every field by name, in the order in which a match is written."""
ORDER = {name: n for n, name in enumerate(FIELDS)}


@dataclass(frozen=True, slots=True)
class Subfield:
    """Some consecutive bits of a field, from `first` upwards."""

    field: str
    first: int
    bits: int

    def __post_init__(self) -> None:
        if self.first < 0 or self.bits < 1 or self.first + self.bits > FIELDS[self.field].bits:
            raise ValueError(f"{self.field} has no bits {self.first}..{self.first + self.bits - 1}")

    @property
    def mask(self) -> int:
        """Where these bits are in the field."""
        return ((1 << self.bits) - 1) << self.first

    def __str__(self) -> str:
        nxm, last = FIELDS[self.field].nxm, self.first + self.bits - 1
        if self.bits == FIELDS[self.field].bits:
            return f"{nxm}[]"
        return f"{nxm}[{self.first}]" if self.bits == 1 else f"{nxm}[{self.first}..{last}]"


def whole(name: str) -> Subfield:
    """All bits of a field."""
    return Subfield(name, 0, FIELDS[name].bits)


class Kind(enum.IntEnum):
    """Where a packet came into the bridge (register field KIND)."""

    ENDPOINT = 1
    GATEWAY = 2
    TUNNEL = 3


KIND = Subfield("reg0", 0, 4)
TURNED = Subfield("reg0", 4, 1)
LOCAL_SOURCE = Subfield("reg0", 5, 1)
LOCAL_DEST = Subfield("reg0", 6, 1)
ORIGIN_GATEWAY = Subfield("reg0", 7, 1)
TO_NODE = Subfield("reg0", 8, 1)
TRANSLATED = Subfield("reg0", 9, 1)
SOURCE_IDENTITY = Subfield("reg1", 0, 32)
DEST_IDENTITY = Subfield("reg2", 0, 32)
PAGE = Subfield("reg3", 0, 32)

REGISTERS = {
    "KIND": (KIND, "where the packet came from: 1 endpoint, 2 gateway, 3 tunnel"),
    "TURNED": (TURNED, "a reply of an old epoch, turned around to be judged as the connection's first packet"),
    "LOCAL_SOURCE": (LOCAL_SOURCE, "the connection was opened by an endpoint of this node, through its port"),
    "LOCAL_DEST": (LOCAL_DEST, "the connection was opened to an endpoint of this node"),
    "ORIGIN_GATEWAY": (ORIGIN_GATEWAY, "the connection's first packet came in by the gateway port"),
    "TO_NODE": (TO_NODE, "the destination is this node itself, not one of its node ports"),
    "TRANSLATED": (TRANSLATED, "reserved: the service stage translated the destination"),
    "SOURCE_IDENTITY": (SOURCE_IDENTITY, "identity of the source, 0 if no rule here needs to know"),
    "DEST_IDENTITY": (DEST_IDENTITY, "identity of the destination, 0 if no rule here needs to know"),
    "PAGE": (PAGE, "always 0: flows that match the same are told apart by the bits of it that they match, too"),
}

MARK_EPOCH = Subfield("ct_mark", 0, 16)
MARK_TRANSLATED = Subfield("ct_mark", 30, 1)
MARK_FROM_GATEWAY = Subfield("ct_mark", 31, 1)

MARKS = {
    "EPOCH": (MARK_EPOCH, "the policy epoch at which the connection was last judged"),
    "TRANSLATED": (MARK_TRANSLATED, "reserved: its destination was translated by the service stage"),
    "FROM_GATEWAY": (MARK_FROM_GATEWAY, "its first packet came in by the gateway port, so its replies leave by it"),
}

CT_ZONE = 1
"""The conntrack zone of this bridge; 0 is the node's own."""


def check_disjoint(subfields: dict[str, tuple[Subfield, str]]) -> None:
    """Raise ValueError if two of them share a bit."""
    used: dict[str, int] = {}
    for name, (sub, _) in subfields.items():
        if used.get(sub.field, 0) & sub.mask:
            raise ValueError(f"{name} overlaps another subfield of {sub.field}")
        used[sub.field] = used.get(sub.field, 0) | sub.mask


check_disjoint(REGISTERS)
check_disjoint(MARKS)
