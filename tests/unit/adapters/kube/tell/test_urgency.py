"""What is told soon, and what later."""

from __future__ import annotations

import pytest

from ryu_netpol.adapters.kube.tell.urgency import Need, Picture, need
from ryu_netpol.agent.standing import Standing
from tests.unit.adapters.kube.tell.samples import AGENT, NOTHING, concern, in_force, policy, standing

OLD = standing(failures=(concern("bad"),), policies=(policy(), policy("other", "1100")))
CHANGES = {
    "nothing": (Need.LATER, {}),
    "a hint": (Need.LATER, {"hints": (concern("odd"),)}),
    "an older store": (Need.SOON, {"in_force": in_force(pods="1000")}),
    "pods moved": (Need.LATER, {"in_force": in_force(pods="1300")}),
    "policies elsewhere": (Need.LATER, {"in_force": in_force("1300")}),
    "another generation": (Need.LATER, {"in_force": in_force(generation=8)}),
    "a policy gone": (Need.LATER, {"in_force": in_force("1300"), "policies": (policy(),)}),
    "a newer version seen": (
        Need.LATER,
        {"in_force": in_force(pods="1300"), "policies": (policy(version="1299"), policy("other", "1100"))},
    ),
    "a newer version in force": (
        Need.SOON,
        {"in_force": in_force("1300"), "policies": (policy(version="1299"), policy("other", "1100"))},
    ),
    "another policy": (Need.SOON, {"in_force": in_force("1300"), "policies": (*OLD.policies, policy("new", "1299"))}),
    "nothing in force": (Need.SOON, {"in_force": None}),
    "an endpoint more": (Need.SOON, {"ready": 31}),
    "an endpoint closed": (Need.SOON, {"closed": 1}),
    "a failure more": (Need.SOON, {"failures": (concern("bad"), concern("worse"))}),
    "a failure gone": (Need.SOON, {"failures": ()}),
    "a failure of a newer version": (Need.SOON, {"failures": (concern("bad", version="1299"),)}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_need(change: tuple[Need, dict[str, object]]) -> None:
    """Each change by itself."""
    expected, what = change
    fields = {name: getattr(OLD, name) for name in Standing.__slots__}

    assert expected is need(Picture.of(OLD, AGENT), Picture.of(Standing(**{**fields, **what}), AGENT))


def test_what_nobody_knows_is_told_soon() -> None:
    """At the start, and after an attempt of which nobody knows what became of it."""
    assert need(None, Picture.of(OLD, AGENT)) is Need.SOON


def test_in_force_again() -> None:
    """What is in force comes and goes, and both are told soon."""
    assert need(Picture.of(NOTHING, AGENT), Picture.of(standing(), AGENT)) is Need.SOON
    assert need(Picture.of(standing(), AGENT), Picture.of(NOTHING, AGENT)) is Need.SOON
