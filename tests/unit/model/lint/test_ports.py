"""Names of ports that lead nowhere (NP-46 to NP-48)."""

from __future__ import annotations

import pytest

from ryu_netpol.model.lint import lint
from tests.unit.model.lint.manifests import found, loaded, policy, scene

OPS = "{namespaceSelector: {matchLabels: {team: ops}}}"


@pytest.mark.parametrize(
    ("port", "reason"),
    [
        pytest.param(
            "{port: https}", "no pod that the policy selects declares a TCP port https: they have http", id="name"
        ),
        pytest.param(
            "{port: http, protocol: UDP}",
            "no pod that the policy selects declares a UDP port http, it is TCP there",
            id="protocol",
        ),
        pytest.param("{port: http}", None, id="declared"),
        pytest.param("{port: 8080}", None, id="number"),
    ],
)
def test_ingress(port: str, reason: str | None) -> None:
    """NP-46: the pods that the policy selects must declare the name; a number need not be declared (NP-44)."""
    problems = lint(loaded(policy(f"ingress: [{{ports: [{port}]}}]"), scene()))

    assert [problem.reason for problem in problems] == ([] if reason is None else [reason])
    assert all(problem.field == "spec.ingress[0].ports[0].port" for problem in problems)


@pytest.mark.parametrize(
    ("peers", "port", "expected"),
    [
        pytest.param(f"[{OPS}]", "{port: http}", True, id="declared-by-the-subject-only"),
        pytest.param(f"[{OPS}]", "{port: dns, protocol: UDP}", False, id="declared-by-the-peer"),
        pytest.param(f"[{OPS}, {{podSelector: {{}}}}]", "{port: http}", False, id="declared-by-another-peer"),
        pytest.param("[{namespaceSelector: {}}]", "{port: dns}", False, id="kube-system-is-not-described"),
        pytest.param("[]", "{port: dns}", False, id="nor-is-everybody"),
        pytest.param(f"[{OPS}, {{ipBlock: {{cidr: 192.0.2.0/24}}}}]", "{port: http}", False, id="nor-are-blocks"),
    ],
)
def test_egress(peers: str, port: str, expected: bool) -> None:
    """NP-47: one of the peers must declare the name, where all of them are known."""
    spec = f"{{policyTypes: [Egress], egress: [{{to: {peers}, ports: [{port}]}}]}}"

    assert found(spec) == ["undeclared-port spec.egress[0].ports[0].port"] * expected


def test_nobody_selected() -> None:
    """Where no pod is selected or described, nothing is said about its ports."""
    assert found("{namespace: old, ingress: [{ports: [{port: https}]}]}") == []
    assert found("ingress: [{ports: [{port: https}]}]", around="") == []


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param("egress: [{to: [{ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: x}]}]", True, id="block"),
        pytest.param("egress: [{to: [{ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: 80}]}]", False, id="number"),
        pytest.param("egress: [{ports: [{port: x}]}]", False, id="everybody"),
        pytest.param("ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: x}]}]", False, id="ingress"),
    ],
)
def test_names_at_blocks(spec: str, expected: bool) -> None:
    """What is no pod has no names, so that an egress rule to addresses alone needs numbers."""
    spec = f"{{policyTypes: [Ingress, Egress], {spec}}}"

    assert found(spec, around="") == ["port-name-at-block spec.egress[0].ports[0].port"] * expected
