"""Whether a policy is in force on a node, by what is told from there."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from ryu_netpol.adapters.kube.tell.status import status
from ryu_netpol.adapters.kube.wait.verdict import Failure, State, Status, Target, judge
from ryu_netpol.agent.events import Kind
from ryu_netpol.agent.standing import Concern, Standing, Version
from ryu_netpol.model.labels import EVERYTHING
from ryu_netpol.model.names import Api, PolicyKey
from tests.unit.adapters.kube.tell.samples import AGENT, NOTHING, concern, in_force, standing

TARGET = Target(PolicyKey("shop", "deny"), "uid-deny", "1200", 3, EVERYTHING)
PODS = tuple(Concern("Pod", "v1", "shop", f"p{n}", "CannotDecode", "m") for n in range(200))
POLICIES = tuple(concern(f"p{n:04}") for n in range(200))
OLD_API = in_force(versions={Kind.POLICY: Version(Api.LEGACY, "1234")})
BETA = in_force(versions={Kind.POLICY: Version("networking.k8s.io/v1beta1", "1234")})


def told(of: Standing) -> Status:
    """What a server has of it, read back."""
    text = msgspec.json.encode({**status(of, AGENT), "told": "2026-01-02T03:05:00Z"})
    return msgspec.json.decode(text, type=Status)


CASES = {
    "a newer version": (standing(), State.IN_FORCE, ""),
    "this version": (standing(in_force=in_force("1200")), State.IN_FORCE, ""),
    "an older version": (
        standing(in_force=in_force("1199")),
        State.WAITING,
        "version 1199 is in force there, not yet 1200",
    ),
    "fewer digits": (standing(in_force=in_force("999")), State.WAITING, "version 999 is in force there, not yet 1200"),
    "nothing in force": (
        NOTHING, State.WAITING, "nothing is known to be in force there"
    ),
    "no policies": (standing(in_force=in_force(versions={})), State.WAITING, "no policy of networking.k8s.io/v1 is"),
    "another group": (standing(in_force=OLD_API), State.WAITING, "no policy of networking.k8s.io/v1 is"),
    "another version of the group": (standing(in_force=BETA), State.IN_FORCE, ""),
    "it fails": (standing(failures=(concern(version="1200"),)), State.FAILED, "CannotDecode: it has no sense"),
    "it fails, and is not in force": (
        standing(in_force=None, failures=(concern(version="1200"),)),
        State.FAILED,
        "CannotDecode: it has no sense",
    ),
    "it failed before": (
        standing(in_force=in_force("1150"), failures=(concern(version="1100"),)),
        State.WAITING,
        "version 1150 is in force there, not yet 1200",
    ),
    "it fails in a version that nobody knows": (
        standing(failures=(concern(version=""),)), State.WAITING, "CannotDecode: it has no sense"
    ),
    "it fails twice": (
        standing(failures=(concern(version="1100"), concern(version="1200", reason="FlowRefused", message="m"))),
        State.WAITING,
        "FlowRefused: m",
    ),
    "its flows were refused, and it has no sense": (
        standing(failures=(concern(version="1200", reason="FlowRefused", message="m"), concern(version="1200"))),
        State.FAILED,
        "CannotDecode: it has no sense",
    ),
    "its flows were refused, and are tried again": (
        standing(in_force=in_force("1199"), failures=(concern(version="1200", reason="FlowRefused"),)),
        State.WAITING,
        "version 1199 is in force there, not yet 1200",
    ),
    "others fail": (
        standing(failures=(concern("other", version="1200"), replace(concern(version="1200"), namespace="else"))),
        State.IN_FORCE,
        "",
    ),
    "many pods fail": (standing(failures=PODS), State.IN_FORCE, ""),
    "many policies fail": (
        standing(failures=POLICIES), State.WAITING, "200 objects fail there, and not all of them are told"
    ),
}  # fmt: skip


def test_pods_that_fail() -> None:
    """One that the policy selects is waited for: nobody reaches it, or everybody does. Others do not matter."""
    closed = Concern("Pod", "v1", "shop", "web", "EndpointClosed", "it is closed")
    status_ = told(standing(failures=(closed,)))

    assert judge(TARGET, status_, ["other"]).state is State.IN_FORCE
    verdict = judge(TARGET, status_, ["other", "web"])
    assert (verdict.state, verdict.reason) == (State.WAITING, "pod web: EndpointClosed: it is closed")


@pytest.mark.parametrize(("last", "state"), [("zzz", State.IN_FORCE), ("aaa", State.WAITING)])
def test_failures_that_are_not_listed(last: str, state: State) -> None:
    """They may be of a pod that matters, unless the list goes beyond it."""
    listed = Failure("Pod", last, "p", "NotAttached", "m")
    status_ = told(standing())
    status_.failures, status_.failureCount = [listed], 101

    assert judge(TARGET, status_, ["web"]).state is state


def test_a_switch_that_takes_nothing() -> None:
    """Why nothing is known to be in force."""
    refused = Concern("Node", "v1", "", "n1", "BundleRefused", "it is full")
    verdict = judge(TARGET, told(standing(in_force=None, failures=(refused,))))

    assert verdict.reason == "nothing is known to be in force there: BundleRefused: it is full"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_judge(case: tuple[Standing, State, str]) -> None:
    """Each thing that can be told of a node, through the status that the agent writes."""
    of, state, reason = case
    verdict = judge(TARGET, told(of))

    assert verdict.state is state
    assert verdict.reason.startswith(reason)
    assert bool(verdict.reason) == (state is not State.IN_FORCE)


def test_where_nothing_was_told() -> None:
    """No object: nobody knows whether an agent runs there."""
    assert judge(TARGET, None).state is State.WAITING
    assert judge(TARGET, Status()).reason == "nothing is known to be in force there"


def test_what_is_in_force() -> None:
    """The node's own generation, since when, and which version of policies."""
    verdict = judge(TARGET, told(standing()))

    assert (verdict.generation, verdict.since, verdict.version) == (7, "2026-01-02T03:04:05.500000Z", "1234")
    assert verdict.told == "2026-01-02T03:05:00Z"


@pytest.mark.parametrize(
    ("seen", "target", "expected"),
    [("7a", "7a", True), ("7b", "7a", False), ("7", "7a", False), ("8", "7a", False)],
    ids=["the same", "another", "shorter", "a number"],
)
def test_versions_that_are_no_numbers(seen: str, target: str, expected: bool) -> None:
    """Only an aggregated API server could have them: nothing but the same version proves anything."""
    found = msgspec.json.decode(
        msgspec.json.encode(
            {"inForce": {"generation": 1, "since": "", "seen": [
                {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "resourceVersion": seen}]}}
        ), type=Status,
    )  # fmt: skip
    odd = Target(TARGET.key, "u", target, 1, EVERYTHING)

    assert (judge(odd, found).state is State.IN_FORCE) == expected
