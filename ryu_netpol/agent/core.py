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

from collections import Counter
from collections.abc import Iterator

from ryu_netpol.agent.attach import Attached, Attachments, Sandbox
from ryu_netpol.agent.desired import Desired
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
from ryu_netpol.agent.epochs import Epochs
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
    Together,
    Upserted,
)
from ryu_netpol.agent.glance import Glance, Heard, OnSwitch, Sizes, by_table, ports
from ryu_netpol.agent.heirs import Heirs
from ryu_netpol.agent.installed import Goal, Installed
from ryu_netpol.agent.problems import Problem, Refused, contested, policies_of
from ryu_netpol.agent.progress import Progress
from ryu_netpol.agent.prove import Facts
from ryu_netpol.agent.store import Store
from ryu_netpol.agent.view import AgentView
from ryu_netpol.flows.bridge import Bridge
from ryu_netpol.flows.delta import Plan
from ryu_netpol.flows.ir import FlowTable
from ryu_netpol.flows.narrow import narrows
from ryu_netpol.model.names import Epoch, NodeName
from ryu_netpol.model.net import Address, Cidr
from ryu_netpol.policy.coverage import Coverage
from ryu_netpol.policy.resolve import NodePolicy
from ryu_netpol.policy.touched import Touched

FIRST_RETRY, LAST_RETRY = 1.0, 30.0
"""Seconds before a refused bundle is tried again: doubled each time."""


