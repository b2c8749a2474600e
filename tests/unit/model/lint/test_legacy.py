"""Policies of the API of Kubernetes 1.3 that do nothing, or less than they seem to."""

from __future__ import annotations

import pytest

from tests.unit.model.lint.manifests import found

NOT_ISOLATED = "legacy-not-isolated apiVersion"


def empty(field: str) -> str:
    return f"legacy-empty-list spec.ingress{field}"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param("{namespace: shop, ingress: [{}]}", [NOT_ISOLATED], id="LG-4"),
        pytest.param("{namespace: old, ingress: [{}]}", [], id="isolated"),
        pytest.param("{namespace: kube-system, ingress: [{}]}", [], id="nobody-knows"),
        pytest.param("{namespace: old, ingress: [{from: []}]}", [empty("[0].from")], id="LG-7-from"),
        pytest.param("{namespace: old, ingress: [{ports: []}]}", [empty("[0].ports")], id="LG-7-ports"),
        pytest.param("{namespace: old, ingress: [{}, {from: []}]}", [empty("[1].from")], id="not-needless-as-well"),
        pytest.param("{namespace: old, ingress: []}", [empty("")], id="LG-10"),
        pytest.param("{namespace: old}", [empty("")], id="LG-10-absent"),
    ],
)
def test_legacy(spec: str, expected: list[str]) -> None:
    """LG-4, LG-7, LG-10: no effect without the annotation, and empty is none."""
    assert found(spec.replace("{", "{apiVersion: extensions/v1beta1, ", 1)) == expected


def test_v1_is_different() -> None:
    """NP-30, NP-41: the same lists in v1 are any."""
    assert found("ingress: [{from: [], ports: []}]") == []
