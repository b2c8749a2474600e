"""Words and values of ovs-ofctl's syntax, for both directions: what `text` writes, `text.parse` reads.

Source: ovs-fields(7) and ovs-ofctl(8) of Open vSwitch 3.1. Where ovs-ofctl has several names for a field we write the
one that `ovs-appctl ofproto/trace` reads as well (tcp_dst, not tp_dst), and read those of `ovs-ofctl dump-flows` too.
"""

from __future__ import annotations

import ipaddress

from ryu_netpol.flows.fields import ETH_ARP, ETH_IPV4, ETH_IPV6, FIELDS, ICMPV6, Form

PROTOCOLS = {
    "arp": (ETH_ARP, None),
    "ip": (ETH_IPV4, None),
    "ipv6": (ETH_IPV6, None),
    "icmp": (ETH_IPV4, 1),
    "tcp": (ETH_IPV4, 6),
    "udp": (ETH_IPV4, 17),
    "sctp": (ETH_IPV4, 132),
    "icmp6": (ETH_IPV6, ICMPV6),
    "tcp6": (ETH_IPV6, 6),
    "udp6": (ETH_IPV6, 17),
    "sctp6": (ETH_IPV6, 132),
}
"""Shorthand -> EtherType and protocol."""
SHORTHANDS = {value: name for name, value in PROTOCOLS.items()}

_WRITTEN = {
    "eth_src": "dl_src",
    "eth_dst": "dl_dst",
    "eth_type": "dl_type",
    "ip_proto": "nw_proto",
    "ip_frag": "nw_frag",
    "ipv4_src": "nw_src",
    "ipv4_dst": "nw_dst",
}
MATCH_NAMES = {name: _WRITTEN.get(name, name) for name in FIELDS}
"""How a field is written in a match."""
SET_NAMES = {name: {"ipv4_src": "ip_src", "ipv4_dst": "ip_dst"}.get(name, name) for name in FIELDS}
"""How a field is written behind the arrow of set_field."""
READ = {
    **{name: name for name in FIELDS},
    **{text: name for name, text in MATCH_NAMES.items()},
    **{text: name for name, text in SET_NAMES.items()},
}
"""Every unambiguous name -> field."""
PORT_WORDS = {"tp_src": "src", "tp_dst": "dst"}
"""Names that mean another field for each protocol."""
PORT_PROTOCOLS = {6: "tcp", 17: "udp", 132: "sctp"}

SUBFIELDS = {field.nxm: name for name, field in FIELDS.items()} | {
    "OXM_OF_" + field.nxm.split("_OF_", 1)[1]: name for name, field in FIELDS.items() if field.nxm.startswith("NXM_OF_")
}
"""Names in load, move, push, pop -> field."""

CT_STATES = {"new": 0x01, "est": 0x02, "rel": 0x04, "rpl": 0x08, "inv": 0x10, "trk": 0x20, "snat": 0x40, "dnat": 0x80}
FRAGMENTS = {(0, None): "no", (1, None): "first", (3, None): "later", (1, 1): "yes", (0, 2): "not_later"}
"""ip_frag, (value, mask) -> word: bit 0 any fragment, bit 1 a later one."""

_HEX = frozenset({"ct_mark", "ct_state", "vlan_tci", "eth_type", "nd_reserved"})


def value_text(name: str, value: int) -> str:
    """A value as ovs-ofctl writes it for this field."""
    match FIELDS[name].form:
        case Form.MAC:
            return value.to_bytes(6, "big").hex(":")
        case Form.IPV4:
            return str(ipaddress.IPv4Address(value))
        case Form.IPV6:
            return str(ipaddress.IPv6Address(value))
        case Form.NUMBER:
            return hex(value) if name in _HEX else str(value)


def mask_text(name: str, mask: int) -> str:
    """A mask as ovs-ofctl writes it: a prefix length for addresses where it is one."""
    field = FIELDS[name]
    if field.form in (Form.IPV4, Form.IPV6):
        ones = mask.bit_count()
        if mask == ((1 << ones) - 1) << (field.bits - ones):
            return str(ones)
    return value_text(name, mask) if field.form is not Form.NUMBER else hex(mask)


def read_value(name: str, text: str) -> int:
    """The opposite of `value_text`. Raises ValueError."""
    match FIELDS[name].form:
        case Form.MAC:
            parts = text.split(":")
            if len(parts) != 6:
                raise ValueError(f"{text!r} is not a MAC address")
            return int.from_bytes(bytes(int(part, 16) for part in parts), "big")
        case Form.IPV4:
            return int(ipaddress.IPv4Address(text))
        case Form.IPV6:
            return int(ipaddress.IPv6Address(text))
        case Form.NUMBER:
            return int(text, 0)


def read_mask(name: str, text: str) -> int:
    """The opposite of `mask_text`. Raises ValueError."""
    field = FIELDS[name]
    if field.form in (Form.IPV4, Form.IPV6) and text.isdecimal():
        ones = int(text)
        if ones > field.bits:
            raise ValueError(f"/{text} is too long a prefix for {name}")
        return ((1 << ones) - 1) << (field.bits - ones)
    return read_value(name, text)
