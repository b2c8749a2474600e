"""The gate: what is heard after a gap passes together, and nobody is waited for without end."""

from __future__ import annotations

import pytest

from ryu_netpol.adapters.kube.gate import BUSY, HOLD, LONGEST, SETTLE, Change, Gate
from ryu_netpol.agent.events import Deleted, Kind, Relisted, Together, Upserted
from ryu_netpol.model.objects import Object
from tests.support import build

POD, POLICY, NODE, NAMESPACE = Kind.POD, Kind.POLICY, Kind.NODE, Kind.NAMESPACE
A, B = build.pod("ns/a"), build.pod("ns/b")
P = build.policy("ns/p")


def listed(kind: Kind, *objects: Object) -> Relisted:
    """A complete list."""
    return Relisted(kind, frozenset(objects))


@pytest.fixture
def gate() -> Gate:
    """A gate of two kinds that have both caught up, at time 0."""
    gate = Gate((POD, POLICY), now=0.0)
    gate.caught_up(POD)
    gate.caught_up(POLICY)
    return gate


def test_without_gaps_everything_passes_at_once(gate: Gate) -> None:
    """One change, one event."""
    gate.put(Upserted(A), now=1.0)

    assert Upserted(A) == gate.take(now=1.0)
    assert gate.take(now=1.0) is None
    assert gate.next() is None


def test_who_is_late(gate: Gate) -> None:
    """A kind from its gap on until it has caught up, and at the start every one."""
    assert Gate((POD, POLICY), now=0.0).late == {POD, POLICY}
    assert gate.late == frozenset()

    gate.behind(POD, now=1.0)
    assert gate.late == {POD}

    gate.resumed(POD, now=2.0)
    gate.take(now=2.0 + SETTLE)
    assert gate.late == frozenset()


def test_first_lists_wait_for_each_other() -> None:
    """At the start every kind has a gap: the lists pass when the last one is there."""
    gate = Gate((POD, POLICY), now=0.0)
    gate.put(listed(POD, A), now=1.0)
    gate.caught_up(POD)
    assert gate.take(now=1.0) is None

    gate.put(listed(POLICY, P), now=2.0)
    gate.caught_up(POLICY)

    assert Together((listed(POD, A), listed(POLICY, P))) == gate.take(now=2.0)


def test_live_kinds_wait_as_well(gate: Gate) -> None:
    """While policies have a gap, what happens to pods is held: the policies that belong to it may be missing."""
    gate.behind(POLICY, now=1.0)
    gate.put(Upserted(A), now=2.0)
    assert gate.take(now=2.0) is None

    gate.put(listed(POLICY, P), now=3.0)
    gate.caught_up(POLICY)

    assert Together((Upserted(A), listed(POLICY, P))) == gate.take(now=3.0)


def test_a_list_takes_the_place_of_what_was_held(gate: Gate) -> None:
    """A relist replaces: what was heard of the kind before it means nothing any more."""
    gate.behind(POD, now=1.0)
    changes: tuple[Change, ...] = (Upserted(A), Upserted(P), listed(POD, B), Deleted(B))
    for change in changes:
        gate.put(change, now=1.0)
    gate.caught_up(POD)

    assert Together((Upserted(P), listed(POD, B), Deleted(B))) == gate.take(now=1.0)


def test_a_resumed_watch_settles(gate: Gate) -> None:
    """A watch that goes on has caught up when nothing came for a moment."""
    gate.behind(POD, now=1.0)
    gate.resumed(POD, now=2.0)
    gate.put(Upserted(A), now=2.1)
    gate.progress(POD, now=2.1)
    assert gate.take(now=2.1 + SETTLE / 2) is None
    assert gate.next() == 2.1 + SETTLE

    assert Upserted(A) == gate.take(now=2.1 + SETTLE)


def test_a_busy_watch_settles_too(gate: Gate) -> None:
    """Where something comes all the time, the rest is not held for it."""
    gate.behind(POD, now=0.0)
    gate.resumed(POD, now=0.0)
    gate.put(Upserted(P), now=0.0)
    for tenth in range(int(BUSY * 10)):
        gate.progress(POD, now=tenth / 10)
        assert gate.take(now=tenth / 10) is None

    assert gate.next() == BUSY
    assert Upserted(P) == gate.take(now=BUSY)
    assert gate.late == frozenset()


