"""`ryu-netpol convert`: what it prints, what it says, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from ryu_netpol.cli.convert.write import as_yaml, policy_document
from ryu_netpol.cli.main import main
from ryu_netpol.model.load import read
from tests.support.build import EGRESS, INGRESS, block, pods, policy, rule

SEED = Path(__file__).resolve().parents[3] / "examples/seed"
NAMESPACE = (
    "{apiVersion: v1, kind: Namespace, metadata: {name: a, annotations: {net.beta.kubernetes.io/network-policy: '%s'}}}"
)
ISOLATED = NAMESPACE % '{"ingress": {"isolation": "DefaultDeny"}}'
OPEN = "{apiVersion: v1, kind: Namespace, metadata: {name: a}}"
ALLOWS = (
    "{apiVersion: %s, kind: NetworkPolicy, metadata: {name: p, namespace: a}, spec: {podSelector: {}, ingress: %s}}"
)
LEGACY, V1 = "extensions/v1beta1", "networking.k8s.io/v1"
DENY = {
    "apiVersion": V1,
    "kind": "NetworkPolicy",
    "metadata": {"name": "default-deny-ingress", "namespace": "a"},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
}
TAKE_AWAY = "kubectl annotate namespace a net.beta.kubernetes.io/network-policy- takes it away"


class Convert:
    """Runs the command on documents, as one file."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._file = folder / "all.yaml"
        self._capsys = capsys
        self.said: list[str] = []

    def __call__(self, *texts: str, code: int = 0) -> list[dict]:  # type: ignore[type-arg]
        self._file.write_text("\n---\n".join(texts))
        status = main(["convert", "-f", str(self._file)])
        told = self._capsys.readouterr()
        self.said = [line.removeprefix(f"{self._file.parent}/") for line in told.err.splitlines()]

        assert code == status, told.err
        return list(yaml.safe_load_all(told.out))


@pytest.fixture
def convert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Convert:
    """The command."""
    return Convert(tmp_path, capsys)


def test_the_example_of_the_first_text(capsys: pytest.CaptureFixture[str]) -> None:
    """The policy that denies, and the one that allows with every word of the old one, `tcp` in upper case."""
    status = main(["convert", "-f", str(SEED), "-o", "json"])
    deny, allow = json.loads(capsys.readouterr().out)["items"]

    assert status == 0
    assert deny == {**DENY, "metadata": {"name": "default-deny-ingress", "namespace": "default"}}
    assert allow["spec"] == {
        "podSelector": {"matchLabels": {"role": "db"}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [
                    {"namespaceSelector": {"matchLabels": {"project": "myproject"}}},
                    {"podSelector": {"matchLabels": {"role": "frontend"}}},
                ],
                "ports": [{"protocol": "TCP", "port": 6379}],
            }
        ],
    }


def test_an_annotation_alone(convert: Convert) -> None:
    """It becomes a policy, and the way to take it away is told, with the line where it stands."""
    assert convert(ISOLATED) == [DENY]
    assert [
        "all.yaml:1: Namespace a: its annotation becomes NetworkPolicy a/default-deny-ingress; "
        f"when that is applied, {TAKE_AWAY}"
    ] == convert.said


@pytest.mark.parametrize(
    "namespace", [OPEN, NAMESPACE % '{"ingress": {"isolation": "other"}}', NAMESPACE % "{"], ids=["no", "other", "bad"]
)
def test_policies_without_isolation_become_nothing(convert: Convert, namespace: str) -> None:
    """In v1 they would isolate what they select."""
    assert convert(namespace, ALLOWS % (LEGACY, "[{}]")) == []
    assert (
        convert.said[-1]
        == "all.yaml:3: NetworkPolicy a/p: is left out: without the annotation of namespace a it has no effect"
    )


@pytest.mark.parametrize("rules", ["[]", "null", "[{from: []}]", "[{ports: []}]", "[{from: [], ports: []}]"])
def test_policies_that_allow_nothing_become_nothing(convert: Convert, rules: str) -> None:
    """An empty list means nobody there, and everybody in v1."""
    assert convert(ISOLATED, ALLOWS % (LEGACY, rules)) == [DENY]
    assert convert.said[-1] == "all.yaml:3: NetworkPolicy a/p: is left out: it allows nothing"


def test_rules_that_match_nothing_are_left_out(convert: Convert) -> None:
    """The others stay, and it is told how many went."""
    rules = "[{from: []}, {from: [{podSelector: {}}]}, {ports: []}]"
    _, allow = convert(ISOLATED, ALLOWS % (LEGACY, rules))

    assert allow["spec"]["ingress"] == [{"from": [{"podSelector": {}}]}]
    assert convert.said[-1].endswith("without 2 of 3 rules, which match nothing: their list is empty")


