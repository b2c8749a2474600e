"""docs/check.md lists every warning, each with an example that gives it."""

from __future__ import annotations

import re

import pytest

from ryu_netpol.model.lint.case import Name
from tests.unit.model.lint.manifests import DOCUMENT, found

ROWS = re.findall(r"^\| `([a-z-]+)` \| `([^`]+)` \| \S", DOCUMENT.read_text(), re.MULTILINE)


def test_every_warning_is_listed() -> None:
    """Once each."""
    assert sorted(Name) == sorted(name for name, _ in ROWS)


@pytest.mark.parametrize(("name", "spec"), ROWS, ids=[name for name, _ in ROWS])
def test_example(name: str, spec: str) -> None:
    """The example gives this warning and no other."""
    assert [name] == [line.split()[0] for line in found(spec)]
