"""What is compiled is what was reviewed; `make golden` after a change that means it."""

from __future__ import annotations

import pytest

from ryu_netpol.flows.text import parse
from tests.golden import FOLDER, flows_file, names, node, render


@pytest.mark.parametrize("name", names())
def test_flows_are_those_that_were_reviewed(name: str) -> None:
    """The file says exactly what is compiled today."""
    assert flows_file(name).read_text() == render(name), "review the difference, then: make golden"


@pytest.mark.parametrize("name", names())
def test_flows_can_be_read_again(name: str) -> None:
    """Every line of a file is a flow of the node."""
    lines = [line for line in flows_file(name).read_text().splitlines() if line and not line.startswith("#")]
    flows = set(node(name).flows.values())

    assert lines
    assert {parse(line) for line in lines} <= flows


def test_every_file_has_its_manifest() -> None:
    """No golden flows of a construct that is gone."""
    assert sorted(path.stem for path in FOLDER.glob("*.flows")) == names()
