"""10,000 pods and 1,000 policies on a real API server, an agent that lists them in pages, and packets of a few pods."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

import pytest

from ryu_netpol.model.objects import Cluster
from tests.kube.binaries import find
from tests.kube.client import reference
from tests.kube.large import ATTACHED, PODS, crowd, sample, start_anew
from tests.kube.scene import Scene, policy
from tests.kube.server import started
from tests.kube.state import of_server, packets_differ
from tests.kube.story import wait_for_flows

PAGE = 500


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The lab of such a server, which is for these tests alone."""
    with started(tmp_path_factory.mktemp("kube"), find()) as server, crowd(server, PODS) as made:
        yield made


def assert_enforced(scene: Scene, *, of_each: int = 30) -> Cluster:
    """The switch has what a full recomputation gives, and packets of a sample do what the oracle says."""
    cluster = of_server(scene.server.admin)
    wait_for_flows(scene.node, cluster)
    asked = sample(cluster, scene, Random(1), of_each=of_each)
    assert sorted(asked.values()) == of_each * [False] + of_each * [True]
    assert packets_differ(scene.lab, asked) == []
    return cluster


def lists(scene: Scene) -> int:
    """How many times pods were listed, in whole or in part, as the server counts."""
    text = scene.server.admin.request("GET", "/metrics").body["message"]
    counted = re.findall(r'^apiserver_request_total\{code="200",.*resource="pods",.*verb="LIST".*\} (\d+)$', text, re.M)
    return sum(map(int, counted))


def test_pages(scene: Scene) -> None:
    """On a switch without flows everything is listed in pages and installed."""
    before = lists(scene)
    start_anew(scene)

    assert lists(scene) == before + PODS // PAGE
    cluster = assert_enforced(scene)
    assert len(cluster.pods) == PODS
    assert len(cluster.policies) == PODS // 10
    assert len(scene.lab.pods) == ATTACHED


def change(scene: Scene, number: int) -> None:
    """Some of each: a policy is there and another one is not, pods are others than before."""
    admin = scene.server.admin
    namespaces = [pod.spec.namespace for pod in scene.lab.pods.values()]
    admin.create(policy(namespaces[number], f"new-{number}", podSelector={}, ingress=[{"ports": [{"port": 12345}]}]))
    admin.delete(reference("networking.k8s.io/v1", "NetworkPolicy", f"{namespaces[number]}/team-0"))
    admin.delete(reference("v1", "Pod", f"{namespaces[number]}/p{number}"))
    for key in scene.lab.pods:
        admin.patch(reference("v1", "Pod", key), {"metadata": {"labels": {"app": f"a{number}"}}})


@pytest.mark.parametrize("compact", [False, True], ids=["killed", "compacted"])
def test_a_server_that_ends_and_comes_back(scene: Scene, compact: bool) -> None:
    """Changed behind a cut wire, killed and started; where etcd was compacted, all is listed in pages again."""
    server = scene.server
    with scene.told("kube_gone" if compact else "kube_unreachable"):
        scene.between.cut()
        change(scene, int(compact))
        server.kill()
        if compact:
            server.compact()
        server.start()
        scene.between.mend()

    assert_enforced(scene, of_each=10)
    assert lists(scene) > PODS // PAGE or not compact
