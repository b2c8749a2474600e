"""Texts that are not too long, and moments."""

from __future__ import annotations

import pytest

from ryu_netpol.adapters.kube.tell.words import is_version, time, trimmed


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ""), ("0123456789", "0123456789"), ("0123456789a", "0123456..."), ("ééééé", "ééééé"), ("éééééa", "ééé...")],
    ids=["empty", "fits", "longer", "fits in bytes", "cut between characters"],
)
def test_trimmed(text: str, expected: str) -> None:
    """Bytes count, no character is cut in two, and it shows that something is missing."""
    assert expected == trimmed(text, 10)
    assert len(trimmed(text, 10).encode()) <= 10


def test_time() -> None:
    """RFC 3339 with exactly six digits, which is what Events must have."""
    assert time(0.0) == "1970-01-01T00:00:00.000000Z"
    assert time(1_767_323_045.25) == "2026-01-02T03:04:05.250000Z"


@pytest.mark.parametrize("text", ["", "abc", "-1", "1.5", "٣", "9" * 21, "1\n"], ids=repr)
def test_no_version(text: str) -> None:
    """What the schema would refuse."""
    assert not is_version(text)
    assert is_version("1234")
