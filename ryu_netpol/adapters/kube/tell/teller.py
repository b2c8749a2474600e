"""The thread that tells the API server what the agent can prove. Nothing that fails here affects what is enforced."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator

from ryu_netpol.adapters.kube.access import Access
from ryu_netpol.adapters.kube.backoff import Trouble
from ryu_netpol.adapters.kube.feed import STOP
from ryu_netpol.adapters.kube.tell import words
from ryu_netpol.adapters.kube.tell.occasions import Board
from ryu_netpol.adapters.kube.tell.pace import Pace
from ryu_netpol.adapters.kube.tell.urgency import Need, Picture, need
from ryu_netpol.adapters.kube.tell.writer import Untold, Writer
from ryu_netpol.agent.prove import REFUSED
from ryu_netpol.agent.standing import Concern, Standing

HOLD = 60.0
"""Seconds for which a new agent lets stand what the one before it told."""
PATIENCE = 5.0
"""How much longer than the feed it waits after failures: half a second, doubled up to 2.5 to 5 minutes."""


class Teller:
    """Keeps the status of a node as the agent says it, and makes Events of what is wrong with objects."""

    def __init__(
        self,
        access: Access,
        *,
        node: str,
        agent: str,
        standing: Callable[[], Standing],
        report: Callable[[str, str], None],
        counted: Callable[[str, str], None] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`standing` is asked in this thread and may raise TimeoutError, `agent` is its version and stack.

        `counted` hears of each attempt: "status" as "written" or "failed", "event" as "created", "there" or "failed".
        """
        self._node, self._agent, self._standing = node, agent, standing
        self._report, self._counted = report, counted or (lambda _what, _result: None)
        self._writer = Writer(access)
        self._pace, self._board = Pace(chance), Board(chance)
        self._unwritten, self._unsaid, self._defects = (Trouble(chance, times=PATIENCE) for _ in range(3))
        self._told: Picture | None = None
        """What the server has; None: nobody knows."""
        self._wanted: Picture | None = None
        """What it should have; None: nothing is known that is better than what it may have from an earlier run."""
        self._began = time.monotonic()
        self._woken, self._ended, self._reached = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="kube-tell", daemon=True)

    def start(self) -> None:
        """Begin."""
        self.wake()
        self._thread.start()

    def stop(self) -> None:
        """End: nothing is reported any more when this returns. What was told stays. May be called twice."""
        self._ended.set()
        self._woken.set()
        self._writer.stop()
        if self._thread.is_alive():
            self._thread.join(STOP)

    def wake(self) -> None:
        """Something may have changed. Any thread may say so, as often as it likes."""
        self._woken.set()

    def reached(self) -> None:
        """The server is there again: what waits because it was not need not wait longer. Any thread may say so."""
        self._reached.set()
        self._woken.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._turn()
            except Exception as error:
                # A defect of ours. The thread must not die of it: what was told would stay for ever.
                for news in self._news(self._defects, error):
                    self._report("status_untold", news)
                self._ended.wait(self._defects.take_delay())

    def _turn(self) -> None:
        """Wait until something is to be done, and do it."""
        self._wait()
        if self._ended.is_set():
            return
        now = time.monotonic()
        if _is_due(self._pace.ask_at, now):
            self._ask()
        if _is_due(self._pace.write_at, now) and self._wanted is not None:
            self._write(self._wanted)
        if concern := self._board.take(now=time.monotonic()):
            self._tell(concern)

    def _wait(self) -> None:
        due = min(filter(None, (self._pace.ask_at, self._pace.write_at, self._board.next_at)), default=None)
        # Who will ask anyway need not hear of every single change.
        signal = self._woken if self._pace.ask_at is None else self._ended
        signal.wait(None if due is None else max(0.0, due - time.monotonic()))
        if self._woken.is_set():
            self._woken.clear()
            self._pace.wake(now=time.monotonic())
        if self._reached.is_set():
            self._reached.clear()
            self._pace.reached(now=time.monotonic())
            self._board.reached(now=time.monotonic())

    def _ask(self) -> None:
        try:
            standing = self._standing()
        except TimeoutError:
            self._pace.unanswered(now=time.monotonic())
            return
        now = time.monotonic()
        self._board.show((*standing.failures, *standing.hints), now=now)
        refused = any(failure.reason == REFUSED for failure in standing.failures)
        if self._wanted is None and standing.in_force is None and not refused and now < self._began + HOLD:
            # What an earlier run told mostly holds: what it installed is there until this one knows better.
            self._pace.asked(Need.NOTHING, now=now)
            return
        self._wanted = Picture.of(standing, self._agent)
        self._pace.asked(need(self._told, self._wanted), now=now)

    def _write(self, wanted: Picture) -> None:
        self._pace.began(now=time.monotonic())
        # An attempt that fails may have been heard all the same.
        self._told = None
        try:
            self._writer.status(self._node, {**wanted.status, "told": words.time(time.time())})
        except Untold as error:
            for news in self._news(self._unwritten, error):
                self._report("status_untold", f"nobody hears what is in force here: {news}")
            self._counted("status", "failed")
            self._pace.failed(now=time.monotonic(), delay=self._unwritten.take_delay())
        else:
            self._told = wanted
            self._unwritten.over()
            self._counted("status", "written")
            self._pace.written(now=time.monotonic())

    def _tell(self, concern: Concern) -> None:
        try:
            created = self._writer.event(concern, node=self._node, now=time.time())
        except Untold as error:
            for news in self._news(self._unsaid, error):
                where = f"{concern.kind} {concern.namespace}/{concern.name}"
                self._report("event_untold", f"nobody is told at {where} that {concern.reason}: {news}")
            self._counted("event", "failed")
            self._board.failed(concern, now=time.monotonic(), delay=self._unsaid.take_delay())
        else:
            self._unsaid.over()
            self._counted("event", "created" if created else "there")
            self._board.told(concern, now=time.monotonic())

    def _news(self, trouble: Trouble, error: Exception) -> Iterator[str]:
        """Count a failure; what an operator must know of it, unless it is of the same kind as the one before."""
        kind, at_least = type(error).__name__, 0.0
        if isinstance(error, Untold):
            kind, at_least = str(error.code), error.retry_after
        told = list(trouble.failed("", kind, at_least=at_least))
        if told and not self._ended.is_set():
            yield str(error) if isinstance(error, Untold) else f"{kind}: {error}"


def _is_due(at: float | None, now: float) -> bool:
    return at is not None and at <= now
