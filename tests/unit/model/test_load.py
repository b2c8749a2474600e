"""Texts into objects with lines: YAML, JSON, lists, keys given twice."""

from __future__ import annotations

import pytest

from ryu_netpol.model.labels import EVERYTHING
from ryu_netpol.model.load import Loaded, merge, overlay, read
from ryu_netpol.model.names import Direction, PodKey, PolicyKey
from ryu_netpol.model.objects import Namespace, Pod, Policy

NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {}\n"
POLICY = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: ns}\n"
CLOSED = Policy(PolicyKey("ns", "p"), EVERYTHING, frozenset(Direction))


def lines(loaded: Loaded) -> list[tuple[int, str]]:
    return [(p.line, p.field) for p in loaded.problems]


def names(loaded: Loaded) -> list[str]:
    return [o.name for o in loaded.objects if isinstance(o, Namespace)]


@pytest.mark.parametrize(
    "text",
    [
        NAMESPACE.format("a") + "---\n" + NAMESPACE.format("b"),
        "# nothing\n---\n---\n" + NAMESPACE.format("a") + "---\n---\n" + NAMESPACE.format("b") + "...\n",
        "\ufeff" + NAMESPACE.format("a") + "---\n" + NAMESPACE.format("b"),
        "%YAML 1.1\n---\n" + NAMESPACE.format("a") + "--- # b\n" + NAMESPACE.format("b"),
        (NAMESPACE.format("a") + "---\n" + NAMESPACE.format("b")).replace("\n", "\r\n"),
        '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"}}\n'
        '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"b"}}\n',
        '{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Namespace, metadata: {name: "a"}},'
        "{apiVersion: v1, kind: Namespace, metadata: {name: b}}]}",
        "kind: NamespaceList\napiVersion: v1\nitems:\n- metadata: {name: a}\n- metadata: {name: b}\n",
        "kind: List\nitems:\n- kind: List\n  items:\n  - {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n"
        "- {apiVersion: v1, kind: Namespace, metadata: {name: b}}\n- null\n",
    ],
    ids=["documents", "empty", "byte-order-mark", "directive", "CRLF", "JSON", "flow-style", "typed-list", "nested"],
)
def test_several_objects(text: str) -> None:
    """Documents and lists in every form, in the order of the text."""
    loaded = read(text.encode(), file="f")

    assert loaded.problems == ()
    assert names(loaded) == ["a", "b"]


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# x\n", "---\n---\n", "kind: List\nitems: []\n", "kind: PodList\nitems:\n"]
)
def test_nothing(text: str) -> None:
    """No object and no problem."""
    assert read(text, file="f") == Loaded()


BLOCK = """\
spec:
  ingress:
  - {}
  -
    ports:
    - port: 80
    - protocol: TCP
      port: 0
"""
LABEL = """\
spec:
  podSelector:
    matchLabels:
      a:
        1
"""
FLOW = """\
spec: {ingress: [
{from: [
{ipBlock: {}}]}]}
"""
JSON = """
{
  "apiVersion": "networking.k8s.io/v1",
  "kind": "NetworkPolicy", "metadata": {"name": "p"},
  "spec": {
    "policyTypes": ["Ingress",
      "egress"],
    "podSelector": {"matchLabels": {
      "a": 1}}}
}
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(POLICY + BLOCK, [(11, "spec.ingress[1].ports[1].port")], id="block"),
        pytest.param("---\n" + POLICY + LABEL, [(8, "spec.podSelector.matchLabels.a")], id="document-mark"),
        pytest.param("\n\n" + POLICY + FLOW, [(8, "spec.ingress[0].from[0].ipBlock.cidr")], id="flow"),
        pytest.param("# x\nkind: Pod\n", [(2, "metadata.name"), (2, "apiVersion")], id="missing"),
        pytest.param('\n{\n "kind": "Pod"\n}', [(2, "metadata.name"), (2, "apiVersion")], id="JSON-missing"),
        pytest.param(JSON, [(7, "spec.policyTypes[1]"), (9, "spec.podSelector.matchLabels.a")], id="JSON"),
    ],
)
def test_lines(text: str, expected: list[tuple[int, str]]) -> None:
    """Every problem has the line of its field, or else of what is around it."""
    assert lines(read(text, file="f")) == expected


def test_lines_in_lists() -> None:
    """Fields are named from the top of the object, lines from the top of the file."""
    text = "kind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: A\n"

    assert [str(p) for p in read(text, file="f").problems] == [
        "f:6: Pod default/A: metadata.name: \"A\" is not a valid name: lower case letters, digits, '-' and '.' inside"
    ]


def test_json_in_tabs_with_surrogates() -> None:
    """Lines of JSON are found through YAML, which knows neither lone surrogates nor pairs of them."""
    text = '{"kind": "Pod",\n\t"metadata": {"name": "a", "annotations": {"x": "\\ud83d\\ude00"},'
    text += '\n\t"labels": {"a": "\\ud83d"}},'
    text += '\n\t"apiVersion": "v1"}'

    assert lines(read(text, file="f")) == [(3, "metadata.labels.a")]


TWICE = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: ns}
spec:
  podSelector: {}
  podSelector: {matchLabels: {a: b}}
"""
TWICE_IN_JSON = """\
{"apiVersion": "networking.k8s.io/v1",
"kind": "NetworkPolicy",
"metadata": {"name": "p", "namespace": "ns"},
"spec": {
"podSelector": {},
"podSelector": {}}}
"""


