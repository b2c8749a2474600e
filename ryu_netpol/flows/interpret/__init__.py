"""Runs flows on one packet: what the switch would do, without a switch.

Callers: `reach --via flows`, and the property that what is compiled means what the oracle says (P1). It is strict:
where OpenFlow leaves something undefined, or a switch would silently do nothing, it raises InterpreterError. That it
does what Open vSwitch does is itself a property (P9): tests/ovs/test_interpret_honesty.py asks ofproto/trace.

Semantics (ovs-actions(7)): registers, stack and headers as written so far go along with resubmit and come back from
it. ct() forks: the fork goes on in its table, with the state set, after the rest of the actions; the packet itself
loses its ct fields at every ct(). Fragments are seen as in the mode nx-match, which the agent sets.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

from ryu_netpol.flows.fields import FIELDS, Subfield, whole
from ryu_netpol.flows.interpret.check import InterpreterError, check_conjunctions, check_flow
from ryu_netpol.flows.interpret.lookup import Classifier
from ryu_netpol.flows.interpret.packet import HEADERS, TRANSPORT, ConnState, CtFlag, Fragment, Packet, present
from ryu_netpol.flows.ir import (
    Action,
    Ct,
    Flow,
    FlowTable,
    Goto,
    InPort,
    Load,
    Meter,
    Move,
    Output,
    Pop,
    Push,
    Resubmit,
    SetField,
)

__all__ = [
    "Commit", "ConnState", "CtFlag", "Fragment", "Interpreter", "InterpreterError", "Outcome", "Packet", "Sent",
]  # fmt: skip

CT_FIELDS = tuple(name for name in FIELDS if name.startswith("ct_"))
VISITS = 8
"""How often a packet may meet one table, unless the caller says otherwise: our own pipeline needs two."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A packet that left."""

    port: int
    packet: Packet
    """Its headers then; in_port still says where it came in."""
    back: bool = False
    """By the action IN_PORT."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A connection that was committed, and which bits of its mark were written."""

    zone: int
    mark: int = 0
    mask: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a packet."""

    outputs: tuple[Sent, ...]
    commits: tuple[Commit, ...]
    hits: tuple[tuple[Flow, ...], ...]
    """Every lookup in order. Several flows: of equal right, and they do the same; the switch hits any of them."""
    finals: tuple[Mapping[str, int], ...]
    """All fields that are not zero, at the end of the first pass and of each that a ct() began."""

    @property
    def path(self) -> tuple[Flow, ...]:
        """Every flow that was hit, in order."""
        return tuple(flows[0] for flows in self.hits)

    @property
    def dropped_by(self) -> Flow | None:
        """The last flow, if nothing was sent."""
        return None if self.outputs else self.path[-1]

    @property
    def final(self) -> Mapping[str, int]:
        """All fields that are not zero, registers included, at the very end."""
        return self.finals[-1]

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that it was sent out of."""
        return tuple(sent.port for sent in self.outputs)


class Interpreter:
    """A table of flows, ready to run packets."""

    def __init__(self, flows: FlowTable, *, start: int = 0, visits: int = VISITS) -> None:
        """Packets begin in table `start`. Raises InterpreterError for flows that a switch would refuse."""
        tables: dict[int, list[Flow]] = {}
        for flow in flows.values():
            check_flow(flow)
            tables.setdefault(flow.table, []).append(flow)
        check_conjunctions(flows.values())
        self._tables = {number: Classifier(table) for number, table in tables.items()}
        self._start, self._visits = start, visits

    def run(self, packet: Packet, *tracking: ConnState) -> Outcome:
        """What becomes of the packet. The n-th ct(table=...) meets the n-th state, or the last one; none means new.

        Raises InterpreterError where that is undefined, or where no flow matches.
        """
        return _Run(self._tables, packet, tracking or (ConnState.new(),), self._visits).run(self._start)

    def lookup(self, table: int, fields: Mapping[str, int]) -> tuple[Flow, ...]:
        """The flow that a packet with these fields hits in one table (see Outcome.hits); none: empty."""
        return self._tables[table].lookup(fields) if table in self._tables else ()


@dataclass(slots=True)
class _Fork:
    """A packet that comes back from connection tracking."""

    table: int
    fields: dict[str, int]
    stack: list[tuple[int, int]]


