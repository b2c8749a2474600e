"""What an agent says reaches the server, as seldom as it may; what a server says to that harms nobody."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from ryu_netpol.adapters.kube import questions
from ryu_netpol.adapters.kube.feed import STOP
from ryu_netpol.adapters.kube.tell import pace, teller
from ryu_netpol.agent.standing import Standing
from tests.unit.adapters.kube.server import Fault, drop, hang, instead, wait, write_kubeconfig
from tests.unit.adapters.kube.tell.conftest import Told
from tests.unit.adapters.kube.tell.samples import NOTHING, concern, in_force, standing
from tests.unit.adapters.kube.world import Reply, refuse
from tests.unit.adapters.kube.writable import STATUSES

OBJECT = f"{STATUSES}/n1"


def test_the_first_status(told: Told) -> None:
    """Where there is no object, one is made, which the node owns; then the status is written."""
    told.say(standing())
    told.teller.start()
    assert told.wait_written(1)

    made = told.world.written[OBJECT]
    assert made["metadata"]["ownerReferences"] == [{"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "uid-n1"}]
    assert told.status()["inForce"]["generation"] == 7
    assert told.status()["told"].startswith("20")
    assert [method for method, _, _ in told.world.requests] == ["PATCH", "GET", "POST", "PATCH"]
    assert told.reports == []


def test_the_whole_status_is_written_each_time(told: Told) -> None:
    """One request. What somebody else has written into it meanwhile goes."""
    told.say(standing())
    told.teller.start()
    assert told.wait_written(1)
    told.world.tell("n1", {**told.status(), "failureCount": 99, "inForce": None})
    told.say(standing(closed=2))
    assert told.wait_written(2)

    assert len(told.world.asked("PATCH")) == 3
    assert told.status()["failureCount"] == 0
    assert told.status()["inForce"]["generation"] == 7


def test_nothing_new_is_written_now_and_then(told: Told) -> None:
    """Who looks sees that the agent is alive, and what somebody else has written there does not stay."""
    told.say(standing())
    told.teller.start()
    assert told.wait_written(1)
    began = time.monotonic()
    told.world.tell("n1", {"inForce": {"generation": 99}})
    told.teller.wake()
    assert told.wait_written(2)

    assert time.monotonic() - began >= pace.SELDOM
    assert told.status()["inForce"]["generation"] == 7


def test_a_restart_wipes_nothing(told: Told) -> None:
    """What an earlier run told stays until this one knows what is in force; then it is replaced as a whole."""
    told.world.tell("n1", {"inForce": {"generation": 99}, "failureCount": 3, "endpoints": {"ready": 3, "closed": 0}})
    before = told.status()
    told.say(replace(NOTHING, failures=(concern(),)))
    told.teller.start()
    assert wait(lambda: told.asked > 0)
    assert wait(lambda: ("event", "created") in told.counted)
    assert told.status() == before

    told.say(standing())
    assert told.wait_written(1)
    assert told.status()["inForce"]["generation"] == 7
    assert told.status()["failureCount"] == 0

    told.say(NOTHING)
    assert told.wait_written(2)
    assert "inForce" not in told.status()


@pytest.mark.parametrize("late", [False, True], ids=["refused", "for a minute"])
def test_what_an_earlier_run_told_does_not_stand_for_ever(
    told: Told, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """Not where the switch takes no flows of this one, nor where nobody hears of the switch."""
    told.world.tell("n1", {"inForce": {"generation": 99}})
    failures = (replace(concern("n1", "BundleRefused"), kind="Node", namespace=""),)
    told.say(NOTHING if late else replace(NOTHING, failures=failures))
    monkeypatch.setattr(teller, "HOLD", 0.2 if late else 60.0)
    told.teller.start()
    if late:
        assert wait(lambda: told.asked > 0)
        assert "inForce" in told.status()
        assert wait(lambda: told.teller.wake() is None and told.counted != [])  # type: ignore[func-returns-value]

    assert told.wait_written(1)
    assert "inForce" not in told.status()


def test_a_server_that_is_back_is_told_at_once(told: Told) -> None:
    """The feed has noticed: no need to rest for minutes."""
    told.world.tell("n1", {})
    told.server.fail("PATCH", instead(lambda: refuse(503, "away", header="100")))
    told.say(standing(failures=(concern(),)))
    told.teller.start()
    assert wait(lambda: ("status", "failed") in told.counted)
    told.teller.reached()

    assert told.wait_written(1)


def test_an_object_that_was_deleted_is_made_again(told: Told) -> None:
    """With all of its status, not only what differs."""
    told.say(standing())
    told.teller.start()
    assert told.wait_written(1)
    del told.world.written[OBJECT]
    told.say(standing(ready=29))
    assert told.wait_written(2)

    assert told.status()["endpoints"] == {"ready": 29, "closed": 0}
    assert told.status()["inForce"]["generation"] == 7
    assert told.reports == []


def test_somebody_else_has_made_the_object(told: Told) -> None:
    """Between the two requests: 409 is as good as made."""
    told.world.tell("n1", {})
    told.server.fail("PATCH", instead(lambda: refuse(404, "not found")))
    told.say(standing())
    told.teller.start()

    assert told.wait_written(1)
    assert told.reports == []


def test_many_changes_are_few_writes(told: Told) -> None:
    """Thousands of wakes: no more writes than the bucket allows, and the last word is told."""
    told.say(standing())
    told.teller.start()
    began = time.monotonic()
    for count in range(3000):
        told.say(standing(ready=count))
        if count % 100 == 0:
            assert wait(lambda asked=told.asked: told.asked > asked)  # type: ignore[misc]
    assert wait(lambda: told.status().get("endpoints", {}).get("ready") == 2999)
    took = time.monotonic() - began

    assert told.counted.count(("status", "written")) <= pace.BURST + 1 + took / pace.EVERY
    assert told.asked <= 2 + took / pace.BETWEEN


def test_what_nobody_waits_for_comes_later(told: Told) -> None:
    """Versions that move are told after a while."""
    told.say(standing())
    told.teller.start()
    assert told.wait_written(1)
    began = time.monotonic()
    told.say(standing(in_force=in_force(pods="2000")))
    assert told.wait_written(2)

    assert time.monotonic() - began >= pace.SELDOM
    assert told.status()["inForce"]["seen"][1]["resourceVersion"] == "2000"


def test_a_busy_agent(told: Told) -> None:
    """An agent that does not answer in time is asked again; nothing is reported."""
    told.busy = True
    told.say(standing())
    told.teller.start()
    assert wait(lambda: told.asked > 2)
    told.busy = False

    assert told.wait_written(1)
    assert told.reports == []


FAILURES: dict[str, tuple[Fault, str]] = {
    "400": (instead(lambda: refuse(400, "odd")), "400 odd"),
    "403": (instead(lambda: refuse(403, "is forbidden")), "403 is forbidden"),
    "409": (instead(lambda: refuse(409, "conflict")), "409 conflict"),
    "422": (instead(lambda: refuse(422, "is invalid")), "422 is invalid"),
    "429": (instead(lambda: refuse(429, "busy")), "429 busy"),
    "500": (instead(lambda: refuse(500, "etcd")), "500 etcd"),
    "503 in plain text": (instead(lambda: Reply(503, iter([b"no backend"]))), "503 without a reason"),
    "401": (instead(lambda: refuse(401, "Unauthorized")), "401 Unauthorized"),
    "hung up": (drop, ""),
    "silent": (hang(5.0), "nothing came for too long"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failing_status_is_told_once_and_tried_again(
    told: Told, failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer, three times over; afterwards the whole status is there, and a new failure is told anew."""
    monkeypatch.setattr(questions, "USUAL_SILENCE", 0.3)
    fault, reason = FAILURES[failure]
    told.world.tell("n1", {})
    for _ in range(3):
        told.server.fail("PATCH", fault)
    told.say(standing())
    told.teller.start()
    assert told.wait_written(1)

    assert told.counted == [("status", "failed")] * 3 + [("status", "written")]
    assert [what for what, _ in told.reports] == ["status_untold"]
    assert reason in told.reports[0][1]
    assert told.status()["endpoints"] == {"ready": 30, "closed": 0}
    told.server.fail("PATCH", fault)
    told.say(standing(ready=31))
    assert told.wait_written(2)
    assert [what for what, _ in told.reports] == ["status_untold"] * 2