@pytest.mark.parametrize("text", [TWICE, TWICE_IN_JSON], ids=["YAML", "JSON"])
def test_duplicate_key(text: str) -> None:
    """A key given twice is an error, and cannot be read: UR-2."""
    loaded = read(text, file="f")

    assert lines(loaded) == [(6, "spec.podSelector")]
    assert "NetworkPolicy ns/p" in str(loaded.problems[0])
    assert loaded.objects == (CLOSED,)


def test_duplicate_key_where_nobody_looks() -> None:
    """A key given twice is an error anywhere."""
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  x: 1\n  x: 2\n"

    assert lines(read(text, file="f")) == [(6, "spec.x")]


def test_anchors_and_merges() -> None:
    """Anchors, aliases and merge keys mean what YAML says."""
    text = (
        "apiVersion: v1\nkind: Pod\nmetadata: &m\n  name: p\n  labels: &l {a: x, b: z}\n"
        "---\n" + POLICY + "spec:\n  podSelector: {matchLabels: &a {k: v}}\n  ingress:\n"
        "  - from: [{podSelector: {matchLabels: *a}}, {podSelector: {matchLabels: {<<: *a, k: w}}}]\n"
    )

    loaded = read(text, file="f")
    policy = loaded.objects[1]

    assert loaded.problems == ()
    assert isinstance(policy, Policy)
    assert str(policy.subject) == "k=v"
    assert [str(peer.pods) for peer in policy.ingress[0].peers or ()] == ["k=v", "k=w"]  # type: ignore[union-attr]


def test_generate_name_is_stable() -> None:
    """Objects with a generateName get different names, the same ones whenever they are read."""
    text = "apiVersion: v1\nkind: Pod\nmetadata: {generateName: p-}\n---\n" * 2

    first, again = read(text, file="f"), read(text, file="f")

    assert first.objects == again.objects
    assert len({o.key for o in first.objects if isinstance(o, Pod)}) == 2


def test_one_key_twice() -> None:
    """Two objects with one key are an error that names both places; the first counts."""
    first = read(POLICY + "spec: {ingress: [{}]}\n", file="a")
    second = read("\n" + POLICY, file="b")

    loaded = merge([first, second])

    assert loaded.objects == first.objects
    assert [str(p) for p in loaded.problems] == ["b:4: NetworkPolicy ns/p: is already in a:3"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("\nkind: Namespace\napiVersion: v1\nmetadata:\n  name: a\n", 5, id="YAML"),
        pytest.param('\n{"kind": "Namespace", "apiVersion": "v1",\n "metadata": {"name": "a"}}\n', 2, id="JSON"),
    ],
)
def test_who_keeps_objects_need_not_keep_their_text(text: str, line: int) -> None:
    """A lean item still knows its file, and its line; in JSON, that of the document."""
    (item,) = read(text, file="a").items

    lean = item.lean()

    assert (item, "a", line) == (lean, lean.file, lean.line)
    assert lean.source.document.data is None
    assert lean.source.document.twin is None


def test_overlay() -> None:
    """What is put over replaces objects of its kind and name; the others stay, and so does what is wrong with them."""
    under = read(NAMESPACE.format("a") + "---\n" + NAMESPACE.format("b") + "---\nkind: 3\n", file="under")
    over = read(NAMESPACE.format("b") + "---\n" + NAMESPACE.format("c"), file="over")
    found = overlay(under, over)

    assert [(item.title, item.file) for item in found.items] == [
        ("Namespace a", "under"),
        ("Namespace b", "over"),
        ("Namespace c", "over"),
    ]
    assert found.problems == under.problems != ()


def test_both_apis_may_share_a_name() -> None:
    """A policy of either API is an object of its own."""
    other = POLICY.replace("networking.k8s.io/v1", "extensions/v1beta1")

    assert merge([read(POLICY, file="a"), read(other, file="b")]).problems == ()


def test_stand_ins_give_way() -> None:
    """Workloads may share a name with a pod or with each other."""
    text = "apiVersion: apps/v1\nkind: {}\nmetadata: {{name: w}}\n"
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: w}\nspec: {nodeName: n1}\n"

    loaded = merge(read(t, file="f") for t in (text.format("Deployment"), text.format("StatefulSet"), pod))

    assert loaded.problems == ()
    assert {str(o.key) for o in loaded.objects if isinstance(o, Pod)} == {
        "default/w",
        "default/w-deployment",
        "default/w-statefulset",
    }
    assert next(o.node for o in loaded.objects if isinstance(o, Pod) and o.key == PodKey("default", "w")) == "n1"
