"""Reads flows in ovs-ofctl's syntax: what `text.render` writes and, as far as we write such flows, what OVS dumps.

Statistics of a dump (duration, n_packets, ...) are skipped. Anything else that is not ours is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ryu_netpol.flows.fields import FIELDS, Subfield, whole
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
from ryu_netpol.flows.text.names import (
    CT_STATES,
    FRAGMENTS,
    PORT_PROTOCOLS,
    PORT_WORDS,
    PROTOCOLS,
    READ,
    SUBFIELDS,
    read_mask,
    read_value,
)


class FlowSyntaxError(ValueError):
    """A line is not a flow, or not one that we could have written."""


_STATISTICS = frozenset({"duration", "n_packets", "n_bytes", "idle_age", "hard_age", "flags"})
LOCAL = 0xFFFE
"""The bridge's own port, as a dump writes it."""
_FRAGMENT_WORDS = {word: value for value, word in FRAGMENTS.items()}
_SUBFIELD = re.compile(r"([A-Z0-9_]+)\[(?:(\d+)(?:\.\.(\d+))?)?\]")
_SUBFIELD_NAME = re.compile(r"([a-z0-9_]+)(?:\[(?:(\d+)(?:\.\.(\d+))?)?\])?")
_ACTION = re.compile(r"([A-Za-z_]+)(?:\((.*)\)|:(.*))?")
_CT_FLAG = re.compile(r"[+-][a-z]+")


def parse(line: str) -> Flow:
    """One flow of one line. Raises FlowSyntaxError."""
    try:
        return _flow(line)
    except FlowSyntaxError:
        raise
    except (ValueError, KeyError) as error:
        raise FlowSyntaxError(f"not a flow: {error}: {line.strip()}") from error


def _flow(line: str) -> Flow:
    head, separator, tail = line.strip().partition("actions=")
    if not separator:
        raise FlowSyntaxError(f"no actions: {line.strip()}")
    numbers = {"table": 0, "priority": 0x8000, "cookie": 0}
    matches: list[str] = []
    for word in re.split(r"[,\s]+", head.strip().rstrip(",")):
        name, _, value = word.partition("=")
        if name in numbers:
            numbers[name] = int(value, 0)
        elif name and name not in _STATISTICS and name != "reset_counts":
            matches.append(word)
    cookie = Cookie.decode(numbers["cookie"])
    if cookie is None:
        raise FlowSyntaxError(f"not a cookie of ours: {numbers['cookie']:#x}")
    return Flow(numbers["table"], numbers["priority"], _match(matches), _actions(tail), cookie)


def _match(words: list[str]) -> Match:
    found: list[FieldMatch] = []
    ports: list[tuple[str, str]] = []
    for word in words:
        name, _, text = word.partition("=")
        if not text:
            eth_type, protocol = PROTOCOLS[name]
            found.append(FieldMatch("eth_type", eth_type))
            if protocol is not None:
                found.append(FieldMatch("ip_proto", protocol))
        elif name in PORT_WORDS:
            ports.append((PORT_WORDS[name], text))
        else:
            found.append(_field_match(_field_name(name), text))
    match = Match.of(*found)
    for end, text in ports:
        match += Match.of(_field_match(f"{PORT_PROTOCOLS[match.value('ip_proto') or 0]}_{end}", text))
    return match


def _field_name(name: str) -> str:
    # A dump says icmp_type for both families; the flows that we write match it for IPv6 only.
    return {"icmp_type": "icmpv6_type", "icmp_code": "icmpv6_code"}.get(name) or READ[name]


def _field_match(name: str, text: str) -> FieldMatch:
    if name == "ct_state" and text.startswith(("+", "-")):
        value = mask = 0
        for flag in _CT_FLAG.findall(text):
            mask |= CT_STATES[flag[1:]]
            value |= CT_STATES[flag[1:]] if flag[0] == "+" else 0
        return FieldMatch(name, value, mask)
    if name == "ip_frag" and text in _FRAGMENT_WORDS:
        return FieldMatch(name, *_FRAGMENT_WORDS[text])
    if name == "in_port" and text == "LOCAL":
        return FieldMatch(name, LOCAL)
    value_text, slash, mask_text = text.partition("/")
    return FieldMatch(name, read_value(name, value_text), read_mask(name, mask_text) if slash else None)


def _split(text: str) -> list[str]:
    """Split at commas that stand in no parentheses."""
    parts, depth, start = [], 0, 0
    for position, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def _actions(text: str) -> tuple[Action, ...]:
    words = _split(text)
    return () if words == ["drop"] else tuple(map(_action, words))


def _action(word: str) -> Action:
    found = _ACTION.fullmatch(word)
    if not found or found[1] not in _READERS:
        raise FlowSyntaxError(f"not an action of ours: {word}")
    return _READERS[found[1]](found[2] if found[2] is not None else found[3] or "")


def _subfield(text: str) -> Subfield:
    found = _SUBFIELD.fullmatch(text)
    if found:
        name = SUBFIELDS[found[1]]
    elif found := _SUBFIELD_NAME.fullmatch(text):
        name = READ[found[1]]
    else:
        raise FlowSyntaxError(f"not a subfield: {text}")
    if found[2] is None:
        return whole(name)
    first = int(found[2])
    return Subfield(name, first, int(found[3]) - first + 1 if found[3] else 1)


def _set_field(text: str) -> SetField:
    value, _, name = text.partition("->")
    field = READ[name]
    number = read_value(field, value)
    if number >> FIELDS[field].bits:
        raise FlowSyntaxError(f"{value} does not fit into {name}")
    return SetField(field, number)


def _load(text: str) -> Load:
    value, _, target = text.partition("->")
    return Load(_subfield(target), int(value, 0))


def _move(text: str) -> Move:
    source, _, target = text.partition("->")
    return Move(_subfield(source), _subfield(target))


def _ct(text: str) -> Ct:
    commit, zone = False, 0
    table: int | None = None
    mark: tuple[Load, ...] = ()
    for word in _split(text):
        name, _, value = word.partition("=")
        if word == "commit":
            commit = True
        elif name == "table":
            table = int(value)
        elif name == "zone":
            zone = int(value)
        elif word.startswith("exec("):
            mark = _loads(word[5:-1])
        else:
            raise FlowSyntaxError(f"not a ct argument of ours: {word}")
    return Ct(zone, commit, table, mark)


def _loads(text: str) -> tuple[Load, ...]:
    actions = _actions(text)
    loads = tuple(action for action in actions if isinstance(action, Load))
    if len(loads) != len(actions):
        raise FlowSyntaxError(f"only load may stand in exec: {text}")
    return loads


def _conjunction(text: str) -> Conjunction:
    number, clause, clauses = re.split("[,/]", text)
    return Conjunction(int(number), int(clause), int(clauses))


_READERS: dict[str, Callable[[str], Action]] = {
    "set_field": _set_field,
    "load": _load,
    "move": _move,
    "push": lambda text: Push(_subfield(text)),
    "pop": lambda text: Pop(_subfield(text)),
    "output": lambda text: Output(LOCAL if text == "LOCAL" else int(text)),
    "LOCAL": lambda _: Output(LOCAL),
    "IN_PORT": lambda _: InPort(),
    "resubmit": lambda text: Resubmit(int(text.removeprefix(","))),
    "ct": _ct,
    "conjunction": _conjunction,
    "meter": lambda text: Meter(int(text)),
    "goto_table": lambda text: Goto(int(text)),
}
