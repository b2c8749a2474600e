"""Messages to the switch that carry no flow: bundle control, meters, configuration, requests."""

from __future__ import annotations

from struct import Struct

from ryu_netpol.flows.ir import Cookie
from ryu_netpol.flows.wire.codes import (
    ALL_METERS,
    ALL_TABLES,
    ANY,
    BUNDLE_FLAGS,
    FRAG_NX_MATCH,
    METER_BURST,
    METER_FLAGS,
    METER_RATE,
    MULTIPART_HEADER_LENGTH,
    VERSION,
    Bundle,
    MeterCommand,
    Multipart,
    Type,
)
from ryu_netpol.flows.wire.parts import EVERYTHING

_HEADER = Struct("!BBHI").pack
_BUNDLE_CONTROL = Struct("!BBHIIHH").pack
# header; command, flags, meter; type and length of the one band (drop), rate, burst, padding
_METER_MOD = Struct("!BBHIHHI").pack
_DROP_BAND = Struct("!HHIIxxxx").pack(1, 16, METER_RATE, METER_BURST)
_MULTIPART = Struct("!BBHIHHxxxx").pack
# table, port, group, cookie, mask: the match follows
_FLOW_REQUEST = Struct("!BxxxIIxxxxQQ").pack


def encode_bundle_control(kind: Bundle, *, bundle: int, xid: int) -> bytes:
    """Open, close, commit or discard a bundle. A discard answers for itself; nothing depends on it."""
    return _BUNDLE_CONTROL(VERSION, Type.BUNDLE_CONTROL, 16, xid, bundle, kind, BUNDLE_FLAGS)


def encode_meter_mod(command: MeterCommand, meter: int, *, xid: int) -> bytes:
    """Add, change or delete a meter; all have the same rate."""
    band = b"" if command is MeterCommand.DELETE else _DROP_BAND
    return _METER_MOD(VERSION, Type.METER_MOD, 16 + len(band), xid, command, METER_FLAGS, meter) + band


def encode_set_config(*, xid: int) -> bytes:
    """Fragment mode nx-match (docs/ovs-facts.md); no packet is ever sent to us. Lost when the switch restarts."""
    return _HEADER(VERSION, Type.SET_CONFIG, 12, xid) + FRAG_NX_MATCH.to_bytes(2, "big") + b"\0\0"


def encode_flow_request(*, xid: int) -> bytes:
    """Ask for every flow that carries one of our cookies."""
    body = _FLOW_REQUEST(ALL_TABLES, ANY, ANY, Cookie.SIGNATURE, Cookie.SIGNATURE_MASK) + EVERYTHING
    return _multipart(Multipart.FLOW, body, xid)


def encode_meter_request(*, xid: int) -> bytes:
    """Ask for all meters."""
    return _multipart(Multipart.METER_CONFIG, ALL_METERS.to_bytes(4, "big") + b"\0\0\0\0", xid)


def _multipart(kind: Multipart, body: bytes, xid: int) -> bytes:
    length = MULTIPART_HEADER_LENGTH + len(body)
    return _MULTIPART(VERSION, Type.MULTIPART_REQUEST, length, xid, kind, 0) + body
