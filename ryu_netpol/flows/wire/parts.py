"""Encodes what a flow-mod consists of: the match, the actions, the instructions."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
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
    CONJUNCTION_HEAD,
    CT_COMMIT,
    CT_NO_TABLE,
    EXPERIMENTER_ACTION,
    GOTO_TABLE,
    IN_PORT,
    IN_PORT_16,
    MAX_LENGTH,
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
_ROOM = MAX_LENGTH - 8
"""For actions: the length of an instruction has 16 bits, too."""
_GOTO = Struct("!HHBxxx").pack
_METER = Struct("!HHI").pack
_OUTPUT = Struct("!HHIHxxxxxx").pack
# All experimenter actions: type, length, experimenter, subtype
_LOAD_HEAD = Struct("!HHIHH4s").pack
_MOVE = Struct("!HHIHHHH4s4s").pack
_STACK = Struct("!HHIHH4sHxxxxxx").pack
_RESUBMIT = Struct("!HHIHHBxxx").pack
_CT = Struct("!HHIHHIHBxxxxx").pack
# what all have in common; clause, clauses, number
_CONJUNCTION = Struct("!10sBBI").pack

_NUMBERS = {1: "B", 2: "H", 4: "I"}
"""What struct calls a number of so many bytes."""


def _exact(name: str) -> Callable[[int], bytes]:
    """What writes a match on all bits of a field."""
    header, length = CODES[name].exact, CODES[name].length
    if name == "in_port":
        return lambda value: header + wire_port(value).to_bytes(length, "big")
    if length in _NUMBERS:
        return partial(Struct(f"!4s{_NUMBERS[length]}").pack, header)
    return lambda value: header + value.to_bytes(length, "big")


def _masked(name: str) -> Callable[[int, int], bytes]:
    """What writes a match on some bits of a field."""
    header, length = CODES[name].masked, CODES[name].length
    if length in _NUMBERS:
        return partial(Struct(f"!4s2{_NUMBERS[length]}").pack, header)
    return lambda value, mask: header + value.to_bytes(length, "big") + mask.to_bytes(length, "big")


# Prepared for every field: looking up its code and its length for each match took half of the time.
_EXACT = {name: _exact(name) for name in FIELDS}
_MASKED = {name: _masked(name) for name in FIELDS}


def encode_match(match: Match) -> bytes:
    """ofp_match with its padding."""
    body = b"".join(
        [_EXACT[name](value) if mask is None else _MASKED[name](value, mask) for name, value, mask in match.fields]
    )
    length = 4 + len(body)
    return _HEAD(1, length) + body + PADDING[length & 7]


EVERYTHING = encode_match(Match())
"""The match that all packets meet."""


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
    if len(body) > _ROOM:
        raise WireError(f"its {len(rest)} actions take {len(body):,} bytes of {_ROOM:,}")
    return first + _APPLY(APPLY_ACTIONS, 8 + len(body)) + body + last


def encode_actions(actions: tuple[Action, ...]) -> bytes:
    """A list of actions."""
    if actions and type(actions[0]) is Conjunction:
        # There may be thousands of them, so no function is called for each.
        clauses: Any = actions
        try:
            return b"".join([_CONJUNCTION(CONJUNCTION_HEAD, c.clause - 1, c.clauses, c.id) for c in clauses])
        except AttributeError:
            # Something else is among them.
            return _one_by_one(actions)
    return _one_by_one(actions)


def _one_by_one(actions: tuple[Action, ...]) -> bytes:
    try:
        return b"".join([_ENCODERS[type(action)](action) for action in actions])
    except KeyError:
        raise WireError("a meter must be the first action of a flow, and goto its last") from None


def _set_field(action: SetField) -> bytes:
    code = CODES[action.field]
    length = 8 + code.length
    length += -length % 8
    return (_HEAD(SET_FIELD, length) + code.exact + action.value.to_bytes(code.length, "big")).ljust(length, b"\0")


def _load(action: Load) -> bytes:
    target = action.target
    return _load_head(target.field, target.first, target.bits) + action.value.to_bytes(8, "big")


@lru_cache(maxsize=1024)
def _load_head(name: str, first: int, bits: int) -> bytes:
    if FIELDS[name].bits > 64:
        raise WireError(f"load cannot write {Subfield(name, first, bits)}: it has more than 64 bits")
    return _LOAD_HEAD(EXPERIMENTER_ACTION, 24, NICIRA, Nxast.REG_LOAD, first << 6 | bits - 1, CODES[name].exact)


def _move(action: Move) -> bytes:
    source, target = action.source, action.target
    if source.bits != target.bits:
        raise WireError(f"move from {source} to {target}: the widths differ")
    headers = (CODES[source.field].exact, CODES[target.field].exact)
    return _MOVE(
        EXPERIMENTER_ACTION, 24, NICIRA, Nxast.REG_MOVE, source.bits, source.first, target.first, *headers
    )  # fmt: skip


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
        CONJUNCTION_HEAD, action.clause - 1, action.clauses, action.id
    ),
}  # fmt: skip
