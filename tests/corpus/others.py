"""Pods and namespaces written by hand: the fields that we read."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from tests.corpus import cases
from tests.corpus.cases import Case
from tests.corpus.mutate import NAMESPACE, POD


def _pod(name: str, **spec: Any) -> Case:
    document = copy.deepcopy(POD)
    document["spec"] |= spec
    return Case(f"Pod {name}", json.dumps(document), "Pod")


def _container_port(name: str, *fields: Any) -> Case:
    return _pod(name, containers=[{"name": "a", "image": "i", "ports": list(fields)}])


def pods() -> Iterator[Case]:
    """Labels, names and ports of containers."""
    for value in (*cases.NUMBERS, *cases.NUMBERS_TEXT):
        yield _container_port(f"containerPort {value!r}", {"containerPort": value})
    for value in (*cases.PORT_NAMES, "", None, 1):
        yield _container_port(f"port name {value!r}", {"containerPort": 80, "name": value})
    for value in cases.PROTOCOLS:
        yield _container_port(f"protocol {value!r}", {"containerPort": 80, "protocol": value})
    yield _container_port("name twice", {"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"})
    yield _container_port("number twice", {"containerPort": 80, "name": "a"}, {"containerPort": 80, "name": "b"})
    yield _container_port("no number", {"name": "a"})
    yield _container_port("null port", None)
    for value in cases.ANYTHING:
        yield _container_port(f"port {value!r}", value)
        yield _pod(f"ports {value!r}", containers=[{"name": "a", "image": "i", "ports": value}])
        yield _pod(f"containers {value!r}", containers=value)
        yield _pod(f"initContainers {value!r}", initContainers=value)
        yield _pod(f"hostNetwork {value!r}", hostNetwork=value)
        yield _pod(f"nodeName {value!r}", nodeName=value)
    for value in ("Always", "Never", "", None, 1, "always"):
        late = {"name": "c", "image": "i", "restartPolicy": value, "ports": [{"containerPort": 0}]}
        yield _pod(f"init container that restarts {value!r}", initContainers=[late])


def namespaces() -> Iterator[Case]:
    """Names and labels, among them the one that every namespace has."""
    for name in cases.NAMES:
        yield Case(f"Namespace {name!r}", json.dumps(NAMESPACE | {"metadata": {"name": name}}), "Namespace")
    for labels in ({"kubernetes.io/metadata.name": "n"}, {"kubernetes.io/metadata.name": "m"}, {"a": None}, {"a": 1}):
        document = NAMESPACE | {"metadata": {"name": "n", "labels": labels}}
        yield Case(f"Namespace with labels {json.dumps(labels)}", json.dumps(document), "Namespace")
