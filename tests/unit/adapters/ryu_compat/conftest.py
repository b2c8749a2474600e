"""An application that listens, for every test that wants one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.adapters.ryu_compat.peer import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A listening application."""
    world = World(tmp_path / "of.sock")
    yield world
    world.server.stop()
