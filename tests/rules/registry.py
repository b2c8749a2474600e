"""All tables by the name of their file, and how much of docs/semantics.md is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.rules import exceptions, isolation, legacy, lifecycle, peers, ports, selectors
from tests.rules.cases import Case

TABLES: Mapping[str, Sequence[Case]] = {
    "isolation": isolation.CASES,
    "selectors": selectors.CASES,
    "peers": peers.CASES,
    "ports": ports.CASES,
    "exceptions": exceptions.CASES,
    "lifecycle": lifecycle.CASES,
    "legacy": legacy.CASES,
}
CASES: Sequence[Case] = tuple(case for table in TABLES.values() for case in table)
