"""One inbox, one thread that owns the agent: takes events in, has effects done, writes the journal.

The agent itself neither logs nor waits (R1). Here every event (at level debug) and every effect is logged once, in
brief, and shown to an observer. Adapters deliver from their own threads; delivering only puts into the inbox. Who wants
to know something of the agent asks, and is answered in its thread between two events.
"""

from __future__ import annotations

import gc
import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar, assert_never

from ryu_netpol.adapters.health.logs import fields
from ryu_netpol.agent.boundary import Database, Observer, Settler, SwitchLink
from ryu_netpol.agent.core import Agent
from ryu_netpol.agent.describe import describe
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
from ryu_netpol.agent.events import Event, Ticked

LOG = logging.getLogger("ryu_netpol")
PATIENCE = 3.0
"""Seconds that a question waits for its answer: less than who asks by HTTP has, which are five at least."""
_T = TypeVar("_T")


def spare_collections() -> None:
    """Have Python look for garbage in cycles a hundred times less often and more, for the whole process.

    A cluster is a million small values that refer to each other one way only. To walk through all of them again and
    again, as the default would while they are made, takes as long as making them.
    """
    gc.set_threshold(100_000, 50, 1_000)


class Runtime:
    """Runs an agent until it is stopped."""

    def __init__(self, agent: Agent, observer: Observer | None = None) -> None:
        self._agent = agent
        self._observer = observer
        self._inbox: queue.SimpleQueue[tuple[float, Event] | None] = queue.SimpleQueue()
        self._errands: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._alarms: set[threading.Timer] = set()
        self._stopped = False

    def deliver(self, *events: Event) -> None:
        """Hand events over, from any thread."""
        now = time.monotonic()
        for event in events:
            self._inbox.put((now, event))

    def do(self, errand: Callable[[], object]) -> None:
        """Have something short done in the agent's thread after the current event; also from a signal handler."""
        self._errands.put(errand)
        self._inbox.put(None)

    def ask(self, question: Callable[[Agent], _T], *, patience: float = PATIENCE) -> _T:
        """Have a question answered in the agent's thread, from another one. Raises TimeoutError after `patience` s."""
        answer: Future[_T] = Future()
        self.do(lambda: _answer(question, self._agent, answer))
        try:
            return answer.result(patience)
        except TimeoutError:
            raise TimeoutError(f"the agent has not answered within {patience:g} s") from None

    def report(self, what: str, message: str) -> None:
        """Tell an operator of a problem, from any thread."""
        if self._observer is not None:
            self._observer.reported(what, message)
        LOG.warning("%s: %s", what, message, extra=fields(what, message))

    def stop(self) -> None:
        """Let `run` return, from any thread or a signal handler."""
        self._stopped = True
        self._inbox.put(None)

    def run(self, switch: SwitchLink, database: Database, settler: Settler) -> None:
        """Own the agent until `stop`. An exception of the agent ends the process: its state cannot be trusted then."""
        try:
            while not self._stopped:
                item = self._inbox.get()
                while not self._errands.empty():
                    self._errands.get()()
                if item is not None:
                    for effect in self._handle(*item):
                        self._do(effect, switch, database, settler)
        finally:
            for alarm in self._alarms:
                alarm.cancel()

    def _handle(self, delivered: float, event: Event) -> tuple[Effect, ...]:
        if LOG.isEnabledFor(logging.DEBUG):
            LOG.debug("event %s", describe(event), extra=fields("event", event=type(event).__name__))
        started = time.monotonic()
        effects = self._agent.handle(event)
        if self._observer is not None:
            took, progress = time.monotonic() - started, self._agent.progress
            self._observer.handled(event, effects, delivered=delivered, took=took, progress=progress)
        return effects

    def _do(self, effect: Effect, switch: SwitchLink, database: Database, settler: Settler) -> None:
        match effect:
            case Program(plan, connection):
                sizes = {"generation": plan.generation, "adds": len(plan.adds), "deletes": len(plan.deletes)}
                LOG.info(
                    "generation %d: %d flows added or changed, %d deleted%s",
                    *sizes.values(), ", all others too" if plan.replace_all else "",
                    extra=fields("program", **sizes),
                )  # fmt: skip
                switch.program(plan, connection)
            case Dump(connection):
                LOG.info("reading back what is on the switch", extra=fields("dump"))
                switch.dump(connection)
            case Settle(generation):
                settler.settle(generation)
            case Announce(generation):
                LOG.info("generation %d is in force", generation, extra=fields("in_force", generation=generation))
            case SaveEpoch(limit):
                LOG.info("reserving epochs up to %d", limit, extra=fields("save_epoch", limit=limit))
                database.save_epoch(limit)
            case MarkReady(port, container):
                names = fields("endpoint_ready", port=port, container=container)
                LOG.info("endpoint %s is ready for sandbox %s", port, container, extra=names)
                database.mark_ready(port, container)
            case MarkSynced(synced):
                sentence = "everything known is installed" if synced else "what is installed is not known"
                LOG.info(sentence, extra=fields("synced", synced=synced))
                database.mark_synced(synced)
            case SetAlarm(seconds):
                LOG.info("trying again in %g s", seconds, extra=fields("retry", seconds=seconds))
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


def _answer(question: Callable[[Agent], _T], agent: Agent, answer: Future[_T]) -> None:
    try:
        answer.set_result(question(agent))
    except Exception as error:
        # A question changes nothing: a defect of it is for who asked, and must not end the agent.
        answer.set_exception(error)
