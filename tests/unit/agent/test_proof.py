"""The proof of enforcement, told one thing after the other: versions, times, what fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ryu_netpol.agent.events import (
    CommitFailed,
    Committed,
    Event,
    InForce,
    Kind,
    Reached,
    Said,
    SwitchLost,
    Ticked,
    Together,
)
from ryu_netpol.agent.progress import Progress
from ryu_netpol.agent.proof import Enforced, Proof
from ryu_netpol.agent.standing import Version
from ryu_netpol.model.names import Api, PolicyKey

A, B = PolicyKey("shop", "a"), PolicyKey("shop", "b")


def said(version: int, *errors: str, kept: bool = False, generation: int = 1) -> Said:
    """How the server has a policy."""
    return Said("uid", str(version), generation, errors, kept)


def policies(version: int, told: Mapping[Any, Said | None], *, complete: bool = False) -> Reached:
    """The feed is so far."""
    return Reached(Kind.POLICY, Api.V1, str(version), told, complete)


class Told:
    """A proof; each call is an event, and how far the agent is after it."""

    def __init__(self) -> None:
        self.proof = Proof()
        self.took: list[float] = []

    def __call__(
        self, at: float, event: Event, sent: int = 0, in_force: int | None = None, *, pending: bool = False
    ) -> None:
        self.took += self.proof.follow(event, at=at, progress=Progress(pending, sent, in_force))

    def version(self) -> str | None:
        """Of policies, in force."""
        now = self.proof.now
        return None if now is None else now.versions.get(Kind.POLICY, Version("", "")).version


def begun() -> Told:
    """Policy A of version 10 was there at the start, and is in force since 3."""
    told = Told()
    told(1, policies(10, {A: said(10)}, complete=True), pending=True)
    told(2, Ticked(), 1)
    told(3, InForce(1), 1, 1)
    return told


def test_nothing_is_proved_before_it_is_in_force() -> None:
    """Heard, sent and acknowledged are not in force."""
    told = Told()
    told(1, policies(10, {A: said(10)}, complete=True), pending=True)
    told(2, Ticked(), 1)
    told(2.5, Committed(1), 1)
    assert told.proof.now is None
    assert told.proof.enforced == {}

    told(3, InForce(1), 1, 1)
    assert told.version() == "10"
    assert told.proof.enforced == {A: Enforced(said(10), 3, None)}


def test_what_was_there_at_the_start_took_no_time() -> None:
    """Nobody knows for how long it had been there."""
    assert begun().took == []


def test_a_change_takes_from_its_delivery_to_in_force() -> None:
    """The acknowledgement lies in between."""
    told = begun()
    told(10, policies(11, {A: said(11, generation=2)}), 2, 1)
    told(11, Committed(2), 2, 1)
    assert told.version() == "10"

    told(12.5, InForce(2), 2, 2)
    assert told.took == [2.5]
    assert told.proof.enforced[A] == Enforced(said(11, generation=2), 12.5, 2.5)
    assert told.proof.now is not None
    assert (told.proof.now.generation, told.proof.now.since, told.proof.now.took) == (2, 12.5, 2.5)


def test_what_changes_no_flow_is_in_force_at_once() -> None:
    """No plan was needed. The flows are as old as they were."""
    told = begun()
    told(10, policies(11, {A: said(11)}), 1, 1)

    assert (told.version(), told.took) == ("11", [0])
    assert told.proof.enforced[A].since == 10
    assert told.proof.now is not None
    assert told.proof.now.since == 3


def test_what_changes_no_flow_waits_for_the_plan_that_is_on_its_way() -> None:
    """It is true of that plan, not of the one before."""
    told = begun()
    told(10, policies(11, {A: said(11)}), 2, 1)
    told(11, policies(12, {B: said(12)}), 2, 1)
    assert told.version() == "10"

    told(13, InForce(2), 2, 2)
    assert (told.version(), sorted(told.took)) == ("12", [2, 3])


def test_what_waits_for_its_turn_counts_from_its_first_delivery() -> None:
    """A policy that changes twice before it gets into a plan."""
    told = begun()
    told(10, policies(11, {A: said(11)}), 2, 1)
    told(11, policies(12, {B: said(12)}), 2, 1, pending=True)
    told(12, policies(13, {B: said(13)}), 2, 1, pending=True)
    told(14, Committed(2), 3, 1)
    told(15, InForce(2), 3, 2)
    assert (told.version(), B in told.proof.enforced) == ("11", False)

    told(16, InForce(3), 3, 3)
    assert (told.version(), told.took) == ("13", [5, 5])
    assert told.proof.enforced[B].said == said(13)


def test_a_lost_switch_proves_nothing() -> None:
    """Until what is on it has been read back, and is in force again."""
    told = begun()
    told(10, SwitchLost(1), 1, None, pending=True)
    assert told.proof.now is None

    told(20, Ticked(), 1, None)
    told(21, InForce(1), 1, 1)
    assert told.version() == "10"
    assert told.proof.now is not None
    assert told.proof.now.since == 21
    assert told.proof.enforced[A].since == 3


@pytest.mark.parametrize(
    "gone", [policies(11, {A: None}), policies(11, {}, complete=True)], ids=["an event", "a list without it"]
)
def test_a_policy_that_is_gone(gone: Reached) -> None:
    """It is forgotten when that is in force."""
    told = begun()
    told(10, Together((gone,)), 2, 1)
    assert (A in told.proof.seen, A in told.proof.enforced) == (False, True)

    told(11, InForce(2), 2, 2)
    assert told.proof.enforced == {}


def test_an_error_that_leaves_the_old_in_force() -> None:
    """What is in force is the last version without an error, and the failure is known since it came."""
    told = begun()
    told(10, policies(11, {A: said(11, "it is wrong", kept=True)}), 1, 1)
    assert told.version() == "11"
    assert told.proof.enforced[A].said == said(10)
    failing = told.proof.failing[Kind.POLICY, A]
    assert (failing.said, failing.api, failing.since) == (said(11, "it is wrong", kept=True), Api.V1, 10)

    told(12, policies(12, {A: said(12, "it is wrong", kept=True)}), 1, 1)
    assert told.proof.failing[Kind.POLICY, A].since == 10
    told(14, policies(13, {A: said(13)}), 1, 1)
    assert told.proof.failing == {}
    assert told.proof.enforced[A].said == said(13)


@pytest.mark.parametrize("better", [{A: said(12)}, {A: None}], ids=["mended", "gone"])
def test_a_failure_lasts_until_the_better_version_is_in_force(better: Mapping[Any, Said | None]) -> None:
    """Until then packets feel what could not be taken as it is written."""
    told = begun()
    told(10, policies(11, {A: said(11, "it is wrong")}), 2, 1)
    told(11, InForce(2), 2, 2)
    told(12, policies(12, better), 3, 2)
    assert (Kind.POLICY, A) in told.proof.failing

    told(13, InForce(3), 3, 3)
    assert told.proof.failing == {}


def test_what_fails_again_meanwhile_fails() -> None:
    """Mended in one plan, wrong again in the next."""
    told = begun()
    told(10, policies(11, {A: said(11, "it is wrong")}), 2, 1)
    told(11, policies(12, {A: said(12)}), 3, 1)
    told(12, policies(13, {A: said(13, "it is wrong")}), 4, 1)
    told(13, InForce(3), 4, 3)

    assert told.proof.failing[Kind.POLICY, A].said == said(13, "it is wrong")


def test_a_good_version_and_a_kept_one_before_one_plan() -> None:
    """What is in force is the good one."""
    told = begun()
    told(10, policies(11, {A: said(11)}), 1, 1, pending=True)
    told(11, policies(12, {A: said(12, "it is wrong", kept=True)}), 1, 1, pending=True)
    told(12, Ticked(), 2, 1)
    told(13, InForce(2), 2, 2)

    assert told.proof.enforced[A].said == said(11)
    assert told.took == [3]


def test_what_was_refused_counts_once() -> None:
    """A version whose bundle failed was never in force; the next one has taken since the first was delivered."""
    told = begun()
    told(10, policies(11, {A: said(11)}), 2, 1)
    told(11, CommitFailed(2, ("no",)), 2, None, pending=True)
    told(12, policies(12, {A: said(12)}), 2, None, pending=True)
    told(20, Ticked(), 3, None)
    told(21, InForce(3), 3, 3)

    assert (told.took, told.proof.enforced[A].said) == ([11], said(12))


def test_deliveries_that_cross() -> None:
    """A policy that is dated after what it led to has taken no time."""
    told = begun()
    told(10, policies(11, {A: said(11)}), 2, 1)
    told(9.99, InForce(2), 2, 2)

    assert told.took == [0]


def test_an_error_without_an_earlier_version() -> None:
    """Nothing of it is in force as it is written."""
    told = begun()
    told(10, policies(11, {A: said(11, "it is wrong")}), 2, 1)
    told(11, InForce(2), 2, 2)

    assert told.proof.enforced == {}


def test_a_list_forgets_errors_of_what_is_gone() -> None:
    """Also of objects of which nothing else is told."""
    told = begun()
    pod = ("shop", "web")
    told(10, Reached(Kind.POD, "v1", "11", {pod: said(11, "bad")}), 1, 1)
    assert list(told.proof.failing) == [(Kind.POD, pod)]

    told(11, policies(12, {}, complete=True), 1, 1)
    assert list(told.proof.failing) == [(Kind.POD, pod)]
    told(12, Reached(Kind.POD, "v1", "13", {}, complete=True), 1, 1)
    assert told.proof.failing == {}


def test_an_older_store() -> None:
    """A backup was put back: what is in force is what it says now, with smaller numbers."""
    told = begun()
    told(10, policies(5, {A: said(5)}, complete=True), 2, 1)
    told(11, InForce(2), 2, 2)

    assert (told.version(), told.proof.enforced[A].said) == ("5", said(5))
