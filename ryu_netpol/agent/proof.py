"""Which versions of objects are in force on this node, since when, and how long it took. Pure; reads no clock.

An API server numbers the states of every kind of objects. The feed says which number it has told everything up to
(Reached); the agent, which plan has everything that it heard, and which plan packets feel. So for each plan it is known
up to which version it enforces each kind, and an object that is no newer is enforced, unless it could not be read.

Times are those of the events' delivery, in seconds of any clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ryu_netpol.agent.events import Event, Kind, Reached, Said, Together
from ryu_netpol.agent.progress import Progress
from ryu_netpol.agent.standing import Version
from ryu_netpol.model.names import PolicyKey


@dataclass(frozen=True, slots=True)
class News:
    """A policy that the server has otherwise than before."""

    said: Said | None
    """None: it is gone."""
    heard: float | None
    """None for the first list of a run: nobody knows for how long it had been so."""


@dataclass(frozen=True, slots=True)
class Enforced:
    """A version of a policy that is in force."""

    said: Said
    since: float
    took: float | None
    """Seconds; None as News.heard."""


@dataclass(frozen=True, slots=True, eq=False)
class Failing:
    """An object that cannot be taken as it is written."""

    said: Said
    api: str
    since: float


Failures = dict[tuple[Kind, Any], Failing]


@dataclass(slots=True)
class _Plan:
    """What is new in a plan."""

    versions: Mapping[Kind, Version] = field(default_factory=dict)
    policies: dict[PolicyKey, News] = field(default_factory=dict)
    mended: Failures = field(default_factory=dict)
    """What fails until this is in force."""


@dataclass(frozen=True, slots=True)
class Now:
    """What packets feel."""

    generation: int
    since: float
    took: float | None
    """Seconds from the oldest news about a policy in it; None where there is none."""
    versions: Mapping[Kind, Version]


class Proof:
    """Follows the events of one agent."""

    def __init__(self) -> None:
        self.now: Now | None = None
        """None: nobody knows what is on the switch."""
        self.changes = 0
        """Grows when more can be said than that objects and flows are newer."""
        self.failing: Failures = {}
        """What has errors, by kind and key; and what had, until its better version is in force."""
        self.seen: dict[PolicyKey, Said] = {}
        """Every policy, as it was heard of last."""
        self.enforced: dict[PolicyKey, Enforced] = {}
        """What was last in force of each."""
        self._versions: dict[Kind, Version] = {}
        self._in_force: Mapping[Kind, Version] = {}
        self._news: dict[PolicyKey, News] = {}
        """That is in no plan yet."""
        self._mended: Failures = {}
        """What is without errors now, and in no plan yet."""
        self._plans: dict[int, _Plan] = {}
        """By generation: those with something new that is not known to be in force."""

    @property
    def versions(self) -> Mapping[Kind, Version]:
        """What was heard last of each kind."""
        return self._versions

    def follow(self, event: Event, *, at: float, progress: Progress) -> tuple[float, ...]:
        """Take in an event that was delivered `at`; how long each policy took that is in force from now on."""
        for reached in _reached(event):
            self._hear(reached, at)
        if not progress.pending:
            self._planned(progress.generation)
        if progress.in_force is None:
            self.changes += self.now is not None
            self.now = None
            return ()
        return self._enforce(progress.in_force, at)

    def _hear(self, reached: Reached, at: float) -> None:
        kind = reached.kind
        first = kind not in self._versions
        self._versions[kind] = Version(reached.api, reached.version)
        if reached.complete:
            for where, failing in self.failing.items():
                if where[0] is kind and where[1] not in reached.said:
                    self._mended[where] = failing
        for key, said in reached.said.items():
            self._judge(kind, key, said, reached.api, at)
        if kind is Kind.POLICY:
            gone = self.seen.keys() - reached.said.keys() if reached.complete else ()
            for key, said in (*reached.said.items(), *((key, None) for key in gone)):
                self._note(key, said, None if first else at)

    def _judge(self, kind: Kind, key: Any, said: Said | None, api: str, at: float) -> None:
        before = self.failing.get((kind, key))
        if said is not None and said.errors:
            same = before is not None and before.said.errors == said.errors and before.said.uid == said.uid
            self.failing[kind, key] = Failing(said, api, before.since if same and before is not None else at)
            self.changes += 1
        elif before is not None:
            self._mended[kind, key] = before

    def _note(self, key: PolicyKey, said: Said | None, heard: float | None) -> None:
        if key is None or said == self.seen.get(key):
            return
        if said is None:
            del self.seen[key]
        else:
            self.seen[key] = said
        if said is None or not said.kept:
            self._news[key] = News(said, _since(self._news.get(key), heard))

    def _planned(self, generation: int) -> None:
        """All that was heard is in this plan, or in one before it."""
        plan = self._plans.setdefault(generation, _Plan())
        plan.versions = dict(self._versions)
        plan.policies |= self._news
        plan.mended |= self._mended
        self._news, self._mended = {}, {}

    def _enforce(self, in_force: int, at: float) -> tuple[float, ...]:
        self.changes += self.now is None
        before = self.now if self.now is not None and self.now.generation == in_force else Now(in_force, at, None, {})
        news: dict[PolicyKey, News] = {}
        for generation in sorted(plan for plan in self._plans if plan <= in_force):
            plan = self._plans.pop(generation)
            self._in_force = plan.versions
            for key, one in plan.policies.items():
                news[key] = News(one.said, _since(news.get(key), one.heard))
            for where, failing in plan.mended.items():
                if self.failing.get(where) is failing:
                    del self.failing[where]
                    self.changes += 1
        # Deliveries come from several threads, so that one may be dated a little after its effect.
        took = {key: None if one.heard is None else max(0.0, at - one.heard) for key, one in news.items()}
        for key, one in news.items():
            self._settle(key, None if one.said is None else Enforced(one.said, at, took[key]))
        taken = tuple(seconds for seconds in took.values() if seconds is not None)
        self.now = Now(in_force, before.since, max(taken, default=before.took), self._in_force)
        return taken

    def _settle(self, key: PolicyKey, now: Enforced | None) -> None:
        """A policy that has errors, and of which nothing before is kept, is not in force as it is written."""
        self.changes += 1
        if now is None or now.said.errors:
            self.enforced.pop(key, None)
        else:
            self.enforced[key] = now


def _since(before: News | None, heard: float | None) -> float | None:
    """What waits for its turn, or was refused, and is changed again has taken since the first time."""
    return heard if before is None else before.heard


def _reached(event: Event) -> Iterator[Reached]:
    if isinstance(event, Reached):
        yield event
    elif isinstance(event, Together):
        yield from (each for each in event.events if isinstance(each, Reached))
