"""Numbers of OpenFlow 1.4 and of Open vSwitch's extensions, and the headers of fields, for both directions.

Sources: the OpenFlow 1.4 specification (section 7; message numbers in 7.1), nicira-ext.h, ofp-actions.c and
meta-flow.h of Open vSwitch 3.1; checked against the bytes that ovs-vswitchd 3.1 sends (tests/ovs).
"""

from __future__ import annotations

import enum
from struct import Struct
from typing import NamedTuple

from ryu_netpol.flows.fields import FIELDS, NXM0, NXM1, OXM

VERSION = 0x05
HEADER_LENGTH = 8
MULTIPART_HEADER_LENGTH = 16
MAX_LENGTH = 0xFFFF
"""The length field of a message has 16 bits."""


class Type(enum.IntEnum):
    """Types of messages (OFPT_*)."""

    ERROR = 1
    SET_CONFIG = 9
    FLOW_MOD = 14
    MULTIPART_REQUEST = 18
    MULTIPART_REPLY = 19
    METER_MOD = 29
    BUNDLE_CONTROL = 33
    BUNDLE_ADD_MESSAGE = 34


class Multipart(enum.IntEnum):
    """Types of multipart messages (OFPMP_*)."""

    FLOW = 1
    METER_CONFIG = 10


REPLY_MORE = 1


class Command(enum.IntEnum):
    """Commands of a flow-mod (OFPFC_*)."""

    ADD = 0
    DELETE = 3
    DELETE_STRICT = 4


class MeterCommand(enum.IntEnum):
    """Commands of a meter-mod (OFPMC_*)."""

    ADD = 0
    MODIFY = 1
    DELETE = 2


class Bundle(enum.IntEnum):
    """Types of bundle control messages (OFPBCT_*)."""

    OPEN_REQUEST = 0
    OPEN_REPLY = 1
    CLOSE_REQUEST = 2
    CLOSE_REPLY = 3
    COMMIT_REQUEST = 4
    COMMIT_REPLY = 5
    DISCARD_REQUEST = 6
    DISCARD_REPLY = 7


BUNDLE_FLAGS = 0x3
"""OFPBF_ATOMIC | OFPBF_ORDERED. Every message of a bundle must carry the same flags."""

METER_RATE = 100
"""Packets per second that a meter lets through."""
METER_BURST = 200
"""Packets that it lets through at once after a rest."""
METER_FLAGS = 0x2 | 0x4
"""OFPMF_PKTPS | OFPMF_BURST."""
ALL_METERS = 0xFFFFFFFF

FRAG_NX_MATCH = 3
"""SET_CONFIG flags: the ports of a datagram's first fragment can be matched, later ones match nw_frag=later."""

ANY = 0xFFFFFFFF
"""OFPP_ANY, OFPG_ANY, OFP_NO_BUFFER."""
ALL_TABLES = 0xFF
IN_PORT = 0xFFFFFFF8
IN_PORT_16 = 0xFFF8
_RESERVED_16, _RESERVED_OFFSET = 0xFF00, 0xFFFF0000

APPLY_ACTIONS, GOTO_TABLE, METER = 4, 1, 6
"""Types of instructions (OFPIT_*)."""
OUTPUT, SET_FIELD, EXPERIMENTER_ACTION = 0, 25, 0xFFFF
NICIRA = 0x00002320


class Nxast(enum.IntEnum):
    """Open vSwitch's own actions."""

    REG_MOVE = 6
    REG_LOAD = 7
    RESUBMIT_TABLE = 14
    STACK_PUSH = 27
    STACK_POP = 28
    CONJUNCTION = 34
    CT = 35


CONJUNCTION_HEAD = Struct("!HHIH").pack(EXPERIMENTER_ACTION, 16, NICIRA, Nxast.CONJUNCTION)
"""How every conjunction begins: type, length, vendor, subtype. Its clause, their number and its own number follow."""
CT_COMMIT = 0x1
CT_NO_TABLE = 0xFF


def wire_port(port: int) -> int:
    """A port number as OpenFlow 1.1 and later write it: OVSDB and ovs-ofctl have 16 bits (LOCAL is 65534)."""
    return port + _RESERVED_OFFSET if _RESERVED_16 <= port <= 0xFFFF else port


def plain_port(port: int) -> int:
    """The opposite of `wire_port`."""
    return port - _RESERVED_OFFSET if port >= _RESERVED_16 + _RESERVED_OFFSET else port


class FieldCode(NamedTuple):
    """How a field is written: header of a match on all its bits, of a match with a mask, length of a value."""

    exact: bytes
    masked: bytes
    length: int


def _header(oxm_class: int, number: int, length: int, *, has_mask: bool) -> bytes:
    return ((oxm_class << 16) | number << 9 | has_mask << 8 | length).to_bytes(4, "big")


def _code(name: str) -> FieldCode:
    field = FIELDS[name]
    length = (field.bits + 7) // 8
    return FieldCode(
        exact=_header(field.oxm_class, field.number, length, has_mask=False),
        masked=_header(field.oxm_class, field.number, 2 * length, has_mask=True),
        length=length,
    )


CODES = {name: _code(name) for name in FIELDS}

# Open vSwitch writes the older headers of these fields into move, push and pop, whatever it was given.
_NICIRA_NUMBERS = {
    NXM0: {
        "eth_dst": 1, "eth_src": 2, "eth_type": 3, "ip_proto": 6, "ipv4_src": 7, "ipv4_dst": 8, "tcp_src": 9,
        "tcp_dst": 10, "udp_src": 11, "udp_dst": 12, "arp_op": 15, "arp_spa": 16, "arp_tpa": 17,
    },
    NXM1: {
        "arp_sha": 17, "arp_tha": 18, "ipv6_src": 19, "ipv6_dst": 20, "icmpv6_type": 21, "icmpv6_code": 22,
        "nd_target": 23, "nd_sll": 24, "nd_tll": 25,
    },
}  # fmt: skip

FIELD_OF: dict[bytes, str] = {code.exact: name for name, code in CODES.items()} | {
    _header(oxm_class, number, CODES[name].length, has_mask=False): name
    for oxm_class, numbers in _NICIRA_NUMBERS.items()
    for name, number in numbers.items()
}
"""Header without a mask, in every form that Open vSwitch sends -> field."""
MASKED_FIELD_OF: dict[bytes, str] = {
    bytes([*header[:2], header[2] | 1, header[3] * 2]): name for header, name in FIELD_OF.items()
}

VLAN_VID = (_header(OXM, 6, 2, has_mask=False), _header(OXM, 6, 4, has_mask=True))
VLAN_PCP = _header(OXM, 7, 1, has_mask=False)
"""Open vSwitch splits vlan_tci into these two: what it sends back is put together again."""
VLAN_VID_BITS, VLAN_PCP_BITS, VLAN_PCP_FIRST = 0x1FFF, 0xE000, 13