def test_names_that_are_taken_are_not_used(convert: Convert) -> None:
    """Policies of both APIs may have one name; the new one gets another."""
    deny = ALLOWS.replace("name: p", "name: default-deny-ingress") % (V1, "[{}]")
    new = convert(ISOLATED, ALLOWS % (LEGACY, "[{}]"), ALLOWS % (V1, "[]"), deny)

    assert [value["metadata"]["name"] for value in new] == ["default-deny-ingress-legacy", "p-legacy"]
    assert "NetworkPolicy a/p: becomes NetworkPolicy a/p-legacy of networking.k8s.io/v1" in convert.said[-1]


def test_long_names_stay_within_the_limit(convert: Convert) -> None:
    """A name of 253 characters that is taken is shortened, and the next one is another."""
    long = "n" * 246 + ".xxxxxx"
    legacy, v1, other = (ALLOWS.replace("name: p", f"name: {n}") for n in (long, long, "n" * 246 + "-legacy"))
    _, allow = convert(ISOLATED, legacy % (LEGACY, "[{}]"), v1 % (V1, "[]"), other % (V1, "[]"))

    assert allow["metadata"]["name"] == "n" * 244 + "-legacy-2"


def test_labels_and_annotations_stay(convert: Convert) -> None:
    """But for what kubectl keeps for itself; nothing else of the old object does."""
    metadata = (
        "{name: p, namespace: a, uid: u, resourceVersion: '7', labels: {'y': 'yes'}, "
        "annotations: {note: 'a: b', kubectl.kubernetes.io/last-applied-configuration: '{}'}}"
    )
    _, allow = convert(ISOLATED, (ALLOWS % (LEGACY, "[{}]")).replace("{name: p, namespace: a}", metadata))

    assert allow["metadata"] == {"name": "p", "namespace": "a", "labels": {"y": "yes"}, "annotations": {"note": "a: b"}}


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (
            [ALLOWS % (LEGACY, "[{}]")],
            "all.yaml:1: NetworkPolicy a/p: namespace a is not among the manifests, so nobody knows whether its "
            "annotation isolates it: add what kubectl get namespace -o yaml prints",
        ),
        (
            [ISOLATED, ALLOWS % (LEGACY, "[{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]")],
            "all.yaml:3: NetworkPolicy a/p: spec.ingress[0].from[0].ipBlock: unknown field",
        ),
        ([ISOLATED, ALLOWS % ("extensions/v1", "[]")], "all.yaml:3: NetworkPolicy a/p: apiVersion: "),
    ],
    ids=["no namespace", "a field of v1", "no such API"],
)
def test_what_cannot_be_expressed_is_refused(convert: Convert, texts: list[str], sentence: str) -> None:
    """Nothing is printed, the object is named, status 1."""
    assert convert(*texts, code=1) == []
    assert any(line.startswith(sentence) for line in convert.said), convert.said
    assert convert.said[-1].startswith("ryu-netpol convert: 1 ")


def test_without_anything_legacy(convert: Convert) -> None:
    """Nothing is printed, and that is no error."""
    assert convert(OPEN, ALLOWS % (V1, "[]")) == []
    assert convert.said == ["there is nothing of the legacy API in the manifests"]


def test_values_that_others_might_misread_are_quoted() -> None:
    """Numbers, truth values of any YAML version, and texts that are neither."""
    words = ("y", "N", "yes", "Off", "null", "~", "1", "0o14", "1_0", "1e3", ".inf", "0x1f", "2026-01-01", "")
    text = as_yaml([{"words": list(words), "plain": "app.kubernetes.io/name"}])

    assert [f'"{word}"' for word in words] == [
        line.removeprefix("- ").replace("'", '"') for line in text.splitlines()[1:-1]
    ]
    assert text.splitlines()[-1] == "plain: app.kubernetes.io/name"


def test_every_field_of_v1_is_written() -> None:
    """Egress, blocks and ranges come from no legacy policy, but what writes policies writes all of them."""
    written = policy(
        "a/p",
        "x=1,y in (b,c),!z,x",
        ingress=[rule(pods("a=b", ns="c"), ports=["TCP/http", "UDP"]), rule()],
        egress=[rule(block("10.0.0.0/8", "10.1.0.0/16"), ports=["SCTP/1-9"])],
        types=[INGRESS, EGRESS],
    )

    assert (written,) == read(as_yaml([policy_document(written)]), file="x").objects
