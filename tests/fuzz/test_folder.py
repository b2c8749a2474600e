"""A folder in which one file gets damaged: the others stay, and nothing opens (UR-1, UR-2)."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from ryu_netpol.adapters.folder import FolderFeed, FolderState
from ryu_netpol.model.names import PolicyKey
from ryu_netpol.model.objects import Policy
from tests.fuzz import closed

OTHER = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: other, namespace: ns}\n"
PATIENT = 30.0


def told(folder: Path, *, change: tuple[Path, str] | None = None) -> FolderState:
    """What a feed tells of a folder: at the start, or once its problems are those of the changed file."""
    states: list[FolderState] = []
    news = threading.Condition()

    def tell(state: FolderState) -> None:
        with news:
            states.append(state)
            news.notify_all()

    feed = FolderFeed(folder, tell)
    feed.start()
    try:
        with news:
            assert news.wait_for(lambda: states, PATIENT)
        if change is not None:
            path, text = change
            hidden = path.with_name(f".{path.name}")
            hidden.write_text(text)
            hidden.rename(path)
            with news:
                assert news.wait_for(lambda: states[-1].problems, PATIENT)
    finally:
        feed.stop()
    return states[-1]


@pytest.mark.parametrize("seed", range(12))
def test_one_damaged_file(seed: int, tmp_path: Path) -> None:
    """UR-1: what it held before stays in force, with the error told. UR-2: at the start it is closed. Others stay."""
    chance = random.Random(seed)
    document = closed.SEEDS[seed % len(closed.SEEDS)]
    path = tmp_path / "a.yaml"
    path.write_text(closed.text(document))
    (tmp_path / "b.yaml").write_text(OTHER)
    damaged = closed.broken(closed.text(document), chance)

    changed = told(tmp_path, change=(path, damaged))
    started = told(tmp_path)

    other = Policy(PolicyKey("ns", "other"))
    expected = closed.examine(damaged, closed.whole(document))
    assert {closed.whole(document), other} == set(changed.objects)
    assert {*expected.objects, other} == set(started.objects)
    for state in (changed, started):
        assert {str(path)} == {problem.file for problem in state.problems}
        assert all(problem.line >= 1 for problem in state.problems)
