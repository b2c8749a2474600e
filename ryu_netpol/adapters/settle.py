"""Finds out when a bundle is in force: ovs-vswitchd's caches no longer know what was before it (decision 0010).

Callers: `ryu-netpol agent`. It fulfils `agent.boundary.Settler`: settle() returns at once, and a thread asks
ovs-vswitchd on its control socket, then delivers InForce. A generation that is overtaken while it waits for its turn is
left out: the newer one includes it.

`revalidator/wait` ends when the pass over the cached flows ends that is under way, or else the next one. The one under
way may have begun before the commit, so it takes two; and the next one may begin only after half a second. A message to
the switch that changes nothing (`nudge`) has one begin at once.

Traps: the answer is sent when ovs-vswitchd's main loop runs next, which with nothing to do it may not for a while: so
the nudge is repeated. Only one datapath type may be in use ("can't wait on multiple udpifs").
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from ryu_netpol.agent.events import Event, InForce
from ryu_netpol.unixctl import ControlError, Question, control_socket

PASSES = 2
PATIENCE = 10.0
"""Seconds that one pass may take."""
FIRST_NUDGE = 0.02
"""Seconds before a nudge is repeated; doubled each time, because a long pass needs none."""
RETRY = 1.0


class RevalidatorSettler:
    """One ovs-vswitchd, found in its run directory; works from start() to stop()."""

    def __init__(
        self,
        run_dir: Path,
        *,
        nudge: Callable[[], None],
        deliver: Callable[[Event], None],
        report: Callable[[str, str], None],
        patience: float = PATIENCE,
    ) -> None:
        """`nudge`, `deliver` and `report` are called from the thread and must return at once."""
        self._run_dir = run_dir
        self._nudge = nudge
        self._deliver = deliver
        self._report = report
        self._patience = patience
        self._thread = threading.Thread(target=self._main, name="settle", daemon=True)
        self._changed = threading.Condition()
        self._asked: int | None = None
        self._stopping = False
        self._failing = False

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it, one nudge's time at most."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def settle(self, generation: int) -> None:
        """Deliver InForce for this generation, or a later one, when it is so."""
        with self._changed:
            self._asked = generation
            self._changed.notify()

    def _main(self) -> None:
        while (generation := self._next()) is not None:
            try:
                settled = all(self._pass() for _ in range(PASSES))
            except ControlError as error:
                self._failed(str(error))
            else:
                if settled:
                    self._failing = False
                    self._done(generation)

    def _next(self) -> int | None:
        """Wait for something to settle; None is the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._asked is not None)
            return None if self._stopping else self._asked

    def _done(self, generation: int) -> None:
        with self._changed:
            if self._asked == generation:
                self._asked = None
        self._deliver(InForce(generation))

    def _failed(self, sentence: str) -> None:
        """Tell it once, and try again in a while."""
        if not self._failing:
            self._failing = True
            self._report("in_force_unknown", f"Policy is enforced, but nobody can say when it is in force. {sentence}")
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, RETRY)

    def _pass(self) -> bool:
        """Let the revalidators come to the end of a pass; False if this is given up because of stop()."""
        with Question(control_socket(self._run_dir, "ovs-vswitchd"), "revalidator/wait") as question:
            interval, left = FIRST_NUDGE, self._patience
            while left > 0 and not self._stopping:
                # Only now, when the question is in the switch's hands: the pass may be over before the next line.
                self._nudge()
                if question.answer(min(interval, left)) is not None:
                    return True
                left -= interval
                interval *= 2
        if not self._stopping:
            raise ControlError(f"ovs-vswitchd has not gone through its cached flows within {self._patience:g} s.")
        return False
