"""The short way for pods gives what the decoder of manifests gives, or nothing."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ryu_netpol.adapters.kube import pods
from ryu_netpol.model.decode import decode

ORDINARY: dict[str, Any] = {
    "metadata": {
        "name": "web-1",
        "namespace": "shop",
        "uid": "u",
        "resourceVersion": "7",
        "labels": {"app": "web", "example.com/tier": ""},
        "annotations": {"kubernetes.io/config.hash": "abc", "note": "x"},
        "managedFields": [{"manager": "kubelet"}],
    },
    "spec": {
        "containers": [
            {
                "name": "a",
                "ports": [{"name": "http", "containerPort": 80, "protocol": "TCP"}, {"containerPort": 5}],
            },
            {"name": "b", "ports": [{"name": "http", "containerPort": 81, "protocol": "UDP", "hostIP": ""}]},
        ],
        "initContainers": [{"name": "c"}],
        "nodeName": "node-1",
        "hostNetwork": False,
    },
    "status": {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "podIPs": [{"ip": "fd00::1"}, {"ip": "10.0.0.1"}],
        "startTime": "2026-01-01T00:00:00Z",
    },
}  # fmt: skip


def slow(document: Any) -> Any:
    """What the decoder of manifests says, without what the API server alone writes."""
    only = {"name", "namespace", "uid", "labels", "annotations", "deletionTimestamp"}
    metadata = {key: value for key, value in document["metadata"].items() if key in only}
    parts = {key: document[key] for key in ("spec", "status") if key in document}
    return decode({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, **parts})


def test_an_ordinary_pod() -> None:
    """The short way is taken, and leads to the same place."""
    assert slow(ORDINARY).object == pods.ordinary(json.dumps(ORDINARY).encode())


PATHS = [
    ("metadata", "name"),
    ("metadata", "namespace"),
    ("metadata", "uid"),
    ("metadata", "labels"),
    ("metadata", "labels", "app"),
    ("metadata", "deletionTimestamp"),
    ("metadata", "annotations"),
    ("metadata", "annotations", "kubernetes.io/config.hash"),
    ("spec",),
    ("spec", "containers"),
    ("spec", "containers", 0, "ports"),
    ("spec", "containers", 0, "ports", 0),
    ("spec", "containers", 0, "ports", 0, "name"),
    ("spec", "containers", 0, "ports", 1, "name"),
    ("spec", "containers", 0, "ports", 0, "protocol"),
    ("spec", "containers", 0, "ports", 0, "containerPort"),
    ("spec", "containers", 0, "ports", 0, "other"),
    ("spec", "initContainers"),
    ("spec", "initContainers", 0, "ports"),
    ("spec", "initContainers", 0, "restartPolicy"),
    ("spec", "nodeName"),
    ("spec", "hostNetwork"),
    ("status",),
    ("status", "phase"),
    ("status", "podIP"),
    ("status", "podIPs"),
    ("status", "podIPs", 0),
    ("status", "podIPs", 0, "ip"),
    ("status", "podIPs", 1, "ip"),
    ("status", "startTime"),
]
VALUES = [
    None, "", "x", "Always", "Succeeded", "Failed", "http", "UDP", "SCTP", "tcp", "-bad-", "a b", "1-2", "http-80",
    "80", "10.0.0.9", "010.0.0.1", "fd00::9", "::ffff:1.2.3.4", 0, 1, 80, 65535, 65536, -1, 1.5, True, False, [], {},
    [{"containerPort": 7}], [{"ip": ""}], [{"ip": "10.1.1.1"}, {"ip": "10.1.1.2"}], ["x"], {"a": "b"}, {"a": None},
    "2026-01-01T00:00:00Z",
]  # fmt: skip
GONE = object()


def changed(document: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """A copy with another value there, or without it."""
    document = copy.deepcopy(document)
    here = document
    for step in path[:-1]:
        here = here[step]
    if value is not GONE:
        here[path[-1]] = value
    elif isinstance(here, dict):
        here.pop(path[-1], None)
    return document


@settings(max_examples=3000, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PATHS), st.sampled_from([GONE, *VALUES])), min_size=1, max_size=3))
def test_every_pod_is_the_same_either_way(changes: list[tuple[tuple[str | int, ...], Any]]) -> None:
    """Whatever stands in its fields: the short way agrees with the decoder, or leaves it alone."""
    document = ORDINARY
    for path, value in changes:
        try:
            document = changed(document, path, value)
        except (LookupError, TypeError):
            return  # an earlier change took away what this one is in
    found = pods.ordinary(json.dumps(document).encode())
    if found is not None:
        decoded = slow(document)

        assert decoded.clean
        assert decoded.object == found


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(map(str, path)))
def test_a_wrong_type_is_left_to_the_decoder(path: tuple[str | int, ...]) -> None:
    """No field takes a value of another type in silence."""
    found = pods.ordinary(json.dumps(changed(ORDINARY, path, 1.5)).encode())

    assert found is None
