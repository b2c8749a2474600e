"""Reads what the switch sends: flows and meters of a dump, bundle replies, errors.

A flow that cannot be read is counted, never guessed: it carries our cookie, but we did not write it.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct, error
from typing import NamedTuple

from ryu_netpol.flows.fields import ORDER, Subfield
from ryu_netpol.flows.ir import (
    Action,
    Conjunction,
    Cookie,
    Ct,
    FieldMatch,
    Flow,
    Goto,
    InPort,
    Load,
    Match,
    Meter,
    Move,
    Output,
    Pop,
    Push,
    Resubmit,
    SetField,
)
from ryu_netpol.flows.wire.codes import (
    APPLY_ACTIONS,
    CODES,
    CT_COMMIT,
    CT_NO_TABLE,
    EXPERIMENTER_ACTION,
    FIELD_OF,
    GOTO_TABLE,
    HEADER_LENGTH,
    IN_PORT,
    IN_PORT_16,
    MASKED_FIELD_OF,
    METER,
    NICIRA,
    OUTPUT,
    SET_FIELD,
    VLAN_PCP,
    VLAN_PCP_BITS,
    VLAN_PCP_FIRST,
    VLAN_VID,
    VLAN_VID_BITS,
    Nxast,
    plain_port,
)


class UnreadableError(ValueError):
    """The switch sent something that we would not have written."""


class Header(NamedTuple):
    """What every message begins with."""

    version: int
    type: int
    length: int
    xid: int


_HEADER = Struct("!BBHI").unpack_from
# length, table, seconds, nanoseconds, priority, idle, hard timeout, flags, importance; cookie; packets, bytes
_FLOW = Struct("!HBxIIHHHHHxxQQQ").unpack_from
_FLOW_LENGTH = 48
_PAIR = Struct("!HH").unpack_from
_METER_CONFIG = Struct("!HHI").unpack_from
_LONG_SHORT = Struct("!IH").unpack_from
_WORD = Struct("!I").unpack_from
_LOAD = Struct("!H4sQ").unpack_from
_MOVE = Struct("!HHH4s4s").unpack_from
_STACK = Struct("!H4sH").unpack_from
_RESUBMIT = Struct("!HB").unpack_from
_CONJUNCTION = Struct("!BBI").unpack_from
_CT = Struct("!HIHBxxxH").unpack_from

_FULL = {name: (1 << 8 * code.length) - 1 for name, code in CODES.items()}
_BY_ORDER = ORDER.__getitem__


def decode_header(message: bytes) -> Header:
    """Version, type, length, xid."""
    return Header(*_HEADER(message))


def decode_multipart_header(message: bytes) -> tuple[int, int]:
    """Type and flags of a whole multipart reply."""
    kind, flags = _PAIR(message, HEADER_LENGTH)
    return kind, flags


def decode_bundle_control(message: bytes) -> tuple[int, int]:
    """Number of the bundle and type of the reply, of a whole bundle control message."""
    number, kind = _LONG_SHORT(message, HEADER_LENGTH)
    return number, kind


def decode_flow_stats(body: bytes) -> tuple[list[Flow], int]:
    """The flows of one multipart reply (what follows its 16 bytes of headers), and how many could not be read."""
    flows: list[Flow] = []
    unreadable = 0
    start = 0
    while start < len(body):
        length = int.from_bytes(body[start : start + 2], "big")
        if length < _FLOW_LENGTH or start + length > len(body):
            return flows, unreadable + 1
        try:
            flows.append(_flow(body[start : start + length]))
        except (ValueError, KeyError, IndexError, error):
            unreadable += 1
        start += length
    return flows, unreadable


def decode_meter_config(body: bytes) -> frozenset[int]:
    """The meters of one multipart reply."""
    meters = set()
    start = 0
    while start + 8 <= len(body):
        length, _, meter = _METER_CONFIG(body, start)
        meters.add(meter)
        start += max(length, 8)
    return frozenset(meters)


def _flow(entry: bytes) -> Flow:
    _, table, _, _, priority, idle, hard, _, _, cookie_number, _, _ = _FLOW(entry)
    cookie = Cookie.decode(cookie_number)
    if cookie is None or idle or hard:
        raise UnreadableError("not a flow of ours")
    _, match_length = _PAIR(entry, _FLOW_LENGTH)
    match = _match(entry[_FLOW_LENGTH + 4 : _FLOW_LENGTH + match_length])
    return Flow(table, priority, match, _instructions(entry[_FLOW_LENGTH + (match_length + 7) // 8 * 8 :]), cookie)


def _match(body: bytes) -> Match:
    found: dict[str, FieldMatch] = {}
    start = 0
    while start < len(body):
        end = start + 4 + body[start + 3]
        field = _field(body[start:end])
        if field.field in found:
            # The two halves of vlan_tci: no other field comes twice.
            other = found[field.field]
            field = FieldMatch(field.field, field.value | other.value, (field.mask or 0) | (other.mask or 0))
        found[field.field] = field
        start = end
    return Match(tuple([found[name] for name in sorted(found, key=_BY_ORDER)]))


@lru_cache(maxsize=65536)
def _field(tlv: bytes) -> FieldMatch:
    """One field of a match. Most come again and again."""
    header, body = tlv[:4], tlv[4:]
    mask = None
    if header in FIELD_OF:
        name, value = FIELD_OF[header], int.from_bytes(body, "big")
    elif header in MASKED_FIELD_OF:
        name, middle = MASKED_FIELD_OF[header], len(body) // 2
        value, mask = int.from_bytes(body[:middle], "big"), int.from_bytes(body[middle:], "big")
        if mask == _FULL[name]:
            mask = None
    else:
        name = "vlan_tci"
        value, mask = _vlan(header, body)
    return FieldMatch(name, plain_port(value) if name == "in_port" else value, mask)


def _vlan(header: bytes, body: bytes) -> tuple[int, int]:
    """The half of vlan_tci that Open vSwitch sends under this header."""
    if header == VLAN_PCP:
        return body[0] << VLAN_PCP_FIRST, VLAN_PCP_BITS
    if header == VLAN_VID[0]:
        return int.from_bytes(body, "big"), VLAN_VID_BITS
    if header == VLAN_VID[1]:
        value, mask = _PAIR(body)
        return value, mask
    raise UnreadableError(f"no field of ours has the header {header.hex()}")


@lru_cache(maxsize=16384)
def _instructions(body: bytes) -> tuple[Action, ...]:
    found: dict[int, tuple[Action, ...]] = {}
    start = 0
    while start < len(body):
        kind, length = _PAIR(body, start)
        if kind in found or length < 8:
            raise UnreadableError("an instruction comes twice, or is cut off")
        if kind == APPLY_ACTIONS:
            found[kind] = _actions(body[start + 8 : start + length])
        elif kind == GOTO_TABLE:
            found[kind] = (Goto(body[start + 4]),)
        elif kind == METER:
            found[kind] = (Meter(_WORD(body, start + 4)[0]),)
        else:
            raise UnreadableError(f"instruction {kind} is not one of ours")
        start += length
    return found.get(METER, ()) + found.get(APPLY_ACTIONS, ()) + found.get(GOTO_TABLE, ())


def _actions(body: bytes) -> tuple[Action, ...]:
    actions: list[Action] = []
    start = 0
    while start < len(body):
        kind, length = _PAIR(body, start)
        if length < 8 or start + length > len(body):
            raise UnreadableError("an action is cut off")
        actions.append(_action(kind, body[start + 4 : start + length]))
        start += length
    return tuple(actions)


def _action(kind: int, body: bytes) -> Action:
    """An action from what follows its type and length."""
    if kind == OUTPUT:
        (port,) = _WORD(body)
        return InPort() if port == IN_PORT else Output(plain_port(port))
    if kind == SET_FIELD:
        name = FIELD_OF[body[:4]]
        return SetField(name, int.from_bytes(body[4 : 4 + CODES[name].length], "big"))
    if kind != EXPERIMENTER_ACTION:
        raise UnreadableError(f"action {kind} is not one of ours")
    vendor, subtype = _LONG_SHORT(body)
    if vendor != NICIRA:
        raise UnreadableError(f"vendor {vendor:#x} is not Nicira")
    return _nicira(subtype, body[6:])


def _subfield(header: bytes, first: int, bits: int) -> Subfield:
    return Subfield(FIELD_OF[header], first, bits)


def _nicira(subtype: int, body: bytes) -> Action:
    match subtype:
        case Nxast.REG_LOAD:
            place, header, value = _LOAD(body)
            return Load(_subfield(header, place >> 6, (place & 0x3F) + 1), value)
        case Nxast.REG_MOVE:
            bits, source, target, source_header, target_header = _MOVE(body)
            return Move(_subfield(source_header, source, bits), _subfield(target_header, target, bits))
        case Nxast.STACK_PUSH:
            first, header, bits = _STACK(body)
            return Push(_subfield(header, first, bits))
        case Nxast.STACK_POP:
            first, header, bits = _STACK(body)
            return Pop(_subfield(header, first, bits))
        case Nxast.RESUBMIT_TABLE:
            port, table = _RESUBMIT(body)
            if port == IN_PORT_16:
                return Resubmit(table)
        case Nxast.CONJUNCTION:
            clause, clauses, number = _CONJUNCTION(body)
            return Conjunction(number, clause + 1, clauses)
        case Nxast.CT:
            return _ct(body)
    raise UnreadableError(f"Nicira action {subtype} is not one of ours")


def _ct(body: bytes) -> Ct:
    flags, zone_source, zone, table, helper = _CT(body)
    if flags & ~CT_COMMIT or zone_source or helper:
        raise UnreadableError("ct with options that we do not use")
    actions = _actions(body[14:])
    loads = tuple(action for action in actions if isinstance(action, Load) and action.target.field == "ct_mark")
    if len(loads) != len(actions):
        raise UnreadableError("ct executes something else than loads of its mark")
    return Ct(zone, bool(flags & CT_COMMIT), None if table == CT_NO_TABLE else table, loads)
