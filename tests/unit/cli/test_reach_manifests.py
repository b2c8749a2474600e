"""The manifests that agents read in the lab are the cluster that all other ways judge."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from ryu_netpol.adapters.files import load
from ryu_netpol.cli.judges.manifests import node_document, pod_document, write
from ryu_netpol.cli.offline import completed
from ryu_netpol.model.decode import decode
from ryu_netpol.model.objects import Cluster
from tests.support.strategies import random_cluster


def test_pods_and_nodes_come_back() -> None:
    """What is written of a pod or node is all that the decoder reads of it."""
    for seed in range(40):
        cluster = random_cluster(random.Random(seed))
        for pod in cluster.pods.values():
            assert decode(pod_document(pod)).object == pod
        for node in cluster.nodes.values():
            assert decode(node_document(node)).object == node


@pytest.mark.parametrize("example", ["seed", "default-deny", "two-way"])
def test_the_cluster_comes_back(example: str, tmp_path: Path) -> None:
    """Policies, namespaces, pods with their addresses, nodes: everything that the loader completed."""
    paths = [f"examples/{example}"]
    cluster = completed(load(paths))
    write(tmp_path, cluster, paths)

    again = load([str(tmp_path)])
    assert again.errors == 0
    assert Cluster.of(*again.objects) == cluster


def test_lists_several_paths_and_standard_input(tmp_path: Path) -> None:
    """Lists are taken apart, each path counts once, a workload is the pod that stands for it."""
    policy = {"spec": {"podSelector": {}}, "metadata": {"name": "p"}}
    (tmp_path / "list.json").write_text(
        json.dumps({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicyList", "items": [policy]})
    )
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "web.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n"
        "  selector: {}\n  template: {metadata: {labels: {app: web}}, spec: {containers: []}}\n"
    )
    namespace = b"{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: {a: b}}}"
    stdin = b"kind: List\napiVersion: v1\nitems:\n- " + namespace
    paths = [str(tmp_path / "list.json"), str(tmp_path / "folder"), "-"]
    (tmp_path / "stdin.yaml").write_bytes(stdin)
    cluster = completed(load([*paths[:2], str(tmp_path / "stdin.yaml")]))
    target = tmp_path / "target"
    target.mkdir()
    write(target, cluster, paths, stdin=stdin)

    again = load([str(target)])
    assert again.problems == ()
    assert Cluster.of(*again.objects) == cluster
    assert len(cluster.policies) == len(cluster.pods) == 1
