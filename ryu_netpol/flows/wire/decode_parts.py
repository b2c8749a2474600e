"""Reads what a flow of a dump consists of: the match, the instructions.

Flows have most of their parts in common, so what came before is looked up by its bytes. The caches are small: what
comes again and again stays in them, however much comes only once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from operator import itemgetter
from struct import Struct

from ryu_netpol.flows.fields import ORDER, Subfield
from ryu_netpol.flows.ir import (
    Action,
    Conjunction,
    Ct,
    FieldMatch,
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
    CONJUNCTION_HEAD,
    CT_COMMIT,
    CT_NO_TABLE,
    EXPERIMENTER_ACTION,
    FIELD_OF,
    GOTO_TABLE,
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


_PAIR = Struct("!HH").unpack_from
_LONG_SHORT = Struct("!IH").unpack_from
_WORD = Struct("!I").unpack_from
_LOAD = Struct("!H4sQ").unpack_from
_MOVE = Struct("!HHH4s4s").unpack_from
_STACK = Struct("!H4sH").unpack_from
_RESUBMIT = Struct("!HB").unpack_from
_CONJUNCTION = Struct("!BBI").unpack_from
_CONJUNCTIONS = Struct("!10sBBI").iter_unpack
_CT = Struct("!HIHBxxxH").unpack_from

_SHORT = 128
"""Longer instructions are lists of clauses, which no two flows have in common."""
_FULL = {name: (1 << 8 * code.length) - 1 for name, code in CODES.items()}


def decode_match(body: bytes) -> Match:
    """A match from its fields, without its type, length and padding. Raises UnreadableError."""
    fields: list[FieldMatch] = []
    start = 0
    while start < len(body):
        end = start + 4 + body[start + 3]
        fields.append(_field(body[start:end]))
        start = end
    return Match(_arranger(tuple([field.field for field in fields]))(fields))


@lru_cache(maxsize=4096)
def _field(tlv: bytes) -> FieldMatch:
    header, body = tlv[:4], tlv[4:]
    if len(body) != header[3]:
        raise UnreadableError("a field is cut off")
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


@lru_cache(maxsize=1024)
def _arranger(names: tuple[str, ...]) -> Callable[[list[FieldMatch]], tuple[FieldMatch, ...]]:
    """What brings fields that come in this order into ours; the switch has one order for each set of fields."""
    twice = [name for name in set(names) if names.count(name) > 1]
    if twice == ["vlan_tci"]:
        # Its two halves.
        return lambda fields: Match.of(*fields).fields
    if twice:
        raise UnreadableError(f"{twice} more than once")
    order = sorted(range(len(names)), key=lambda position: ORDER[names[position]])
    # An itemgetter with a single item does not give a tuple.
    return tuple if order == list(range(len(names))) else itemgetter(*order)


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


def decode_instructions(body: bytes) -> tuple[Action, ...]:
    """All instructions of a flow, as our actions. Raises UnreadableError."""
    return _short_instructions(body) if len(body) <= _SHORT else _instructions(body)


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


_short_instructions = lru_cache(maxsize=16384)(_instructions)


def _actions(body: bytes) -> tuple[Action, ...]:
    if body.startswith(CONJUNCTION_HEAD) and not len(body) % 16:
        # There may be thousands of them.
        found = list(_CONJUNCTIONS(body))
        if {head for head, _, _, _ in found} == {CONJUNCTION_HEAD}:
            return tuple([Conjunction(number, clause + 1, clauses) for _, clause, clauses, number in found])
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
    if vendor != NICIRA or subtype not in _READERS:
        raise UnreadableError(f"action {subtype} of vendor {vendor:#x} is not one of ours")
    return _READERS[subtype](body[6:])


@lru_cache(maxsize=1024)
def _subfield(header: bytes, first: int, bits: int) -> Subfield:
    return Subfield(FIELD_OF[header], first, bits)


def _load(body: bytes) -> Load:
    place, header, value = _LOAD(body)
    return Load(_subfield(header, place >> 6, (place & 0x3F) + 1), value)


def _move(body: bytes) -> Move:
    bits, source, target, source_header, target_header = _MOVE(body)
    return Move(_subfield(source_header, source, bits), _subfield(target_header, target, bits))


def _stacked(body: bytes) -> Subfield:
    first, header, bits = _STACK(body)
    return _subfield(header, first, bits)


def _resubmit(body: bytes) -> Resubmit:
    port, table = _RESUBMIT(body)
    if port != IN_PORT_16:
        raise UnreadableError(f"resubmit to port {port}")
    return Resubmit(table)


def _conjunction(body: bytes) -> Conjunction:
    clause, clauses, number = _CONJUNCTION(body)
    return Conjunction(number, clause + 1, clauses)


def _ct(body: bytes) -> Ct:
    flags, zone_source, zone, table, helper = _CT(body)
    if flags & ~CT_COMMIT or zone_source or helper:
        raise UnreadableError("ct with options that we do not use")
    actions = _actions(body[14:])
    loads = tuple(action for action in actions if isinstance(action, Load) and action.target.field == "ct_mark")
    if len(loads) != len(actions):
        raise UnreadableError("ct executes something else than loads of its mark")
    return Ct(zone, bool(flags & CT_COMMIT), None if table == CT_NO_TABLE else table, loads)


_READERS: dict[int, Callable[[bytes], Action]] = {
    Nxast.REG_LOAD: _load,
    Nxast.REG_MOVE: _move,
    Nxast.STACK_PUSH: lambda body: Push(_stacked(body)),
    Nxast.STACK_POP: lambda body: Pop(_stacked(body)),
    Nxast.RESUBMIT_TABLE: _resubmit,
    Nxast.CONJUNCTION: _conjunction,
    Nxast.CT: _ct,
}
"""For the actions of Open vSwitch: what reads an action from what follows its subtype."""
