"""Encodes what a flow-mod consists of: the match, the actions, the instructions."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from typing import Any

from ryu_netpol.flows.fields import FIELDS, Subfield
from ryu_netpol.flows.ir import (
    Action,
    Conjunction,
    Ct,
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
    GOTO_TABLE,
    IN_PORT,
    IN_PORT_16,
    METER,
    NICIRA,
    OUTPUT,
    SET_FIELD,
    Nxast,
    wire_port,
)


class WireError(ValueError):
    """A flow cannot be written as an OpenFlow message."""


PADDING = [b"\0" * ((8 - n) % 8) for n in range(8)]
"""What is missing to a multiple of 8, by length modulo 8."""

# type of match (OXM), length | type, length of an instruction | port, maximal length of an output
_HEAD = Struct("!HH").pack
_APPLY = Struct("!HHxxxx").pack
_GOTO = Struct("!HHBxxx").pack
_METER = Struct("!HHI").pack
_OUTPUT = Struct("!HHIHxxxxxx").pack
# All experimenter actions: type, length, experimenter, subtype
_LOAD = Struct("!HHIHH4sQ").pack
_MOVE = Struct("!HHIHHHH4s4s").pack
_STACK = Struct("!HHIHH4sHxxxxxx").pack
_RESUBMIT = Struct("!HHIHHBxxx").pack
_CONJUNCTION = Struct("!HHIHBBI").pack
_CT = Struct("!HHIHHIHBxxxxx").pack


def encode_match(match: Match) -> bytes:
    """ofp_match with its padding."""
    parts = [b""]
    for name, value, mask in match.fields:
        code = CODES[name]
        if name == "in_port":
            value = wire_port(value)
        if mask is None:
            parts += (code.exact, value.to_bytes(code.length, "big"))
        else:
            parts += (code.masked, value.to_bytes(code.length, "big"), mask.to_bytes(code.length, "big"))
    body = b"".join(parts)
    length = 4 + len(body)
    return _HEAD(1, length) + body + PADDING[length & 7]


def encode_instructions(actions: tuple[Action, ...]) -> bytes:
    """All instructions: the meter, the actions to apply at once, the next table. Raises WireError."""
    first, last = b"", b""
    rest = actions
    if rest and type(rest[0]) is Meter:
        first, rest = _METER(METER, 8, rest[0].id), rest[1:]
    if rest and type(rest[-1]) is Goto:
        last, rest = _GOTO(GOTO_TABLE, 8, rest[-1].table), rest[:-1]
    if not rest:
        return first + last
    body = encode_actions(rest)
    if len(body) + 8 > 0xFFFF:
        raise WireError(f"{len(rest)} actions do not fit into one flow: they take {len(body)} bytes of 65,527")
    return first + _APPLY(APPLY_ACTIONS, 8 + len(body)) + body + last


def encode_actions(actions: tuple[Action, ...]) -> bytes:
    """A list of actions."""
    try:
        return b"".join([_ENCODERS[type(action)](action) for action in actions])
    except KeyError:
        raise WireError("a meter must be the first action of a flow, and goto its last") from None


def _offset_bits(sub: Subfield) -> int:
    return sub.first << 6 | sub.bits - 1


@lru_cache(maxsize=8192)
def _set_field(action: SetField) -> bytes:
    code = CODES[action.field]
    length = 8 + code.length
    length += -length % 8
    return (_HEAD(SET_FIELD, length) + code.exact + action.value.to_bytes(code.length, "big")).ljust(length, b"\0")


@lru_cache(maxsize=8192)
def _load(action: Load) -> bytes:
    target = action.target
    if FIELDS[target.field].bits > 64:
        raise WireError(f"load cannot write {target}: it has more than 64 bits")
    header = CODES[target.field].exact
    return _LOAD(EXPERIMENTER_ACTION, 24, NICIRA, Nxast.REG_LOAD, _offset_bits(target), header, action.value)


@lru_cache(maxsize=1024)
def _move(action: Move) -> bytes:
    source, target = action.source, action.target
    if source.bits != target.bits:
        raise WireError(f"move from {source} to {target}: the widths differ")
    headers = (CODES[source.field].exact, CODES[target.field].exact)
    return _MOVE(
        EXPERIMENTER_ACTION, 24, NICIRA, Nxast.REG_MOVE, source.bits, source.first, target.first, *headers
    )  # fmt: skip


@lru_cache(maxsize=1024)
def _stack(kind: Nxast, sub: Subfield) -> bytes:
    return _STACK(EXPERIMENTER_ACTION, 24, NICIRA, kind, sub.first, CODES[sub.field].exact, sub.bits)


def _ct(action: Ct) -> bytes:
    nested = encode_actions(action.mark)
    flags = CT_COMMIT if action.commit else 0
    table = CT_NO_TABLE if action.table is None else action.table
    return _CT(EXPERIMENTER_ACTION, 24 + len(nested), NICIRA, Nxast.CT, flags, 0, action.zone, table) + nested


_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    SetField: _set_field,
    Load: _load,
    Move: _move,
    Push: lambda action: _stack(Nxast.STACK_PUSH, action.source),
    Pop: lambda action: _stack(Nxast.STACK_POP, action.target),
    Output: lambda action: _OUTPUT(OUTPUT, 16, wire_port(action.port), 0),
    InPort: lambda _: _OUTPUT(OUTPUT, 16, IN_PORT, 0),
    Resubmit: lambda action: _RESUBMIT(
        EXPERIMENTER_ACTION, 16, NICIRA, Nxast.RESUBMIT_TABLE, IN_PORT_16, action.table
    ),
    Ct: _ct,
    Conjunction: lambda action: _CONJUNCTION(
        EXPERIMENTER_ACTION, 16, NICIRA, Nxast.CONJUNCTION, action.clause - 1, action.clauses, action.id
    ),
}  # fmt: skip
