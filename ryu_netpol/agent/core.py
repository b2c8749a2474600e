"""The agent: events in, effects out. It opens no socket, reads no clock, writes no log (R1).

Three states are kept apart (R5): what is desired is computed from everything heard so far; what is in flight is one
plan at most; what is installed moves only when the switch acknowledges, and is unknown until it has been read back.

    SwitchUp -> Dump -> FlowsDumped -> [Program -> Committed]* -> SwitchLost
                ^                          |          |
                +---- alarm <-- CommitFailed          +-> Settle -> InForce -> Announce

Invariants: nothing is programmed before every kind of object, the bridge and the node's addresses are known, so that a
restart opens nothing; events that arrive while a plan is in flight gather for the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ryu_netpol.agent.attach import Attached, Sandbox, attached
from ryu_netpol.agent.effects import (
    Announce,
    Dump,
    Effect,
    MarkReady,
    MarkSynced,
    Program,
    Report,
    SaveEpoch,
    SetAlarm,
    Settle,
)
from ryu_netpol.agent.events import (
    BridgeSeen,
    CommitFailed,
    Committed,
    Deleted,
    EpochSaved,
    Event,
    FlowsDumped,
    HostAddressesSeen,
    InForce,
    Relisted,
    Replaced,
    SwitchLost,
    SwitchUp,
    Ticked,
    Upserted,
)
from ryu_netpol.agent.heirs import Heirs
from ryu_netpol.agent.store import Store
from ryu_netpol.agent.view import AgentView
from ryu_netpol.flows.bridge import Bridge
from ryu_netpol.flows.compile import compile_node, meters
from ryu_netpol.flows.delta import Plan, plan
from ryu_netpol.flows.ir import FlowTable
from ryu_netpol.flows.narrow import narrows
from ryu_netpol.flows.numbers import MAX_EPOCH, Numbers, following, recover, recover_epoch
from ryu_netpol.model.names import Epoch, NodeName
from ryu_netpol.model.net import Address, Cidr
from ryu_netpol.policy.resolve import NodePolicy, resolve

EPOCHS_AT_ONCE = 1000
"""Epochs are reserved in the database this many at a time, so that raising one does not wait for it."""
FIRST_RETRY, LAST_RETRY = 1.0, 30.0
"""Seconds before a refused bundle is tried again: doubled each time."""


@dataclass(frozen=True, slots=True)
class Desired:
    """What should be on the switch, and which sandboxes that makes ready."""

    policy: NodePolicy
    flows: FlowTable
    meters: frozenset[int]
    ready: frozenset[Sandbox]


class Agent:
    """One node's agent. One thread owns it."""

    def __init__(self, *, node: NodeName, pod_cidrs: tuple[Cidr, ...]) -> None:
        self._node = node
        self._pod_cidrs = pod_cidrs
        self._store = Store()
        self._seen: BridgeSeen | None = None
        self._host_addresses: frozenset[Address] | None = None
        self._connection: int | None = None
        self._installed: FlowTable | None = None
        self._meters: frozenset[int] = frozenset()
        self._known = False
        """Whether _installed says what is on the switch; None then means: unreadable, replace everything."""
        self._standing: Desired | None = None
        """What the switch acknowledged last: it says what policy the flows stand for, as long as they are the same."""
        self._sent: Desired | None = None
        self._tampered = False
        """The switch has neither: somebody else was there, and nobody knows what he took away."""
        self._in_flight: tuple[Plan, Desired] | None = None
        self._generation = 0
        self._settling: frozenset[int] = frozenset()
        self._in_force: int | None = None
        self._dirty = True
        self._numbers: Numbers | None = None
        self._policy: NodePolicy | None = None
        self._epoch: Epoch | None = None
        self._epoch_limit = 0
        self._saving_epoch = False
        self._heirs = Heirs(pod_cidrs)
        self._retry = FIRST_RETRY
        self._resting = False
        self._ready: frozenset[Sandbox] = frozenset()
        self._synced = False
        self._problems: frozenset[tuple[str, str]] = frozenset()

    def handle(self, event: Event) -> tuple[Effect, ...]:
        """Take an event in; return what is to be done now, in this order."""
        return (*self._take(event), *self._advance())

    def view(self) -> AgentView:
        """What the agent knows."""
        return AgentView(
            self._store.snapshot(),
            self._policy,
            self._numbers,
            self._epoch,
            self._installed if self._known else None,
            self._in_flight[0] if self._in_flight else None,
            self._synced,
            self._in_force,
            self._problems,
        )

    def _take(self, event: Event) -> Iterator[Effect]:
        match event:
            case Upserted() | Deleted() | Relisted() | Replaced():
                self._dirty |= self._store.apply(event)
            case BridgeSeen():
                self._dirty |= event != self._seen
                self._seen = event
                self._epoch_limit = max(self._epoch_limit, event.epoch_limit)
            case HostAddressesSeen(found):
                self._dirty |= found != self._host_addresses
                self._host_addresses = found
            case SwitchUp(connection):
                self._connection = connection
                yield from self._forget_switch()
                yield Dump(connection)
            case SwitchLost(connection) if connection == self._connection:
                self._connection = None
                yield from self._forget_switch()
            case FlowsDumped() if event.connection == self._connection:
                yield from self._dumped(event)
            case Committed(generation) if self._in_flight and self._in_flight[0].generation == generation:
                yield from self._committed(self._in_flight[1])
            case CommitFailed(generation, errors) if self._in_flight and self._in_flight[0].generation == generation:
                for error in errors:
                    yield Report("bundle_refused", error)
                yield from self._forget_switch()
                yield from self._rest()
            case InForce(generation) if generation in self._settling:
                self._settling = frozenset(later for later in self._settling if later > generation)
                self._in_force = generation
                yield Announce(generation)
            case EpochSaved(limit):
                self._epoch_limit = max(self._epoch_limit, limit)
                self._saving_epoch = False
            case Ticked() if self._resting:
                self._resting = False
                if self._connection is not None and not self._known:
                    yield Dump(self._connection)
            case _:
                pass  # An answer that belongs to an earlier connection or generation.

    def _forget_switch(self) -> Iterator[Effect]:
        """Nothing is known of the switch any more."""
        self._known, self._installed, self._meters, self._in_flight = False, None, frozenset(), None
        self._settling, self._in_force = frozenset(), None
        self._dirty = True
        if self._synced:
            self._synced = False
            yield MarkSynced(False)

    def _rest(self) -> Iterator[Effect]:
        self._resting = True
        yield SetAlarm(self._retry)
        self._retry = min(2 * self._retry, LAST_RETRY)

    def _dumped(self, event: FlowsDumped) -> Iterator[Effect]:
        if self._in_flight is not None:
            return
        self._known = True
        self._meters = event.meters
        self._installed = None if event.unreadable else event.flows
        if self._standing is not None:
            known = (goal for goal in (self._standing, self._sent) if goal and goal.flows == self._installed)
            self._standing = next(known, None)
            self._tampered |= self._standing is None
        if event.unreadable:
            yield Report("unreadable_flows", f"{event.unreadable} flows on the switch make no sense: replacing all")
        self._dirty = True

    def _committed(self, desired: Desired) -> Iterator[Effect]:
        self._in_flight = None
        self._installed, self._meters = desired.flows, desired.meters
        self._retry = FIRST_RETRY
        yield from self._caught_up(desired)

    def _caught_up(self, desired: Desired) -> Iterator[Effect]:
        """What the switch has is what was desired: say so to whoever waits for it."""
        self._standing = desired
        for sandbox in sorted(desired.ready - self._ready):
            yield MarkReady(sandbox.port, sandbox.container)
        self._ready = desired.ready
        if not self._synced:
            self._synced = True
            yield MarkSynced(True)
        if self._generation not in {*self._settling, self._in_force}:
            self._settling |= {self._generation}
            yield Settle(self._generation)

    def _advance(self) -> Iterator[Effect]:
        """Send the next plan, if there is anything to send and nothing to wait for."""
        seen = self._seen
        if not self._dirty or not self._store.synced or seen is None or self._host_addresses is None:
            return
        if seen.gateway is None or self._in_flight or self._resting or self._saving_epoch:
            return
        if not self._known or self._connection is None:
            return
        ports = attached(seen, self._store, self._node)
        bridge = Bridge(
            seen.gateway.number,
            seen.gateway.mac,
            self._pod_cidrs,
            ports.closed,
            ports.unknown,
            self._host_addresses,
        )
        policy = resolve(self._store.snapshot(), self._node, ports.ready.values())
        yield from self._complain(ports, policy)
        yield from self._program(bridge, policy, ports, self._connection)

    def _program(self, bridge: Bridge, policy: NodePolicy, ports: Attached, connection: int) -> Iterator[Effect]:
        installed = self._installed
        numbers = self._numbers.assign(policy) if self._numbers else recover(installed or FlowTable(), policy)
        epoch = before = self._current_epoch()
        desired = compile_node(policy, bridge, numbers, epoch)
        change = self._plan(desired, policy, bridge)
        if self._tampered or self._heirs.inherits(policy) or (change and self._narrows(change, policy, numbers)):
            epoch = following(epoch)
            if epoch > self._epoch_limit:
                # The epoch to go on from is fixed now: the limit is about to grow.
                self._saving_epoch, self._epoch = True, self._current_epoch()
                yield SaveEpoch(min(epoch + EPOCHS_AT_ONCE, MAX_EPOCH))
                return
            desired = compile_node(policy, bridge, numbers, epoch)
            change = self._plan(desired, policy, bridge)
        self._heirs = self._heirs.after(policy, found_flows=bool(installed), raised=epoch != before)
        self._numbers, self._policy, self._epoch = numbers, policy, epoch
        self._dirty = self._tampered = False
        goal = Desired(policy, desired, meters(policy, bridge), ports.sandboxes)
        if change:
            self._generation = change.generation
            self._in_flight = (change, goal)
            self._sent = goal
            yield Program(change, connection)
        else:
            yield from self._caught_up(goal)

    def _narrows(self, change: Plan, policy: NodePolicy, numbers: Numbers) -> bool:
        before = self._standing.policy if self._standing else None
        alive = frozenset(map(int, numbers.identities.values()))
        return narrows(self._installed or FlowTable(), change, before=before, after=policy, alive=alive)

    def _plan(self, desired: FlowTable, policy: NodePolicy, bridge: Bridge) -> Plan:
        return plan(
            self._installed,
            desired,
            generation=self._generation + 1,
            meters_installed=self._meters,
            meters_desired=meters(policy, bridge),
        )

    def _current_epoch(self) -> Epoch:
        """This run's epoch; on a fresh start the switch's, else the last that can have been used on this bridge."""
        if self._epoch is not None:
            return self._epoch
        on_switch = recover_epoch(self._installed) if self._installed is not None else None
        return on_switch if on_switch is not None else Epoch(min(self._epoch_limit, MAX_EPOCH))

    def _complain(self, ports: Attached, policy: NodePolicy) -> Iterator[Effect]:
        """Report problems when they appear, not again while they stay."""
        problems = frozenset(ports.problems) | {
            ("contested_address", f"address {address} is closed: {' and '.join(map(str, pods))} claim it")
            for address, pods in policy.contested.items()
        }
        for what, message in sorted(problems - self._problems):
            yield Report(what, message)
        self._problems = problems
