"""What the interpreter demands of flows before it runs them: what Open vSwitch would refuse, or leave undefined.

pipeline.check_flow says what our own tables declare; this holds for every table of flows. Sources: ovs-fields(7)
"Conjunctive Match Fields", ovs-actions(7), OpenFlow 1.4 sections 5.1 (goto) and 7.2.3.8 (prerequisites).
"""

from __future__ import annotations

from collections.abc import Iterable

from ryu_netpol.flows.fields import ETH_IP, FIELDS
from ryu_netpol.flows.interpret.packet import TRANSPORT, CtFlag
from ryu_netpol.flows.ir import Action, Conjunction, Ct, Flow, Goto, Load, Meter, Move, Pop, Push, SetField


class InterpreterError(Exception):
    """A table of flows whose meaning is undefined, or that a switch would refuse. Always a defect of its author."""


def check_flow(flow: Flow) -> None:
    """Raise InterpreterError if a switch would refuse the flow."""
    for name, value, mask in flow.match.fields:
        if mask is not None and (value & ~mask or not FIELDS[name].maskable):
            raise InterpreterError(f"the mask on {name} is not allowed: {flow}")
        _readable(flow, name)
    conjunctions = [action for action in flow.actions if isinstance(action, Conjunction)]
    if conjunctions and len(conjunctions) != len(flow.actions):
        raise InterpreterError(f"conjunction actions stand alone: {flow}")
    if len({action.id for action in conjunctions}) != len(conjunctions):
        # Open vSwitch looks at no conjunction with more clauses than there are flows to match them: such a flow counts
        # for both of its clauses only where enough flows of other conjunctions match as well. Tried on 3.1.
        raise InterpreterError(f"a flow is one clause of a conjunction, not two: {flow}")
    for position, action in enumerate(flow.actions):
        _check_action(flow, action, position)


def _check_action(flow: Flow, action: Action, position: int) -> None:
    match action:
        case SetField(field):
            _writable(flow, field)
        case Load(target) | Pop(target):
            _writable(flow, target.field)
        case Move(source, target):
            _readable(flow, source.field)
            _writable(flow, target.field)
            if source.bits != target.bits:
                raise InterpreterError(f"{source} and {target} are not equally long: {flow}")
        case Push(source):
            _readable(flow, source.field)
        case Ct():
            _check_ct(flow, action)
        case Goto(table) if table <= flow.table or position != len(flow.actions) - 1:
            raise InterpreterError(f"goto comes last and goes to a later table: {flow}")
        case Meter() if position:
            raise InterpreterError(f"a meter comes first: {flow}")
        case Conjunction(number, clause, clauses) if number < 1 or not 1 <= clause <= clauses or not 2 <= clauses <= 64:
            # conj_id is zero in every packet, so conjunction 0 would match them all.
            raise InterpreterError(f"conjunction {number} has no clause {clause} of {clauses}: {flow}")
        case _:
            pass


def _check_ct(flow: Flow, action: Ct) -> None:
    if flow.match.value("eth_type") not in ETH_IP.values():
        raise InterpreterError(f"ct needs IPv4 or IPv6 matched: {flow}")
    state = flow.match.get("ct_state")
    if action.commit and state is not None and state.value & CtFlag.INV:
        raise InterpreterError(f"ct(commit) cannot commit what +inv matches: {flow}")
    if action.mark and not action.commit:
        raise InterpreterError(f"only ct(commit) may write the mark: {flow}")
    if any(load.target.field != "ct_mark" for load in action.mark):
        raise InterpreterError(f"ct(commit) may write nothing but the mark: {flow}")


def _readable(flow: Flow, name: str) -> None:
    for needed, values in FIELDS[name].needs:
        if flow.match.value(needed) not in values:
            raise InterpreterError(f"{name} needs a match on {needed}: {flow}")
    frag = flow.match.get("ip_frag")
    if name in TRANSPORT and frag is not None and frag.value & 2:
        raise InterpreterError(f"a later fragment has no {name}: {flow}")


def _writable(flow: Flow, name: str) -> None:
    if not FIELDS[name].settable or name == "ct_mark":
        raise InterpreterError(f"{name} cannot be written there: {flow}")
    _readable(flow, name)


def check_conjunctions(flows: Iterable[Flow]) -> None:
    """Raise InterpreterError if a number of one table stands for conjunctions of different size or priority."""
    seen: dict[tuple[int, int], tuple[int, int]] = {}
    for flow in flows:
        for action in flow.actions:
            if isinstance(action, Conjunction):
                shape = (flow.priority, action.clauses)
                if seen.setdefault((flow.table, action.id), shape) != shape:
                    raise InterpreterError(f"conjunction {action.id} of table {flow.table} is not one thing: {flow}")
