"""Flows as typed values: match, actions, flow, table of flows. Frozen, canonical, compared whole (R3, R8).

Text (text.py) and OpenFlow messages (wire.py) are made from these at the edge and nowhere else.

There may be a hundred thousand flows, so what they are made of are named tuples: made, hashed and compared several
times as fast as dataclasses. Named tuples of different types are equal if their contents are; therefore actions are
dataclasses, all but one.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ryu_netpol.flows.fields import FIELDS, ORDER, Subfield


class FieldMatch(NamedTuple):
    """One field of a match: the bits of `mask` must equal those of `value`. Mask None: all bits."""

    field: str
    value: int
    mask: int | None = None


class Match(NamedTuple):
    """A conjunction of field matches, in the order of the fields' declaration, each field once."""

    fields: tuple[FieldMatch, ...] = ()

    @classmethod
    def of(cls, *more: FieldMatch, **values: int | tuple[int, int]) -> Match:
        """Build a match from `field=value` and `field=(value, mask)`, and from ready-made field matches.

        Masks without a bit set match everything and are left out; masks of all bits become None, as OVS does.
        Two matches on bits of one field are merged. Raises ValueError where they contradict each other.
        """
        merged: dict[str, tuple[int, int]] = {}
        given = [*more, *(FieldMatch(n, *v) if isinstance(v, tuple) else FieldMatch(n, v) for n, v in values.items())]
        for name, value, mask in given:
            full = _FULL[name]
            mask = full if mask is None else mask
            if value & ~full or mask & ~full:
                raise ValueError(f"{value:#x}/{mask:#x} does not fit into {name}")
            old_value, old_mask = merged.get(name, (0, 0))
            if (old_value ^ value) & old_mask & mask:
                raise ValueError(f"{name} is matched twice, with different values")
            merged[name] = (old_value | value & mask, old_mask | mask)
        fields = [
            FieldMatch(name, value, None if mask == _FULL[name] else mask)
            for name, (value, mask) in merged.items()
            if mask
        ]
        return cls(tuple(sorted(fields, key=_position)))

    def get(self, name: str) -> FieldMatch | None:
        """The match on this field, if there is one."""
        return next((f for f in self.fields if f.field == name), None)

    def value(self, name: str) -> int | None:
        """The exact value demanded of this field, if there is one."""
        found = self.get(name)
        return found.value if found and found.mask is None else None

    def __add__(self, other: Match) -> Match:  # type: ignore[override]
        # Both have been checked. Mostly the one ends before the other begins, or they share no field but equal ones:
        # nothing has to be merged then, which takes several times as long.
        if self.fields and other.fields and _position(self.fields[-1]) < _position(other.fields[0]):
            return Match(self.fields + other.fields)
        both = {*self.fields, *other.fields}
        if len({field.field for field in both}) < len(both):
            return Match.of(*both)
        return Match(tuple(sorted(both, key=_position)))


_FULL = {name: (1 << field.bits) - 1 for name, field in FIELDS.items()}
"""Masks of all bits."""


def _position(field: FieldMatch) -> int:
    return ORDER[field.field]


def bits(sub: Subfield, value: int) -> FieldMatch:
    """Match a register field. Raises ValueError if the value does not fit."""
    if value >> sub.bits:
        raise ValueError(f"{value} does not fit into {sub}")
    return FieldMatch(sub.field, value << sub.first, sub.mask)


@dataclass(frozen=True, slots=True)
class SetField:
    """Write a whole header field."""

    field: str
    value: int


@dataclass(frozen=True, slots=True)
class Load:
    """Write some bits of a register or of the connection's mark (`load`, ovs-actions(7))."""

    target: Subfield
    value: int

    def __post_init__(self) -> None:
        if self.value >> self.target.bits:
            raise ValueError(f"{self.value} does not fit into {self.target}")


@dataclass(frozen=True, slots=True)
class Move:
    """Copy bits between fields."""

    source: Subfield
    target: Subfield


@dataclass(frozen=True, slots=True)
class Push:
    """Push a field on the stack."""

    source: Subfield


@dataclass(frozen=True, slots=True)
class Pop:
    """Pop the stack into a field."""

    target: Subfield


@dataclass(frozen=True, slots=True)
class Output:
    """Send the packet out of a port."""

    port: int


@dataclass(frozen=True, slots=True)
class InPort:
    """Send the packet back to where it came from; a plain output to that port would drop it."""


