"""P9: the interpreter does what Open vSwitch does, asked by ofproto/trace; and P10: it would show if it did not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ryu_netpol.flows.interpret import ConnState, Interpreter, InterpreterError, Packet
from ryu_netpol.flows.ir import Action
from ryu_netpol.flows.trace import TraceOutcome
from tests.ovs.conftest import TraceBridge
from tests.ovs.interpret_compare import differences
from tests.ovs.interpret_defects import DEFECTS, Defect
from tests.ovs.interpret_tables import Generator

TABLES, PACKETS = 40, 20
VISITS = 40


@dataclass(frozen=True)
class Case:
    """A packet that the switch was asked about."""

    seed: int
    interpreter: Interpreter
    packet: Packet
    tracking: tuple[ConnState, ...]
    answer: TraceOutcome

    def differences(self) -> list[str]:
        """Where the interpreter says something else; that it refuses to say anything is a difference, too."""
        try:
            return differences(self.interpreter.run(self.packet, *self.tracking), self.answer)
        except InterpreterError as error:
            return [str(error)]

    def actions(self) -> Iterator[Action]:
        """Everything that is done to the packet."""
        for flow in self.interpreter.run(self.packet, *self.tracking).path:
            yield from flow.actions

    def conjunctive(self) -> bool:
        """Whether a conjunction decides what becomes of the packet."""
        return any(flow.match.get("conj_id") for flow in self.interpreter.run(self.packet, *self.tracking).path)


@pytest.fixture(scope="module")
def cases(trace_bridge: TraceBridge) -> list[Case]:
    """Random tables and packets, and what the switch says; without those that are undefined."""
    return list(_cases(trace_bridge))


def _cases(bridge: TraceBridge) -> Iterator[Case]:
    for seed in range(TABLES):
        generator = Generator(seed)
        flows = generator.table()
        interpreter = Interpreter(flows, visits=VISITS)
        bridge.install(flows)
        for _ in range(PACKETS):
            packet, tracking = generator.packet(), generator.tracking()
            try:
                interpreter.run(packet, *tracking)
            except InterpreterError:
                continue
            yield Case(seed, interpreter, packet, tracking, bridge.ask(packet, *tracking))


def test_agrees_with_open_vswitch(cases: list[Case]) -> None:
    """Same ports, same flows in the same order, same headers and registers, for every packet that is not undefined."""
    wrong = [(case, found) for case in cases if (found := case.differences())]

    assert not wrong, wrong[0]


def test_asks_enough(cases: list[Case]) -> None:
    """Most random packets are defined, and they see all that the interpreter can do."""
    kinds = {type(action).__name__ for case in cases for action in case.actions()}

    assert len(cases) > TABLES * PACKETS * 3 // 4
    assert kinds >= {"SetField", "Load", "Move", "Push", "Pop", "Output", "InPort", "Resubmit", "Ct", "Goto"}
    assert sum(case.conjunctive() for case in cases) > len(cases) // 20
    assert sum(len(case.answer.finals) > 2 for case in cases) > 10


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_finds_a_defect(cases: list[Case], defect: Defect, monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: an interpreter with this defect does not pass."""
    defect(monkeypatch)

    assert any(case.differences() for case in cases)
