"""Random documents and texts: nothing raises, nothing wrong is accepted, nothing unreadable opens (VA, UR-2)."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import yaml
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ryu_netpol.model.decode import Decoded, Severity, decode
from ryu_netpol.model.load import LocatedProblem, merge, read
from ryu_netpol.model.names import Direction
from ryu_netpol.model.objects import Policy, Rule

V1: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "p", "namespace": "ns", "labels": {"a": "b"}},
    "spec": {
        "podSelector": {
            "matchLabels": {"a": "b"},
            "matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}],
        },
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {
                "from": [
                    {"podSelector": {"matchLabels": {"a": "b"}}, "namespaceSelector": {"matchLabels": {"a": "b"}}},
                    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
                ],
                "ports": [{"protocol": "UDP", "port": 80, "endPort": 90}, {"port": "http"}],
            },
            {"ports": [{"port": 443}]},
        ],
        "egress": [{"to": [{"namespaceSelector": {}}]}],
    },
}
LEGACY: dict[str, Any] = {
    "apiVersion": "extensions/v1beta1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "p", "namespace": "ns"},
    "spec": {
        "podSelector": {"matchLabels": {"a": "b"}},
        "ingress": [
            {"from": [{"podSelector": {}}, {"namespaceSelector": {}}], "ports": [{"protocol": "TCP", "port": 80}]},
            {"from": []},
        ],
    },
}
Step = tuple[Any, ...]


def places(value: Any, path: Step = ()) -> Iterator[Step]:
    """The paths of all values in a document."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


MORE = {
    "apiVersion": "v1",
    "kind": ["Pod", "Namespace", "Node", "List", "PodList"],
    "items": ["apps/v1", "Deployment", "batch/v1", "CronJob"],
    "template": {"containers": "initContainers", "containerPort": "hostNetwork", "nodeName": "status"},
    "podIPs": {"ip": "10.0.0.1", "annotations": "net.beta.kubernetes.io/network-policy", "generateName": "tcp"},
}


def words(value: Any) -> set[str]:
    """All keys and texts of a document."""
    if isinstance(value, dict):
        return set(value).union(*map(words, value.values()))
    return set().union(*map(words, value)) if isinstance(value, list) else {str(value)}


texts = st.sampled_from(sorted(words([V1, LEGACY, MORE]))) | st.text(max_size=5)
scalars = st.none() | st.booleans() | st.integers(-1, 70000) | st.floats() | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=4), max_leaves=20
)


def at(document: Any, path: Step) -> Any:
    for step in path:
        document = document[step]
    return document


def errors(decoded: Decoded) -> list[str]:
    return [p.field for p in decoded.problems if p.severity is Severity.ERROR]


def rules(policy: Policy) -> set[tuple[Direction, Rule]]:
    return {(direction, rule) for direction in Direction for rule in policy.rules(direction)}


@given(values)
def test_anything(document: object) -> None:
    """No document makes the decoder raise; what is no object has an error, unless it means nothing to us."""
    decoded = decode(document)

    assert decoded.clean is (not errors(decoded))
    assert all(str(p) and p.reason for p in decoded.problems)


@given(st.sampled_from([V1, LEGACY]), st.data(), texts)
def test_unknown_fields_are_refused(valid: dict[str, Any], data: st.DataObject, name: str) -> None:
    """VA-9: a field that does not belong there is an error anywhere, but among labels."""
    document = copy.deepcopy(valid)
    path = data.draw(st.sampled_from([p for p in places(document) if isinstance(at(document, p), dict)]))
    assume(path[-1:] not in (("labels",), ("matchLabels",)) and name not in at(document, path))
    at(document, path)[f"{name}X"] = data.draw(values)

    assert not decode(document).clean


@given(st.sampled_from([V1, LEGACY]), st.data())
def test_nothing_opens(valid: dict[str, Any], data: st.DataObject) -> None:
    """UR-2: a broken policy keeps its isolation and has only rules that the whole one has."""
    whole = decode(valid).object
    assert isinstance(whole, Policy)
    document = copy.deepcopy(valid)
    path = data.draw(st.sampled_from([p for p in places(document) if p and p[0] == "spec"]))
    at(document, path[:-1])[path[-1]] = data.draw(values)

    decoded = decode(document)
    assume(not decoded.clean)

    assert isinstance(decoded.object, Policy)
    assert decoded.object.directions >= whole.directions or "policyTypes" in path or path == ("spec",)
    assert not decoded.object.subject.requirements or decoded.object.subject == whole.subject or "podSelector" in path
    if path[:2] in (("spec", "ingress"), ("spec", "egress")) and len(path) > 2:
        assert decoded.object.directions == whole.directions
        assert decoded.object.subject == whole.subject
        changed = path[2] if path[1] == "ingress" else None
        kept = {(Direction.INGRESS, r) for i, r in enumerate(whole.ingress) if i != changed}
        assert kept <= rules(decoded.object)


@given(st.sampled_from([V1, LEGACY]), st.data())
def test_every_wrong_type_is_refused(valid: dict[str, Any], data: st.DataObject) -> None:
    """VA-1, VA-7, VA-9: a value of another type is an error wherever there is one."""
    document = copy.deepcopy(valid)
    path = data.draw(st.sampled_from([p for p in places(document) if p]))
    old = at(document, path)
    wrong = data.draw(st.sampled_from([True, 1.5, [[]], {"x": {}}, *([] if isinstance(old, str) else ["x y"])]))
    at(document, path[:-1])[path[-1]] = wrong

    assert not decode(document).clean


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"\x85")
@example(b"- ? - :")
@example(b"&a")
@example(b"*")
def test_any_bytes(data: bytes) -> None:
    """No file makes the loader raise."""
    assert all(p.line >= 1 and str(p).isprintable() for p in merge([read(data, file="f")]).problems)


@given(st.sampled_from([V1, LEGACY]), st.data())
def test_cut_or_damaged_text(valid: dict[str, Any], data: st.DataObject) -> None:
    """A text with a hole and noise in it never makes the loader raise."""
    text = data.draw(st.sampled_from([yaml.safe_dump(valid, sort_keys=False), json.dumps(valid, indent=1)]))
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, min(begin + 20, len(text))))
    noise = data.draw(st.text("abc:-[]{}#'\"\n\t &*!|>%@`,", max_size=5))

    loaded = read(text[:begin] + noise + text[end:], file="f")

    assert all(isinstance(p, LocatedProblem) and str(p) for p in loaded.problems)


@given(st.dictionaries(texts, values, max_size=5))
def test_yaml_and_json_agree(document: dict[str, Any]) -> None:
    """The same document means the same in both languages."""
    try:
        as_json = json.dumps(document, allow_nan=False)
    except ValueError:
        return
    as_yaml = yaml.safe_dump(document)

    left, right = read(as_json, file="f"), read(as_yaml, file="f")

    assert left.objects == right.objects
    assert [p.reason for p in left.problems] == [p.reason for p in right.problems]
