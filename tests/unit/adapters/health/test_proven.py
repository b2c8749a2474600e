"""What is in force, as metrics and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from ryu_netpol.adapters.health import proven
from ryu_netpol.adapters.health.proven import POLICIES, SELDOM, Proven
from ryu_netpol.agent.effects import Effect, MarkReady, Program
from ryu_netpol.agent.events import CommitFailed, Event, InForce, Kind, Reached, Said, Ticked, Together, Upserted
from ryu_netpol.agent.progress import Progress
from ryu_netpol.agent.standing import Concern, InForceNow, PolicyStanding, Standing, Version
from ryu_netpol.flows.delta import Plan
from ryu_netpol.model.names import Api, PolicyKey
from tests.support import build
from tests.unit.adapters.health.test_record import samples

A = PolicyKey("shop", "a")
FAILURE = Concern("NetworkPolicy", Api.V1, "shop", "b", "CannotDecode", "it is wrong")
HINT = Concern("NetworkPolicy", Api.V1, "shop", "a", "PortNotFound", "nobody has it")
POLICY = PolicyStanding(A, 3, "12", 2, 1000.0, 0.5, 4, hints=(HINT,))
STANDING = Standing(
    InForceNow(7, 1000.0, 0.5, {Kind.POLICY: Version(Api.V1, "11"), Kind.POD: Version("v1", "odd")}),
    2, 1, (FAILURE,), (HINT,), (POLICY,),
)  # fmt: skip
SEEN = {Kind.POLICY: Version(Api.V1, "12")}


class Once(CollectorRegistry):
    """Metrics that are there already."""

    def __init__(self, standing: Standing) -> None:
        super().__init__()
        self.collect = lambda: [*proven.gauges(standing, SEEN), *proven.policy_gauges(standing)]  # type: ignore[method-assign]


def test_metrics() -> None:
    """Versions that are numbers, reasons, and the policies one by one; nothing is said of what nobody knows."""
    assert samples(Once(STANDING)) == {
        "ryu_netpol_resource_version{kind=NetworkPolicy,state=seen}": 12,
        "ryu_netpol_resource_version{kind=NetworkPolicy,state=in_force}": 11,
        "ryu_netpol_failures{reason=CannotDecode}": 1,
        "ryu_netpol_hints{reason=PortNotFound}": 1,
        **{
            f"ryu_netpol_policy_{name}{{api=networking.k8s.io/v1,name=a,namespace=shop}}": value
            for name, value in {
                "generation_seen": 3,
                "generation_in_force": 2,
                "in_force_timestamp_seconds": 1000,
                "in_force_seconds": 0.5,
                "endpoints": 4,
                "failures": 0,
            }.items()
        },
        "ryu_netpol_policies_left_out": 0,
    }
    unknown = replace(POLICY, in_force=None, since=None, took=None)
    names = samples(Once(replace(STANDING, in_force=None, policies=(unknown,))))
    assert not [name for name in names if "in_force" in name]


def test_many_policies_are_left_out() -> None:
    """A node has a thousand series of each metric at most, and says how many policies it does not tell of."""
    many = tuple(replace(POLICY, key=PolicyKey("shop", f"p{number:04}")) for number in range(POLICIES + 5))
    found = samples(Once(replace(STANDING, policies=many)))

    assert sum(name.startswith("ryu_netpol_policy_endpoints") for name in found) == POLICIES
    assert found["ryu_netpol_policies_left_out"] == 5


def test_json() -> None:
    """For `ryu-netpol status`."""
    said = proven.enforcement(STANDING, SEEN)

    assert json.loads(json.dumps(said)) == {
        "seen": {"NetworkPolicy": "12"},
        "in_force": {
            "generation": 7,
            "since": "1970-01-01T00:16:40.000Z",
            "seconds": 0.5,
            "versions": {"NetworkPolicy": "11", "Pod": "odd"},
        },
        "failures": [{"kind": "NetworkPolicy", "object": "shop/b", "reason": "CannotDecode", "message": "it is wrong"}],
        "hints": [{"kind": "NetworkPolicy", "object": "shop/a", "reason": "PortNotFound", "message": "nobody has it"}],
    }
    (policy,) = proven.policies(STANDING)
    assert (policy["generation_seen"], policy["generation_in_force"], policy["hints"]) == (3, 2, ["nobody has it"])
    assert proven.enforcement(replace(STANDING, in_force=None), {})["in_force"] is None


def test_who_listens_is_told_and_times_are_counted() -> None:
    """When something comes in force; a policy counts then, too."""
    registry = CollectorRegistry()
    made, calls = Proven(registry, "node1"), []
    made.subscribe(lambda: calls.append(1))
    first = Reached(Kind.POLICY, Api.V1, "10", {A: Said("u", "10", 1)}, complete=True)
    made.follow(first, (), delivered=0, progress=Progress(False, 1, None))
    made.follow(InForce(1), (), delivered=1, progress=Progress(False, 1, 1))
    assert len(calls) == 2

    second = Reached(Kind.POLICY, Api.V1, "11", {A: Said("u", "11", 2)})
    made.follow(second, (), delivered=5, progress=Progress(False, 2, 1))
    assert samples(registry)["ryu_netpol_policy_seconds_count"] == 0

    made.follow(InForce(2), (), delivered=5.25, progress=Progress(False, 2, 2))
    found = samples(registry)
    assert len(calls) == 3
    assert found["ryu_netpol_policy_seconds_count"] == 1
    assert found["ryu_netpol_policy_seconds_sum"] == pytest.approx(0.25)
    assert made.seen() == {Kind.POLICY: Version(Api.V1, "11")}


@pytest.mark.parametrize(
    ("event", "effects", "told"),
    [
        (Upserted(build.pod("shop/x", node="node2")), (), False),
        (Together((Upserted(build.pod("shop/x")),)), (), True),
        (Ticked(), (Program(Plan(1), 1),), True),
        (Reached(Kind.POD, "v1", "12", {}), (), False),
        (Reached(Kind.POD, "v1", "12", {"x": Said("u", "12", 0, ("bad",))}), (), True),
        (Ticked(), (MarkReady("np1", "c"),), True),
        (CommitFailed(1, ("no",)), (), True),
    ],
    ids=[
        "a pod elsewhere",
        "a pod here",
        "flows",
        "a newer version",
        "an error",
        "an endpoint is ready",
        "a refused bundle",
    ],
)
def test_who_listens_hears_nothing_of_ordinary_changes(event: Event, effects: tuple[Effect, ...], told: bool) -> None:
    """To ask what can be proved takes as long as there are policies: so what is only newer is told seldom."""
    made, calls = Proven(CollectorRegistry(), "node1"), []
    made.subscribe(lambda: calls.append(1))
    made.follow(Ticked(), (), delivered=0, progress=Progress(False, 1, None))
    made.follow(event, effects, delivered=SELDOM - 1, progress=Progress(False, 1, None))
    assert len(calls) == 1 + told

    made.follow(Ticked(), (), delivered=2 * SELDOM, progress=Progress(False, 1, None))
    assert len(calls) == 2 + told
