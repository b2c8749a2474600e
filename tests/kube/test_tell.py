"""What an agent tells a real API server: taken by the schema, allowed to its account, seen where people look."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from ryu_netpol.adapters.kube import access, backoff
from ryu_netpol.adapters.kube.tell import occasions, pace
from ryu_netpol.adapters.kube.tell.teller import Teller
from ryu_netpol.agent.events import Kind
from ryu_netpol.agent.standing import Concern, InForceNow, Standing, Version
from tests.kube.client import reference
from tests.kube.server import Server
from tests.support.deploy import objects

API = "netpol.ryu-netpol.io/v1alpha1"
ACCOUNT = ("kube-system", "ryu-netpol")
SINCE = 1_767_323_045.0
VERSIONS = {Kind.POLICY: Version("networking.k8s.io/v1", "1234"), Kind.POD: Version("v1", "1235")}
STANDING = Standing(InForceNow(7, SINCE, 0.0125, VERSIONS), 30, 1, (), (), ())


class Told:
    """A teller of one node, with the token of the agent's account."""

    def __init__(self, server: Server, node: str, standing: Standing) -> None:
        self.server, self.node, self.standing = server, node, standing
        self.reports: list[tuple[str, str]] = []
        self.counted: list[tuple[str, str]] = []
        self.teller = Teller(
            access.kubeconfig(server.service_account_kubeconfig(*ACCOUNT)),
            node=node,
            agent="ryu-netpol 0.1.0 on os-ken 4.2.2",
            standing=lambda: self.standing,
            report=lambda what, message: self.reports.append((what, message)),
            counted=lambda what, result: self.counted.append((what, result)),
        )

    def say(self, standing: Standing) -> None:
        """What the agent can prove from now on."""
        self.standing = standing
        self.teller.wake()

    def object(self) -> dict[str, Any]:
        """The node's object, as the server has it."""
        return self.server.admin.get(reference(API, "NodePolicyStatus", self.node))

    def wait(self, condition: Callable[[], bool]) -> None:
        """Until something is so; nothing may be reported meanwhile."""
        _wait(condition)
        assert self.reports == []

    def wait_counted(self, what: str, result: str, count: int = 1) -> None:
        """Until this has happened so often."""
        _wait(lambda: self.counted.count((what, result)) >= count)


def _wait(condition: Callable[[], bool]) -> None:
    """Until something is so, also while the server is down."""
    limit = time.monotonic() + 30.0
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


@contextmanager
def telling(server: Server, node: str, standing: Standing = STANDING) -> Iterator[Told]:
    """A Node, and its teller, which ends afterwards."""
    server.admin.apply(reference("v1", "Node", node))
    told = Told(server, node, standing)
    told.teller.start()
    try:
        yield told
    finally:
        told.teller.stop()
        server.admin.delete(reference("v1", "Node", node))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events come at once, and failures are tried again soon."""
    monkeypatch.setattr(occasions, "LASTS", 0.0)
    monkeypatch.setattr(occasions, "SPREAD", 0.0)
    monkeypatch.setattr(pace, "EVERY", 0.1)
    monkeypatch.setattr(backoff, "FIRST", 0.01)
    monkeypatch.setattr(backoff, "LAST", 0.05)


def concern(name: str, namespace: str = "tell", **more: Any) -> Concern:
    """A policy that cannot be decoded."""
    usual: dict[str, Any] = {"message": "it is odd", "uid": f"uid-{name}", "version": "1230", "since": SINCE}
    return Concern("NetworkPolicy", "networking.k8s.io/v1", namespace, name, "CannotDecode", **(usual | more))


def test_the_status_of_a_node(deployed: Server) -> None:
    """Every field stays: the object is made, belongs to its Node, follows what is said, and nothing is refused."""
    with telling(deployed, "tell1") as told:
        told.wait_counted("status", "written")
        made = told.object()
        node = deployed.admin.get(reference("v1", "Node", "tell1"))
        (owner,) = made["metadata"]["ownerReferences"]
        first = made["status"].pop("told")

        assert owner == {"apiVersion": "v1", "kind": "Node", "name": "tell1", "uid": node["metadata"]["uid"]}
        assert made["metadata"]["labels"] == {"app.kubernetes.io/name": "ryu-netpol"}
        assert made["status"] == {
            "agent": "ryu-netpol 0.1.0 on os-ken 4.2.2",
            "inForce": {
                "generation": 7,
                "since": "2026-01-02T03:04:05.000000Z",
                "milliseconds": 12.5,
                "seen": [
                    {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "resourceVersion": "1234"},
                    {"apiVersion": "v1", "kind": "Pod", "resourceVersion": "1235"},
                ],
            },
            "endpoints": {"ready": 30, "closed": 1},
            "failureCount": 0,
            "failures": [],
        }

        told.say(replace(STANDING, in_force=None, failures=(concern("deny"),)))
        told.wait_counted("status", "written", 2)
        changed = told.object()["status"]
        assert changed.pop("told") > first
        assert "inForce" not in changed
        assert changed["failures"][0]["resourceVersion"] == "1230"

        told.say(replace(STANDING, in_force=InForceNow(8, SINCE, None, VERSIONS), closed=0))
        told.wait_counted("status", "written", 3)
        assert told.object()["status"]["inForce"].keys() == {"generation", "since", "seen"}
        assert told.reports == []


def test_ten_thousand_failures(deployed: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The schema takes as many as fit, at their longest, and the number of all."""
    monkeypatch.setattr(occasions, "MOST", 0)
    many = tuple(concern(f"{n:05}{'n' * 240}", message="é" * 2000) for n in range(10_000))
    with telling(deployed, "tell2") as told:
        told.say(replace(STANDING, failures=many))
        told.wait(lambda: ("status", "written") in told.counted and told.object()["status"]["failureCount"] == 10_000)

        assert 10 < len(told.object()["status"]["failures"]) <= 100


