"""How the interpreter and a trace are compared."""

from __future__ import annotations

from collections.abc import Mapping

from ryu_netpol.flows.interpret import Outcome
from ryu_netpol.flows.interpret.packet import present
from ryu_netpol.flows.trace import Hit, TraceOutcome

UNPRINTED = {"nd_reserved", "nd_options_type"}


def differences(outcome: Outcome, answer: TraceOutcome) -> list[str]:
    """Compare ports, every flow that was hit, and all fields at the end of every pass."""
    found = []
    if outcome.ports != answer.ports:
        found.append(f"sent to {outcome.ports}, Open vSwitch: {answer.ports}")
    hits = [{Hit(flow.table, flow.priority, int(flow.cookie)) for flow in flows} for flows in outcome.hits]
    if len(hits) != len(answer.hits) or any(hit not in equal for hit, equal in zip(answer.hits, hits, strict=True)):
        found.append(f"hit {hits}, Open vSwitch: {answer.hits}")
    ours, theirs = ([visible(final) for final in finals] for finals in (outcome.finals, answer.finals))
    theirs[0].pop("ct_mark", None)  # A trace has the mark from the start.
    if ours != theirs:
        found.append(f"ended as {ours}, Open vSwitch: {theirs}")
    return found


def visible(fields: Mapping[str, int]) -> dict[str, int]:
    """The fields that both sides can show: nothing that a packet of this kind does not have."""
    return {name: value for name, value in fields.items() if present(name, fields) and name not in UNPRINTED}
