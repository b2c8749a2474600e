"""Rules and entries that another one makes needless."""

from __future__ import annotations

import time

import pytest

from tests.unit.model.lint.manifests import found

WEB = "{podSelector: {matchLabels: {app: web}}}"
FRONT = "{podSelector: {matchLabels: {app: web, tier: front}}}"
ALL = "{podSelector: {}}"
EVERYWHERE = "{namespaceSelector: {}}"
TEAM = "{namespaceSelector: {matchLabels: {team: ops}}}"
WEB_OF_TEAM = "{namespaceSelector: {matchLabels: {team: ops}}, podSelector: {matchLabels: {app: web}}}"
NET, SUBNET, HOLED = "{ipBlock: {cidr: 192.0.2.0/24}}", "{ipBlock: {cidr: 192.0.2.0/28}}", (
    "{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.8/32]}}"
)  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param(WEB, WEB, [1], id="twice"),
        pytest.param(ALL, WEB, [1], id="all-pods-and-some"),
        pytest.param(WEB, ALL, [0], id="some-pods-and-all"),
        pytest.param(WEB, FRONT, [1], id="one-label-and-two"),
        pytest.param(EVERYWHERE, ALL, [1], id="all-namespaces-and-own"),
        pytest.param(TEAM, WEB_OF_TEAM, [1], id="namespace-and-pods-of-it"),
        pytest.param(EVERYWHERE, "{namespaceSelector: {}, podSelector: {}}", [1], id="written-in-two-ways"),
        pytest.param(NET, SUBNET, [1], id="net-and-subnet"),
        pytest.param(SUBNET, HOLED, [], id="subnet-fills-the-hole"),
        pytest.param(NET, HOLED, [1], id="net-and-net-with-a-hole"),
        pytest.param(WEB, "{podSelector: {matchLabels: {app: db}}}", [], id="different-values"),
        pytest.param(TEAM, ALL, [], id="one-namespace-and-own"),
        pytest.param(ALL, TEAM, [], id="own-namespace-and-another"),
        pytest.param(WEB, WEB_OF_TEAM, [], id="same-pods-elsewhere"),
        pytest.param(NET, "{ipBlock: {cidr: 192.0.3.0/28}}", [], id="other-net"),
        pytest.param(NET, ALL, [], id="block-and-pods"),
    ],
)
def test_peers(first: str, second: str, expected: list[int]) -> None:
    """An entry that another one covers is told; of equal ones the second."""
    lines = found(f"ingress: [{{from: [{first}, {second}]}}]", around="")
    needless = [line for line in lines if not line.startswith("undone-except")]

    assert needless == [f"needless-peer spec.ingress[0].from[{i}]" for i in expected]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param("{port: 80}", "{port: 80, protocol: TCP}", [1], id="twice"),
        pytest.param("{port: 80, endPort: 90}", "{port: 90}", [1], id="range-and-number"),
        pytest.param("{port: 81, endPort: 82}", "{port: 80, endPort: 90}", [0], id="range-inside"),
        pytest.param("{protocol: TCP}", "{port: http}", [1], id="protocol-and-name"),
        pytest.param("{port: 80, endPort: 90}", "{port: 90, endPort: 91}", [], id="overlap"),
        pytest.param("{port: 80}", "{port: 80, protocol: UDP}", [], id="two-protocols"),
        pytest.param("{port: 80}", "{port: http}", [], id="number-and-name"),
    ],
)
def test_ports(first: str, second: str, expected: list[int]) -> None:
    """The same for ports, by protocol."""
    lines = found(f"ingress: [{{ports: [{first}, {second}]}}]")

    assert lines == [f"needless-port spec.ingress[0].ports[{i}]" for i in expected]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param("{}", f"{{from: [{WEB}]}}", [1], id="everything"),
        pytest.param(f"{{from: [{WEB}], ports: [{{port: 80}}]}}", f"{{from: [{WEB}]}}", [0], id="all-ports-and-one"),
        pytest.param(f"{{from: [{ALL}, {NET}]}}", f"{{from: [{SUBNET}, {WEB}]}}", [1], id="each-by-another-entry"),
        pytest.param("{ports: [{port: 80}]}", "{ports: [{port: 81}]}", [], id="other-ports"),
        pytest.param(f"{{from: [{WEB}]}}", "{ports: [{port: 81}]}", [], id="peers-and-ports"),
        pytest.param(f"{{from: [{WEB}], ports: [{{port: 80}}]}}", f"{{from: [{NET}]}}", [], id="other-peers"),
    ],
)
def test_rules(first: str, second: str, expected: list[int]) -> None:
    """The same for rules: both peers and ports must be covered."""
    assert found(f"ingress: [{first}, {second}]", around="") == [f"needless-rule spec.ingress[{i}]" for i in expected]


def test_directions_are_apart() -> None:
    """A rule of the other direction covers nothing."""
    assert found("{policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}") == []


def test_long_lists_of_blocks() -> None:
    """Thousands of blocks in one rule are compared in seconds."""
    blocks = [f"{{ipBlock: {{cidr: 198.{18 + i // 256}.{i % 256}.0/24}}}}" for i in range(3000)]
    began = time.monotonic()

    assert found(f"ingress: [{{from: [{', '.join([*blocks, blocks[0]])}]}}]", around="") == [
        "needless-peer spec.ingress[0].from[3000]"
    ]
    assert time.monotonic() - began < 20
