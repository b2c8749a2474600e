"""extensions/v1beta1 documents: their lists mean what they say, and they isolate nothing (LG, VA-10)."""

from __future__ import annotations

from typing import Any

import pytest

from ryu_netpol.model.decode import Severity, decode
from ryu_netpol.model.labels import EVERYTHING, Selector
from ryu_netpol.model.names import Api, Direction, PolicyKey, Protocol
from ryu_netpol.model.net import PortRange
from ryu_netpol.model.objects import PodPeer, Policy, PortSpec, Rule

DB = {"matchLabels": {"role": "db"}}
PEER = "spec.ingress[0].from[0]"
PORT = "spec.ingress[0].ports[0]"


def document(spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "extensions/v1beta1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "p", "namespace": "ns"},
        "spec": spec,
    }


def read(spec: Any) -> tuple[Policy, list[str], list[str]]:
    """The policy, the fields with errors, the fields with warnings."""
    decoded = decode(document(spec))
    assert isinstance(decoded.object, Policy)
    errors = [p.field for p in decoded.problems if p.severity is Severity.ERROR]
    return decoded.object, errors, [p.field for p in decoded.problems if p.severity is Severity.WARNING]


@pytest.mark.parametrize(
    "spec", [None, {}, {"podSelector": None}, {"podSelector": {}, "ingress": []}, {"ingress": None}]
)
def test_no_rules(spec: Any) -> None:
    """LG-6, LG-10: an absent, null or empty podSelector means all pods; without ingress nothing is allowed."""
    policy, errors, warnings = read(spec)

    assert (errors, warnings) == ([], [])
    assert policy == Policy(PolicyKey("ns", "p", Api.LEGACY), directions=frozenset({Direction.INGRESS}))
    assert policy.legacy


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param({}, Rule(None, None), id="LG-7-missing"),
        pytest.param(None, Rule(None, None), id="LG-7-rule-null"),
        pytest.param({"from": None, "ports": None}, Rule(None, None), id="LG-7-null"),
        pytest.param({"from": []}, Rule((), None), id="LG-7-from-empty"),
        pytest.param({"ports": []}, Rule(None, ()), id="LG-7-ports-empty"),
        pytest.param(
            {"from": [{"podSelector": DB}]}, Rule((PodPeer(pods=Selector.of(role="db")),), None), id="LG-8-pods"
        ),
        pytest.param(
            {"from": [{"namespaceSelector": {}}]}, Rule((PodPeer(namespaces=EVERYTHING),), None), id="LG-8-namespaces"
        ),
        pytest.param({"ports": [{}]}, Rule(None, (PortSpec(),)), id="LG-8-TCP"),
        pytest.param({"ports": [{"protocol": "UDP"}]}, Rule(None, (PortSpec(Protocol.UDP),)), id="LG-8-UDP"),
        pytest.param({"ports": [{"port": "http"}]}, Rule(None, (PortSpec(port="http"),)), id="LG-8-name"),
        pytest.param({"ports": [{"port": 80}]}, Rule(None, (PortSpec(port=PortRange(80, 80)),)), id="LG-8-number"),
    ],
)
def test_rule(rule: Any, expected: Rule) -> None:
    """LG-7, LG-8: absent is any, empty is none."""
    policy, errors, warnings = read({"ingress": [rule]})

    assert (errors, warnings) == ([], [])
    assert policy.ingress == (expected,)


@pytest.mark.parametrize(("text", "protocol"), [("tcp", Protocol.TCP), ("Udp", Protocol.UDP)])
def test_protocol_in_any_case(text: str, protocol: Protocol) -> None:
    """LG-9: the text that introduced the API writes `tcp`; it is accepted with a warning."""
    policy, errors, warnings = read({"ingress": [{"ports": [{"protocol": text}]}]})

    assert (errors, warnings) == ([], [f"{PORT}.protocol"])
    assert policy.ingress == (Rule(ports=(PortSpec(protocol),)),)


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        pytest.param({"from": [{"podSelector": {}, "namespaceSelector": {}}]}, PEER, id="VA-10-both"),
        pytest.param({"from": [{}]}, PEER, id="VA-10-none"),
        pytest.param({"from": [{"ipBlock": {"cidr": "::/0"}}]}, f"{PEER}.ipBlock", id="VA-10-block"),
        pytest.param({"ports": [{"port": 80, "endPort": 90}]}, f"{PORT}.endPort", id="VA-10-endPort"),
        pytest.param({"ports": [{"protocol": "SCTP"}]}, f"{PORT}.protocol", id="VA-10-SCTP"),
        pytest.param(
            {"ports": [{"protocol": "\N{LATIN SMALL LETTER DOTLESS I}cmp"}]}, f"{PORT}.protocol", id="VA-10-x"
        ),
        pytest.param({"ports": [{"protocol": 6}]}, f"{PORT}.protocol", id="VA-10-number"),
        pytest.param({"ports": [{"port": "80"}]}, f"{PORT}.port", id="VA-1"),
        pytest.param({"ports": [{"port": 0}]}, f"{PORT}.port", id="VA-1-zero"),
        pytest.param({"ports": [{"port": 65536}]}, f"{PORT}.port", id="VA-1-large"),
        pytest.param({"ports": [{"port": "Http"}]}, f"{PORT}.port", id="VA-2-case"),
        pytest.param({"ports": [{"port": "a" * 16}]}, f"{PORT}.port", id="VA-2-long"),
        pytest.param({"ports": [{"protocol": ""}]}, f"{PORT}.protocol", id="VA-10-no-protocol"),
        pytest.param({"from": [None]}, PEER, id="VA-10-null"),
        pytest.param({"from": [{"podSelector": None, "namespaceSelector": None}]}, PEER, id="VA-10-nulls"),
        pytest.param(
            {"from": [{"podSelector": {"matchLabels": {"a": 1}}}]}, f"{PEER}.podSelector.matchLabels.a", id="VA-7"
        ),
        pytest.param({"from": 5}, "spec.ingress[0].from", id="VA-9-type"),
        pytest.param({"to": []}, "spec.ingress[0].to", id="VA-10-to"),
    ],
)
def test_bad_rule(rule: Any, field: str) -> None:
    """VA-10, UR-2: what only v1 knows is refused; the rule is lost, the others stay."""
    policy, errors, _ = read({"podSelector": DB, "ingress": [rule, {}]})

    assert errors == [field]
    assert policy.subject == Selector.of(role="db")
    assert policy.ingress == (Rule(),)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"podSelector": 5, "ingress": [{}]}, "spec.podSelector"),
        ({"podSelektor": {}, "ingress": [{}]}, "spec.podSelektor"),
    ],
)
def test_bad_subject(spec: Any, field: str) -> None:
    """UR-2: rules for pods that cannot be told are rules for nobody."""
    policy, errors, _ = read(spec)

    assert errors == [field]
    assert policy.ingress == ()


@pytest.mark.parametrize("field", ["egress", "policyTypes"])
def test_fields_of_v1(field: str) -> None:
    """VA-10: egress and policyTypes do not exist here."""
    policy, errors, _ = read({"podSelector": {}, "ingress": [{}], field: []})

    assert errors == [f"spec.{field}"]
    assert policy.ingress == (Rule(),)
