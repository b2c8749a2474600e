"""Pods that workloads stand for: what they are made of, and for whom they step back."""

from __future__ import annotations

from typing import Any

import pytest

from ryu_netpol.model.decode import Severity, decode
from ryu_netpol.model.load import merge, read
from ryu_netpol.model.objects import Pod

LABELS = {"app": "web"}
KINDS = [
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "ReplicaSet"),
    ("v1", "ReplicationController"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
]
EVERY_KIND = pytest.mark.parametrize(("api", "kind"), KINDS, ids=[kind for _, kind in KINDS])


def workload(api: str, kind: str, template: Any, **spec: Any) -> dict[str, Any]:
    spec = {"template": template, **spec}
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}}
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "w", "namespace": "ns"}, "spec": spec}


def problems(document: object, severity: Severity) -> list[str]:
    return [
        problem.field.rpartition("spec.")[2] for problem in decode(document).problems if problem.severity is severity
    ]


@EVERY_KIND
def test_template(api: str, kind: str) -> None:
    """Labels, named ports, sidecars and network are the template's; what ends before the pod runs has no port."""
    containers = [{"ports": [{"name": "http", "containerPort": 80}]}]
    sidecar = {"restartPolicy": "Always", "ports": [{"name": "admin", "containerPort": 15000, "protocol": "UDP"}]}
    spec = {"containers": containers, "initContainers": [sidecar, {"ports": [{"name": "x", "containerPort": 1}]}]}

    pod = decode(workload(api, kind, {"metadata": {"labels": LABELS}, "spec": {**spec, "hostNetwork": True}})).object

    assert isinstance(pod, Pod)
    assert (str(pod.key), dict(pod.labels), pod.host_network) == ("ns/w", LABELS, True)
    assert [(p.name, p.protocol.name, p.number) for p in pod.ports] == [("admin", "UDP", 15000), ("http", "TCP", 80)]


@EVERY_KIND
@pytest.mark.parametrize(
    ("pairs", "expected"),
    [({"app": "db"}, ["selector"]), ({"app": "web"}, []), ({}, [])],
    ids=["other-pods", "its-pods", "empty"],
)
def test_selector(api: str, kind: str, pairs: dict[str, str], expected: list[str]) -> None:
    """An API server refuses a workload that does not select its own pods."""
    selector = pairs if kind == "ReplicationController" else {"matchLabels": pairs}
    document = workload(api, kind, {"metadata": {"labels": LABELS}}, selector=selector)

    assert problems(document, Severity.ERROR) == expected


def test_selector_and_no_labels() -> None:
    """A template without labels is selected by nothing; without a selector either it is a pod without labels."""
    document = workload("apps/v1", "Deployment", {}, selector={"matchLabels": LABELS})

    (problem,) = decode(document).problems
    assert problem.reason == "selects app=web, but the pods of the template are without labels"
    assert decode(workload("apps/v1", "Deployment", {})).object is not None


def test_labels_that_cannot_be_read() -> None:
    """Then nothing is said about the selector: the labels are the error."""
    document = workload("apps/v1", "Deployment", {"metadata": {"labels": {"app": 1}}}, selector={"matchLabels": LABELS})

    assert problems(document, Severity.ERROR) == ["template.metadata.labels.app"]


def test_namespace_of_the_template() -> None:
    """Pods are made where the workload is, whatever the template says; the other namespace is warned of."""
    other = workload("apps/v1", "Deployment", {"metadata": {"namespace": "other"}})
    same = workload("apps/v1", "Deployment", {"metadata": {"namespace": "ns"}})

    pod = decode(other).object
    assert isinstance(pod, Pod)
    assert pod.key.namespace == "ns"
    assert problems(other, Severity.WARNING) == ["template.metadata.namespace"]
    assert problems(same, Severity.WARNING) == []