@pytest.mark.parametrize("failure", sorted(FAILURES.keys() - {"409"}))
def test_a_failing_event_is_told_once_and_tried_again(
    told: Told, failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer but 409, which is none; the status does not wait for it."""
    monkeypatch.setattr(questions, "USUAL_SILENCE", 0.3)
    fault, reason = FAILURES[failure]
    told.world.tell("n1", {})
    for _ in range(3):
        told.server.fail("POST", fault)
    told.say(standing(hints=(concern(),)))
    told.teller.start()
    assert wait(lambda: ("event", "created") in told.counted)

    assert told.counted.count(("event", "failed")) == 3
    assert [what for what, _ in told.reports] == ["event_untold"]
    assert "at NetworkPolicy shop/deny that CannotDecode: POST " in told.reports[0][1]
    assert reason in told.reports[0][1]
    assert told.wait_written(1)


def test_an_event_that_is_there_is_told(told: Told) -> None:
    """The first agent makes it, and 409 says to all others that there is nothing to do."""
    told.server.fail("POST", instead(lambda: refuse(409, "already exists")))
    told.world.tell("n1", {})
    told.say(standing(failures=(concern(),)))
    told.teller.start()
    assert wait(lambda: ("event", "there") in told.counted)
    assert told.wait_written(1)

    assert told.reports == []
    assert len(told.world.asked("POST")) == 1


def test_events(told: Told) -> None:
    """Failures and hints, each in the namespace of its object."""
    told.world.tell("n1", {})
    told.say(standing(failures=(concern(),), hints=(concern("odd", "SelectsNothing", "nobody has this label"),)))
    told.teller.start()
    assert wait(lambda: len(told.world.events()) == 2)

    assert {(one["regarding"]["name"], one["reason"]) for one in told.world.events()} == {
        ("deny", "CannotDecode"),
        ("odd", "SelectsNothing"),
    }
    assert {path for method, path, _ in told.world.requests if method == "POST"} == {
        "/apis/events.k8s.io/v1/namespaces/shop/events"
    }


def test_without_the_crd(told: Told) -> None:
    """404 to everything: told once; Events do not need it; it is written when the CRD has come."""
    told.world.crd = False
    told.say(standing(failures=(concern(),)))
    told.teller.start()
    assert wait(lambda: ("event", "created") in told.counted)
    assert wait(lambda: told.counted.count(("status", "failed")) > 2)
    assert [what for what, _ in told.reports] == ["status_untold"]
    told.world.crd = True

    assert told.wait_written(1)


def test_without_a_node(told: Told) -> None:
    """No object is made that nobody would delete."""
    told.world.delete(told.world.objects["Node", "", "n1"])
    told.say(standing())
    told.teller.start()
    assert wait(lambda: told.counted.count(("status", "failed")) > 1)

    assert told.world.asked("POST") == []
    assert "GET /api/v1/nodes/n1: 404" in told.reports[0][1]


def test_credentials_are_read_again(told: Told) -> None:
    """After a 401: the token was replaced, and the new one is used at once."""
    told.world.tell("n1", {})
    told.server.token = "Bearer new"
    write_kubeconfig(told.config, told.server.url, token="new")
    told.say(standing())
    told.teller.start()
    assert told.wait_written(1)

    assert [authorization for _, _, authorization in told.server.asked] == ["Bearer t", "Bearer new"]
    assert "401 Unauthorized" in told.reports[0][1]


def test_retry_after_is_obeyed(told: Told) -> None:
    """The server knows best when it can listen again."""
    told.world.tell("n1", {})
    told.server.fail("PATCH", instead(lambda: refuse(429, "busy", header="1")))
    told.say(standing())
    told.teller.start()
    assert wait(lambda: ("status", "failed") in told.counted)
    began = time.monotonic()
    assert told.wait_written(1)

    assert time.monotonic() - began > 0.9


@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_it_ends_while_a_request_hangs(told: Told, method: str) -> None:
    """Within little more than half a second, and reports nothing afterwards."""
    told.world.tell("n1", {})
    told.server.fail(method, hang(5.0))
    told.say(standing(failures=(concern(),)))
    told.teller.start()
    assert wait(lambda: told.server.faults[method] == [])
    began = time.monotonic()
    told.teller.stop()

    assert time.monotonic() - began < STOP + 0.2
    told.server.cut()
    told.teller._thread.join()
    assert told.reports == []


def test_it_ends_while_it_waits(told: Told) -> None:
    """At once; a second time, too, and before it has begun."""
    told.say(standing())
    told.teller.start()
    assert told.wait_written(1)
    began = time.monotonic()
    told.teller.stop()
    told.teller.stop()

    assert time.monotonic() - began < STOP / 2
    assert not told.teller._thread.is_alive()


def test_a_defect_ends_nothing(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception of whoever is asked is reported, and he is asked again."""
    answers = iter([ValueError("oops"), ValueError("oops"), standing()])

    def ask() -> Standing:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(told.teller, "_standing", ask)
    told.teller.start()

    assert told.wait_written(1)
    assert told.reports == [("status_untold", "ValueError: oops")]