@dataclass(frozen=True, slots=True)
class Resubmit:
    """Look the packet up in a table, as it is now."""

    table: int


@dataclass(frozen=True, slots=True)
class Ct:
    """Connection tracking: with a table, continue there with the ct fields set; commit: remember the connection."""

    zone: int
    commit: bool = False
    table: int | None = None
    mark: tuple[Load, ...] = ()


class Conjunction(NamedTuple):
    """This flow is clause `clause` (from 1) of `clauses` of conjunction `id`. Matches nothing by itself."""

    id: int
    clause: int
    clauses: int


@dataclass(frozen=True, slots=True)
class Meter:
    """Drop what exceeds the meter's rate. Must come first."""

    id: int


@dataclass(frozen=True, slots=True)
class Goto:
    """Continue in a later table. Must come last."""

    table: int


Action = SetField | Load | Move | Push | Pop | Output | InPort | Resubmit | Ct | Conjunction | Meter | Goto


class CookieKind(enum.IntEnum):
    """What a flow is there for; the value of the cookie says for whom."""

    meaning: str

    def __new__(cls, number: int, meaning: str) -> CookieKind:
        """A member with its meaning beside its number."""
        kind = int.__new__(cls, number)
        kind._value_ = number
        kind.meaning = meaning
        return kind

    BASE = 1, "part of every node's pipeline"
    MISS = 2, "what nothing else in the table matches; value: the table"
    ENDPOINT = 3, "an endpoint's port or addresses; value: the port"
    SPOOF = 4, "drops what an endpoint may not send; value: the port"
    CLOSED = 5, "a declared endpoint that is not ready, value: its port; or addresses that no endpoint has, value: 0"
    UNKNOWN = 6, "drops: a port that nobody declared; value: the port"
    ADDRESS = 7, "a remote pod's address; value: the identity, 0 if no rule here needs to know"
    CONTESTED = 8, "drops: two pods claim the address"
    ISOLATED = 9, "drops what no rule allows; value: the identity"
    RULE = 10, "allows what a rule allows; value: the rule's number"
    CLAUSE = 11, "a clause of one or more rules; counts nothing"
    NODE = 12, "the node itself"


_COOKIE_KINDS = {kind.value: kind for kind in CookieKind}


@dataclass(frozen=True, slots=True, order=True)
class Cookie:
    """64 bits: our signature, the kind, a value. Flows without the signature are not ours."""

    kind: CookieKind
    value: int = 0

    SIGNATURE = 0x6E70 << 48
    """"np"; with SIGNATURE_MASK it selects our flows on the switch."""
    SIGNATURE_MASK = 0xFFFF << 48

    def __int__(self) -> int:
        return self.SIGNATURE | self.kind << 32 | self.value

    @classmethod
    def decode(cls, number: int) -> Cookie | None:
        """The cookie that this number stands for, or None if it is not ours."""
        if number & cls.SIGNATURE_MASK != cls.SIGNATURE:
            return None
        kind = _COOKIE_KINDS.get(number >> 32 & 0xFFFF)
        return None if kind is None else cls(kind, number & 0xFFFFFFFF)


class FlowKey(NamedTuple):
    """What makes a flow the same flow on the switch (OpenFlow 1.4 section 6.4): adding it again replaces it."""

    table: int
    priority: int
    match: Match


class Flow(NamedTuple):
    """One flow. No actions: drop."""

    table: int
    priority: int
    match: Match
    actions: tuple[Action, ...]
    cookie: Cookie

    @property
    def key(self) -> FlowKey:
        """Its identity on the switch."""
        return FlowKey(self.table, self.priority, self.match)


class FlowTable(Mapping[FlowKey, Flow]):
    """An immutable set of flows, one for each key."""

    __slots__ = ("_flows",)

    def __init__(self, flows: Iterable[Flow] = ()) -> None:
        self._flows: dict[FlowKey, Flow] = {}
        for flow in flows:
            known = self._flows.setdefault(flow.key, flow)
            if known is not flow and known != flow:
                raise ValueError(f"two flows for one match: {known} and {flow}")

    def __getitem__(self, key: FlowKey) -> Flow:
        return self._flows[key]

    def __iter__(self) -> Iterator[FlowKey]:
        return iter(self._flows)

    def __len__(self) -> int:
        return len(self._flows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FlowTable) and self._flows == other._flows

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<FlowTable of {len(self)}>"
