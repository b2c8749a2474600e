"""`ryu-netpol wait` with a real API server, to which agents tell what a test makes up."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ryu_netpol.adapters.kube import access
from ryu_netpol.adapters.kube.wait.reader import Reader
from ryu_netpol.agent.events import Kind
from ryu_netpol.agent.standing import Concern, InForceNow, PolicyStanding, Version
from ryu_netpol.cli.main import main
from ryu_netpol.model.names import PolicyKey
from tests.kube.client import reference
from tests.kube.server import Server
from tests.kube.test_tell import STANDING, Told, telling

Json = dict[str, Any]
Out = pytest.CaptureFixture[str]
V1 = "networking.k8s.io/v1"
OLD = replace(STANDING, in_force=InForceNow(7, 0.0, 0.01, {Kind.POLICY: Version(V1, "1")}))
"""Installed when there was no policy yet."""
LOOK = ["wait", "wait/deny", "--timeout", "0"]


def apply(server: Server, **selected: str) -> Json:
    """The policy, for pods with these labels."""
    deny = {**reference(V1, "NetworkPolicy", "wait/deny"), "spec": {"podSelector": {"matchLabels": selected}}}
    return server.admin.apply(deny)


def place(server: Server, name: str, node: str, **labels: str) -> None:
    """A pod on a node."""
    pod = reference("v1", "Pod", f"wait/{name}")
    pod["metadata"]["labels"] = labels
    server.admin.apply({**pod, "spec": {"nodeName": node, "containers": [{"name": "c", "image": "i"}]}})


def enforce(told: Told, policy: Json) -> None:
    """The agent of a node has installed this policy."""
    meta = policy["metadata"]
    versions = {Kind.POLICY: Version(V1, meta["resourceVersion"])}
    installed = PolicyStanding(
        PolicyKey("wait", "deny"), meta["generation"], meta["resourceVersion"], meta["generation"], 0.0, 0.01, 1
    )
    told.say(replace(OLD, in_force=InForceNow(8, time.time(), 0.01, versions), policies=(installed,)))


@pytest.fixture
def nodes(deployed: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Told, Told]]:
    """Two nodes whose agents know nothing of the policy; $KUBECONFIG is of the agent's account, as in its pod."""
    deployed.admin.apply(reference("v1", "Namespace", "wait"))
    monkeypatch.setenv("KUBECONFIG", str(deployed.service_account_kubeconfig("kube-system", "ryu-netpol")))
    with telling(deployed, "wait1", OLD) as one, telling(deployed, "wait2", OLD) as other:
        for told in (one, other):
            told.wait_counted("status", "written")
        yield one, other
    deployed.admin.delete(reference("v1", "Namespace", "wait"))


def test_a_policy_comes_in_force(deployed: Server, nodes: tuple[Told, Told], capsys: Out) -> None:
    """Created, changed and deleted: what is waited for is what the server has now, on the nodes that have its pods."""
    policy = apply(deployed, app="db")
    assert main(LOOK) == 0
    assert "generation 1, selects no pods that are on a node" in capsys.readouterr().out

    for node in (1, 2):
        place(deployed, f"db{node}", f"wait{node}", app="db")
    place(deployed, "web", "elsewhere", app="web")
    assert main(LOOK) == 1
    told = capsys.readouterr().err
    assert "generation 1, is not in force on 2 of 2 nodes, after 0." in told
    version = policy["metadata"]["resourceVersion"]
    assert re.search(rf": wait1 \(told .*\), wait2 \(told .*\): version 1 is in force there, not yet {version}\n", told)

    for one in nodes:
        enforce(one, policy)
    assert main(["wait", "wait/deny", "--timeout", "30"]) == 0
    assert "generation 1, is in force on 2 nodes, after" in capsys.readouterr().out

    policy = apply(deployed, app="db", tier="back")
    for node in (1, 2):
        place(deployed, f"db{node}", f"wait{node}", app="db", tier="back")
    assert main(LOOK) == 1
    assert "generation 2, is not in force on 2 of 2 nodes" in capsys.readouterr().err
    enforce(nodes[0], policy)
    nodes[0].wait_counted("status", "written", 3)
    assert main([*LOOK, "-o", "json"]) == 1
    found = {one["node"]: one for one in json.loads(capsys.readouterr().out)["nodes"]}
    assert found["wait1"]["resourceVersion"] == policy["metadata"]["resourceVersion"]
    assert (found["wait1"]["state"], found["wait2"]["state"]) == ("in force", "waiting")

    deployed.admin.delete(reference("v1", "Pod", "wait/db2"))
    assert main(LOOK) == 0
    deployed.admin.delete(reference(V1, "NetworkPolicy", "wait/deny"))
    assert main(LOOK) == 2
    assert "has no NetworkPolicy wait/deny" in capsys.readouterr().err


