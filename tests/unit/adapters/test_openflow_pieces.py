"""adapters.openflow: a large plan is sent piece by piece, and what may happen between two pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ryu_netpol.agent.events import CommitFailed, Committed, SwitchLost
from ryu_netpol.flows import wire
from ryu_netpol.flows.delta import Plan
from ryu_netpol.flows.ir import Conjunction, Flow, Match
from ryu_netpol.flows.wire.codes import Bundle, Type
from tests.unit.adapters.openflow_world import BAD_PREREQ, FLOW, Switch, World

LARGE = tuple(Flow(51, 9, Match.of(reg1=number), FLOW.actions, FLOW.cookie) for number in range(5_000))
TOO_LONG = Flow(51, 9, Match(), tuple(Conjunction(number, 1, 2) for number in range(5_000)), FLOW.cookie)


@pytest.fixture
def world() -> World:
    """A session without a switch."""
    return World()


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Has something happen after the first piece of a plan, before the second."""

    def patch(happens: Callable[[], object]) -> None:
        pieces = wire.EncodedPlan.pieces.fget  # type: ignore[attr-defined]

        def interrupted(encoded: wire.EncodedPlan) -> Iterator[bytes]:
            rest = pieces(encoded)
            yield next(rest)
            happens()
            yield from rest

        monkeypatch.setattr(wire.EncodedPlan, "pieces", property(interrupted))

    return patch


def test_the_rest_is_encoded_while_the_switch_reads(world: World, between: Callable[..., None]) -> None:
    """When the second piece is asked for, the first has been sent, with the meters before it."""
    switch = world.ready()
    sent: list[bytes] = []
    between(lambda: sent.extend(switch.messages))

    world.program(Plan(4, adds=LARGE, meters_add=(5,)))

    assert [message[1] for message in sent[:3]] == [Type.METER_MOD, Type.BUNDLE_CONTROL, Type.BUNDLE_ADD_MESSAGE]
    assert len(sent) < len(LARGE)
    assert len(switch.take(Type.METER_MOD)) == 1
    assert len(switch.take(Type.BUNDLE_ADD_MESSAGE)) == len(LARGE)
    switch.reply(switch.bundle(Bundle.CLOSE_REQUEST))
    switch.reply(switch.bundle(Bundle.COMMIT_REQUEST))
    assert world.events == [Committed(4)]


def test_refused_while_it_is_sent(world: World, between: Callable[..., None]) -> None:
    """An error about an early flow that comes before the last is sent: the bundle fails as ever."""
    switch = world.ready()
    between(lambda: switch.refuse(switch.take(Type.BUNDLE_ADD_MESSAGE)[0], BAD_PREREQ))

    world.program(Plan(4, adds=LARGE))
    assert world.events == []
    switch.reply(switch.bundle(Bundle.CLOSE_REQUEST))

    (failed,) = world.events
    assert isinstance(failed, CommitFailed)
    assert "reg1=0 " in failed.errors[0]


def test_lost_while_it_is_sent(world: World, between: Callable[..., None]) -> None:
    """Nothing more is sent, and nothing is told but the loss."""
    switch = world.ready()
    between(lambda: world.session.disconnected(switch))

    world.program(Plan(4, adds=LARGE))

    assert world.events == [SwitchLost(1)]
    assert len(switch.take(Type.BUNDLE_ADD_MESSAGE)) < len(LARGE)


def test_another_switch_while_it_is_sent(world: World, between: Callable[..., None]) -> None:
    """The new connection never hears of the plan that was made for the old one."""
    world.ready()
    new: list[Switch] = []
    between(lambda: new.append(world.connect()))

    world.program(Plan(4, adds=LARGE))

    assert [message[1] for message in new[0].messages] == [Type.SET_CONFIG]


def test_a_late_flow_that_is_too_long(world: World) -> None:
    """What has been sent is thrown away, and the next plan goes through."""
    switch = world.ready()

    world.program(Plan(4, adds=(*LARGE, TOO_LONG)))

    (failed,) = world.events
    assert isinstance(failed, CommitFailed)
    assert failed.generation == 4
    assert "5000 actions" in failed.errors[0]
    assert len(switch.take(Type.BUNDLE_ADD_MESSAGE)) < len(LARGE)
    switch.bundle(Bundle.OPEN_REQUEST)
    switch.bundle(Bundle.DISCARD_REQUEST)
    assert switch.messages == []
    world.program(Plan(5, adds=(FLOW,)))
    switch.reply(switch.bundle(Bundle.CLOSE_REQUEST))
    switch.reply(switch.bundle(Bundle.COMMIT_REQUEST))
    assert world.events[1:] == [Committed(5)]


def test_too_long_when_the_switch_is_gone(world: World, between: Callable[..., None]) -> None:
    """The loss is all that is told: what was under way has failed with it."""
    switch = world.ready()
    between(lambda: world.session.disconnected(switch))

    world.program(Plan(4, adds=(*LARGE, TOO_LONG)))

    assert world.events == [SwitchLost(1)]
