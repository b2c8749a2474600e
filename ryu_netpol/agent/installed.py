"""What is on the switch, as far as one can tell, and what policy it stands for (R5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ryu_netpol.agent.attach import Sandbox
from ryu_netpol.agent.events import FlowsDumped
from ryu_netpol.flows.delta import Plan, apply, apply_to, plan, plan_changes
from ryu_netpol.flows.ir import Flow, FlowKey
from ryu_netpol.policy.resolve import NodePolicy
from ryu_netpol.policy.touched import Touched


@dataclass(frozen=True, slots=True)
class Goal:
    """What is on the switch once a plan has been committed."""

    policy: NodePolicy
    meters: frozenset[int]
    ready: frozenset[Sandbox]
    """The sandboxes that this makes ready."""


class Installed:
    """Flows and meters of the switch: known from a dump on, and changed by acknowledged plans only."""

    def __init__(self) -> None:
        self.known = False
        self.flows: dict[FlowKey, Flow] | None = None
        """None: unknown, or unreadable, so that everything has to be replaced."""
        self.policy: NodePolicy | None = None
        """What the flows stand for; None: nobody knows."""
        self.since = Touched()
        """Where what is desired now may be different from that policy."""
        self.tampered = False
        """Somebody else was there: the switch has neither what was acknowledged last nor what was sent after it."""
        self.in_flight: tuple[Plan, Goal] | None = None
        self._meters: frozenset[int] = frozenset()
        self._differ: set[FlowKey] | None = None
        """Where flows may be other than desired; None: anywhere."""
        self._last: dict[FlowKey, Flow] | None = None
        """What was acknowledged last, while it is not known whether it is still there."""
        self._sent: tuple[Plan, Goal] | None = None
        self._since_sent = Touched()

    def desire(self, keys: Iterable[FlowKey], touched: Touched) -> None:
        """What is desired is another at these flows, and at these places of policy."""
        if self._differ is not None:
            self._differ.update(keys)
        self.since |= touched
        self._since_sent |= touched

    def forget(self) -> None:
        """Nothing is known any more: the connection has ended, or a bundle did not end well."""
        if self.known:
            self._last, self._sent = self.flows, self.in_flight
        self.known, self.flows, self.in_flight, self._differ = False, None, None, None
        self._meters = frozenset()

    def dumped(self, event: FlowsDumped) -> None:
        """This is on the switch."""
        self.known = True
        self.flows = None if event.unreadable else dict(event.flows.items())
        self._meters, self._differ = event.meters, None
        if self.policy is None:
            return
        if self.flows is not None and self.flows == self._last:
            return
        if self.flows is not None and self._sent is not None:
            change, goal = self._sent
            if self.flows == dict(apply(self._last or {}, change)):
                self.policy, self.since = goal.policy, self._since_sent
                return
        self.policy, self.since, self.tampered = None, Touched(), True

    def plan(self, desired: Mapping[FlowKey, Flow], meters: frozenset[int], *, generation: int) -> Plan:
        """How to get from what is installed to what is desired."""
        if self._differ is None:
            return plan(
                self.flows, desired, generation=generation, meters_installed=self._meters, meters_desired=meters
            )
        return plan_changes(
            self.flows or {},
            desired,
            self._differ,
            generation=generation,
            meters_installed=self._meters,
            meters_desired=meters,
        )

    def send(self, change: Plan, goal: Goal) -> None:
        """A plan is on its way."""
        self.in_flight = change, goal
        self._since_sent = Touched()

    def committed(self, change: Plan, goal: Goal) -> None:
        """The switch has acknowledged what was in flight."""
        self.in_flight = None
        self.flows = {} if self.flows is None else self.flows
        apply_to(self.flows, change)
        self._meters = goal.meters
        self.stands(goal)

    def stands(self, goal: Goal) -> None:
        """What is installed is what was desired."""
        self.policy, self.since, self._differ = goal.policy, Touched(), set()
