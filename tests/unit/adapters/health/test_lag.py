"""How long changes take, told from events and effects."""

from __future__ import annotations

import pytest

from ryu_netpol.adapters.health.lag import Lag
from ryu_netpol.agent.effects import Effect, MarkSynced, Program, SaveEpoch
from ryu_netpol.agent.events import CommitFailed, Committed, EpochSaved, Event, SwitchLost, Ticked, Upserted
from ryu_netpol.flows.delta import Plan
from tests.support import build

CHANGE = Upserted(build.pod("default/a"))
SYNCED = (MarkSynced(True),)


class Told:
    """A lag that is told one thing after the other; `seconds` has its answers."""

    def __init__(self, *, begun: bool = True) -> None:
        self._lag = Lag()
        if begun:
            self(0, Committed(0), *SYNCED)
        self.seconds: list[float] = []

    def __call__(self, at: float, event: Event, *effects: Effect, pending: bool = False) -> None:
        took = self._lag.follow(event, effects, delivered=at, pending=pending)
        if took is not None:
            self.seconds.append(took)


def sent(generation: int) -> Program:
    """A plan goes out."""
    return Program(Plan(generation), 1)


def test_from_delivery_to_acknowledgement() -> None:
    """An event that leads to a plan at once."""
    told = Told()
    told(10, CHANGE, sent(1))
    told(12, Committed(1))

    assert told.seconds == [2]


def test_the_first_installation_does_not_count() -> None:
    """Before everything has been installed once an agent waits for lists and the switch."""
    told = Told(begun=False)
    told(1, CHANGE, pending=True)
    told(5, Ticked(), sent(1))
    told(6, Committed(1), *SYNCED)
    assert told.seconds == []

    told(7, CHANGE, sent(2))
    told(8, Committed(2))
    assert told.seconds == [1]


def test_changes_that_gather_count_from_the_oldest() -> None:
    """Two changes come while a plan is in flight, and go out with its acknowledgement."""
    told = Told()
    told(10, CHANGE, sent(1))
    told(11, CHANGE, pending=True)
    told(12, CHANGE, pending=True)
    told(13, Committed(1), sent(2))
    told(20, Committed(2))

    assert told.seconds == [3, 9]


def test_a_change_that_changes_nothing() -> None:
    """It needs no plan, and the next one does not count from it."""
    told = Told()
    told(10, CHANGE)
    told(20, CHANGE, sent(1))
    told(21, Committed(1))

    assert told.seconds == [1]


@pytest.mark.parametrize("end", [CommitFailed(1, ("refused",)), SwitchLost(1)], ids=["refused", "switch away"])
def test_what_failed_counts_from_its_first_delivery(end: Event) -> None:
    """It waits for the next plan, and what came later does not make it younger."""
    told = Told()
    told(10, CHANGE, sent(1))
    told(11, end, pending=True)
    told(30, CHANGE, pending=True)
    told(40, Ticked(), sent(2))
    told(41, Committed(2))

    assert told.seconds == [31]


def test_an_epoch_that_is_saved_first() -> None:
    """A change is pending while the database writes."""
    told = Told()
    told(10, CHANGE, SaveEpoch(1000), pending=True)
    told(14, EpochSaved(1000), sent(1))
    told(15, Committed(1))

    assert told.seconds == [5]


def test_an_acknowledgement_of_another_generation_says_nothing() -> None:
    """It belongs to an earlier connection."""
    told = Told()
    told(10, CHANGE, sent(2))
    told(11, Committed(1))
    assert told.seconds == []

    told(12, Committed(2))
    assert told.seconds == [2]


def test_a_plan_without_a_change_does_not_count() -> None:
    """What the switch lost is not a change of the cluster."""
    told = Told()
    told(10, Ticked(), sent(1))
    told(11, Committed(1))

    assert told.seconds == []
