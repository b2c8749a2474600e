"""Objects that msgspec refuses: each is one bad object at most, and what is around it is read."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ryu_netpol.adapters.kube import envelope, lenient, objects
from ryu_netpol.agent.events import Kind
from ryu_netpol.model.labels import EVERYTHING
from ryu_netpol.model.names import Api, Direction, PodKey, PolicyKey
from ryu_netpol.model.objects import Namespace, Node, Policy
from tests.unit.adapters.kube.world import namespace, node, pod, policy

API = {kind: Api.V1 if kind is Kind.POLICY else "v1" for kind in Kind}
DEEP = b"[" * 100_000 + b"]" * 100_000
REFUSED = {
    "half a surrogate": rb'"\ud800"',
    "two halves in the wrong order": rb'"\udc00\ud800"',
    "no UTF-8": b'["\xff"]',
    "nested too deep": DEEP,
    "a number too large": b"1e999",
    "a number too long": b"1" * 5_000,
    "a control character": b'"\n"',
    "an unknown escape": rb'"\q"',
    "a number with zeros": b"007",
    "not a number": b"NaN",
    "half a word": b"tru",
    "a comma too many": b"{,}",
}
DOCUMENTS = {
    Kind.POD: pod("shop/a", version="1", nodeName="n1"),
    Kind.NAMESPACE: namespace("shop"),
    Kind.NODE: node("n1"),
    Kind.POLICY: policy("shop/a", ingress=[{}]),
}
refused = pytest.mark.parametrize("junk", REFUSED.values(), ids=REFUSED)


def written(document: dict[str, Any], *path: str, junk: bytes) -> bytes:
    """As a server sends it, with a text that is no JSON in the place of a field."""
    place = "put it here"
    copy = json.loads(json.dumps({**document, "metadata": {**document["metadata"], "resourceVersion": "7"}}))
    here = copy
    for step in path[:-1]:
        here = here.setdefault(step, {})
    here[path[-1]] = place
    return json.dumps(copy).encode().replace(f'"{place}"'.encode(), junk)


def listed(*items: bytes) -> bytes:
    return b'{"kind": "L", "metadata": {"resourceVersion": "7", "continue": "t"}, "items": [%s]}' % b", ".join(items)


def good(name: str) -> bytes:
    return json.dumps(pod(f"shop/{name}")).encode()


@refused
@pytest.mark.parametrize("kind", Kind)
def test_what_means_nothing_may_be_anything(kind: Kind, junk: bytes) -> None:
    """`managedFields`, another annotation, the status of a policy: the object is what it says, without an error."""
    document = DOCUMENTS[kind]
    clean = objects.entry(json.dumps(document).encode(), kind, API[kind])
    for path in (("metadata", "managedFields"), ("metadata", "annotations", "note"), ("fieldOfTheFuture",)):
        text = written(document, *path, junk=junk)
        entry = objects.entry(text, kind, API[kind])

        assert (clean.key, clean.uid, clean.object) == (entry.key, entry.uid, entry.object)
        assert entry.clean
        assert entry.problems == ()
        assert clean.key == objects.key(text, kind, API[kind])
        assert envelope.event(b'{"type": "ADDED", "object": %s}' % text)[1].version == "7"  # type: ignore[union-attr]


@refused
def test_a_policy_that_cannot_be_read_is_closed(junk: bytes) -> None:
    """UR-2: it isolates its namespace, and the message names it and the field."""
    entry = objects.entry(written(policy("shop/a"), "spec", "ingress", junk=junk), Kind.POLICY, Api.V1)

    assert isinstance(entry.object, Policy)
    assert (EVERYTHING, frozenset(Direction)) == (entry.object.subject, entry.object.directions)
    assert (entry.object.ingress, entry.object.egress) == ((), ())
    assert not entry.clean
    assert entry.key == PolicyKey("shop", "a", Api.V1)
    assert [str(p).partition(": cannot be read: ")[0] for p in entry.problems] == ["NetworkPolicy shop/a: spec"]


@refused
def test_other_objects_that_cannot_be_read(junk: bytes) -> None:
    """A pod is unknown; a namespace and a node are there, without what cannot be read of them."""
    found = objects.entry(written(pod("shop/a"), "metadata", "labels", junk=junk), Kind.POD, "v1")
    assert (found.key, found.object, found.clean) == (PodKey("shop", "a"), None, False)

    space = objects.entry(written(namespace("shop"), "metadata", "labels", junk=junk), Kind.NAMESPACE, "v1")
    assert (Namespace("shop"), False) == (space.object, space.clean)

    isolation = ("metadata", "annotations", "net.beta.kubernetes.io/network-policy")
    isolated = objects.entry(written(namespace("shop"), *isolation, junk=junk), Kind.NAMESPACE, "v1")
    assert (Namespace("shop"), False) == (isolated.object, isolated.clean)

    other = objects.entry(written(node("n1"), "status", "addresses", junk=junk), Kind.NODE, "v1")
    assert isinstance(other.object, Node)
    assert not other.clean


JUNK = st.one_of(
    st.sampled_from([*REFUSED.values(), b"null", b"5", b"{}", b"[]", b"{1: 2}", b'{"metadata": {"name": ?}}']),
    st.binary(min_size=1, max_size=8).filter(lambda text: not set(text) & set(b'[]{},"') and text.strip() != b""),
    st.builds(
        lambda path, junk: written(pod("shop/junk"), *path, junk=junk),
        st.sampled_from(
            [("metadata", "name"), ("metadata", "x"), ("spec",), ("status", "podIP"), ("spec", "nodeName")]
        ),
        st.sampled_from([*REFUSED.values()]),
    ),
)


@settings(max_examples=300, deadline=None)
@given(junk=JUNK, before=st.integers(0, 2), kind=st.sampled_from(Kind))
def test_one_object_never_hinders_the_others(junk: bytes, before: int, kind: Kind) -> None:
    """Whatever stands in the place of one: the others of the list are there, and it is one entry."""
    items = [good(name) for name in "abc"]
    items.insert(before, junk)
    page, found = envelope.page(listed(*items))
    entries = [objects.entry(raw, Kind.POD, "v1") for raw in found]
    objects.entry(found[before], kind, API[kind])

    assert (page.version, page.more) == ("7", "t")
    assert len(entries) == 4
    del entries[before]
    assert [entry.key.name for entry in entries] == ["a", "b", "c"]
    assert all(entry.clean for entry in entries)


@pytest.mark.parametrize("junk", ["]", "}", "[", "{", '"', "", "{]", "[}", '\\"', '"a" "', "}, {", "], ["], ids=repr)
def test_a_list_that_cannot_be_taken_apart_is_none(junk: str) -> None:
    """It must not pass for a shorter one, which would delete what is missing."""
    body = listed(good("a"), rb'{"x": "\ud800"}', junk.encode(), good("b"))

    with pytest.raises(envelope.Unreadable):
        envelope.page(body)


@pytest.mark.parametrize("length", [0.2, 0.5, 0.9, 0.99])
def test_half_a_list_is_none(length: float) -> None:
    """Cut off anywhere, with and without a bad object in it."""
    for item in (good("b"), rb'{"x": "\ud800"}'):
        body = listed(good("a"), item, good("c"))
        with pytest.raises(envelope.Unreadable):
            envelope.page(body[: int(len(body) * length)])


@pytest.mark.parametrize(
    "line",
    [
        rb'{"type": "ADDED", "object": {"metadata": {"resourceVersion": "\ud800"}}}',
        rb'{"type": "ADDED", "object": {"metadata": "\ud800"}}',
        rb'{"type": "ADDED", "object": "\ud800"}',
        rb'{"type": "\ud800", "object": {"metadata": {"resourceVersion": "7"}}}',
        rb'{"object": {"metadata": {"resourceVersion": "7"}}, "x": "\ud800"}',
    ],
    ids=["its version", "its metadata", "itself", "its type", "no type"],
)
def test_an_event_whose_version_cannot_be_read(line: bytes) -> None:
    """Nobody knows how far the watch has come then: it is not gone on with."""
    with pytest.raises(envelope.Unreadable):
        envelope.event(line)


class _Shape(msgspec.Struct):
    one: Any = None
    other: list[int] | None = None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"one": 1, "other": [2], "x": tru}', _Shape(1, [2])),
        (b' { "one" : "a,b]}" , "x" : tru } ', _Shape("a,b]}")),
        (rb'{"o\u006ee": "\"", "\ud800": 5}', _Shape('"')),
        (b'{"other": null, "x": {"y": [tru, {}]}}', _Shape()),
    ],
    ids=["both", "blanks", "escapes", "null"],
)
def test_members(text: bytes, expected: _Shape) -> None:
    """By their names, whatever is beside them."""
    assert expected == lenient.decode(msgspec.json.Decoder(_Shape), text)


def test_what_is_json_of_another_shape_is_refused() -> None:
    """Only what is no JSON is taken apart."""
    with pytest.raises(msgspec.ValidationError, match=r"Expected `array \| null`, got `str`"):
        lenient.decode(msgspec.json.Decoder(_Shape), b'{"other": "x"}')


def test_long_objects_take_no_time_without_end() -> None:
    """A hundred thousand brackets, and a megabyte of them beside each other: each is looked at a few times."""
    wide = b"[" + b",".join([b"[[[[[[[[[[[[]]]]]]]]]]]]"] * 40_000) + b"]"
    text = b'{"one": 1, "x": %s, "y": %s}' % (DEEP, wide)

    assert _Shape(1) == lenient.decode(msgspec.json.Decoder(_Shape), text)
