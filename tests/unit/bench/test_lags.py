"""Lags: each event is done with the acknowledgement of what it changed, or when it is known to change nothing."""

from __future__ import annotations

import pytest

from ryu_netpol.agent.effects import Effect, Program, SaveEpoch
from ryu_netpol.agent.events import CommitFailed, Committed, EpochSaved, Event, Ticked, Upserted
from ryu_netpol.bench.bench import BenchError
from ryu_netpol.bench.lags import Lags
from ryu_netpol.bench.node import Acknowledged, Handled
from ryu_netpol.flows.delta import Plan
from ryu_netpol.model.objects import Namespace

PROGRAM = Program(Plan(1), 1)
ONE, TWO, THREE = (Upserted(Namespace(name)) for name in ("one", "two", "three"))


class Story:
    """What happens, a second after the other."""

    def __init__(self) -> None:
        self.lags, self.now = Lags(), 0.0

    def sent(self, *events: Event) -> None:
        for event in events:
            self.lags.sent(event, self.now)
        self.now += 1

    def handled(self, event: Event, *effects: Effect) -> None:
        self.lags.heard(Handled(event, effects, self.now))
        self.now += 1

    def acknowledged(self) -> None:
        self.lags.heard(Acknowledged(self.now))
        self.now += 1


@pytest.fixture
def story() -> Story:
    return Story()


def test_an_acknowledged_event(story: Story) -> None:
    """Done when the switch acknowledges, not when the agent hears of it."""
    story.sent(ONE)
    story.handled(ONE, PROGRAM)
    story.acknowledged()
    assert story.lags.open == 1
    story.handled(Committed(1))

    assert story.lags.seconds == [2.0]
    assert story.lags.open == 0


def test_an_event_without_consequences(story: Story) -> None:
    """Done when it has been handled."""
    story.sent(ONE)
    story.handled(ONE)

    assert story.lags.seconds == [1.0]


def test_what_gathers_is_done_with_the_next_bundle(story: Story) -> None:
    """What comes while a bundle is in flight waits for the following one, also if the first is acknowledged already."""
    story.sent(ONE, TWO, THREE)
    story.handled(ONE, PROGRAM)
    story.handled(TWO)
    story.acknowledged()
    story.handled(THREE)
    assert story.lags.open == 3
    story.handled(Committed(1), PROGRAM)
    assert story.lags.seconds == [3.0]
    story.acknowledged()
    story.handled(Committed(2))

    assert story.lags.seconds == [3.0, 6.0, 6.0]


def test_what_gathers_and_needs_nothing(story: Story) -> None:
    """Done when the agent has looked at it, after the bundle."""
    story.sent(ONE, TWO)
    story.handled(ONE, PROGRAM)
    story.handled(TWO)
    story.acknowledged()
    story.handled(Committed(1))

    assert story.lags.seconds == [3.0, 4.0]


def test_waiting_for_the_database(story: Story) -> None:
    """An epoch that is being reserved is no end."""
    story.sent(ONE)
    story.handled(ONE, SaveEpoch(1000))
    story.handled(Ticked())
    assert story.lags.open == 1
    story.handled(EpochSaved(1000), PROGRAM)
    story.acknowledged()
    story.handled(Committed(1))

    assert story.lags.open == 0
    assert len(story.lags.seconds) == 1


def test_a_refused_bundle_ends_the_measurement(story: Story) -> None:
    """Never a fast result."""
    story.sent(ONE)
    story.handled(ONE, PROGRAM)
    with pytest.raises(BenchError, match="refused: too large"):
        story.handled(CommitFailed(1, ("too large",)))
