"""Fixtures of the end-to-end tests: labs in a folder of their own. What is missing is a failure, never a skip."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ryu_netpol.lab.lab import Lab, sweep
from ryu_netpol.lab.state import LabState

FAKE_AGENT = (sys.executable, str(Path(__file__).with_name("fake_agent.py")))


@pytest.fixture
def base() -> Iterator[Path]:
    """Where the labs of one test keep their records; what a failed test left goes with it."""
    folder = Path("/run") / "npl-e2e"
    folder.mkdir(exist_ok=True)
    yield folder
    sweep(folder)


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    """An empty folder; the fake agent takes flows from drops.txt in it."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    return folder


@pytest.fixture
def lab(base: Path, manifests: Path) -> Iterator[Lab]:
    """One node with the fake agent, without policies."""
    with Lab(manifests, program=FAKE_AGENT, base=base) as made:
        yield made
    assert LabState.all(base) == ()
