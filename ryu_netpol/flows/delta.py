"""From what is installed to what is desired: the difference, as one ordered, strict, atomic plan (R6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ryu_netpol.flows.ir import Flow, FlowKey, FlowTable


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
    installed: Mapping[FlowKey, Flow] | None,
    desired: Mapping[FlowKey, Flow],
    *,
    generation: int,
    meters_installed: frozenset[int] = frozenset(),
    meters_desired: frozenset[int] = frozenset(),
) -> Plan:
    """The difference. `installed` None: nothing is known of the switch, everything is replaced."""
    known = installed or {}
    change = plan_changes(
        known,
        desired,
        (*(key for key in known if key not in desired), *desired),
        generation=generation,
        meters_installed=meters_installed,
        meters_desired=meters_desired,
    )
    return replace(change, replace_all=installed is None)


def plan_changes(
    installed: Mapping[FlowKey, Flow],
    table: Mapping[FlowKey, Flow],
    keys: Iterable[FlowKey],
    *,
    generation: int,
    meters_installed: frozenset[int] = frozenset(),
    meters_desired: frozenset[int] = frozenset(),
) -> Plan:
    """The difference to a table that is not what is installed at these keys at most: no other is looked at."""
    deletes: list[Flow] = []
    adds: list[Flow] = []
    for key in keys:
        old, new = installed.get(key), table.get(key)
        if new is None:
            if old is not None:
                deletes.append(old)
        elif new != old:
            adds.append(new)
    return Plan(
        generation,
        tuple(deletes),
        tuple(adds),
        meters_add=tuple(sorted(meters_desired - meters_installed)),
        meters_delete=tuple(sorted(meters_installed - meters_desired)),
    )


def apply_to(installed: dict[FlowKey, Flow], change: Plan) -> None:
    """Make of what is installed, in place, what it is after the switch has committed the plan."""
    if change.replace_all:
        installed.clear()
    for flow in change.deletes:
        installed.pop(flow.key, None)
    installed.update((flow.key, flow) for flow in change.adds)


def apply(installed: Mapping[FlowKey, Flow], change: Plan) -> FlowTable:
    """What is installed after the switch has committed the plan."""
    flows = dict(installed)
    apply_to(flows, change)
    return FlowTable(flows.values())
