"""The folder feed where the folder or a file in it cannot be read: everything stays in force."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ryu_netpol.agent.events import Kind
from tests.unit.adapters.test_folder import Watched, names, policy


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """A folder whose feed is not started yet."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    watched = Watched(folder)
    yield watched
    watched.stop()


def test_folder_vanishes_and_returns(watched: Watched) -> None:
    """A folder that is gone keeps its state in force and is reported; when it is back, it counts again."""
    watched.write("one.yaml", policy("one"))
    watched.start()

    watched.path.rename(watched.path.with_name("elsewhere"))
    state = watched.wait(lambda s: s.problems != ())
    assert names(state) == ["one"]
    assert state.known
    assert state.problems[0].file == str(watched.path)
    assert watched.feed.late() == set(Kind)

    watched.path.mkdir()
    watched.write("two.yaml", policy("two"))
    assert watched.wait(lambda s: s.problems == () and names(s) == ["two"]).errors_total == 1
    assert watched.feed.late() == frozenset()


def test_folder_removed_with_its_files(watched: Watched) -> None:
    """`rm -r` removes the files first: the state stays all the same."""
    watched.write("one.yaml", policy("one"))
    watched.start()

    shutil.rmtree(watched.path)
    watched.wait(lambda s: s.problems != ())

    assert all(names(s) == ["one"] for s in watched.states)


def test_never_readable(watched: Watched) -> None:
    """A folder that was never there says nothing about objects."""
    watched.path.rmdir()

    state = watched.start().states[0]
    assert not state.known
    assert state.errors_total == 1

    watched.path.mkdir()
    watched.write("one.yaml", policy("one"))
    watched.wait(lambda s: s.known and names(s) == ["one"])


def test_unreadable_file(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may no longer be read keeps its objects and is reported once; when it may be, it counts again."""
    watched.write("one.yaml", policy("one"))
    watched.start()

    with monkeypatch.context() as forbidden:
        forbidden.setattr(Path, "read_bytes", _forbidden)
        watched.write("one.yaml", policy("two"))
        state = watched.wait(lambda s: s.problems != ())
    assert names(state) == ["one"]
    assert str(state.problems[0]).endswith("one.yaml: cannot be read: Permission denied")

    assert watched.wait(lambda s: names(s) == ["two"]).errors_total == 1


def _forbidden(path: Path) -> bytes:
    raise PermissionError(13, "Permission denied", str(path))
