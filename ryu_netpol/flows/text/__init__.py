"""Flows in ovs-ofctl's syntax: golden files, `ryu-netpol flows`, error messages. Text lives at the edge (R8).

`ovs-ofctl -O OpenFlow14 add-flows` reads what is written here, and so does `parse`: parse(render(flow)) == flow (P8).
"""

from __future__ import annotations

from typing import assert_never

from ryu_netpol.flows.ir import (
    Action,
    Conjunction,
    Ct,
    FieldMatch,
    Flow,
    FlowTable,
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
    MATCH_NAMES,
    SET_NAMES,
    SHORTHANDS,
    mask_text,
    value_text,
)
from ryu_netpol.flows.text.parse import FlowSyntaxError, parse

__all__ = ["FlowSyntaxError", "parse", "render", "render_actions", "render_match", "render_table"]


def render(flow: Flow) -> str:
    """One flow, on one line."""
    head = f"table={flow.table}, priority={flow.priority}, cookie={int(flow.cookie):#x}"
    match = render_match(flow.match)
    return f"{head}{', ' if match else ''}{match} actions={render_actions(flow.actions)}"


def render_table(flows: FlowTable) -> str:
    """All flows, one per line: by table, then by falling priority, then by match. The same for equal tables."""
    ordered = sorted(flows.values(), key=lambda flow: (flow.table, -flow.priority, render_match(flow.match)))
    return "".join(f"{render(flow)}\n" for flow in ordered)


def render_match(match: Match) -> str:
    """A match; empty for one that takes every packet."""
    words: list[str] = []
    shown: set[str] = set()
    eth_type, protocol = match.value("eth_type"), match.value("ip_proto")
    if eth_type is not None:
        if protocol is not None and (eth_type, protocol) in SHORTHANDS:
            words.append(SHORTHANDS[eth_type, protocol])
            shown = {"eth_type", "ip_proto"}
        elif (eth_type, None) in SHORTHANDS:
            words.append(SHORTHANDS[eth_type, None])
            shown = {"eth_type"}
    words.extend(_field(field) for field in match.fields if field.field not in shown)
    return ",".join(words)


def _field(match: FieldMatch) -> str:
    name, value, mask = match
    if name == "ct_state" and mask is not None and not mask & ~0xFF:
        flags = (("+" if value & bit else "-") + word for word, bit in CT_STATES.items() if mask & bit)
        return f"ct_state={''.join(flags)}"
    if name == "ip_frag" and (value, mask) in FRAGMENTS:
        return f"nw_frag={FRAGMENTS[value, mask]}"
    if mask is None:
        return f"{MATCH_NAMES[name]}={value_text(name, value)}"
    text = value_text(name, value)
    if not text.startswith("0x") and text.isdecimal():
        text = hex(value)
    return f"{MATCH_NAMES[name]}={text}/{mask_text(name, mask)}"


def render_actions(actions: tuple[Action, ...]) -> str:
    """A list of actions; `drop` where there is none."""
    return ",".join(map(_action, actions)) or "drop"


def _action(action: Action) -> str:
    match action:
        case SetField(name, value):
            return f"set_field:{value_text(name, value)}->{SET_NAMES[name]}"
        case Load(target, value):
            return f"load:{value if value < 1 << 16 else hex(value)}->{target}"
        case Move(source, target):
            return f"move:{source}->{target}"
        case Push(source):
            return f"push:{source}"
        case Pop(target):
            return f"pop:{target}"
        case Output(port):
            return f"output:{port}"
        case InPort():
            return "IN_PORT"
        case Resubmit(table):
            return f"resubmit(,{table})"
        case Ct():
            return f"ct({','.join(_ct_arguments(action))})"
        case Conjunction(number, clause, clauses):
            return f"conjunction({number},{clause}/{clauses})"
        case Meter(number):
            return f"meter:{number}"
        case Goto(table):
            return f"goto_table:{table}"
        case _:
            assert_never(action)


def _ct_arguments(ct: Ct) -> list[str]:
    arguments = ["commit"] if ct.commit else []
    if ct.table is not None:
        arguments.append(f"table={int(ct.table)}")
    arguments.append(f"zone={ct.zone}")
    if ct.mark:
        arguments.append(f"exec({render_actions(ct.mark)})")
    return arguments
