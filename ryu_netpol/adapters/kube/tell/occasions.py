"""Concerns as Events at their objects (`events.k8s.io/v1`). Pure.

The name of an Event is made of the object and of what is said, not of the node: where a thousand agents see one policy
that cannot be read, the first one makes the Event, and the others are told that it is there.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable

from ryu_netpol.adapters.kube.resources import root
from ryu_netpol.adapters.kube.tell.pace import Bucket
from ryu_netpol.adapters.kube.tell.words import Json, time, trimmed
from ryu_netpol.agent.standing import Concern

API = "events.k8s.io/v1"
CONTROLLER = "netpol.ryu-netpol.io/agent"
ACTION = "Enforcing"
MOST = 100
"""Concerns that are told of, the first ones: a status has the number of all failures."""
LASTS = 3.0
"""Seconds for which something must be wrong: what passes by itself is not worth an Event that stays."""
SPREAD = 5.0
"""Seconds over which the nodes are spread that see the same."""
REPEAT = 3600.0
"""Seconds after which it is told again: API servers keep Events for an hour unless told otherwise."""
BURST, EVERY = 10, 10.0
"""Events at once, and seconds between them in the long run."""


def name(concern: Concern) -> str:
    """The same on every node, for the same object, reason and message."""
    which = concern.uid or f"{concern.namespace}/{concern.name}"
    said = "\0".join((concern.kind, which, concern.reason, concern.message))
    return f"ryu-netpol.{hashlib.sha256(said.encode(errors='replace')).hexdigest()[:16]}"


def path(concern: Concern) -> str:
    """Where its Event is created."""
    return f"{root(API)}/namespaces/{_namespace(concern)}/events"


def event(concern: Concern, *, node: str, now: float) -> Json:
    """The Event; `now` in seconds since 1970."""
    regarding = {
        "apiVersion": concern.api,
        "kind": concern.kind,
        "namespace": concern.namespace,
        "name": concern.name,
        "uid": concern.uid,
        "resourceVersion": concern.version,
    }
    return {
        "apiVersion": API,
        "kind": "Event",
        "metadata": {"name": name(concern), "namespace": _namespace(concern)},
        "type": "Warning",
        "reason": concern.reason,
        "action": ACTION,
        "note": trimmed(concern.message, 1024),
        "regarding": {key: value for key, value in regarding.items() if value},
        "eventTime": time(now),
        "reportingController": CONTROLLER,
        "reportingInstance": trimmed(node, 128),
    }


def _namespace(concern: Concern) -> str:
    """Events of what is in no namespace are in this one: the API server wants it so."""
    return concern.namespace or "default"


class Board:
    """What is to be told at objects now, and when."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._bucket = Bucket(BURST, EVERY, chance)
        self._rest = -math.inf
        self._lasting: dict[str, Concern] = {}
        self._due: dict[str, float] = {}
        """When each of them is to be told."""
        self._again: dict[str, float] = {}
        """When what was told, and may be gone by now, is to be told again if it comes back."""

    def show(self, concerns: Iterable[Concern], *, now: float) -> None:
        """These are all that there are."""
        self._again = {key: at for key, at in self._again.items() if at > now}
        first = (concern for concern, _ in zip(concerns, range(MOST), strict=False))
        self._lasting = {name(concern): concern for concern in first}
        self._due = {key: self._due[key] if key in self._due else self._first(key, now) for key in self._lasting}

    def _first(self, key: str, now: float) -> float:
        return max(now + LASTS + SPREAD * self._chance(), self._again.get(key, now))

    @property
    def next_at(self) -> float | None:
        """When to tell the next one; None: there is none."""
        due = min(self._due.values(), default=None)
        return None if due is None else max(due, self._rest, self._bucket.ready)

    def take(self, *, now: float) -> Concern | None:
        """The one that is to be told now, if it is time; `told` or `failed` follows."""
        if self.next_at is None or self.next_at > now:
            return None
        self._bucket.take(now=now)
        return self._lasting[min(self._due, key=self._due.__getitem__)]

    def told(self, concern: Concern, *, now: float) -> None:
        """It is there, whoever wrote it."""
        self._due[name(concern)] = self._again[name(concern)] = now + REPEAT * (1 + self._chance() / 8)

    def reached(self, *, now: float) -> None:
        """The server is there again."""
        self._rest = min(self._rest, now + SPREAD * self._chance())

    def failed(self, concern: Concern, *, now: float, delay: float) -> None:
        """It is not: nothing is told for `delay` seconds, and then the others first."""
        self._due[name(concern)] = now
        self._rest = now + delay
