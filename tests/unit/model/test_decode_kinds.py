"""Workloads, kinds that mean nothing here, and what is no object at all."""

from __future__ import annotations

from typing import Any

import pytest

from ryu_netpol.model.decode import Decoded, Severity, decode
from ryu_netpol.model.labels import Labels
from ryu_netpol.model.names import NodeName, PodKey, Protocol
from ryu_netpol.model.objects import NamedPort, Pod

TCP = Protocol.TCP


def errors(decoded: Decoded) -> list[str]:
    return [p.field for p in decoded.problems if p.severity is Severity.ERROR]


TEMPLATE = {
    "metadata": {"labels": {"a": "b"}},
    "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 80}]}], "hostNetwork": True, "nodeName": "n1"},
}


@pytest.mark.parametrize(
    ("api", "kind", "spec"),
    [
        ("apps/v1", "Deployment", {"replicas": 3, "template": TEMPLATE}),
        ("extensions/v1beta1", "Deployment", {"template": TEMPLATE}),
        ("apps/v1", "StatefulSet", {"template": TEMPLATE}),
        ("apps/v1", "DaemonSet", {"template": TEMPLATE}),
        ("apps/v1", "ReplicaSet", {"template": TEMPLATE}),
        ("v1", "ReplicationController", {"template": TEMPLATE}),
        ("batch/v1", "Job", {"template": TEMPLATE}),
        ("batch/v1", "CronJob", {"jobTemplate": {"spec": {"template": TEMPLATE}}}),
    ],
)
def test_workload(api: str, kind: str, spec: Any) -> None:
    """A workload stands for one pod of its template."""
    decoded = decode({"apiVersion": api, "kind": kind, "metadata": {"name": "w"}, "spec": spec})

    assert decoded.problems == ()
    assert decoded.stand_in
    assert decoded.object == Pod(
        PodKey("default", "w"),
        labels=Labels({"a": "b"}),
        node=NodeName("n1"),
        ports=(NamedPort("http", TCP, 80),),
        container_ports=((TCP, 80),),
        host_network=True,
    )


def test_owned_workload() -> None:
    """What a controller made says so, and stands for a pod all the same: its owner may be of an unknown kind."""
    metadata = {"name": "w-1", "ownerReferences": [{"kind": "Deployment", "name": "w", "controller": True}]}

    decoded = decode(
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": {"template": TEMPLATE}}
    )

    assert (decoded.title, decoded.controller) == ("ReplicaSet default/w-1", "Deployment default/w")
    assert decoded.object is not None
    assert decoded.problems == ()


def test_bad_template() -> None:
    """VA-7: errors in a template are found like those of a pod."""
    spec = {"template": {"metadata": {"labels": {"a": 1}}, "spec": {"containers": 5}}}

    decoded = decode({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w"}, "spec": spec})

    assert errors(decoded) == ["spec.template.spec.containers", "spec.template.metadata.labels.a"]
    assert decoded.object is None


@pytest.mark.parametrize(
    "document",
    [
        None,
        {"apiVersion": "v1", "kind": "Service", "metadata": 5},
        {"apiVersion": "v1", "kind": "ConfigMap"},
        {"apiVersion": "longhorn.io/v1", "kind": "Node"},
        {"apiVersion": "example.com/v1", "kind": "Deployment"},
        {"kind": "Kustomization"},
    ],
)
def test_ignored(document: Any) -> None:
    """Kinds that mean nothing to policies are passed over in silence."""
    assert decode(document) == Decoded()


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ("text", ""),
        ([], ""),
        ({}, "kind"),
        ({"kind": 5}, "kind"),
        ({"kind": "networkpolicy", "apiVersion": "networking.k8s.io/v1"}, "kind"),
        ({"kind": "NetworkPolicies"}, "kind"),
        ({"kind": "Pod", "metadata": {"name": "a"}}, "apiVersion"),
        ({"kind": "Pod", "apiVersion": "v2", "metadata": {"name": "a"}}, "apiVersion"),
        ({"kind": "Pod", "apiVersion": 1, "metadata": {"name": "a"}}, "apiVersion"),
        ({"kind": "Deployment", "metadata": {"name": "a"}}, "apiVersion"),
        ({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "a.b"}}, "metadata.name"),
        ({5: "x"}, ""),
    ],
)
def test_no_object(document: Any, field: str) -> None:
    """What is no Kubernetes object, or names itself wrongly, is an error."""
    assert errors(decode(document)) == [field]
