"""policyTypes that are missing, and the namespace of a policy."""

from __future__ import annotations

import pytest

from tests.unit.model.lint.manifests import found

CUTS = "egress-cuts-ingress spec.policyTypes"
POD = "{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: elsewhere}}"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param("{egress: [{}]}", [CUTS], id="egress-alone"),
        pytest.param("{egress: [{}], policyTypes: []}", [CUTS], id="empty-types"),
        pytest.param("{egress: [{}], policyTypes: [Egress]}", [], id="types-say-so"),
        pytest.param("{egress: [{}], policyTypes: [Ingress, Egress]}", [], id="both-types"),
        pytest.param("{egress: [{}], ingress: [{}]}", [], id="ingress-rules"),
        pytest.param("{egress: [{}], ingress: []}", [], id="ingress-is-mentioned"),
        pytest.param("{egress: []}", ["list-without-effect spec.egress"], id="empty-egress-without-types"),
        pytest.param("{egress: [], policyTypes: [Egress]}", [], id="empty-egress"),
        pytest.param("{ingress: [], policyTypes: [Egress]}", ["list-without-effect spec.ingress"], id="empty-ingress"),
        pytest.param("{ingress: []}", [], id="empty-ingress-without-types"),
        pytest.param("{}", [], id="nothing"),
    ],
)
def test_types(spec: str, expected: list[str]) -> None:
    """NP-11, NP-12: what a policy isolates without saying so, and what it does not isolate though it looks so."""
    assert found(spec) == expected


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [
        pytest.param("shpo", True, id="mistyped"),
        pytest.param("default", True, id="forgotten"),
        pytest.param("shop", False, id="there"),
        pytest.param("kube-system", False, id="always-there"),
        pytest.param("elsewhere", False, id="pods-are-there"),
    ],
)
def test_namespace(namespace: str, expected: bool) -> None:
    """A policy in a namespace of which nothing is there, while others have manifests."""
    assert found(f"{{namespace: {namespace}}}", POD) == ["unknown-namespace metadata.namespace"] * expected


def test_no_namespaces() -> None:
    """Where no namespace has a manifest, none is missed."""
    assert found("{namespace: shpo}", around=POD) == []
