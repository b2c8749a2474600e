"""A cluster that is asked for once: everything is read, or one sentence says why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ryu_netpol.adapters.kube import access, once
from ryu_netpol.model.load import Loaded
from ryu_netpol.model.names import Api, PodKey, PolicyKey
from ryu_netpol.model.objects import Cluster
from tests.unit.adapters.kube.server import Server, drop, hang, instead, serving, then, write_kubeconfig
from tests.unit.adapters.kube.world import LEGACY, POLICIES, Reply, World, node, pod, policy, refuse

PODS = {PodKey("shop", name) for name in ("web", "db", "third", "fourth", "fifth")}


@pytest.fixture
def server(world: World, hasty: None) -> Iterator[Server]:
    """A server with five pods, which come in three pages, and one or two of everything else."""
    for document in (pod("shop/third"), pod("shop/fourth"), pod("shop/fifth"), node("n2")):
        world.put(document)
    with serving(world) as server:
        yield server


@pytest.fixture
def read(server: Server, tmp_path: Path) -> Callable[[], Loaded]:
    """Asks the server."""
    config = write_kubeconfig(tmp_path / "kubeconfig", server.url, token="t")
    return lambda: once.read(access.kubeconfig(config))


def queries(server: Server, path: str) -> list[dict[str, str]]:
    """What a list was asked with."""
    return [query for asked, query, _ in server.asked if asked == path]


def test_everything_is_read(read: Callable[[], Loaded], server: Server) -> None:
    """All four kinds, page by page; the server is the file that they are in."""
    loaded = read()

    cluster = Cluster.of(*loaded.objects)
    assert set(cluster.pods) == PODS
    assert set(cluster.namespaces) == {"shop"}
    assert set(cluster.nodes) == {"n1", "n2"}
    assert set(cluster.policies) == {PolicyKey("shop", "deny", Api.V1)}
    assert loaded.problems == ()
    assert {(item.file, item.line) for item in loaded.items} == {(server.url, 0)}
    assert [query["limit"] for query in queries(server, "/api/v1/pods")] == ["2", "2", "2"]


def test_a_policy_keeps_what_is_written(read: Callable[[], Loaded]) -> None:
    """`check` looks at how a policy is written; of pods only the meaning is kept."""
    titles = {item.title: item.source.value(("spec",)) for item in read().items}

    assert titles["NetworkPolicy shop/deny"] == {"podSelector": {}}
    assert titles["Pod shop/web"] is None


def test_who_made_a_pod_is_read(read: Callable[[], Loaded], server: Server) -> None:
    """Its workload steps back where both are given."""
    made = pod("shop/web")
    made["metadata"]["ownerReferences"] = [
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "u", "controller": True}
    ]
    server.world.put(made)

    assert "ReplicaSet shop/web-1" in {item.controller for item in read().items}


def test_a_page_that_came_too_late(read: Callable[[], Loaded], server: Server) -> None:
    """The server has forgotten what the next page belongs to: everything again, in one piece."""
    server.fail("Pod", instead(lambda: refuse(410, "too old")), when="continue")

    assert set(Cluster.of(*read().objects).pods) == PODS
    assert queries(server, "/api/v1/pods")[-1] == {}


def test_policies_of_the_first_api(read: Callable[[], Loaded], server: Server) -> None:
    """Where there are no others, with their own meaning (LG-13)."""
    server.world.groups = ["extensions/v1beta1"]

    assert set(Cluster.of(*read().objects).policies) == {PolicyKey("shop", "deny", Api.LEGACY)}
    assert queries(server, POLICIES)
    assert queries(server, LEGACY)


def test_a_policy_that_cannot_be_read_is_closed(read: Callable[[], Loaded], server: Server) -> None:
    """UR-2, as for the agent; what is wrong is told with the server as its place."""
    ingress = [{"from": [{"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "Near"}]}}]}]
    server.world.put(policy("shop/odd", ingress=ingress))
    loaded = read()

    odd = Cluster.of(*loaded.objects).policies[PolicyKey("shop", "odd", Api.V1)]
    assert odd.ingress == ()
    assert loaded.errors == 1
    assert str(loaded.problems[0]).startswith(f"{server.url}: NetworkPolicy shop/odd: spec.ingress[0]")


def test_what_is_no_json_is_told(read: Callable[[], Loaded], server: Server) -> None:
    """A policy with half a surrogate in its spec: closed (UR-2), and every other object is read."""
    server.world.put(policy("shop/torn", ingress=[{"from": [{"podSelector": {"matchLabels": {"a": "\ud800"}}}]}]))
    loaded = read()
    found = Cluster.of(*loaded.objects)

    assert set(found.policies) == {PolicyKey("shop", "deny", Api.V1), PolicyKey("shop", "torn", Api.V1)}
    assert found.policies[PolicyKey("shop", "torn", Api.V1)].ingress == ()
    assert set(found.pods) == PODS
    assert [str(p) for p in loaded.problems if p.is_error] == [
        f"{server.url}: NetworkPolicy shop/torn: spec: cannot be read: "
        + str(loaded.problems[0]).partition("cannot be read: ")[2]
    ]


def test_what_is_no_object_is_told(read: Callable[[], Loaded], server: Server) -> None:
    """It is left out, and all others are read."""
    server.fail("Node", then(b'{"metadata": {"resourceVersion": "1"}, "items": [3, {"metadata": {"name": "n9"}}]}'))
    loaded = read()

    assert set(Cluster.of(*loaded.objects).nodes) == {"n9"}
    assert [problem.object for problem in loaded.problems] == ["Node ?"]


FAULTS = {
    "401": ("Node", lambda: instead(lambda: refuse(401, "Unauthorized")), "does not list nodes: 401 Unauthorized"),
    "403": ("Pod", lambda: instead(lambda: refuse(403, "pods is forbidden")), "list pods: 403 pods is forbidden"),
    "404 for what must be there": ("Namespace", lambda: instead(lambda: refuse(404, "no")), "list namespaces: 404 no"),
    "500 for a later page": ("Pod", lambda: instead(lambda: refuse(500, "etcd")), "does not list pods: 500 etcd"),
    "not JSON": ("NetworkPolicy", lambda: instead(lambda: Reply(200, iter([b"<html>"]))), "networkpolicies makes no"),
    "hung up": ("Node", lambda: drop, "cannot be asked for nodes: "),
    "silent": ("Node", lambda: hang(2.0), "cannot be asked for nodes: nothing came for too long"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_failure_is_one_sentence(
    fault: tuple[str, Callable[[], object], str], read: Callable[[], Loaded], server: Server
) -> None:
    """It names the server and the kind; nothing is returned that is not complete."""
    kind, act, sentence = fault
    server.fail(kind, act(), when="continue" if "etcd" in sentence else "")  # type: ignore[arg-type]
    with pytest.raises(once.NotAnswered) as error:
        read()

    assert str(error.value).replace("\n", " ") == str(error.value)
    assert server.url in str(error.value)
    assert sentence in str(error.value)


def test_a_server_without_policies(read: Callable[[], Loaded], server: Server) -> None:
    """No API version of them: that is not the same as none."""
    server.world.groups = []

    with pytest.raises(once.NotAnswered, match="does not list networkpolicies: 404"):
        read()


def test_no_server(tmp_path: Path) -> None:
    """Nobody listens there."""
    with serving(World()) as server:
        config = write_kubeconfig(tmp_path / "kubeconfig", server.url)

    with pytest.raises(once.NotAnswered, match=r"http://127\.0\.0\.1:\d+ cannot be asked for namespaces: "):
        once.read(access.kubeconfig(config))
