"""What can be proved, as a status: complete, small, and such as the schema takes."""

from __future__ import annotations

import json

import pytest

from ryu_netpol.adapters.kube.tell.status import LARGEST, new_object, status
from ryu_netpol.agent.events import Kind
from ryu_netpol.agent.standing import Concern, Version
from tests.unit.adapters.kube.tell.samples import AGENT, NOTHING, concern, in_force, standing
from tests.unit.adapters.kube.writable import merged


def test_everything() -> None:
    """Each field, as the documents have it."""
    assert status(standing(closed=1, failures=(concern(),)), AGENT) == {
        "agent": AGENT,
        "inForce": {
            "generation": 7,
            "since": "2026-01-02T03:04:05.500000Z",
            "milliseconds": 12.5,
            "seen": [
                {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "resourceVersion": "1234"},
                {"apiVersion": "v1", "kind": "Pod", "resourceVersion": "1235"},
            ],
        },
        "endpoints": {"ready": 30, "closed": 1},
        "failureCount": 1,
        "failures": [
            {
                "kind": "NetworkPolicy",
                "namespace": "shop",
                "name": "deny",
                "reason": "CannotDecode",
                "message": "it has no sense",
                "resourceVersion": "1230",
                "since": "2026-01-02T03:04:05.500000Z",
            }
        ],
    }


def test_what_is_not_known_goes() -> None:
    """By a merge patch of the next status: the time that a start took, and what is in force where nobody knows."""
    before = status(standing(), AGENT)
    started = merged(before, status(standing(in_force=in_force(took=None)), AGENT))

    assert "milliseconds" in before["inForce"]  # type: ignore[operator]
    assert "milliseconds" not in started["inForce"]
    assert "inForce" not in merged(before, status(NOTHING, AGENT))


def test_versions_that_are_none_are_left_out() -> None:
    """The schema takes numbers only, and one wrong version must not keep the rest from being told."""
    odd = {
        Kind.POLICY: Version("networking.k8s.io/v1", "1234"),
        Kind.NODE: Version("v1", ""),
        Kind.POD: Version("v1", "7a"),
    }
    found = status(standing(in_force=in_force(versions=odd), failures=(concern(version="x", since=0.0),)), AGENT)

    assert [one["kind"] for one in found["inForce"]["seen"]] == ["NetworkPolicy"]  # type: ignore[index]
    assert {"resourceVersion", "since"}.isdisjoint(found["failures"][0])  # type: ignore[index]


def test_policies_come_first() -> None:
    """Whoever waits for a policy finds it among the failures that are listed."""
    pods = tuple(Concern("Pod", "v1", "shop", f"p{n}", "CannotDecode", "m") for n in range(200))
    found = status(standing(failures=(*pods, concern())), AGENT)

    assert found["failureCount"] == 201
    assert len(found["failures"]) == 100  # type: ignore[arg-type]
    assert found["failures"][0]["name"] == "deny"  # type: ignore[index]


def test_one_for_each_object_and_reason() -> None:
    """The schema tells them apart by these: the first sentence is told, and they count as one."""
    twice = (concern(message="first"), concern(message="second"), concern(reason="UnresolvablePort"))
    found = status(standing(failures=twice), AGENT)

    assert [one["message"] for one in found["failures"]] == ["first", "it has no sense"]  # type: ignore[attr-defined]
    assert found["failureCount"] == 2


@pytest.mark.parametrize("text", ["m" * 2000, "é" * 900, "𝕏" * 500, '"\\\n' * 500, "\x00" * 1024, "\ud800" * 1500],
                         ids=["plain", "two bytes", "four bytes", "escaped", "control", "surrogates"])  # fmt: skip
def test_ten_thousand_failures_stay_small(text: str) -> None:
    """Below 64 KiB whatever the messages are, and none longer than the schema takes; the number of all is told."""
    many = tuple(concern(f"{n}-{'n' * 240}", message=text) for n in range(10_000))
    found = status(standing(failures=many), AGENT)

    size = len(json.dumps({"status": found}))
    assert size < 64 * 1024
    assert size > LARGEST * 3 / 4
    assert found["failureCount"] == 10_000
    assert all(len(one["message"]) <= 1024 for one in found["failures"])  # type: ignore[attr-defined]


def test_the_node_owns_its_object() -> None:
    """So that it is deleted with the Node."""
    made = new_object("node1", "uid-1")

    assert made["metadata"] == {
        "name": "node1",
        "labels": {"app.kubernetes.io/name": "ryu-netpol"},
        "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "node1", "uid": "uid-1"}],
    }
