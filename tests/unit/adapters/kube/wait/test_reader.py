"""A policy, its pods and what their nodes told, asked of a server with few and small questions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ryu_netpol.adapters.kube import access, questions
from ryu_netpol.adapters.kube.once import NotAnswered
from ryu_netpol.adapters.kube.wait.reader import FEW, Reader
from ryu_netpol.adapters.kube.wait.rounds import NotNow
from ryu_netpol.model.labels import Selector
from ryu_netpol.model.names import Api
from tests.unit.adapters.kube.server import Server, drop, hang, instead, then, write_kubeconfig
from tests.unit.adapters.kube.world import LEGACY, POLICIES, pod, policy, refuse
from tests.unit.adapters.kube.writable import STATUSES, Writable, writing

DENY = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/deny"
PODS = "/api/v1/namespaces/shop/pods"


@pytest.fixture
def server() -> Iterator[Server]:
    """A policy for some pods, and statuses of two nodes."""
    world = Writable()
    world.put(policy("shop/deny", podSelector={"matchLabels": {"version": "1"}}))
    world.put(pod("shop/a", nodeName="n1"))
    world.put(pod("shop/b", nodeName="n1"))
    world.put(pod("shop/c", nodeName="n2"))
    world.put(pod("shop/other", version="2", nodeName="n3"))
    world.put(pod("else/a", nodeName="n4"))
    world.put(pod("shop/host", nodeName="n5", hostNetwork=True))
    world.put(pod("shop/waits"))
    world.put({**pod("shop/over", nodeName="n6"), "status": {"phase": "Succeeded"}})
    for node in ("n1", "n2"):
        world.tell(node, {"told": node})
    with writing(world) as one:
        yield one


@pytest.fixture
def reader(server: Server, tmp_path: Path) -> Reader:
    """Somebody who asks it, and has a second."""
    return Reader(access.kubeconfig(write_kubeconfig(tmp_path / "kubeconfig", server.url)), patience=0.0)


def paths(server: Server) -> list[str]:
    """What was asked."""
    return [path for path, _, _ in server.asked]


def test_a_policy(reader: Reader, server: Server) -> None:
    """By its name, with one question, and decoded as by an agent."""
    found = reader.policy("shop", "deny")

    assert found is not None
    assert (found.uid, found.version) == ("uid-shop/deny", "11")
    assert found.subject == Selector.of(version="1")
    assert paths(server) == [DENY]


def test_no_policy(reader: Reader, server: Server) -> None:
    """Discovery says once that there is no other API to look in."""
    assert reader.policy("shop", "none") is None
    assert reader.policy("shop", "deny") is not None
    server.asked.clear()
    assert reader.policy("shop", "none") is None
    assert paths(server) == [f"{DENY.removesuffix('deny')}none"]


def test_a_legacy_policy(reader: Reader, server: Server) -> None:
    """Where there are no others (LG-13)."""
    server.world.groups = ["extensions/v1beta1"]
    found = reader.policy("shop", "deny")

    assert found is not None
    assert found.key.api is Api.LEGACY
    server.asked.clear()
    assert reader.policy("shop", "deny") == found
    assert paths(server) == [DENY.replace(POLICIES.rpartition("/")[0], LEGACY.rpartition("/")[0])]


def test_a_policy_that_cannot_be_read(reader: Reader, server: Server) -> None:
    """It is waited for all the same: its nodes say what is wrong with it."""
    server.world.put(policy("shop/odd", podSelector=3))
    found = reader.policy("shop", "odd")

    assert found is not None
    assert set(reader.pods(found)) == {"n1", "n2", "n3"}


def test_pods(reader: Reader, server: Server) -> None:
    """Those of its namespace that it selects, that have a node, run, and have a network of their own."""
    found = reader.policy("shop", "deny")
    assert found is not None

    assert reader.pods(found) == {"n1": ["a", "b"], "n2": ["c"]}
    assert server.asked[-1][:2] == (PODS, {"labelSelector": "version=1", "limit": str(questions.LIMIT)})


def test_a_pod_that_cannot_be_read(reader: Reader, server: Server) -> None:
    """Nobody knows whether the policy selects it, nor where it is."""
    found = reader.policy("shop", "deny")
    assert found is not None
    server.world.put({**pod("shop/odd", nodeName="n9"), "spec": 5})

    with pytest.raises(NotAnswered, match="a pod, shop/odd, cannot be read: nobody knows whether shop/deny selects it"):
        reader.pods(found)


def test_few_nodes_are_asked_for_by_name(reader: Reader, server: Server) -> None:
    """One question for each."""
    found = reader.statuses(["n1", "n2"])

    assert {node: one.told for node, one in found.items() if one} == {"n1": "n1", "n2": "n2"}
    assert paths(server) == [f"{STATUSES}/n1", f"{STATUSES}/n2"]


def test_many_nodes_are_one_list(reader: Reader, server: Server) -> None:
    """And those that told nothing are none."""
    nodes = [f"n{number}" for number in range(FEW + 1)]
    found = reader.statuses(nodes)

    assert set(found) == set(nodes)
    assert {node for node, one in found.items() if one} == {"n1", "n2"}
    assert paths(server) == [STATUSES]


def test_who_told_nothing(reader: Reader, server: Server) -> None:
    """No object, or one without a status; without the CRD it is not the node that is missing."""
    server.world.written[f"{STATUSES}/n2"].pop("status")  # type: ignore[attr-defined]
    assert reader.statuses(["n2", "n3"]) == {"n2": None, "n3": None}
    server.world.crd = False  # type: ignore[attr-defined]

    with pytest.raises(NotAnswered, match="does not show nodepolicystatuses: 404"):
        reader.statuses(["n3"])


FAULTS = {
    "hung up": (NotNow, drop, "cannot be asked for networkpolicy shop/deny: "),
    "silent": (NotNow, hang(3.0), "nothing came for too long"),
    "429": (NotNow, instead(lambda: refuse(429, "busy")), "429 busy"),
    "503": (NotNow, instead(lambda: refuse(503, "no")), "503 no"),
    "403": (NotAnswered, instead(lambda: refuse(403, "is forbidden")), "403 is forbidden"),
    "401": (NotAnswered, instead(lambda: refuse(401, "Unauthorized")), "401 Unauthorized"),
    "not JSON": (NotAnswered, then(b"<html>"), "is no object"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failure_is_one_sentence(reader: Reader, server: Server, fault: str) -> None:
    """With the server and what was asked; what may pass is told apart from what stays."""
    kind, act, sentence = FAULTS[fault]
    server.fail(DENY, act)
    with pytest.raises(kind) as error:
        reader.policy("shop", "deny")

    assert server.url in str(error.value)
    assert sentence in str(error.value)


def test_a_page_that_comes_too_late(reader: Reader, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """410: everything in one piece."""
    found = reader.policy("shop", "deny")
    assert found is not None
    server.fail(PODS, instead(lambda: refuse(410, "expired")))

    assert reader.pods(found) == {"n1": ["a", "b"], "n2": ["c"]}
