"""Selectors that match nothing, and those about which the manifests say nothing."""

from __future__ import annotations

import pytest

from ryu_netpol.model.lint import lint
from tests.unit.model.lint.manifests import found, loaded, policy, scene

SUBJECT = "subject-matches-nothing spec.podSelector"
PEER = "peer-matches-nothing spec.ingress[0].from[0]"
IMPOSSIBLE = "impossible-selector spec.podSelector"
POD = "{{apiVersion: v1, kind: Pod, metadata: {{name: x, namespace: {0}, labels: {{app: x}}}}, spec: {1}, status: {2}}}"
NAMESPACE = "{{apiVersion: v1, kind: Namespace, metadata: {{name: {0}}}}}"


def from_(peer: str) -> str:
    return f"ingress: [{{from: [{peer}]}}]"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param("podSelector: {matchLabels: {app: wbe}}", [SUBJECT], id="mistyped-value"),
        pytest.param("podSelector: {matchLabels: {ap: web}}", [SUBJECT], id="mistyped-key"),
        pytest.param("podSelector: {matchLabels: {app: scraper}}", [SUBJECT], id="pod-of-another-namespace"),
        pytest.param("podSelector: {matchLabels: {app: web}}", [], id="matches"),
        pytest.param("podSelector: {}", [], id="everything"),
        pytest.param("{namespace: old, podSelector: {matchLabels: {app: wbe}}}", [], id="namespace-without-pods"),
    ],
)
def test_subject(spec: str, expected: list[str]) -> None:
    """A podSelector is judged among the pods of its namespace, if there are any."""
    assert found(spec) == expected


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        pytest.param("{podSelector: {matchLabels: {app: wbe}}}", [f"{PEER}.podSelector"], id="pod"),
        pytest.param("{podSelector: {matchLabels: {app: web}}}", [], id="pod-that-is-there"),
        pytest.param("{namespaceSelector: {matchLabels: {team: opps}}}", [f"{PEER}.namespaceSelector"], id="namespace"),
        pytest.param("{namespaceSelector: {matchLabels: {team: ops}}}", [], id="namespace-that-is-there"),
        pytest.param(
            "{namespaceSelector: {matchLabels: {team: ops}}, podSelector: {matchLabels: {app: web}}}",
            [f"{PEER}.podSelector"],
            id="pod-of-another-namespace",
        ),
        pytest.param(
            "{namespaceSelector: {matchLabels: {team: ops}}, podSelector: {matchLabels: {app: scraper}}}",
            [],
            id="pod-of-the-chosen-namespace",
        ),
        pytest.param(
            "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}", [], id="kube-system"
        ),
        pytest.param(
            "{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}", [], id="pods-of-kube-system"
        ),
        pytest.param(
            "{podSelector: {matchLabels: {a: b}}, "
            "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: old}}}",
            [],
            id="pods-of-a-namespace-without-pods",
        ),
    ],
)
def test_peer(peer: str, expected: list[str]) -> None:
    """Both selectors of a peer are judged, where the manifests say what there is."""
    assert found(from_(peer)) == expected


def test_whole_cluster() -> None:
    """Where every namespace is there, a selector of pods in all of them is judged."""
    system = [NAMESPACE.format(name) for name in ("default", "kube-node-lease", "kube-public", "kube-system")]
    spec = from_("{namespaceSelector: {}, podSelector: {matchLabels: {app: wbe}}}")

    assert found(spec, "\n---\n".join(system)) == [f"{PEER}.podSelector"]


def test_policies_alone() -> None:
    """Without pods and namespaces nothing is said to be missing; neither with the policy's own namespace alone."""
    spec = """
    podSelector: {matchLabels: {a: b}}
    ingress: [{from: [{podSelector: {matchLabels: {c: d}}}, {namespaceSelector: {matchLabels: {e: f}}}]}]
    """

    assert found(spec, around="") == []
    assert found(spec, around=NAMESPACE.format("shop")) == []


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        pytest.param("{hostNetwork: true}", "{}", [SUBJECT], id="host-network"),
        pytest.param("{}", "{phase: Succeeded}", [], id="finished"),
        pytest.param("{}", "{}", [], id="pod-network"),
    ],
)
def test_pods_that_policies_do_not_see(spec: str, status: str, expected: list[str]) -> None:
    """Who selects host-network pods selects nothing (NP-60); who selects a job that has run surely means it."""
    assert found("podSelector: {matchLabels: {app: x}}", POD.format("shop", spec, status)) == expected


def test_workloads_count() -> None:
    """The pod that a workload stands for is a pod."""
    spec = "{template: {metadata: {labels: {app: api}}}}"
    workload = f"{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: api, namespace: shop}}, spec: {spec}}}"

    assert found("podSelector: {matchLabels: {app: api}}") == [SUBJECT]
    assert found("podSelector: {matchLabels: {app: api}}", workload) == []


@pytest.mark.parametrize(
    ("selector", "reason"),
    [
        pytest.param("{app: wbe}", "app=wbe matches no pod of namespace shop: app is web", id="other-values"),
        pytest.param("{x: z}", "x=z matches no pod of namespace shop: nobody has the label x", id="no-such-key"),
    ],
)
def test_reason(selector: str, reason: str) -> None:
    """The message says what is there instead."""
    manifests = loaded(policy(f"podSelector: {{matchLabels: {selector}}}"), scene())

    assert [problem.reason for problem in lint(manifests)] == [reason]


def requirement(key: str, operator: str, values: str = "[]") -> str:
    return f"{{key: {key}, operator: {operator}, values: {values}}}"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param(requirement("a", "In", "[x]"), requirement("a", "In", "[z]"), True, id="two-values"),
        pytest.param(requirement("a", "In", "[x, z]"), requirement("a", "In", "[z]"), False, id="a-common-value"),
        pytest.param(requirement("a", "In", "[x]"), requirement("a", "NotIn", "[x]"), True, id="in-and-not-in"),
        pytest.param(requirement("a", "In", "[x, z]"), requirement("a", "NotIn", "[x]"), False, id="a-value-is-left"),
        pytest.param(requirement("a", "Exists"), requirement("a", "DoesNotExist"), True, id="there-and-not-there"),
        pytest.param(requirement("a", "Exists"), requirement("a", "NotIn", "[x]"), False, id="there-with-other-value"),
        pytest.param(requirement("a", "DoesNotExist"), requirement("a", "NotIn", "[x]"), False, id="not-there"),
        pytest.param(requirement("a", "In", '[""]'), requirement("a", "Exists"), False, id="empty-value"),
        pytest.param(requirement("a", "In", "[x]"), requirement("b", "NotIn", "[x]"), False, id="different-keys"),
    ],
)
def test_impossible(first: str, second: str, expected: bool) -> None:
    """Requirements of one key that exclude each other are told, whatever the manifests say."""
    spec = f"podSelector: {{matchExpressions: [{first}, {second}]}}"

    assert found(spec, around="") == [IMPOSSIBLE] * expected


def test_impossible_peers() -> None:
    """In peers, too; and it is not said again that nothing matches."""
    never = "{matchLabels: {a: b}, matchExpressions: [{key: a, operator: DoesNotExist}]}"

    assert found(from_(f"{{podSelector: {never}, namespaceSelector: {never}}}")) == [
        "impossible-selector spec.ingress[0].from[0].namespaceSelector",
        "impossible-selector spec.ingress[0].from[0].podSelector",
    ]
