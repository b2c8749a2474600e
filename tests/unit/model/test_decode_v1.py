"""networking.k8s.io/v1 documents and what they mean (NP)."""

from __future__ import annotations

from typing import Any

import pytest

from ryu_netpol.model.decode import Severity, decode
from ryu_netpol.model.labels import EVERYTHING, Operator, Requirement, Selector
from ryu_netpol.model.names import Api, Direction, PolicyKey, Protocol
from ryu_netpol.model.net import Cidr, PortRange
from ryu_netpol.model.objects import BlockPeer, PodPeer, Policy, PortSpec, Rule
from tests.unit.model.v1_documents import ANY, BOTH, DB, IN, OUT, document, read


def read_rule(rule: Any) -> Rule:
    policy, errors = read(document({"ingress": [rule]}))
    assert not errors
    return policy.ingress[0]


@pytest.mark.parametrize(
    ("spec", "subject", "directions", "ingress", "egress"),
    [
        pytest.param(None, EVERYTHING, IN, 0, 0, id="NP-10-spec-null"),
        pytest.param({}, EVERYTHING, IN, 0, 0, id="NP-10-spec-empty"),
        pytest.param({"podSelector": None}, EVERYTHING, IN, 0, 0, id="NP-10-selector-null"),
        pytest.param({"podSelector": {}}, EVERYTHING, IN, 0, 0, id="NP-10-selector-empty"),
        pytest.param({"podSelector": {"matchLabels": {"role": "db"}}}, DB, IN, 0, 0, id="NP-10-selector"),
        pytest.param({"policyTypes": None}, EVERYTHING, IN, 0, 0, id="NP-11-types-null"),
        pytest.param({"policyTypes": [], "egress": []}, EVERYTHING, IN, 0, 0, id="NP-11-egress-empty"),
        pytest.param({"egress": None}, EVERYTHING, IN, 0, 0, id="NP-11-egress-null"),
        pytest.param({"egress": [{}]}, EVERYTHING, BOTH, 0, 1, id="NP-11-egress-only"),
        pytest.param({"egress": [None]}, EVERYTHING, BOTH, 0, 1, id="NP-11-egress-of-null"),
        pytest.param({"ingress": [{}], "egress": [{}]}, EVERYTHING, BOTH, 1, 1, id="NP-11-both"),
        pytest.param({"policyTypes": ["Egress"], "ingress": [{}]}, EVERYTHING, OUT, 1, 0, id="NP-12-dead-text"),
        pytest.param({"policyTypes": ["Ingress", "Ingress"]}, EVERYTHING, IN, 0, 0, id="NP-12-duplicates"),
        pytest.param({"policyTypes": ["Ingress"], "ingress": None}, EVERYTHING, IN, 0, 0, id="NP-13-null"),
        pytest.param({"policyTypes": ["Ingress"], "ingress": []}, EVERYTHING, IN, 0, 0, id="NP-13-empty"),
        pytest.param({"policyTypes": ["Egress"]}, EVERYTHING, OUT, 0, 0, id="NP-14-missing"),
        pytest.param({"policyTypes": ["Egress"], "egress": []}, EVERYTHING, OUT, 0, 0, id="NP-14-empty"),
    ],
)
def test_spec(spec: Any, subject: Selector, directions: set[Direction], ingress: int, egress: int) -> None:
    """NP-10 to NP-14: absent, null and empty fields of the spec get their defaults."""
    policy, errors = read(document(spec))

    assert errors == []
    assert (policy.subject, set(policy.directions)) == (subject, directions)
    assert (policy.ingress, policy.egress) == ((ANY,) * ingress, (ANY,) * egress)


def test_spec_missing() -> None:
    """NP-10: a policy without a spec denies all ingress of its namespace."""
    doc = document()
    del doc["spec"]

    policy, errors = read(doc)

    assert errors == []
    assert policy == Policy(PolicyKey("ns", "p", Api.V1))


