"""The folder feed (UR-1, UR-2): what happens to files, and what is in force afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ryu_netpol.adapters import folder as folder_module
from ryu_netpol.adapters.folder import FolderFeed, FolderState
from ryu_netpol.model.objects import Policy

PATIENT = 10.0


class Watched:
    """A folder with a feed on it, and the states that it told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.states: list[FolderState] = []
        self._changed = threading.Condition()
        self.feed = FolderFeed(path, self._tell)

    def _tell(self, state: FolderState) -> None:
        with self._changed:
            self.states.append(state)
            self._changed.notify_all()

    def start(self) -> Watched:
        self.feed.start()
        self.wait(lambda state: True)
        return self

    def stop(self) -> None:
        self.feed.stop()

    def wait(self, wanted: Callable[[FolderState], bool]) -> FolderState:
        with self._changed:
            assert self._changed.wait_for(lambda: self.states and wanted(self.states[-1]), PATIENT), self.states[-1:]
            return self.states[-1]

    def write(self, name: str, text: str) -> Path:
        """Replace a file at once, as editors do."""
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        hidden = path.with_name(f".{path.name}.tmp")
        hidden.write_text(text)
        hidden.rename(path)
        return path


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """A folder whose feed is not started yet."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    watched = Watched(folder)
    yield watched
    watched.stop()


def policy(name: str, *, rule: str = "{}", namespace: str = "a") -> str:
    return (
        f"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  podSelector: {{}}\n  ingress: [{rule}]\n"
    )


def names(state: FolderState) -> list[str]:
    return sorted(o.key.name for o in state.objects if isinstance(o, Policy))


def test_start_tells_the_complete_state(watched: Watched) -> None:
    """Files of all three suffixes and of folders below count, hidden ones and others do not."""
    watched.write("one.yaml", policy("one"))
    watched.write("two.yml", policy("two"))
    watched.write("below/three.json", '{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "three"}}')
    watched.write(".hidden.yaml", policy("hidden"))
    watched.write("notes.txt", policy("notes"))

    state = watched.start().states[0]

    assert names(state) == ["one", "two"]
    assert len(state.objects) == 3
    assert state.problems == ()
    assert state.known


def test_add_change_delete(watched: Watched) -> None:
    """Each change is told with the complete state; a deleted file takes its objects along."""
    watched.start()

    watched.write("one.yaml", policy("one"))
    watched.wait(lambda s: names(s) == ["one"])
    watched.write("one.yaml", policy("other"))
    watched.wait(lambda s: names(s) == ["other"])
    watched.write("new/two.yaml", policy("two"))
    watched.wait(lambda s: names(s) == ["other", "two"])
    (watched.path / "one.yaml").unlink()
    watched.wait(lambda s: names(s) == ["two"])

    assert watched.states[-1].errors_total == 0


def test_nothing_changed_nothing_told(watched: Watched) -> None:
    """Writing the same content again is no change."""
    watched.write("one.yaml", policy("one"))
    watched.start()

    watched.write("one.yaml", policy("one"))
    watched.write("two.yaml", policy("two"))
    watched.wait(lambda s: names(s) == ["one", "two"])

    assert len(watched.states) == 2


@pytest.mark.parametrize(
    ("bad", "where"),
    [
        pytest.param("a: [", "one.yaml:1: cannot be read", id="UR-1-syntax"),
        pytest.param(
            policy("one", rule="{form: []}"), "one.yaml:6: NetworkPolicy a/one: spec.ingress[0].form", id="UR-1-field"
        ),
        pytest.param("kind: NetworkPolicy\n", "metadata.name", id="UR-1-nameless"),
    ],
)
def test_last_good_state_stays(watched: Watched, bad: str, where: str) -> None:
    """UR-1: a file that became bad keeps what it held, and the error names file, line and field."""
    watched.write("one.yaml", policy("one", rule="{ports: [{port: 80}]}"))
    good = watched.start().states[0]

    watched.write("one.yaml", bad)
    state = watched.wait(lambda s: s.problems != ())

    assert state.objects == good.objects
    assert any(where in str(problem) for problem in state.problems)
    assert state.errors_total == sum(p.is_error for p in state.problems)

    watched.write("one.yaml", policy("better"))
    state = watched.wait(lambda s: s.problems == ())

    assert names(state) == ["better"]
    assert state.errors_total > 0


def test_no_good_state_before(watched: Watched) -> None:
    """UR-1, UR-2: where nothing good was before, the policy isolates without the rule that cannot be read."""
    watched.write("one.yaml", policy("one", rule="{form: []}, {}"))

    state = watched.start().states[0]
    (found,) = (o for o in state.objects if isinstance(o, Policy))

    assert len(found.ingress) == 1
    assert state.errors_total == 1


def test_other_files_go_on(watched: Watched) -> None:
    """UR-1: a bad file holds up nobody else."""
    watched.write("bad.yaml", "a: [")
    watched.start()

    watched.write("one.yaml", policy("one"))

    assert len(watched.wait(lambda s: names(s) == ["one"]).problems) == 1


def test_truncated_then_written(watched: Watched) -> None:
    """A file that a slow writer emptied first never loses its objects on the way."""
    path = watched.write("one.yaml", policy("one"))
    watched.start()

    with path.open("w") as slow:
        time.sleep(2 * folder_module.RESCAN)
        slow.write(policy("two"))
    watched.wait(lambda s: names(s) == ["two"])

    assert [names(s) for s in watched.states] == [["one"], ["two"]]


def test_emptied_for_good(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that stays empty holds nothing in the end."""
    monkeypatch.setattr(folder_module, "PATIENCE", 0.2)
    path = watched.write("one.yaml", policy("one"))
    watched.start()

    path.write_text("")
    watched.wait(lambda s: names(s) == [])

    assert [names(s) for s in watched.states] == [["one"], []]


