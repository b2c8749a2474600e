"""v1 documents that an API server would refuse: what is reported, and what stays closed then (VA, UR-2)."""

from __future__ import annotations

from typing import Any

import pytest

from ryu_netpol.model.decode import decode
from ryu_netpol.model.labels import EVERYTHING, Selector
from ryu_netpol.model.names import Direction, PolicyKey
from ryu_netpol.model.net import PortRange
from ryu_netpol.model.objects import Policy, PortSpec, Rule
from tests.unit.model.v1_documents import ANY, BOTH, DB, IN, OUT, TCP80, document, read

PORT = "spec.ingress[0].ports[0]"
PEER = "spec.ingress[0].from[0]"
BAD_RULES = [
    pytest.param({"ports": [{"port": 0}]}, f"{PORT}.port", id="VA-1-zero"),
    pytest.param({"ports": [{"port": 65536}]}, f"{PORT}.port", id="VA-1-large"),
    pytest.param({"ports": [{"port": -1}]}, f"{PORT}.port", id="VA-1-negative"),
    pytest.param({"ports": [{"port": True}]}, f"{PORT}.port", id="VA-1-true"),
    pytest.param({"ports": [{"port": 80.0}]}, f"{PORT}.port", id="VA-1-float"),
    pytest.param({"ports": [{"port": [80]}]}, f"{PORT}.port", id="VA-1-list"),
    pytest.param({"ports": [{"port": "80"}]}, f"{PORT}.port", id="VA-1-digits"),
    *(
        pytest.param({"ports": [{"port": name}]}, f"{PORT}.port", id=f"VA-2-{name}")
        for name in ("", "Http", "a" * 16, "-a", "a-", "a--b", "a_b", "1-2", "a\n")
    ),
    *(
        pytest.param({"ports": [{"protocol": name}]}, f"{PORT}.protocol", id=f"VA-2-protocol-{name}")
        for name in ("tcp", "", "ICMP", 6, "TCP ")
    ),
    pytest.param({"ports": [{"endPort": 80}]}, f"{PORT}.endPort", id="VA-3-no-port"),
    pytest.param({"ports": [{"port": "http", "endPort": 80}]}, f"{PORT}.endPort", id="VA-3-name"),
    pytest.param({"ports": [{"port": 80, "endPort": 79}]}, f"{PORT}.endPort", id="VA-3-below"),
    pytest.param({"ports": [{"port": 80, "endPort": 65536}]}, f"{PORT}.endPort", id="VA-3-large"),
    pytest.param({"ports": [{"port": 80, "endPort": "90"}]}, f"{PORT}.endPort", id="VA-3-text"),
    pytest.param({"from": [{}]}, PEER, id="VA-4-empty"),
    pytest.param({"from": [None]}, PEER, id="VA-4-null"),
    pytest.param({"from": [{"podSelector": None, "ipBlock": None}]}, PEER, id="VA-4-nulls"),
    pytest.param({"from": [{"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}}]}, PEER, id="VA-4-both"),
    pytest.param({"from": [{"ipBlock": {}}]}, f"{PEER}.ipBlock.cidr", id="VA-5-missing"),
    *(
        pytest.param({"from": [{"ipBlock": {"cidr": cidr}}]}, f"{PEER}.ipBlock.cidr", id=f"VA-5-{cidr}")
        for cidr in (
            "",
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0/8",
            "::/129",
            "x/8",
            "10.0.0.0/-1",
            10,
            " ::/0",
        )
    ),
    *(
        pytest.param(
            {"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": [cidr]}}]},
            f"{PEER}.ipBlock.except[0]",
            id=f"VA-6-{cidr}",
        )
        for cidr in ("10.0.0.0/8", "10.0.0.0/7", "11.0.0.0/9", "fd00::/64", "x", None, "")
    ),
    pytest.param({"from": {"podSelector": {}}}, "spec.ingress[0].from", id="VA-9-no-list"),
    pytest.param({"form": []}, "spec.ingress[0].form", id="VA-9-rule"),
    pytest.param({"to": []}, "spec.ingress[0].to", id="VA-9-egress-field"),
    pytest.param({"from": [{"podSelectr": {}}]}, f"{PEER}.podSelectr", id="VA-9-peer"),
    pytest.param({"from": [{"podSelector": {"a": "b"}}]}, f"{PEER}.podSelector.a", id="VA-9-selector"),
    pytest.param({"ports": [{"number": 80}]}, f"{PORT}.number", id="VA-9-port"),
    pytest.param({"from": [{"ipBlock": {"cidr": "::/0", "exept": []}}]}, f"{PEER}.ipBlock.exept", id="VA-9-block"),
    pytest.param(5, "spec.ingress[0]", id="VA-9-type"),
]


@pytest.mark.parametrize(("rule", "field"), BAD_RULES)
def test_bad_rule(rule: Any, field: str) -> None:
    """VA-1 to VA-6, VA-9: refused with the field named. UR-2: this rule alone is lost, never the isolation."""
    selector = {"matchLabels": {"role": "db"}}
    policy, errors = read(document({"podSelector": selector, "ingress": [rule, TCP80], "egress": [{}]}))

    assert errors == [field]
    assert policy.subject == DB
    assert set(policy.directions) == BOTH
    assert policy.ingress == (Rule(ports=(PortSpec(port=PortRange(80, 80)),)),)
    assert policy.egress == (ANY,)


EXPRESSION = "spec.podSelector.matchExpressions[0]"


@pytest.mark.parametrize(
    ("selector", "field"),
    [
        ({"matchExpressions": [{"key": "a", "operator": "In"}]}, f"{EXPRESSION}.values"),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": []}]}, f"{EXPRESSION}.values"),
        ({"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}, f"{EXPRESSION}.values"),
        ({"matchExpressions": [{"key": "a", "operator": "exists"}]}, f"{EXPRESSION}.operator"),
        ({"matchExpressions": [{"key": "a"}]}, f"{EXPRESSION}.operator"),
        ({"matchExpressions": [{"key": "a", "operator": 1}]}, f"{EXPRESSION}.operator"),
        ({"matchExpressions": [{"operator": "Exists"}]}, f"{EXPRESSION}.key"),
        ({"matchExpressions": [{"key": "a b", "operator": "Exists"}]}, f"{EXPRESSION}.key"),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": [1]}]}, f"{EXPRESSION}.values[0]"),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["-"]}]}, f"{EXPRESSION}.values[0]"),
        ({"matchExpressions": [{"key": "a", "operator": "Exists", "value": "b"}]}, f"{EXPRESSION}.value"),
        ({"matchExpressions": {"key": "a"}}, "spec.podSelector.matchExpressions"),
        ({"matchLabels": {"a": 1}}, "spec.podSelector.matchLabels.a"),
        ({"matchLabels": {"a": True}}, "spec.podSelector.matchLabels.a"),
        ({"matchLabels": {"a": "b" * 64}}, "spec.podSelector.matchLabels.a"),
        ({"matchLabels": {"a": "b\n"}}, "spec.podSelector.matchLabels.a"),
        ({"matchLabels": {"a/b/c": "d"}}, 'spec.podSelector.matchLabels["a/b/c"]'),
        ({"matchLabels": {"A.B/c": "d"}}, 'spec.podSelector.matchLabels["A.B/c"]'),
        ({"matchLabels": {"": "d"}}, 'spec.podSelector.matchLabels[""]'),
        ({"matchLabels": ["a"]}, "spec.podSelector.matchLabels"),
        ({"matchlabels": {"a": "b"}}, "spec.podSelector.matchlabels"),
        ("a=b", "spec.podSelector"),
    ],
)
def test_bad_subject(selector: Any, field: str) -> None:
    """VA-7, UR-2: a podSelector that cannot be read isolates its whole namespace, without rules."""
    spec = {"podSelector": selector, "ingress": [{}]}
    for types, directions in ((None, BOTH), (["Ingress"], IN), (["Egress"], OUT)):
        policy, errors = read(document({**spec, "policyTypes": types}))

        assert errors == [field]
        assert (policy.subject, policy.ingress, set(policy.directions)) == (EVERYTHING, (), directions)


@pytest.mark.parametrize(
    ("types", "directions", "fields"),
    [
        (["ingress"], BOTH, ["spec.policyTypes[0]"]),
        (["Egress", None], BOTH, ["spec.policyTypes[1]"]),
        (["Egress", 5], BOTH, ["spec.policyTypes[1]"]),
        ("Egress", BOTH, ["spec.policyTypes"]),
        (["Egress"] * 3, OUT, ["spec.policyTypes"]),
    ],
)
def test_bad_types(types: Any, directions: set[Direction], fields: list[str]) -> None:
    """VA-8, UR-2: policyTypes that cannot be read isolate in both directions."""
    policy, errors = read(document({"podSelector": {"matchLabels": {"role": "db"}}, "policyTypes": types}))

    assert errors == fields
    assert (policy.subject, set(policy.directions)) == (DB, directions)


@pytest.mark.parametrize(
    ("doc", "subject", "directions"),
    [
        pytest.param(document({"podSelektor": {}}), EVERYTHING, BOTH, id="selector-mistyped"),
        pytest.param(
            document({"podSelector": {"matchLabels": {"role": "db"}}, "types": []}), DB, BOTH, id="types-mistyped"
        ),
        pytest.param(document({"policyTypes": ["Egress"], "x": 1}), EVERYTHING, OUT, id="types-readable"),
        pytest.param({**document(), "Spec": {}}, EVERYTHING, BOTH, id="spec-mistyped"),
        pytest.param(document("x"), EVERYTHING, BOTH, id="spec-of-another-type"),
        pytest.param(document([]), EVERYTHING, BOTH, id="spec-a-list"),
    ],
)
def test_unknown_field(doc: Any, subject: Selector, directions: set[Direction]) -> None:
    """VA-9, UR-2: an unknown field may be any of those that are missing, which therefore cannot be read."""
    policy, errors = read(doc)

    assert len(errors) == 1
    assert (policy.subject, set(policy.directions)) == (subject, directions)


def test_unknown_field_beside_known_ones() -> None:
    """UR-2: what can be read next to an unknown field of the spec counts."""
    spec = {"podSelector": {"matchLabels": {"role": "db"}}, "policyTypes": ["Ingress"], "ingress": [{}], "x": 1}

    policy, errors = read(document(spec))

    assert errors == ["spec.x"]
    assert policy == Policy(PolicyKey("ns", "p"), subject=DB, ingress=(ANY,))


@pytest.mark.parametrize("api", ["networking.k8s.io/v2", "v1", "", None, "extensions/v1"])
def test_unknown_version(api: Any) -> None:
    """UR-2: a policy of a newer API isolates what it selects; nobody knows what its rules mean."""
    spec = {"podSelector": {"matchLabels": {"role": "db"}}, "policyTypes": ["Ingress"], "ingress": [{}]}

    policy, errors = read(document(spec, apiVersion=api))

    assert errors == ["apiVersion"]
    assert policy == Policy(PolicyKey("ns", "p"), subject=DB)


def test_policy_of_another_project() -> None:
    """A NetworkPolicy of another API group is an error, and no policy of ours."""
    decoded = decode(document({"selector": "all()"}, apiVersion="projectcalico.org/v3"))

    assert decoded.object is None
    assert [p.field for p in decoded.problems] == ["apiVersion"]


@pytest.mark.parametrize(
    ("metadata", "fields"),
    [
        ({"name": "A"}, ["metadata.name"]),
        ({"name": "a" * 254}, ["metadata.name"]),
        ({"name": "a", "namespace": "b.c"}, ["metadata.namespace"]),
        ({"name": "a", "lables": {}}, ["metadata.lables"]),
        ({"name": "a", "annotations": {"x": 1}}, ["metadata.annotations.x"]),
        ({"generateName": "A-"}, ["metadata.generateName"]),
    ],
)
def test_bad_metadata(metadata: Any, fields: list[str]) -> None:
    """VA-9: bad metadata is refused; the policy is in force all the same."""
    policy, errors = read(document(metadata=metadata))

    assert errors == fields
    assert policy.directions == IN


@pytest.mark.parametrize("metadata", [None, {}, {"name": 5}, {"name": "a", "namespace": 5}, "a"])
def test_unidentified(metadata: Any) -> None:
    """VA-9: what has no name, or nobody knows where, is an error and no object."""
    decoded = decode(document(metadata=metadata))

    assert decoded.object is None
    assert len(decoded.problems) == 1


def test_all_errors_at_once() -> None:
    """Every error of an object is reported, each with the object's name."""
    rule = {"from": [{}, {"x": 1}], "ports": [{"port": 0, "protocol": "x", "endPort": 0}]}

    decoded = decode(document({"podSelector": 1, "policyTypes": ["x"], "ingress": [rule], "x": 1}))

    assert len(decoded.problems) == 8
    assert {p.object for p in decoded.problems} == {"NetworkPolicy ns/p"}
    assert str(decoded.problems[0]).startswith("NetworkPolicy ns/p: spec.x: ")
