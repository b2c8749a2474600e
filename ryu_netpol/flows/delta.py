"""From what is installed to what is desired: the difference, as one ordered, strict, atomic plan (R6)."""

from __future__ import annotations

from dataclasses import dataclass, field

from ryu_netpol.flows.ir import Flow, FlowTable


@dataclass(frozen=True, slots=True)
class Plan:
    """What one bundle does. Deletes are strict: they name table, priority and match."""

    generation: int
    deletes: tuple[Flow, ...] = ()
    adds: tuple[Flow, ...] = ()
    """New flows, and flows whose actions or cookie changed: adding replaces (OpenFlow 1.4 section 6.4)."""
    meters_add: tuple[int, ...] = ()
    """Bundles carry no meters: these are made before the bundle."""
    meters_delete: tuple[int, ...] = ()
    """Removed after the bundle, when no flow refers to them any more."""
    replace_all: bool = field(default=False)
    """What is installed is not known: the bundle first deletes everything that carries our cookies."""

    def __bool__(self) -> bool:
        return bool(self.deletes or self.adds or self.meters_add or self.meters_delete or self.replace_all)

    def __len__(self) -> int:
        return len(self.deletes) + len(self.adds)


def plan(
    installed: FlowTable | None,
    desired: FlowTable,
    *,
    generation: int,
    meters_installed: frozenset[int] = frozenset(),
    meters_desired: frozenset[int] = frozenset(),
) -> Plan:
    """The difference. `installed` None: nothing is known of the switch, everything is replaced."""
    known = installed or FlowTable()
    return Plan(
        generation,
        deletes=tuple(flow for key, flow in known.items() if key not in desired),
        adds=tuple(flow for key, flow in desired.items() if known.get(key) != flow),
        meters_add=tuple(sorted(meters_desired - meters_installed)),
        meters_delete=tuple(sorted(meters_installed - meters_desired)),
        replace_all=installed is None,
    )


def apply(installed: FlowTable, change: Plan) -> FlowTable:
    """What is installed after the switch has committed the plan."""
    flows = {} if change.replace_all else dict(installed.items())
    for flow in change.deletes:
        flows.pop(flow.key, None)
    flows.update((flow.key, flow) for flow in change.adds)
    return FlowTable(flows.values())
