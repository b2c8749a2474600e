"""Is the agent alive, is it ready."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ryu_netpol.agent.events import Kind
from ryu_netpol.agent.glance import Glance

PROMPT = 1.0
"""Seconds that a probe waits for the answer."""
STUCK = 60.0
"""Seconds after which an agent that has not answered is not alive: many times what the largest cluster takes."""


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold."""

    name: str
    ok: bool
    message: str
    """How it is, whether it holds or not."""


def told(checks: Iterable[Check]) -> str:
    """One line per check."""
    return "".join(f"[{'+' if check.ok else '-'}] {check.name}: {check.message}\n" for check in checks)


class Heart:
    """Asks the agent's thread for a beat. Work, however long it queues, is no reason to be taken for dead."""

    def __init__(
        self, do: Callable[[Callable[[], None]], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`do` has something done in the agent's thread."""
        self._do = do
        self._clock = clock
        self._lock = threading.Lock()
        self._asked: float | None = None
        self._beat = threading.Event()

    def check(self, *, prompt: float = PROMPT) -> Check:
        """Whether the thread answers, or has been asked only a short while ago."""
        with self._lock:
            if self._asked is None or self._beat.is_set():
                self._asked = self._clock()
                self._beat.clear()
                self._do(self._beat.set)
            asked = self._asked
        if self._beat.wait(prompt):
            return Check("agent", True, "its thread answers")
        silent = self._clock() - asked
        return Check("agent", silent < STUCK, f"its thread has been at one event for {silent:.0f} s")


def readiness(glance: Callable[[], Glance]) -> tuple[Check, ...]:
    """Whether everything that was heard is installed, or what is missing."""
    try:
        return conditions(glance())
    except TimeoutError as error:
        return unanswered(error)


def unanswered(error: TimeoutError) -> tuple[Check, ...]:
    """An agent that does not answer is not ready."""
    return (Check("agent", False, str(error)),)


def conditions(now: Glance) -> tuple[Check, ...]:
    """The same of one that has answered."""
    heard, switch = now.heard, now.switch
    missing = ", ".join(kind for kind in Kind if kind not in heard.listed)
    unknown = [
        name
        for name, known in (
            ("the bridge and its gateway port", heard.bridge),
            ("the node's addresses", heard.addresses),
        )
        if not known
    ]
    return (
        Check("feed", not missing, f"not listed yet: {missing}" if missing else "everything has been listed"),
        Check(
            "node",
            not unknown,
            f"not known yet: {' and '.join(unknown)}" if unknown else "bridge and addresses are known",
        ),
        Check("switch", switch.connected, "connected" if switch.connected else "not connected"),
        Check(
            "installed",
            switch.synced,
            "everything known has been installed" if switch.synced else "not since the switch connected",
        ),
    )
