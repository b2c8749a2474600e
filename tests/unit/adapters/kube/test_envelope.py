"""Lists, watch events and errors as servers write them."""

from __future__ import annotations

import json

import pytest

from ryu_netpol.adapters.kube import answers, envelope
from tests.unit.adapters.kube.world import line, pod, status


def test_a_page() -> None:
    """Its version, the token of the next one, and the objects as they are."""
    body = b'{"kind": "PodList", "metadata": {"resourceVersion": "7", "continue": "t"}, "items": [{"a": 1}, {"b": 2}]}'
    page, items = envelope.page(body)

    assert answers.Page("7", "t") == page
    assert [bytes(item) for item in items] == [b'{"a": 1}', b'{"b": 2}']


@pytest.mark.parametrize("items", ["null", "[]"])
def test_an_empty_list(items: str) -> None:
    """Go writes null for a list that nobody filled."""
    page, found = envelope.page(f'{{"metadata": {{"resourceVersion": "7"}}, "items": {items}}}'.encode())

    assert answers.Page("7") == page
    assert found == []


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{}", b'{"metadata": {}}', b'{"metadata": {}, "items": {}}'], ids=repr
)
def test_what_is_no_list(body: bytes) -> None:
    """A page without items is none: it must not pass for an empty list, which would delete everything."""
    with pytest.raises(envelope.Unreadable):
        envelope.page(body)


@pytest.mark.parametrize("what", ["ADDED", "MODIFIED", "DELETED"])
def test_events(what: str) -> None:
    """Their version is that of the object."""
    document = pod("shop/a")
    document["metadata"]["resourceVersion"] = "9"
    found, seen, raw = envelope.event(line(what, document))

    assert (what, answers.Seen("9")) == (found, seen)
    assert document == json.loads(bytes(raw))


def test_bookmarks() -> None:
    """A version alone, and the one that ends the list of a stream."""
    plain = {"metadata": {"resourceVersion": "9", "annotations": {"other": "x"}}}
    end = {"metadata": {"resourceVersion": "9", "annotations": {"k8s.io/initial-events-end": "true"}}}

    assert answers.Seen("9", bookmark=True) == envelope.event(line("BOOKMARK", plain))[1]
    assert answers.Seen("9", bookmark=True, end=True) == envelope.event(line("BOOKMARK", end))[1]


def test_errors_within_a_watch() -> None:
    """A Status with its code, and with a time to wait."""
    _, found, _ = envelope.event(line("ERROR", status(429, "busy", seconds=3)))

    assert answers.Refused(429, "429 busy", 3.0) == found


@pytest.mark.parametrize(
    "body",
    [
        status(504, "x", cause="ResourceVersionTooLarge"),
        status(504, "Timeout: Too large resource version: 9, current: 5"),
    ],
    ids=["by its cause", "in words, before 1.19"],
)
def test_versions_that_are_too_new(body: dict[str, object]) -> None:
    """They are not any timeout: the version must not be asked for again."""
    assert envelope.status(504, json.dumps(body).encode()).too_new
    assert not envelope.status(504, b"{}").too_new


def test_answers_of_proxies() -> None:
    """What is no Status is told by its code, and Retry-After counts."""
    assert answers.Refused(503, "503 without a reason", 7.0) == envelope.status(503, b"<html>", retry_after=7.0)
    assert envelope.status(429, json.dumps(status(429, seconds=9)).encode(), retry_after=7.0).retry_after == 9.0


@pytest.mark.parametrize(
    "text",
    [
        b"5",
        b"{}",
        b'{"type": "ADDED"}',
        b'{"type": "ADDED", "object": {}}',
        b'{"type": "X", "object": {"metadata": {}}}',
    ],
    ids=repr,
)
def test_what_is_no_event(text: bytes) -> None:
    """The watch cannot be trusted any further."""
    with pytest.raises(envelope.Unreadable):
        envelope.event(text)


def test_discovery() -> None:
    """Versions of groups, and what a version has."""
    groups = (
        b'{"groups": [{"name": "a", "versions": [{"groupVersion": "a/v1", "version": "v1"}], "preferredVersion": {}}]}'
    )

    assert envelope.group_versions(groups) == {"a/v1"}
    assert envelope.resource_names(b'{"resources": [{"name": "pods", "kind": "Pod"}]}') == {"pods"}