def test_a_watch_that_breaks_again_does_not_settle(gate: Gate) -> None:
    """It has to resume first."""
    gate.behind(POD, now=1.0)
    gate.resumed(POD, now=2.0)
    gate.behind(POD, now=2.1)
    gate.put(Upserted(P), now=2.1)

    assert gate.take(now=2.1 + SETTLE) is None


def test_nobody_is_waited_for_who_makes_no_progress(gate: Gate) -> None:
    """A kind that is denied holds the others for a few seconds, once."""
    gate.behind(POLICY, now=1.0)
    gate.put(Upserted(A), now=100.0)
    assert gate.take(now=100.0 + HOLD - 0.1) is None
    assert gate.next() == 100.0 + HOLD
    assert Upserted(A) == gate.take(now=100.0 + HOLD)

    gate.put(Upserted(B), now=200.0)

    assert Upserted(B) == gate.take(now=200.0)


def test_to_fail_again_and_again_is_no_progress(gate: Gate) -> None:
    """A kind that is refused every second holds the others no longer than one that is silent."""
    gate.put(Upserted(A), now=0.0)
    assert gate.take(now=0.0) is not None
    gate.behind(POLICY, now=1.0)
    gate.put(Upserted(B), now=1.0)
    for second in range(2, 6):
        gate.behind(POLICY, now=float(second))

    assert gate.take(now=1.0 + HOLD) == Upserted(B)


def test_who_was_given_up_comes_back(gate: Gate) -> None:
    """Its list passes as soon as it is there, and from then on it is waited for again."""
    gate.behind(POLICY, now=1.0)
    gate.put(Upserted(A), now=2.0)
    assert gate.take(now=50.0) is not None
    gate.put(listed(POLICY, P), now=60.0)
    gate.caught_up(POLICY)
    assert listed(POLICY, P) == gate.take(now=60.0)

    gate.behind(POLICY, now=70.0)
    gate.put(Upserted(B), now=70.0)

    assert gate.take(now=70.0) is None


@pytest.mark.parametrize("how", ["reached", "progress", "resumed"])
def test_who_was_given_up_is_waited_for_when_it_may_come(gate: Gate, how: str) -> None:
    """A second outage while something is held: when the server is back, what comes passes together all the same."""
    for kind in (POD, POLICY):
        gate.behind(kind, now=1.0)
    gate.put(Upserted(A), now=2.0)
    assert gate.take(now=2.0 + HOLD) == Upserted(A)

    if how == "reached":
        gate.reached([POD, POLICY], now=20.0)
    else:
        getattr(gate, how)(POLICY, now=20.0)
    gate.put(listed(POD, B), now=20.1)
    gate.caught_up(POD)
    assert gate.take(now=20.1) is None

    gate.put(listed(POLICY, P), now=20.2)
    gate.caught_up(POLICY)
    assert gate.take(now=20.2) == Together((listed(POD, B), listed(POLICY, P)))


def test_who_was_refused_is_not_waited_for_because_others_come_and_go(gate: Gate) -> None:
    """A kind that is denied has its answer: a connection that breaks every few seconds holds nobody up."""
    gate.behind(POLICY, now=0.0)
    gate.put(Upserted(A), now=1.0)
    assert gate.take(now=1.0 + HOLD) is not None
    for second in range(10, 40, 3):
        gate.reached([POD], now=float(second))
        gate.put(Upserted(A), now=float(second))
        assert gate.take(now=float(second)) is not None


def test_progress_prolongs_the_wait_up_to_a_limit(gate: Gate) -> None:
    """A long list that comes in pages is waited for, but not for ever."""
    gate.behind(POD, now=0.0)
    gate.put(Upserted(P), now=1.0)
    for second in range(2, 60, 3):
        gate.progress(POD, now=float(second))
        assert gate.take(now=float(second)) is None

    assert Upserted(P) == gate.take(now=1.0 + LONGEST)


def test_a_gap_without_news_holds_nothing(gate: Gate) -> None:
    """Nobody waits where nothing is held: the hold begins with the first change."""
    gate.behind(POD, now=1.0)
    gate.behind(POLICY, now=1.0)

    assert gate.take(now=500.0) is None
    assert gate.next() is None
