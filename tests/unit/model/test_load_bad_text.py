"""Everything that can be wrong with a text itself, and what stays closed then (UR-2)."""

from __future__ import annotations

import gc
import itertools
import json
import time

import pytest

from ryu_netpol.model.labels import EVERYTHING, Selector
from ryu_netpol.model.load import Loaded, merge, read
from ryu_netpol.model.names import Direction, PolicyKey
from ryu_netpol.model.objects import Namespace, Policy

NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {}\n"
POLICY = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: ns}\n"
CLOSED = Policy(PolicyKey("ns", "p"), EVERYTHING, frozenset(Direction))


def names(loaded: Loaded) -> list[str]:
    return [o.name for o in loaded.objects if isinstance(o, Namespace)]


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{now}: &{now} [{', '.join([f'*{before}'] * 9)}]\n" for before, now in itertools.pairwise("abcdefghi")
)
HOSTILE = {
    "bomb": BOMB,
    "recursion": "a: &a [*a]\n",
    "unknown-alias": "a: *nobody\n",
    "deep": "- " * 200_000,
    "deep-flow": "[" * 200_000,
    "deep-JSON": '{"a":' * 200_000,
    "tag": "a: !!python/object:os.system x\n",
    "list-key": "{a: 1, [b]: 2}",
    "null-key": "{null: 1}",
    "control": "a: \x00",
    "tab": "a:\n\t- b",
    "quote": "'",
    "reserved": "@",
    "merge": "<<: 5",
    "bad-int": "!!int x: y",
    "huge-int": "1" * 5000 + ": " + "1" * 5000,
    "version": "%YAML 9.9\n---\na: b",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text(text: str) -> None:
    """Whatever the text does to YAML, the answer is an error, at once."""
    begin = time.monotonic()

    loaded = read(text, file="f")

    assert loaded.errors > 0
    assert loaded.objects == ()
    assert time.monotonic() - begin < 1


MANY = {
    "torn documents": ("", "---\n]\n"),
    "torn after each other": ("]\n", "---\n{\n"),
    "keys twice in a list": ("kind: List\nitems:\n", "- {kind: x, kind: y}\n"),
    "unknown tags": ("", "- !x 1\n"),
    "JSON documents": ("", '{"kind": "x"}\n'),
    "objects of one name": ("", "---\nkind: Pod\nmetadata: {name: a}\n"),
}


@pytest.mark.parametrize("name", MANY)
def test_time_grows_with_the_file(name: str) -> None:
    """However many errors a file has, ten times as many take about ten times as long, not a hundred times."""
    head, unit = MANY[name]

    def seconds(number: int) -> float:
        begin = time.process_time()
        merge([read(head + unit * number, file="f")])
        return time.process_time() - begin

    # A collection walks through everything that other tests left, and says nothing about this file.
    gc.disable()
    try:
        few, many = (min(seconds(number) for _ in range(3)) for number in (400, 4000))
    finally:
        gc.enable()

    assert many < 40 * few


def test_not_utf8() -> None:
    """A file in another encoding is an error with a line."""
    assert [str(p) for p in read(b"a: b\nc: \xe4", file="f").problems] == ["f:2: cannot be read: it is not UTF-8 text"]


def test_torn_document() -> None:
    """UR-2: a policy that a syntax error cuts short closes its namespace; the documents around it count."""
    torn = POLICY + "spec:\n  podSelector: {matchLabels: {a: b}}\n  ingress: [{}\n"
    text = NAMESPACE.format("a") + "---\n" + torn + "---\n" + NAMESPACE.format("b")

    loaded = read(text, file="f")

    assert names(loaded) == ["a", "b"]
    assert loaded.objects[1] == CLOSED
    assert [p.line for p in loaded.problems] == [12]
    assert str(loaded.problems[0]).startswith("f:12: NetworkPolicy ns/p: cannot be read: ")


def test_torn_list() -> None:
    """UR-2: in a list that a syntax error cuts short, the objects before it count."""
    text = (
        "apiVersion: v1\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n"
        "- apiVersion: networking.k8s.io/v1\n  kind: NetworkPolicy\n  metadata: {name: p, namespace: ns}\n"
        "  spec: {x: [}\n"
    )

    loaded = read(text, file="f")

    assert loaded.objects == (Namespace("a"), CLOSED)
    assert loaded.errors == 1


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: p\n namespace: ns\nspec: {}\n",
        "kind: NetworkPolicy\nspec: {}\n]\nmetadata: {name: p}\n",
        "kind: NetworkPolicy\nmetadata: {name: p, namespace: ns\nspec: {}\n",
    ],
)
def test_torn_and_unidentified(text: str) -> None:
    """Where the metadata may be cut short, nobody knows which object it is."""
    loaded = read(text, file="f")

    assert loaded.objects == ()
    assert loaded.errors == 1


LOST = {
    "list as a key": "{[x]: y}",
    "null as a key": "{~: y}",
    "merge of a number": "{<<: 5}",
    "merge of text in a list": "{<<: [{}, x]}",
    "merge given twice": "{<<: &a {}, <<: *a}",
    "merge of what lost something": "{<<: {[x]: y}}",
}


@pytest.mark.parametrize("entry", LOST.values(), ids=LOST)
def test_lost_entries(entry: str) -> None:
    """UR-2: what a mapping has lost may be any of its fields: a rule around it is lost, a subject is everybody."""
    rules = (entry, f"{{from: [{entry}]}}", f"{{from: [{{podSelector: {entry}}}]}}", f"{{ports: [{entry}]}}")

    in_rules = read(
        f"{POLICY}spec: {{podSelector: {{matchLabels: {{a: b}}}}, ingress: [{', '.join(rules)}]}}\n", file="f"
    )
    in_subject = read(f"{POLICY}spec: {{podSelector: {entry}, ingress: [{{}}]}}\n", file="f")
    in_spec = read(f"{POLICY}spec: {entry}\n", file="f")

    assert in_rules.objects == (Policy(PolicyKey("ns", "p"), Selector.of(a="b")),)
    assert in_rules.errors == len(rules)
    assert in_subject.objects == in_spec.objects == (CLOSED,)


SCALARS = {
    "yes": True,
    "off": False,
    "y": True,
    "N": False,
    "80": 80,
    "0x50": 80,
    "0o120": 80,
    "0120": 80,
    "8_0": 80,
    "1.5": 1.5,
    "22:22": "22:22",
    "2016-01-01": "2016-01-01",
    "1e3x": "1e3x",
    "'80'": "80",
    "!!str 80": "80",
    "nope": "nope",
}


@pytest.mark.parametrize(("text", "value"), SCALARS.items(), ids=SCALARS)
def test_plain_scalars(text: str, value: object) -> None:
    """Plain scalars are what kubectl makes of them; a label takes only text (VA-7)."""
    loaded = read(f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p, annotations: {{a: {text}}}}}\n", file="f")

    assert loaded.errors == (0 if isinstance(value, str) else 1)
    if not isinstance(value, str):
        assert f"must be text, not {json.dumps(value)}" in loaded.problems[0].reason
