"""Everything that can be wrong with a text itself, and what stays closed then (UR-2)."""

from __future__ import annotations

import itertools
import json
import time

import pytest

from ryu_netpol.model.labels import EVERYTHING
from ryu_netpol.model.load import Loaded, read
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


SCALARS = {
    "yes": True,
    "off": False,
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