def test_a_policy_that_never_will_be(deployed: Server, nodes: tuple[Told, Told], capsys: Out) -> None:
    """The sentence of the agent that cannot; status 1 long before the time is up."""
    policy = apply(deployed, app="db")
    place(deployed, "db", "wait1", app="db")
    meta = policy["metadata"]
    odd = Concern(
        "NetworkPolicy", V1, "wait", "deny", "CannotDecode", "it is odd", meta["uid"], meta["resourceVersion"]
    )
    nodes[0].say(replace(OLD, failures=(odd,)))
    began = time.monotonic()

    assert main(["wait", "wait/deny"]) == 1
    assert time.monotonic() - began < 30
    assert "does not come in force as it is written: wait1: CannotDecode: it is odd" in capsys.readouterr().err


def test_many_nodes(deployed: Server, nodes: tuple[Told, Told], capsys: Out) -> None:
    """One list for all of them, which the account may ask for; what nobody told is named."""
    policy = apply(deployed, app="db")
    for number in range(1, 13):
        place(deployed, f"db{number}", f"wait{number}", app="db")
    for one in nodes:
        enforce(one, policy)
        one.wait_counted("status", "written", 2)

    assert main(LOOK) == 1
    told = capsys.readouterr().err
    assert "is not in force on 10 of 12 nodes" in told
    assert "wait9: nothing was ever told from there: does an agent run?\n" in told


SELECTORS: dict[str, Json] = {
    "everything": {},
    "one value": {"matchLabels": {"app": "db"}},
    "an empty value": {"matchLabels": {"app": ""}},
    "two values": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["db", ""]}]},
    "other values": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db", "a.b_c"]}]},
    "any value": {"matchExpressions": [{"key": "example.org/tier", "operator": "Exists"}]},
    "no value": {
        "matchLabels": {"app": "db"},
        "matchExpressions": [{"key": "example.org/tier", "operator": "DoesNotExist"}],
    },
}


def test_selectors(deployed: Server, nodes: tuple[Told, Told]) -> None:
    """The server, which is asked for the selected pods only, takes every selector and means the same by it."""
    labels: tuple[dict[str, str], ...] = ({}, {"app": "db"}, {"app": ""}, {"app": "a.b_c", "example.org/tier": "x"},
                                          {"app": "db", "example.org/tier": ""})  # fmt: skip
    for number, one in enumerate(labels):
        place(deployed, f"p{number}", f"n{number}", **one)
    reader = Reader(access.kubeconfig(deployed.admin_kubeconfig()), patience=10.0)
    found, expected = {}, {}
    for name, selector in SELECTORS.items():
        deployed.admin.apply({**reference(V1, "NetworkPolicy", "wait/deny"), "spec": {"podSelector": selector}})
        target = reader.policy("wait", "deny")
        assert target is not None
        found[name] = set(reader.pods(target))
        expected[name] = {f"n{number}" for number, one in enumerate(labels) if target.subject.matches(one)}

    assert expected == found
    assert len({frozenset(some) for some in found.values()}) == len(SELECTORS)


def test_without_the_crd(own_server: Server, monkeypatch: pytest.MonkeyPatch, capsys: Out) -> None:
    """Status 2, and what is missing."""
    own_server.admin.apply(reference("v1", "Namespace", "wait"))
    apply(own_server, app="db")
    place(own_server, "db", "wait1", app="db")
    monkeypatch.setenv("KUBECONFIG", str(own_server.admin_kubeconfig()))

    assert main(LOOK) == 2
    assert "does not show nodepolicystatuses: 404" in capsys.readouterr().err
