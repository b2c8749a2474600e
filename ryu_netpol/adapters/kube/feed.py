"""The feed: a thread for each kind of objects, and one gate through which everything passes to the agent."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from ryu_netpol.adapters.kube.access import Access
from ryu_netpol.adapters.kube.follower import Follower
from ryu_netpol.adapters.kube.gate import Gate
from ryu_netpol.adapters.kube.resources import RESOURCES
from ryu_netpol.adapters.kube.transport import Client
from ryu_netpol.agent.events import Deleted, Event, Kind, Reached, Relisted, Upserted

STOP = 0.5
"""Seconds that `stop` waits for all threads. One that is connecting ends later, and delivers nothing."""

PROMPT = 1.0
"""Seconds in which a server begins to answer a watch."""


class KubeFeed:
    """Follows the API server, and delivers what it says, from threads of its own."""

    def __init__(
        self,
        access: Access,
        *,
        deliver: Callable[[Event], None],
        report: Callable[[str, str], None],
        chance: Callable[[], float] = random.random,
        back: Callable[[], None] = lambda: None,
    ) -> None:
        """`back` is called when the server is there again after it was not."""
        self._deliver, self._report, self._back = deliver, report, back
        self._changed = threading.Condition()
        self._gate = Gate((resource.kind for resource in RESOURCES), now=time.monotonic())
        self._doubted: set[Kind] = set()
        """Kinds that will list again, and have not begun: what they tell may be of a store that is no more."""
        self._stopped = False
        self._followers = [Follower(resource, Client(access), self, chance=chance) for resource in RESOURCES]
        self._threads = [
            *(threading.Thread(target=f.run, name=f"kube-{f.kind.lower()}", daemon=True) for f in self._followers),
            threading.Thread(target=self._pass, name="kube-gate", daemon=True),
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End. Nothing is delivered any more when this returns. May be called twice."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for follower in self._followers:
            follower.stop()
        limit = time.monotonic() + STOP
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, limit - time.monotonic()))

    def late(self) -> frozenset[Kind]:
        """The kinds of which something may have happened that is not known: nobody watches, or nobody answers."""
        with self._changed:
            late = self._gate.late
        return late | {follower.kind for follower in self._followers if follower.unanswered > PROMPT}

    def reached(self, kind: Kind) -> None:
        """The server is there: whoever waits because it was not tries again, and is waited for."""
        with self._changed:
            away = [follower.kind for follower in self._followers if follower.out_of_reach]
            self._gate.reached([kind, *away], now=time.monotonic())
        self._back()
        for follower in self._followers:
            if follower.kind is not kind:
                follower.wake()

    def older(self, kind: Kind) -> None:
        """The store has become an older one: others may not see that by their versions. Nothing passes before them."""
        others = [follower for follower in self._followers if follower.kind is not kind]
        with self._changed:
            for follower in others:
                self._doubted.add(follower.kind)
                self._gate.behind(follower.kind, now=time.monotonic())
        for follower in others:
            follower.doubt()

    def behind(self, kind: Kind) -> None:
        """Something may have happened to objects of this kind that is not known."""
        with self._changed:
            self._doubted.discard(kind)
            self._gate.behind(kind, now=time.monotonic())

    def resumed(self, kind: Kind) -> None:
        """What has happened to objects of this kind meanwhile comes now."""
        with self._changed:
            self._gate.resumed(kind, now=time.monotonic())
            self._changed.notify_all()

    def progress(self, kind: Kind) -> None:
        """Something came for this kind."""
        with self._changed:
            self._gate.progress(kind, now=time.monotonic())

    def changed(self, *changes: Relisted | Upserted | Deleted | Reached, caught_up: Kind | None = None) -> None:
        """Hold changes, or let them pass."""
        with self._changed:
            now = time.monotonic()
            for change in changes:
                self._gate.put(change, now=now)
            if caught_up is not None and caught_up not in self._doubted:
                self._gate.caught_up(caught_up)
            self._open(now)

    def report(self, what: str, message: str) -> None:
        """Tell an operator, unless the feed is ending."""
        if not self._stopped:
            self._report(what, message)

    def _open(self, now: float) -> None:
        if not self._stopped and (event := self._gate.take(now=now)) is not None:
            self._deliver(event)
        if self._gate.next() is not None:
            self._changed.notify_all()

    def _pass(self) -> None:
        """The thread of the gate: lets pass what has waited long enough."""
        with self._changed:
            while not self._stopped:
                due = self._gate.next()
                self._changed.wait(None if due is None else max(0.0, due - time.monotonic()))
                if due is not None and time.monotonic() >= due:
                    self._open(time.monotonic())
