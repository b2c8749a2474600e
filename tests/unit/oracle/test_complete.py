"""Every rule NP and LG of docs/semantics.md is in a table, or it is said here why it cannot be."""

from __future__ import annotations

import re
from pathlib import Path

RULES = {
    *(f"NP-{n}" for n in (*range(1, 7), *range(10, 16), *range(20, 28), *range(30, 39), *range(40, 50))),
    *(f"NP-{n}" for n in (*range(50, 54), 60, 61, *range(70, 74), 75, 76, *range(80, 85), *range(90, 95))),
    *(f"LG-{n}" for n in range(1, 14)),
}

ELSEWHERE = {
    "NP-84": "a connection is opened, it has no fragments: flows and packets",
    "NP-94": "the oracle judges new connections only: epochs",
    "LG-2": "decoding of the annotation",
    "LG-3": "decoding of the annotation",
    "LG-9": "decoding of the protocol",
    "LG-13": "which API is followed: the feed",
}


def test_every_rule_has_a_case() -> None:
    """A rule number that no table names, and no reason excuses, is missing."""
    written = "\n".join(path.read_text() for path in Path(__file__).parent.glob("test_[nl]*.py"))
    matches = re.findall(r'(?:"|def test_)(NP|LG|np|lg)[-_](\d+)(?!\d)', written)
    named = {f"{api.upper()}-{number}" for api, number in matches}

    assert set() == RULES - named - set(ELSEWHERE)
    assert set() == named & set(ELSEWHERE)
    assert set() == named - RULES
