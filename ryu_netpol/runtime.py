"""One inbox, one thread that owns the agent: takes events in, has effects done, writes the journal.

The agent itself neither logs nor waits (R1). Here every event (at level debug) and every effect is logged once, in
brief. Adapters deliver from their own threads; delivering only puts into the inbox.
"""

from __future__ import annotations

import gc
import logging
import queue
import threading
from collections import Counter
from typing import assert_never

from ryu_netpol.agent.boundary import Database, Settler, SwitchLink
from ryu_netpol.agent.core import Agent
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
from ryu_netpol.agent.store import key_of

LOG = logging.getLogger("ryu_netpol")


def spare_collections() -> None:
    """Have Python look for garbage in cycles a hundred times less often and more, for the whole process.

    A cluster is a million small values that refer to each other one way only. To walk through all of them again and
    again, as the default would while they are made, takes as long as making them.
    """
    gc.set_threshold(100_000, 50, 1_000)


class Runtime:
    """Runs an agent until it is stopped."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._inbox: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._alarms: set[threading.Timer] = set()
        self._stopped = False
        self.reports: Counter[str] = Counter()
        """How often each kind of problem was reported."""

    def deliver(self, *events: Event) -> None:
        """Hand events over, from any thread."""
        for event in events:
            self._inbox.put(event)

    def report(self, what: str, message: str) -> None:
        """Count and tell an operator of a problem, from any thread."""
        self.reports[what] += 1
        LOG.warning("%s: %s", what, message)

    def stop(self) -> None:
        """Let `run` return, from any thread or a signal handler."""
        self._stopped = True
        self._inbox.put(None)

    def run(self, switch: SwitchLink, database: Database, settler: Settler) -> None:
        """Own the agent until `stop`. An exception of the agent ends the process: its state cannot be trusted then."""
        try:
            while not self._stopped:
                event = self._inbox.get()
                if event is None:
                    continue
                LOG.debug("event %s", describe(event))
                for effect in self._agent.handle(event):
                    self._do(effect, switch, database, settler)
        finally:
            for alarm in self._alarms:
                alarm.cancel()

    def _do(self, effect: Effect, switch: SwitchLink, database: Database, settler: Settler) -> None:
        match effect:
            case Program(plan, connection):
                LOG.info(
                    "generation %d: %d flows added or changed, %d deleted%s",
                    plan.generation, len(plan.adds), len(plan.deletes), ", all others too" if plan.replace_all else "",
                )  # fmt: skip
                switch.program(plan, connection)
            case Dump(connection):
                LOG.info("reading back what is on the switch")
                switch.dump(connection)
            case Settle(generation):
                settler.settle(generation)
            case Announce(generation):
                LOG.info("generation %d is in force", generation)
            case SaveEpoch(limit):
                LOG.info("reserving epochs up to %d", limit)
                database.save_epoch(limit)
            case MarkReady(port, container):
                LOG.info("endpoint %s is ready for sandbox %s", port, container)
                database.mark_ready(port, container)
            case MarkSynced(synced):
                LOG.info("everything known is installed" if synced else "what is installed is not known")
                database.mark_synced(synced)
            case SetAlarm(seconds):
                LOG.info("trying again in %g s", seconds)
                self._set_alarm(seconds)
            case Report(what, message):
                self.report(what, message)
            case _:
                assert_never(effect)

    def _set_alarm(self, seconds: float) -> None:
        self._alarms = {alarm for alarm in self._alarms if alarm.is_alive()}
        alarm = threading.Timer(seconds, self.deliver, [Ticked()])
        alarm.daemon = True
        self._alarms.add(alarm)
        alarm.start()


def describe(event: Event) -> str:
    """An event in one line, without what may be long."""
    match event:
        case Relisted(kind, objects):
            return f"relisted {kind}: {len(objects)}"
        case Replaced(objects):
            return f"replaced everything: {len(objects)} objects"
        case FlowsDumped(connection, flows, meters, unreadable):
            return f"dumped over connection {connection}: {len(flows)} flows, {len(meters)} meters, {unreadable} unread"
        case BridgeSeen(ports, gateway, epoch_limit):
            return f"bridge seen: {len(ports)} ports, gateway {gateway}, epoch limit {epoch_limit}"
        case HostAddressesSeen(addresses):
            return f"host addresses: {', '.join(sorted(map(str, addresses)))}"
        case Upserted(item) | Deleted(item):
            return f"{type(event).__name__.lower()} {type(item).__name__} {key_of(item)}"
        case SwitchUp() | SwitchLost() | Committed() | CommitFailed() | InForce() | EpochSaved() | Ticked():
            return repr(event)
        case _:
            assert_never(event)