class _Run:
    """One packet on its way."""

    def __init__(
        self, tables: Mapping[int, Classifier], packet: Packet, tracking: tuple[ConnState, ...], visits: int
    ) -> None:
        self.tables, self.tracking, self.visits = tables, tracking, visits
        self.fields = dict(packet.headers)
        self.stack: list[tuple[int, int]] = []
        self.forks: deque[_Fork] = deque()
        self.tracked = 0
        self.marks: dict[int, int] = {}
        self.met: Counter[int] = Counter()
        self.outputs: list[Sent] = []
        self.commits: list[Commit] = []
        self.hits: list[tuple[Flow, ...]] = []

    def run(self, start: int) -> Outcome:
        finals = []
        self.forks.append(_Fork(start, self.fields, []))
        while self.forks:
            fork = self.forks.popleft()
            self.fields, self.stack = fork.fields, fork.stack
            self.enter(fork.table)
            finals.append({name: value for name, value in self.fields.items() if value})
        return Outcome(tuple(self.outputs), tuple(self.commits), tuple(self.hits), tuple(finals))

    def enter(self, table: int) -> None:
        self.met[table] += 1
        if self.met[table] > self.visits:
            raise InterpreterError(f"the packet meets table {table} more than {self.visits} times: {self.fields}")
        found = self.tables[table].lookup(self.fields) if table in self.tables else ()
        if not found:
            raise InterpreterError(f"no flow of table {table} matches: {self.fields}")
        self.hits.append(found)
        for action in found[0].actions:
            self.act(found[0], action)

    def act(self, flow: Flow, action: Action) -> None:
        match action:
            case SetField(name, value):
                self.write(flow, whole(name), value)
            case Load(target, value):
                self.write(flow, target, value)
            case Move(source, target):
                self.must_have(flow, source.field)
                self.write(flow, target, self.read(source))
            case Push(source):
                self.stack.append((self.read(source), source.bits))
            case Pop(target):
                self.pop(flow, target)
            case Output(port):
                if port != self.fields.get("in_port", 0):
                    self.send(port)
            case InPort():
                self.send(self.fields.get("in_port", 0), back=True)
            case Goto(table) | Resubmit(table):
                self.enter(table)
            case Ct():
                self.track(action)
            case Meter():
                pass
            case _:
                raise InterpreterError(f"{action} cannot be carried out: {flow}")

    def read(self, source: Subfield) -> int:
        return (self.fields.get(source.field, 0) & source.mask) >> source.first

    def write(self, flow: Flow, target: Subfield, value: int) -> None:
        self.must_have(flow, target.field)
        self.fields[target.field] = self.fields.get(target.field, 0) & ~target.mask | value << target.first

    def must_have(self, flow: Flow, name: str) -> None:
        if not present(name, self.fields):
            raise InterpreterError(f"the packet has no {name} (a switch would do nothing): {flow}")

    def pop(self, flow: Flow, target: Subfield) -> None:
        if not self.stack:
            raise InterpreterError(f"the stack is empty: {flow}")
        value, bits = self.stack.pop()
        if bits != target.bits:
            raise InterpreterError(f"{bits} bits were pushed, {target} is not that long: {flow}")
        # Turning a later fragment around swaps ports that are not there: zero for zero does no harm.
        if value or not (target.field in TRANSPORT and self.fields.get("ip_frag", 0) & 2):
            self.write(flow, target, value)

    def send(self, port: int, *, back: bool = False) -> None:
        headers = {n: v for n, v in self.fields.items() if n in HEADERS and present(n, self.fields)}
        self.outputs.append(Sent(port, Packet.of(**headers), back))

    def track(self, action: Ct) -> None:
        turn = self.tracked if action.table is not None else max(self.tracked - 1, 0)
        state = self.tracking[min(turn, len(self.tracking) - 1)]
        mark = self.marks.get(action.zone, state.mark)
        if action.commit:
            mark = self.commit(action, mark)
        for name in CT_FIELDS:
            self.fields.pop(name, None)
        if action.table is not None:
            self.tracked += 1
            tracked = {"ct_state": state.ct_state, "ct_zone": action.zone, "ct_mark": mark, **state.addresses}
            self.forks.append(_Fork(action.table, {**self.fields, **tracked}, list(self.stack)))

    def commit(self, action: Ct, mark: int) -> int:
        value = mask = 0
        for load in action.mark:
            mask |= load.target.mask
            value = value & ~load.target.mask | load.value << load.target.first
        self.commits.append(Commit(action.zone, value, mask))
        self.marks[action.zone] = mark & ~mask | value
        return self.marks[action.zone]