def test_removed_and_created_again(watched: Watched) -> None:
    """A file that is away for a moment, as some editors and git leave it, does not lose its objects on the way."""
    path = watched.write("one.yaml", policy("one"))
    watched.start()

    path.unlink()
    path.write_text(policy("one") + "---\n" + policy("two"))
    watched.wait(lambda s: names(s) == ["one", "two"])

    assert [names(s) for s in watched.states] == [["one"], ["one", "two"]]


def test_configmap_swap(watched: Watched) -> None:
    """A mounted ConfigMap is swapped by renaming the hidden link ..data."""
    for version in ("one", "two"):
        (watched.path / f"..{version}").mkdir()
        (watched.path / f"..{version}" / "policy.yaml").write_text(policy(version))
    (watched.path / "..data").symlink_to("..one")
    (watched.path / "policy.yaml").symlink_to("..data/policy.yaml")
    watched.start()
    assert names(watched.states[-1]) == ["one"]

    (watched.path / "..data_tmp").symlink_to("..two")
    (watched.path / "..data_tmp").rename(watched.path / "..data")
    watched.wait(lambda s: names(s) == ["two"])

    assert [names(s) for s in watched.states] == [["one"], ["two"]]


def test_link_loop_and_dangling_link(watched: Watched) -> None:
    """Links that lead back up, or nowhere, do no harm."""
    watched.write("one.yaml", policy("one"))
    (watched.path / "up").symlink_to("..")
    (watched.path / "gone.yaml").symlink_to("nowhere")

    state = watched.start().states[0]

    assert names(state) == ["one"]


def test_same_object_in_two_files(watched: Watched) -> None:
    """Of two files with one object the first counts, the other is reported with both places."""
    watched.write("a.yaml", policy("one", rule="{}"))
    watched.write("b.yaml", policy("one", rule=""))

    state = watched.start().states[0]

    assert len(state.objects) == 1
    assert f"{watched.path}/b.yaml:3" in str(state.problems[0])
    assert f"{watched.path}/a.yaml:3" in str(state.problems[0])


def test_quick(watched: Watched) -> None:
    """An edit is told within about a tenth of a second; the median of five counts, as the machine may be busy."""
    watched.start()
    took = []
    for i in range(5):
        begin = time.monotonic()
        watched.write("one.yaml", policy(f"p{i}"))
        watched.wait(lambda s: names(s) == [f"p{i}"])  # noqa: B023 - called before the next round
        took.append(time.monotonic() - begin)

    assert sorted(took)[2] < 0.25, took


def test_stop_twice_and_from_the_call_back(watched: Watched) -> None:
    """Stopping is idempotent, and possible where the state arrives."""
    states: list[FolderState] = []
    feed: FolderFeed

    def tell(state: FolderState) -> None:
        states.append(state)
        feed.stop()

    feed = FolderFeed(watched.path, tell)
    feed.start()
    deadline = time.monotonic() + PATIENT
    while not states and time.monotonic() < deadline:
        time.sleep(0.01)
    feed.stop()
    feed.stop()

    assert len(states) == 1