def manifest(kind: str, name: str, owner: str = "", *, phase: str = "Running") -> str:
    """A pod or workload; the owner is "Kind name"."""
    api = {"Pod": "v1", "Job": "batch/v1", "CronJob": "batch/v1", "ReplicationController": "v1"}.get(kind, "apps/v1")
    owned, _, by = owner.partition(" ")
    owners = f"[{{kind: {owned}, name: {by}, controller: true}}]" if owner else "[]"
    metadata = f"{{name: {name}, namespace: ns, ownerReferences: {owners}}}"
    return f"{{apiVersion: {api}, kind: {kind}, metadata: {metadata}, status: {{phase: {phase}}}}}"


def pods(*texts: str) -> list[str]:
    """The names of the pods in these files, none of which has a problem."""
    loaded = merge(read(text, file=f"{i}.yaml") for i, text in enumerate(texts))
    assert loaded.problems == ()
    return sorted(o.key.name for o in loaded.objects if isinstance(o, Pod))


@pytest.mark.parametrize(
    ("workloads", "pod", "expected"),
    [
        pytest.param([("Deployment", "w", "")], ("w-5d-x", "ReplicaSet w-5d"), ["w-5d-x"], id="Deployment"),
        pytest.param(
            [("Deployment", "w", ""), ("ReplicaSet", "w-5d", "Deployment w")],
            ("w-5d-x", "ReplicaSet w-5d"),
            ["w-5d-x"],
            id="Deployment-and-ReplicaSet",
        ),
        pytest.param([("StatefulSet", "w", "")], ("w-0", "StatefulSet w"), ["w-0"], id="StatefulSet"),
        pytest.param([("DaemonSet", "w", "")], ("w-x", "DaemonSet w"), ["w-x"], id="DaemonSet"),
        pytest.param([("CronJob", "w", "")], ("w-28-x", "Job w-28"), ["w-28-x"], id="CronJob"),
        pytest.param([("Deployment", "w", "")], ("w-5d-x", ""), ["w", "w-5d-x"], id="nobodys-pod"),
        pytest.param(
            [("Deployment", "w", "")], ("v-5d-x", "ReplicaSet v-5d"), ["v-5d-x", "w"], id="another-Deployment"
        ),
        pytest.param([("StatefulSet", "w", "")], ("w-0", "DaemonSet w"), ["w", "w-0"], id="another-kind"),
    ],
)
def test_steps_back(workloads: list[tuple[str, str, str]], pod: tuple[str, str], expected: list[str]) -> None:
    """A workload stands for a pod only as long as none of its own pods is there, in whatever order they come."""
    texts = [manifest("Pod", *pod), *(manifest(*w) for w in workloads)]

    assert pods(*texts) == expected
    assert pods(*reversed(texts)) == expected


def test_finished_pods_do_not_count() -> None:
    """Between two runs the CronJob stands for the next one."""
    assert pods(manifest("CronJob", "w"), manifest("Pod", "w-28-x", "Job w-28", phase="Succeeded")) == ["w", "w-28-x"]


def test_of_two_workloads_the_maker_counts() -> None:
    """A ReplicaSet steps back for its Deployment; without it it stands for a pod, as with a maker of unknown kind."""
    child = manifest("ReplicaSet", "w-5d", "Deployment w")

    assert pods(manifest("Deployment", "w"), child) == ["w"]
    assert pods(child) == ["w-5d"]
    assert pods(manifest("StatefulSet", "prometheus", "Prometheus main")) == ["prometheus"]


def test_one_workload_twice() -> None:
    """The same workload in two files is an error, as for every object."""
    loaded = merge(read(manifest("Deployment", "w"), file=file) for file in ("a", "b"))

    assert [str(problem) for problem in loaded.problems] == ["b:1: Deployment ns/w: is already in a:1"]
    assert len(loaded.objects) == 1


def test_names() -> None:
    """The kind is added until the name is free."""
    assert pods(manifest("Pod", "w"), manifest("Pod", "w-deployment"), manifest("Deployment", "w")) == [
        "w",
        "w-deployment",
        "w-deployment-deployment",
    ]