def events(server: Server, namespace: str, name: str) -> list[dict[str, Any]]:
    """What `kubectl describe` would show at an object: Events of the older API, by what they are about."""
    path = f"/api/v1/namespaces/{namespace}/events?fieldSelector=involvedObject.name={name}"
    return list(server.admin.ask("GET", path)["items"])


def test_events(deployed: Server, quick: None) -> None:
    """Two agents see one policy that cannot be decoded: one Event at it, which both take for told."""
    deployed.admin.apply(reference("v1", "Namespace", "tell"))
    spec = {"podSelector": {}}
    policy = deployed.admin.apply({**reference("networking.k8s.io/v1", "NetworkPolicy", "tell/deny"), "spec": spec})
    meta = policy["metadata"]
    odd = concern("deny", uid=meta["uid"], version=meta["resourceVersion"])
    hint = Concern("Namespace", "v1", "", "tell", "NoPods", "nobody lives here", uid="uid-tell")
    with telling(deployed, "tell3") as one, telling(deployed, "tell4") as other:
        one.say(replace(STANDING, failures=(odd,)))
        one.wait_counted("event", "created")
        other.say(replace(STANDING, failures=(odd,), hints=(hint,)))
        other.wait_counted("event", "there")
        other.wait_counted("event", "created")

        assert one.reports == other.reports == []
    (event,) = events(deployed, "tell", "deny")
    assert event["type"] == "Warning"
    assert (event["reason"], event["message"]) == ("CannotDecode", "it is odd")
    assert event["involvedObject"] == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "namespace": "tell",
        "name": "deny",
        "uid": meta["uid"],
        "resourceVersion": meta["resourceVersion"],
    }
    assert event["reportingInstance"] == "tell3"
    assert [one["message"] for one in events(deployed, "default", "tell")] == ["nobody lives here"]


def test_what_is_missing_is_told_and_comes(own_server: Server, quick: None) -> None:
    """No account's rights, no CRD, no server for a while: each is reported once, and nothing is lost."""
    admin = own_server.admin
    parts = {(one["kind"], one["metadata"]["name"]): one for one in objects() if one["kind"] != "DaemonSet"}
    crd = next(one for (kind, _), one in parts.items() if kind == "CustomResourceDefinition")
    binding = parts.pop(("ClusterRoleBinding", "ryu-netpol"))
    for one in parts.values():
        if one is not crd:
            admin.apply(one)
    with telling(own_server, "tell5") as told:
        told.say(replace(STANDING, failures=(concern("deny", "default"),)))
        told.wait_counted("status", "failed", 3)
        told.wait_counted("event", "failed", 3)
        assert sorted(what for what, _ in told.reports) == ["event_untold", "status_untold"]
        assert all("403" in message for _, message in told.reports)

        admin.apply(binding)
        told.wait_counted("event", "created")
        _wait(lambda: len(told.reports) == 3)
        assert told.reports[2][0] == "status_untold"
        assert "404" in told.reports[2][1]

        admin.apply(crd)
        told.wait_counted("status", "written")
        own_server.kill()
        told.say(replace(STANDING, ready=29, failures=told.standing.failures))
        failed = told.counted.count(("status", "failed"))
        told.wait_counted("status", "failed", failed + 1)
        own_server.start()
        told.wait_counted("status", "written", 2)

        assert told.object()["status"]["endpoints"]["ready"] == 29
        assert told.reports[3][0] == "status_untold"


def test_it_ends_at_once(deployed: Server) -> None:
    """With connections that are open to a real server."""
    with telling(deployed, "tell6") as told:
        told.wait_counted("status", "written")
        began = time.monotonic()
        told.teller.stop()

        assert time.monotonic() - began < 0.5
