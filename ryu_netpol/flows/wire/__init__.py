"""Flows as OpenFlow 1.4 messages, with Open vSwitch's extensions: what the agent sends. Pure: bytes in, bytes out.

Reading is in `wire.decode`. What is encoded here, dumped by Open vSwitch and decoded there is equal to what it was
(P8), so a dump can be compared with what is desired.
Traps: vlan_tci comes back whole only where its mask is inside 0x1fff or its VLAN id is not 0 (OpenFlow 1.4 has the
field in two parts); stack actions are 24 bytes long, os-ken writes two of the padding too few.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from ryu_netpol.flows.delta import Plan
from ryu_netpol.flows.ir import Cookie, CookieKind, Flow, Match
from ryu_netpol.flows.wire.codes import (
    ALL_METERS,
    ALL_TABLES,
    ANY,
    BUNDLE_FLAGS,
    FRAG_NX_MATCH,
    MAX_LENGTH,
    METER_BURST,
    METER_FLAGS,
    METER_RATE,
    MULTIPART_HEADER_LENGTH,
    VERSION,
    Bundle,
    Command,
    MeterCommand,
    Multipart,
    Type,
)
from ryu_netpol.flows.wire.parts import WireError, encode_instructions, encode_match

__all__ = [
    "Bundle",
    "Command",
    "EncodedPlan",
    "MeterCommand",
    "WireError",
    "encode_bundle_add",
    "encode_bundle_control",
    "encode_delete_ours",
    "encode_flow_mod",
    "encode_flow_request",
    "encode_meter_mod",
    "encode_meter_request",
    "encode_nothing",
    "encode_plan",
    "encode_set_config",
    "xids_needed",
]

PIECE = 1 << 18
"""Bytes that are handed to the socket at once: few system calls, and other messages are not held up for long."""

_HEADER = Struct("!BBHI").pack
# header; cookie, mask; table, command, idle, hard timeout, priority; buffer, port, group; flags, importance
_FLOW_MOD = Struct("!BBHIQQBBHHHIIIHH").pack
_FLOW_MOD_LENGTH = 48
_EMPTY_MATCH = bytes([0, 1, 0, 4, 0, 0, 0, 0])
_NOTHING = Flow(253, 0, Match(), (), Cookie(CookieKind.BASE))
_BUNDLE_CONTROL = Struct("!BBHIIHH").pack
# header; bundle, padding, flags: the message follows
_BUNDLE_ADD = Struct("!BBHIIxxH").pack
_BUNDLE_ADD_LENGTH = 16
_LARGEST_FLOW_MOD = MAX_LENGTH - _BUNDLE_ADD_LENGTH
# header; command, flags, meter; type and length of the one band (drop), rate, burst, padding
_METER_MOD = Struct("!BBHIHHI").pack
_DROP_BAND = Struct("!HHIIxxxx").pack(1, 16, METER_RATE, METER_BURST)
_MULTIPART = Struct("!BBHIHHxxxx").pack
# table, port, group, cookie, mask: the match follows
_FLOW_REQUEST = Struct("!BxxxIIxxxxQQ").pack


def encode_flow_mod(flow: Flow, *, command: Command, xid: int) -> bytes:
    """Add the flow, or delete exactly it. Raises WireError if it does not fit into a message (in a bundle)."""
    match = encode_match(flow.match)
    cookie, mask = int(flow.cookie), 0
    if command is Command.ADD:
        body = encode_instructions(flow.actions)
    else:
        # Whatever else has the same match, only what is ours is deleted.
        body, cookie, mask = b"", Cookie.SIGNATURE, Cookie.SIGNATURE_MASK
    length = _FLOW_MOD_LENGTH + len(match) + len(body)
    if length > _LARGEST_FLOW_MOD:
        raise WireError(
            f"a flow of table {flow.table} with {len(flow.actions)} actions takes {length} bytes: "
            f"a message in a bundle has room for {_LARGEST_FLOW_MOD}"
        )
    return (
        _FLOW_MOD(
            *(VERSION, Type.FLOW_MOD, length, xid),
            *(cookie, mask, flow.table, command, 0, 0, flow.priority, ANY, ANY, ANY, 0, 0),
        )
        + match
        + body
    )


def encode_delete_ours(*, xid: int) -> bytes:
    """Delete every flow that carries one of our cookies, in all tables."""
    return (
        _FLOW_MOD(
            *(VERSION, Type.FLOW_MOD, _FLOW_MOD_LENGTH + len(_EMPTY_MATCH), xid),
            *(Cookie.SIGNATURE, Cookie.SIGNATURE_MASK, ALL_TABLES, Command.DELETE, 0, 0, 0, ANY, ANY, ANY, 0, 0),
        )
        + _EMPTY_MATCH
    )


def encode_nothing(*, xid: int) -> bytes:
    """A flow-mod that changes nothing: of what is ours, it deletes the flow of a table in which nothing is."""
    return encode_flow_mod(_NOTHING, command=Command.DELETE_STRICT, xid=xid)


def encode_bundle_control(kind: Bundle, *, bundle: int, xid: int) -> bytes:
    """Open, close, commit or discard a bundle. A discard answers for itself; nothing depends on it."""
    return _BUNDLE_CONTROL(VERSION, Type.BUNDLE_CONTROL, 16, xid, bundle, kind, BUNDLE_FLAGS)


def encode_bundle_add(message: bytes, *, bundle: int, xid: int) -> bytes:
    """Put a message, which carries the same xid, into a bundle."""
    length = _BUNDLE_ADD_LENGTH + len(message)
    return _BUNDLE_ADD(VERSION, Type.BUNDLE_ADD_MESSAGE, length, xid, bundle, BUNDLE_FLAGS) + message


def encode_meter_mod(command: MeterCommand, meter: int, *, xid: int) -> bytes:
    """Add, change or delete a meter; all have the same rate."""
    band = b"" if command is MeterCommand.DELETE else _DROP_BAND
    return _METER_MOD(VERSION, Type.METER_MOD, 16 + len(band), xid, command, METER_FLAGS, meter) + band


def encode_set_config(*, xid: int) -> bytes:
    """Fragment mode nx-match (docs/ovs-facts.md); no packet is ever sent to us. Lost when the switch restarts."""
    return _HEADER(VERSION, Type.SET_CONFIG, 12, xid) + FRAG_NX_MATCH.to_bytes(2, "big") + b"\0\0"


def encode_flow_request(*, xid: int) -> bytes:
    """Ask for every flow that carries one of our cookies."""
    body = _FLOW_REQUEST(ALL_TABLES, ANY, ANY, Cookie.SIGNATURE, Cookie.SIGNATURE_MASK) + _EMPTY_MATCH
    return _multipart(Multipart.FLOW, body, xid)


def encode_meter_request(*, xid: int) -> bytes:
    """Ask for all meters."""
    return _multipart(Multipart.METER_CONFIG, ALL_METERS.to_bytes(4, "big") + b"\0\0\0\0", xid)


def _multipart(kind: Multipart, body: bytes, xid: int) -> bytes:
    length = MULTIPART_HEADER_LENGTH + len(body)
    return _MULTIPART(VERSION, Type.MULTIPART_REQUEST, length, xid, kind, 0) + body


@dataclass(frozen=True, slots=True)
class EncodedPlan:
    """A bundle, opened, filled and closed, but not yet committed.

    Whoever sends it waits for the reply to the close: a message that the switch refuses on arrival is not in the
    bundle, and a commit would apply the others.
    """

    plan: Plan
    first_xid: int
    pieces: tuple[bytes, ...]

    @property
    def xids(self) -> range:
        """Every xid from open to close."""
        deletions = 1 if self.plan.replace_all else 0
        return range(self.first_xid, self.first_xid + len(self.plan) + deletions + 2)

    @property
    def close_xid(self) -> int:
        """The xid of the request to close."""
        return self.xids[-1]

    def flow(self, xid: int) -> Flow | None:
        """The flow that a message of the bundle was about; None: it was about none, or about all."""
        position = xid - self.first_xid - (2 if self.plan.replace_all else 1)
        flows = len(self.plan.deletes)
        if 0 <= position < flows:
            return self.plan.deletes[position]
        if 0 <= position - flows < len(self.plan.adds):
            return self.plan.adds[position - flows]
        return None


def xids_needed(plan: Plan) -> int:
    """How many xids `encode_plan` uses at most."""
    return len(plan) + 3


def encode_plan(plan: Plan, *, bundle: int, first_xid: int) -> EncodedPlan:
    """The messages of one bundle, joined to few large pieces; xids count up from `first_xid`. Raises WireError."""
    pieces: list[bytes] = []
    waiting: list[bytes] = []
    size = 0
    for message in _messages(plan, bundle, first_xid):
        waiting.append(message)
        size += len(message)
        if size >= PIECE:
            pieces.append(b"".join(waiting))
            waiting, size = [], 0
    pieces.append(b"".join(waiting))
    return EncodedPlan(plan, first_xid, tuple(pieces))


def _messages(plan: Plan, bundle: int, xid: int) -> Iterator[bytes]:
    yield encode_bundle_control(Bundle.OPEN_REQUEST, bundle=bundle, xid=xid)
    if plan.replace_all:
        xid += 1
        yield encode_bundle_add(encode_delete_ours(xid=xid), bundle=bundle, xid=xid)
    for command, flows in ((Command.DELETE_STRICT, plan.deletes), (Command.ADD, plan.adds)):
        for flow in flows:
            xid += 1
            yield encode_bundle_add(encode_flow_mod(flow, command=command, xid=xid), bundle=bundle, xid=xid)
    yield encode_bundle_control(Bundle.CLOSE_REQUEST, bundle=bundle, xid=xid + 1)