class Agent:
    """One node's agent. One thread owns it."""

    def __init__(self, *, node: NodeName, pod_cidrs: tuple[Cidr, ...]) -> None:
        self._node = node
        self._pod_cidrs = pod_cidrs
        self._store = Store()
        self._seen: BridgeSeen | None = None
        self._host_addresses: frozenset[Address] | None = None
        self._connection: int | None = None
        self._installed = Installed()
        self._generation = 0
        self._settling: frozenset[int] = frozenset()
        self._in_force: int | None = None
        self._dirty = True
        self._attachments = Attachments(node)
        self._bridge: Bridge | None = None
        self._desired = Desired(node)
        self._unplanned = Touched()
        """Where policy may be different from that of the last plan."""
        self._epochs = Epochs()
        self._heirs = Heirs(pod_cidrs)
        self._retry = FIRST_RETRY
        self._resting = False
        self._ready: frozenset[Sandbox] = frozenset()
        self._synced = False
        self._problems: frozenset[Problem] = frozenset()
        self._refused = Refused()

    def handle(self, event: Event) -> tuple[Effect, ...]:
        """Take an event in; return what is to be done now, in this order."""
        return (*self._take(event), *self._advance())

    def view(self) -> AgentView:
        """What the agent knows."""
        installed = self._installed
        return AgentView(
            self._store.snapshot(),
            self._desired.policy,
            self._desired.numbers,
            self._epochs.last,
            None if installed.flows is None else FlowTable(installed.flows.values()),
            installed.in_flight[0] if installed.in_flight else None,
            self._synced,
            self._in_force,
            self._problems,
        )

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return Progress(self._dirty, self._generation, self._in_force)

    def glance(self) -> Glance:
        """What it knows, in brief: takes next to no time."""
        heard = Heard.of(self._store, self._seen, self._host_addresses)
        connected, in_flight = self._connection is not None, self._installed.in_flight is not None
        switch = OnSwitch(connected, self._synced, self._epochs.last, self._generation, in_flight, self._in_force)
        there = ports(self._seen, self._attachments.attached, self._ready)
        return Glance(heard, switch, there, Sizes.of(self._desired), self._problems)

    def facts(self) -> Facts:
        """What the proof of enforcement needs; takes as long as there are policies that select an endpoint here."""
        policies = {coverage.policy: coverage for coverage in self._desired.coverage()}
        missing = [pod for key in sorted(self._attachments.missing) if (pod := self._store.pods.get(key)) is not None]
        for policy in self._store.selecting(missing):
            policies.setdefault(policy, Coverage(policy, 0))
        strays = tuple(pod.key for pod in missing if pod.addresses and not pod.terminating)
        return Facts(self._node, self.glance().ports, tuple(policies.values()), self._problems, self._refused, strays)

    def tables(self) -> tuple[Counter[int], Counter[int]]:
        """How many flows each table should have, and has as far as is known; takes as long as there are flows."""
        return by_table(self._desired.flows), by_table(self._installed.flows or {})

    def _take(self, event: Event) -> Iterator[Effect]:
        match event:
            case Upserted() | Deleted() | Relisted() | Replaced() | Together():
                self._dirty |= self._store.apply(event)
            case BridgeSeen():
                self._dirty |= event != self._seen
                self._seen = event
                self._epochs.reserved(event.epoch_limit)
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
            case Committed(generation) if (sent := self._sent(generation)) is not None:
                self._installed.committed(*sent)
                self._retry = FIRST_RETRY
                yield from self._caught_up(sent[1])
            case CommitFailed(generation, errors, rules) if self._sent(generation) is not None:
                for error in errors:
                    yield Report("bundle_refused", error)
                numbers = self._desired.numbers
                self._refused = Refused(errors, policies_of(rules, numbers.rules.items() if numbers else ()))
                yield from self._forget_switch()
                yield from self._rest()
            case InForce(generation) if generation in self._settling:
                self._settling = frozenset(later for later in self._settling if later > generation)
                self._in_force = generation
                yield Announce(generation)
            case EpochSaved(limit):
                self._epochs.reserved(limit)
                self._epochs.saving = False
            case Ticked() if self._resting:
                self._resting = False
                if self._connection is not None and not self._installed.known:
                    yield Dump(self._connection)
            case _:
                pass  # An answer that belongs to an earlier connection or generation.

    def _sent(self, generation: int) -> tuple[Plan, Goal] | None:
        """The plan that is in flight, if it is this one."""
        sent = self._installed.in_flight
        return sent if sent is not None and sent[0].generation == generation else None

    def _forget_switch(self) -> Iterator[Effect]:
        """Nothing is known of the switch any more."""
        self._installed.forget()
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
        if self._installed.in_flight is not None:
            return
        self._installed.dumped(event)
        if event.unreadable:
            yield Report("unreadable_flows", f"{event.unreadable} flows on the switch make no sense: replacing all")
        self._dirty = True

    def _caught_up(self, goal: Goal) -> Iterator[Effect]:
        """What the switch has is what was desired: say so to whoever waits for it."""
        for sandbox in sorted(goal.ready - self._ready):
            yield MarkReady(sandbox.port, sandbox.container)
        self._ready, self._refused = goal.ready, Refused()
        if not self._synced:
            self._synced = True
            yield MarkSynced(True)
        if self._generation not in {*self._settling, self._in_force}:
            self._settling |= {self._generation}
            yield Settle(self._generation)

    def _advance(self) -> Iterator[Effect]:
        """Send the next plan, if there is anything to send and nothing to wait for."""
        seen, addresses = self._seen, self._host_addresses
        if not self._dirty or not self._store.synced or seen is None or addresses is None:
            return
        if seen.gateway is None or self._installed.in_flight or self._resting or self._epochs.saving:
            return
        if not self._installed.known or self._connection is None:
            return
        changes = self._store.take()
        ports = self._attachments.update(seen, self._store, changes)
        bridge = Bridge(seen.gateway.number, seen.gateway.mac, self._pod_cidrs, ports.closed, ports.unknown, addresses)
        flows = self._installed.flows
        epoch = self._epochs.current(flows)
        policy, keys, touched = self._desired.update(changes, ports.ready, bridge, epoch, flows or {})
        self._installed.desire(keys, touched)
        self._unplanned |= touched
        yield from self._complain(ports, policy)
        yield from self._program(bridge, policy, ports, epoch, self._connection)

    def _program(
        self, bridge: Bridge, policy: NodePolicy, ports: Attached, epoch: Epoch, connection: int
    ) -> Iterator[Effect]:
        installed, desired, before = self._installed, self._desired, epoch
        change = self._plan()
        if installed.tampered or self._heirs.inherits(policy, self._unplanned) or self._narrows(change, policy):
            epoch, unsaved = self._epochs.following(epoch)
            if unsaved is not None:
                yield SaveEpoch(unsaved)
                return
            installed.desire(desired.raise_epoch(bridge, epoch), Touched())
            change = self._plan()
        found = bool(installed.flows)
        self._heirs = self._heirs.after(policy, self._unplanned, found_flows=found, raised=epoch != before)
        self._unplanned, self._epochs.last = Touched(), epoch
        self._dirty = installed.tampered = False
        goal = Goal(policy, desired.meters, ports.sandboxes)
        if change:
            self._generation = change.generation
            installed.send(change, goal)
            yield Program(change, connection)
        else:
            installed.stands(goal)
            yield from self._caught_up(goal)

    def _narrows(self, change: Plan, policy: NodePolicy) -> bool:
        installed = self._installed
        return bool(change) and narrows(
            installed.flows or {},
            change,
            before=installed.policy,
            after=policy,
            alive=self._desired.alive,
            touched=installed.since,
        )

    def _plan(self) -> Plan:
        return self._installed.plan(self._desired.flows, self._desired.meters, generation=self._generation + 1)

    def _complain(self, ports: Attached, policy: NodePolicy) -> Iterator[Effect]:
        """Report problems when they appear, not again while they stay."""
        problems = frozenset({*ports.problems, *contested(policy)})
        for problem in sorted(problems - self._problems):
            yield Report(problem.what, problem.message)
        self._problems = problems
