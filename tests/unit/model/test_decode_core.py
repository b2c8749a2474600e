"""Pods, namespaces and nodes (NP-27, NP-46, NP-70 to NP-72, LG-1 to LG-3, VA, UR-3)."""

from __future__ import annotations

from typing import Any

import pytest

from ryu_netpol.model.decode import Decoded, Severity, decode
from ryu_netpol.model.labels import Labels
from ryu_netpol.model.names import NodeName, PodKey, Protocol
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import NamedPort, Namespace, Node, Pod

TCP, UDP = Protocol.TCP, Protocol.UDP
ANNOTATION = "net.beta.kubernetes.io/network-policy"


def errors(decoded: Decoded) -> list[str]:
    return [p.field for p in decoded.problems if p.severity is Severity.ERROR]


def read_pod(spec: Any = None, status: Any = None, **metadata: Any) -> Decoded:
    meta = {"name": "p", "namespace": "ns", **metadata}
    return decode({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": status})


def test_pod_in_full() -> None:
    """Everything that policies, the lab and the CNI want to know about a pod."""
    decoded = read_pod(
        spec={"nodeName": "n1", "containers": [{"name": "c", "ports": [{"containerPort": 80}]}], "hostNetwork": False},
        status={
            "phase": "Running",
            "podIP": "10.0.0.1",
            "podIPs": [{"ip": "fd00::1"}, {"ip": "10.0.0.1"}],
            "startTime": "2020-01-01T00:00:00Z",
        },
        uid="1",
        labels={"a": "b"},
        annotations={"kubernetes.io/config.hash": "h"},
        deletionTimestamp="2020-01-01T00:00:00Z",
    )

    assert decoded.problems == ()
    assert decoded.object == Pod(
        PodKey("ns", "p"),
        uid="1",
        labels=Labels({"a": "b"}),
        node=NodeName("n1"),
        addresses=(Address.parse("10.0.0.1"), Address.parse("fd00::1")),
        container_ports=((TCP, 80),),
        terminating=True,
        started="2020-01-01T00:00:00Z",
        config_hash="h",
    )


@pytest.mark.parametrize(
    ("phase", "finished"),
    [(None, False), ("", False), ("Pending", False), ("Running", False), ("Succeeded", True), ("Failed", True)],
)
def test_phase(phase: str | None, finished: bool) -> None:
    """NP-70: a pod in phase Succeeded or Failed is finished, with its address still in the status."""
    decoded = read_pod(status={"phase": phase, "podIP": "10.0.0.1"})

    assert decoded.object == Pod(PodKey("ns", "p"), finished=finished, addresses=(Address.parse("10.0.0.1"),))


@pytest.mark.parametrize("status", [None, {}, {"podIP": "", "podIPs": []}, {"podIPs": None}, {"podIPs": [{"ip": ""}]}])
def test_no_address_yet(status: Any) -> None:
    """NP-72: absent and empty addresses are no address."""
    assert read_pod(status=status) == Decoded(Pod(PodKey("ns", "p")), title="Pod ns/p")


def test_named_ports() -> None:
    """NP-46: all containers count, and those init containers that keep running."""
    spec = {
        "containers": [
            {"ports": [{"name": "http", "containerPort": 80}, {"name": "dns", "containerPort": 53, "protocol": "UDP"}]},
            {"ports": [{"name": "http", "containerPort": 8080, "protocol": None}, {"name": "", "containerPort": 99}]},
            None,
        ],
        "initContainers": [
            {"ports": [{"name": "once", "containerPort": 1}]},
            {"restartPolicy": "Always", "ports": [{"name": "side", "containerPort": 2, "hostPort": 3}]},
        ],
    }

    pod = read_pod(spec).object

    assert isinstance(pod, Pod)
    assert pod.ports == (
        NamedPort("dns", UDP, 53),
        NamedPort("http", TCP, 80),
        NamedPort("http", TCP, 8080),
        NamedPort("side", TCP, 2),
    )
    assert pod.container_ports == ((TCP, 2), (TCP, 80), (TCP, 99), (TCP, 8080), (UDP, 53))


PORTS = "spec.containers[0].ports[0]"


@pytest.mark.parametrize(
    ("decoded", "field"),
    [
        (read_pod({"containers": [{"ports": [{"containerPort": "80"}]}]}), f"{PORTS}.containerPort"),
        (read_pod({"containers": [{"ports": [{"containerPort": 0}]}]}), f"{PORTS}.containerPort"),
        (read_pod({"containers": [{"ports": [{}]}]}), f"{PORTS}.containerPort"),
        (read_pod({"containers": [{"ports": [{"containerPort": 1, "name": "A"}]}]}), f"{PORTS}.name"),
        (read_pod({"containers": [{"ports": [{"containerPort": 1, "protocol": "tcp"}]}]}), f"{PORTS}.protocol"),
        (read_pod({"hostNetwork": "yes"}), "spec.hostNetwork"),
        (read_pod({"nodeName": 5}), "spec.nodeName"),
        (read_pod([]), "spec"),
        (read_pod(status={"podIP": "10.0.0.256"}), "status.podIP"),
        (read_pod(status={"podIPs": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]}), "status.podIPs[1].ip"),
        (read_pod(labels={"a": 1}), "metadata.labels.a"),
        (read_pod(labels={"a": "b c"}), "metadata.labels.a"),
        (read_pod(lables={}), "metadata.lables"),
    ],
)
def test_bad_pod(decoded: Decoded, field: str) -> None:
    """VA-1, VA-2, VA-7, VA-9: a pod with an error is no pod, so that its port stays closed."""
    assert errors(decoded) == [field]
    assert decoded.object is None


def test_other_fields_of_pods() -> None:
    """The thousands of other fields of pods are nobody's business here."""
    assert read_pod({"whatever": 1, "containers": [{"anything": [1]}]}, {"x": "y"}).problems == ()


def read_namespace(annotation: Any = None, **metadata: Any) -> Decoded:
    meta = {"name": "ns", "annotations": {ANNOTATION: annotation}, **metadata}
    return decode({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})


@pytest.mark.parametrize(
    "annotation",
    [
        '{"ingress":{"isolation":"DefaultDeny"}}',
        '\n {\n\t"ingress": {"isolation": "DefaultDeny", "x": 1}, "egress": 5 }\n',
    ],
    ids=["LG-1", "LG-2"],
)
def test_default_deny(annotation: str) -> None:
    """LG-1, LG-2: exactly DefaultDeny isolates, whatever is around it."""
    assert read_namespace(annotation) == Decoded(Namespace("ns", default_deny=True), title="Namespace ns")


@pytest.mark.parametrize(
    "annotation",
    [
        "",
        "ingress: {isolation: DefaultDeny}",
        '{"ingress":{"isolation":"DefaultDeny"}',
        '{"ingress":{"isolation":"DefaultDeny"}} x',
        '{"ingress":{"isolation":"DefaultDeny"},"x":NaN}',
        "[" * 100_000,
        "[]",
        '"DefaultDeny"',
        "null",
        "{}",
        '{"ingress":null}',
        '{"ingress":"DefaultDeny"}',
        '{"ingress":["isolation"]}',
        '{"ingress":{}}',
        '{"ingress":{"isolation":null}}',
        '{"ingress":{"isolation":"defaultdeny"}}',
        '{"ingress":{"isolation":["DefaultDeny"]}}',
        '{"Ingress":{"isolation":"DefaultDeny"}}',
        '{"egress":{"isolation":"DefaultDeny"}}',
        {"ingress": {"isolation": "DefaultDeny"}},
        True,
    ],
)
def test_annotation_counts_as_absent(annotation: Any) -> None:
    """LG-3, UR-3: anything else is absent, with a warning and without an error."""
    decoded = read_namespace(annotation)

    assert decoded.object == Namespace("ns")
    assert [p.severity for p in decoded.problems] == [Severity.WARNING]
    assert decoded.clean


def test_no_annotation() -> None:
    """LG-1: no annotation, no isolation, and nothing to warn about."""
    assert read_namespace(None) == Decoded(Namespace("ns"), title="Namespace ns")


def test_namespace_name_label() -> None:
    """NP-27: the label with the name is always there and always right."""
    decoded = read_namespace(labels={"kubernetes.io/metadata.name": "other", "a": "b"})

    assert decoded.object == Namespace("ns", Labels({"a": "b", "kubernetes.io/metadata.name": "ns"}))
    assert [p.severity for p in decoded.problems] == [Severity.WARNING]


def test_bad_namespace_keeps_its_isolation() -> None:
    """A namespace whose labels cannot be read is still isolated by its annotation."""
    decoded = read_namespace('{"ingress":{"isolation":"DefaultDeny"}}', labels={"a": 1, "b": "c"})

    assert errors(decoded) == ["metadata.labels.a"]
    assert decoded.object == Namespace("ns", default_deny=True)


def test_node() -> None:
    """NP-61: the addresses in the status of a node; names are none."""
    decoded = decode(
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "n1.example", "labels": {"a": "b"}},
            "status": {
                "addresses": [
                    {"type": "InternalIP", "address": "192.0.2.1"},
                    {"type": "InternalIP", "address": "fd00::1"},
                    {"type": "ExternalIP", "address": "203.0.113.1"},
                    {"type": "ExternalIP", "address": "192.0.2.1"},
                    {"type": "Hostname", "address": "n1"},
                ]
            },
        }
    )

    addresses = tuple(Address.parse(text) for text in ("192.0.2.1", "fd00::1", "203.0.113.1"))
    assert decoded.problems == ()
    assert decoded.object == Node(NodeName("n1.example"), Labels({"a": "b"}), addresses)