@pytest.mark.parametrize("namespace", [{}, {"namespace": None}, {"namespace": ""}], ids=["missing", "null", "empty"])
def test_namespace_default(namespace: dict[str, Any]) -> None:
    """NP-10: without a namespace it is `default`."""
    policy, errors = read(document(metadata={"name": "p", "uid": "1-2", **namespace}))

    assert errors == []
    assert policy.key == PolicyKey("default", "p")
    assert policy.uid == "1-2"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param({}, ANY, id="NP-15-empty"),
        pytest.param(None, ANY, id="NP-15-null"),
        pytest.param({"from": None, "ports": None}, ANY, id="NP-30-NP-41-null"),
        pytest.param({"from": [], "ports": []}, ANY, id="NP-30-NP-41-empty"),
        pytest.param({"from": [{"podSelector": {}}]}, Rule(peers=(PodPeer(pods=EVERYTHING),)), id="NP-31"),
        pytest.param({"from": [{"namespaceSelector": {}}]}, Rule(peers=(PodPeer(namespaces=EVERYTHING),)), id="NP-32"),
        pytest.param(
            {"from": [{"podSelector": None, "namespaceSelector": {}}]},
            Rule(peers=(PodPeer(namespaces=EVERYTHING),)),
            id="NP-25-null-is-not-used",
        ),
        pytest.param(
            {"from": [{"podSelector": {"matchLabels": {"role": "db"}}, "namespaceSelector": {"matchLabels": None}}]},
            Rule(peers=(PodPeer(DB, EVERYTHING),)),
            id="NP-33",
        ),
        pytest.param(
            {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}, {"ipBlock": {"cidr": "::/0", "except": None}}]},
            Rule(peers=(BlockPeer(Cidr.parse("10.0.0.0/8")), BlockPeer(Cidr.parse("::/0")))),
            id="NP-35",
        ),
        pytest.param(
            {"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.1.2.0/24"]}}]},
            Rule(peers=(BlockPeer(Cidr.parse("10.0.0.0/8"), (Cidr.parse("10.1.0.0/16"), Cidr.parse("10.1.2.0/24"))),)),
            id="NP-36",
        ),
        pytest.param({"ports": [{}]}, Rule(ports=(PortSpec(),)), id="NP-42-all-of-TCP"),
        pytest.param({"ports": [None]}, Rule(ports=(PortSpec(),)), id="NP-42-null"),
        pytest.param({"ports": [{"protocol": "UDP"}]}, Rule(ports=(PortSpec(Protocol.UDP),)), id="NP-43"),
        pytest.param(
            {"ports": [{"protocol": None, "port": "dns"}]}, Rule(ports=(PortSpec(port="dns"),)), id="NP-42-name"
        ),
        pytest.param(
            {"ports": [{"protocol": "SCTP", "port": 80}]},
            Rule(ports=(PortSpec(Protocol.SCTP, PortRange(80, 80)),)),
            id="NP-44",
        ),
        pytest.param(
            {"ports": [{"port": 80, "endPort": 90}]}, Rule(ports=(PortSpec(port=PortRange(80, 90)),)), id="NP-45"
        ),
        pytest.param(
            {"ports": [{"port": 65535, "endPort": 65535}]},
            Rule(ports=(PortSpec(port=PortRange(65535, 65535)),)),
            id="VA-3-equal",
        ),
    ],
)
def test_rule(rule: Any, expected: Rule) -> None:
    """NP-15, NP-30 to NP-45: peers and ports of a rule."""
    assert read_rule(rule) == expected


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"matchLabels": {"a": "", "b/c.d": "E_1"}}, [("a", "In", ("",)), ("b/c.d", "In", ("E_1",))]),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["x", "y"]}]}, [("a", "In", ("x", "y"))]),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": [""]}]}, [("a", "NotIn", ("",))]),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, [("a", "Exists", ())]),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist", "values": []}]}, [("a", "DoesNotExist", ())]),
        ({"matchLabels": {}, "matchExpressions": []}, []),
        ({"matchLabels": None, "matchExpressions": None}, []),
    ],
    ids=["NP-21", "NP-22-In", "NP-23", "NP-22-Exists", "NP-22-DoesNotExist", "NP-24-empty", "NP-24-null"],
)
def test_selector(selector: Any, expected: list[tuple[str, str, tuple[str, ...]]]) -> None:
    """NP-20 to NP-25: label selectors."""
    policy, errors = read(document({"podSelector": selector}))

    assert errors == []
    assert policy.subject == Selector(tuple(Requirement(k, Operator(o), v) for k, o, v in expected))


@pytest.mark.parametrize(
    ("cidr", "read_as", "warned"),
    [
        ("10.1.2.3/8", "10.0.0.0/8", True),
        ("fd00::1/64", "fd00::/64", True),
        ("010.0.0.0/8", "10.0.0.0/8", True),
        ("10.0.0.0/08", "10.0.0.0/8", True),
        ("10.1.2.3/32", "10.1.2.3/32", False),
        ("FD00:0::/64", "fd00::/64", False),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8", True),
        ("::ffff:10.0.0.0/95", "::fffe:0:0/95", True),
        ("10.0.0.0/" + "0" * 5000 + "8", "10.0.0.0/8", True),
    ],
)
def test_lenient_cidr(cidr: str, read_as: str, warned: bool) -> None:
    """NP-35, VA-5: host bits and leading zeros are accepted with a warning."""
    decoded = decode(document({"ingress": [{"from": [{"ipBlock": {"cidr": cidr}}]}]}))

    assert isinstance(decoded.object, Policy)
    assert decoded.object.ingress == (Rule(peers=(BlockPeer(Cidr.parse(read_as)),)),)
    assert [p.severity for p in decoded.problems] == [Severity.WARNING] * warned


def test_dead_rules_are_warned_about() -> None:
    """NP-12: rules of a direction that policyTypes does not list have no effect, which few expect."""
    decoded = decode(document({"policyTypes": ["Ingress"], "egress": [{}]}))

    assert [(p.field, p.severity) for p in decoded.problems] == [("spec.egress", Severity.WARNING)]


def test_generate_name() -> None:
    """VA-9: a generateName is completed by whoever reads the file."""
    decoded = decode(document(metadata={"generateName": "a-"}), suffix="x1")

    assert decoded.problems == ()
    assert isinstance(decoded.object, Policy)
    assert decoded.object.key == PolicyKey("default", "a-x1")
