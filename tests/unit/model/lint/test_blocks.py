"""Blocks that cover pods, and exceptions that except nothing (NP-35, NP-36)."""

from __future__ import annotations

import pytest

from ryu_netpol.model.lint import lint
from tests.unit.model.lint.manifests import found, loaded, policy, scene

COVERS = "block-covers-pods spec.ingress[0].from[0].ipBlock"
BLOCK = "spec.ingress[0].from[0].ipBlock"
V6_NODE = "{apiVersion: v1, kind: Node, metadata: {name: n6}, spec: {podCIDR: 'fd00:10::/64'}}"


def from_(*blocks: str) -> str:
    return f"ingress: [{{from: [{', '.join(blocks)}]}}]"


def block(cidr: str, *excepts: str) -> str:
    quoted = ", ".join(f"'{e}'" for e in excepts)
    return f"{{ipBlock: {{cidr: '{cidr}', except: [{quoted}]}}}}"


@pytest.mark.parametrize(
    ("peers", "expected"),
    [
        pytest.param([block("10.0.0.0/8")], True, id="pods-in-it"),
        pytest.param([block("10.244.1.10/32")], True, id="one-pod"),
        pytest.param([block("0.0.0.0/0")], True, id="everything"),
        pytest.param([block("0.0.0.0/0", "10.0.0.0/8")], False, id="excepted"),
        pytest.param([block("10.0.0.0/8", "10.244.1.0/28")], True, id="node-range-only"),
        pytest.param([block("192.0.2.0/24")], False, id="elsewhere"),
        pytest.param([block("10.0.0.0/8"), "{namespaceSelector: {}}"], False, id="pods-allowed-anyway"),
        pytest.param([block("10.0.0.0/8"), "{podSelector: {}}"], True, id="only-some-allowed-anyway"),
        pytest.param([block("fd00::/16")], True, id="IPv6-node-range"),
        pytest.param([block("2001:db8::/32")], False, id="IPv6-elsewhere"),
    ],
)
def test_covers_pods(peers: list[str], expected: bool) -> None:
    """A block with addresses of pods, or of a node's range for pods, is told unless selectors allow them anyway."""
    assert found(from_(*peers), V6_NODE) == [COVERS] * expected


@pytest.mark.parametrize(
    ("cidr", "reason"),
    [
        pytest.param("10.0.0.0/8", "covers the address of pod shop/web, 10.244.1.10 and of 1 more", id="pods"),
        pytest.param("10.244.1.128/25", "covers addresses of the pods of node node1, 10.244.1.0/24", id="node"),
    ],
)
def test_reason(cidr: str, reason: str) -> None:
    """The message names a pod, or else the node."""
    (problem,) = lint(loaded(policy(from_(block(cidr))), scene()))

    assert problem.reason == f"{reason}: the rule allows them whatever their labels are"


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        pytest.param(
            block("192.0.2.0/24", "192.0.2.0/25", "192.0.2.8/32"), [f"needless-except {BLOCK}.except[1]"], id="inside"
        ),
        pytest.param(
            block("192.0.2.0/24", "192.0.2.8/32", "192.0.2.0/25"), [f"needless-except {BLOCK}.except[0]"], id="around"
        ),
        pytest.param(
            block("192.0.2.0/24", "192.0.2.8/32", "192.0.2.8/32"), [f"needless-except {BLOCK}.except[1]"], id="twice"
        ),
        pytest.param(block("192.0.2.0/24", "192.0.2.8/32", "192.0.2.9/32"), [], id="beside"),
        pytest.param(block("192.0.2.0/24", "192.0.2.0/25", "192.0.2.128/25"), [f"empty-block {BLOCK}"], id="all"),
        pytest.param(block("192.0.2.0/24", "192.0.2.0/25", "192.0.2.128/26"), [], id="not-all"),
    ],
)
def test_excepts(peer: str, expected: list[str]) -> None:
    """An except inside another one, and excepts that leave nothing."""
    assert found(from_(peer)) == expected


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        pytest.param([block("192.0.2.0/28")], True, id="allowed-again"),
        pytest.param([block("192.0.2.8/32")], True, id="exactly"),
        pytest.param([block("192.0.2.8/31", "192.0.2.9/32")], True, id="allowed-again-with-an-except"),
        pytest.param([block("192.0.2.8/31", "192.0.2.8/32")], False, id="excepted-there-too"),
        pytest.param([block("198.51.100.0/24")], False, id="elsewhere"),
        pytest.param(["{podSelector: {}}"], False, id="some-pods-of-it"),
        pytest.param([], False, id="alone"),
    ],
)
def test_undone_except(others: list[str], expected: bool) -> None:
    """NP-36: an except is no deny; where another block of the rule allows its addresses, that is told."""
    spec = from_(block("192.0.2.0/24", "192.0.2.8/32"), *others)

    assert [line for line in found(spec) if line.startswith(f"undone-except {BLOCK}")] == [
        f"undone-except {BLOCK}.except[0]"
    ] * expected


def test_undone_by_several() -> None:
    """Two blocks may allow together what is excepted; one half is not enough."""
    excepted = block("192.0.2.0/24", "192.0.2.0/25")

    assert found(from_(excepted, block("192.0.2.0/26"))) == []
    assert found(from_(excepted, block("192.0.2.0/26"), block("192.0.2.64/26"))) == [f"undone-except {BLOCK}.except[0]"]


def test_another_rule_may_allow_it() -> None:
    """Rules differ in their ports: what one excepts, another may mean to allow."""
    first = f"{{from: [{block('192.0.2.0/24', '192.0.2.8/32')}]}}"
    second = f"{{from: [{block('192.0.2.8/32')}], ports: [{{port: 1}}]}}"

    assert found(f"ingress: [{first}, {second}]") == []
