"""How often the agent is asked and the API server written to, whatever happens."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ryu_netpol.adapters.kube.tell.pace import BETWEEN, BURST, EVERY, GATHER, SELDOM, Bucket, Pace
from ryu_netpol.adapters.kube.tell.urgency import Need


def none() -> float:
    """No chance: everything as early as it can be."""
    return 0.0


def test_a_change_gathers_others() -> None:
    """It is asked once for all of them, and written at once."""
    pace = Pace(none)
    assert pace.ask_at is None
    for now in (10.0, 10.1, 10.15):
        pace.wake(now=now)

    assert pace.ask_at == 10.0 + GATHER
    pace.asked(Need.SOON, now=10.2)
    assert pace.ask_at is None
    assert pace.write_at is not None
    assert pace.write_at <= 10.2


def test_a_busy_agent_is_asked_once_a_second() -> None:
    """Also where it did not answer."""
    pace = Pace(none)
    pace.wake(now=10.0)
    pace.asked(Need.NOTHING, now=10.2)
    pace.wake(now=10.21)
    assert pace.ask_at == 10.2 + BETWEEN
    pace.unanswered(now=14.0)
    assert pace.ask_at == 14.0 + BETWEEN


def test_what_nobody_waits_for_is_spread() -> None:
    """After a long silence, too: not every node writes because one pod has come."""
    pace = Pace(lambda: 0.5)
    pace.asked(Need.LATER, now=10_000.0)
    assert pace.write_at == 10_000.0 + SELDOM / 4
    pace.asked(Need.LATER, now=10_050.0)
    assert pace.write_at == 10_000.0 + SELDOM / 4
    pace.written(now=10_100.0)
    assert pace.write_at is None
    pace.asked(Need.LATER, now=10_101.0)
    assert pace.write_at == 10_100.0 + SELDOM + SELDOM / 4
    pace.asked(Need.NOTHING, now=10_102.0)
    assert pace.write_at is None


def test_after_a_failure() -> None:
    """It must be written, but not before the time; what is asked meanwhile does not hasten it."""
    pace = Pace(none)
    pace.asked(Need.LATER, now=100.0)
    pace.began(now=100.0)
    pace.failed(now=101.0, delay=30.0)
    assert pace.write_at == 131.0
    pace.asked(Need.SOON, now=102.0)
    assert pace.write_at == 131.0


def test_the_bucket_fills_again() -> None:
    """Five at once, one every ten seconds, and five again after a rest."""
    bucket = Bucket(BURST, EVERY, none)
    for now in (0.0, 0.0, 0.0, 0.0, 0.0):
        assert bucket.ready <= now
        bucket.take(now=now)
    assert bucket.ready == EVERY
    bucket.take(now=EVERY)
    assert bucket.ready == 2 * EVERY
    bucket.take(now=1000.0)
    assert bucket.ready <= 1000.0


class Run:
    """A pace driven as the thread drives it, on a clock of its own; what was done when."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self.pace = Pace(chance)
        self.now = 0.0
        self.asked: list[float] = []
        self.began: list[float] = []
        self.waiting: float | None = None
        """Since when something urgent could have been written, and is not."""

    def until(self, end: float, answer: Need, *, works: bool) -> None:
        """Let time pass; the agent answers this, and writing works or fails."""
        while (due := self._due()) is not None and due <= end:
            self.now = max(self.now, due)
            if self.pace.ask_at is not None and self.pace.ask_at <= self.now:
                self._ask(answer)
            if self.pace.write_at is not None and self.pace.write_at <= self.now:
                self._write(works=works)
        self.now = end

    def _due(self) -> float | None:
        return min((at for at in (self.pace.ask_at, self.pace.write_at) if at is not None), default=None)

    def _ask(self, answer: Need) -> None:
        self.asked.append(self.now)
        # What is urgent stays so until it is written.
        self.pace.asked(Need.SOON if self.waiting is not None else answer, now=self.now)
        if answer is Need.SOON and self.waiting is None:
            self.waiting = self.now

    def _write(self, *, works: bool) -> None:
        self.began.append(self.now)
        self.pace.began(now=self.now)
        if works:
            self.pace.written(now=self.now)
            assert self.waiting is None or self.now - self.waiting <= LONGEST + SLACK
            self.waiting = None
        else:
            self.pace.failed(now=self.now, delay=DELAY)
            self.waiting = self.now

    def check(self) -> None:
        """Nothing was done too often."""
        assert all(after - before >= BETWEEN - SLACK for before, after in itertools.pairwise(self.asked))
        for first, start in enumerate(self.began):
            for number, moment in enumerate(self.began[first:], start=1):
                assert number <= BURST + (moment - start) / EVERY + SLACK


DELAY, SLACK = 5.0, 1e-6
LONGEST = 1.5 * EVERY + DELAY
"""Seconds that something urgent waits at most."""
HAPPENINGS = st.lists(
    st.tuples(
        st.floats(0.0, 40.0),
        st.sampled_from([Need.NOTHING, Need.LATER, Need.SOON]),
        st.sampled_from([True, True, True, False]),
    ),
    max_size=60,
)


@given(HAPPENINGS, st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_never_too_often_and_nothing_lost(happenings: list[tuple[float, Need, bool]], seed: int) -> None:
    """Any wakes, answers and failures: no window of time has more writes than the bucket allows, questions are a
    second apart, and what is urgent is written in the end, within a time that follows from the bucket."""
    run = Run(random.Random(seed).random)
    for pause, answer, works in happenings:
        run.pace.wake(now=run.now)
        run.until(run.now + pause, answer, works=works)
    run.until(run.now + LONGEST + 3 * BETWEEN, Need.NOTHING, works=True)

    assert run.waiting is None
    run.check()


def test_the_property_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: with a bucket that nothing is taken out of."""
    monkeypatch.setattr(Bucket, "take", lambda self, *, now: None)
    run = Run(none)
    for _ in range(20):
        run.pace.wake(now=run.now)
        run.until(run.now + 2.0, Need.SOON, works=True)

    with pytest.raises(AssertionError):
        run.check()
