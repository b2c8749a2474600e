"""The record of what a lab has made."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.lab import find, sweep
from ryu_netpol.lab.process import ProcessRef
from ryu_netpol.lab.state import LONGEST_NAME, LabState


def test_what_one_process_records_another_reads(tmp_path: Path) -> None:
    """Names are on disk before the thing is made."""
    state = LabState.create(tmp_path)
    me = ProcessRef.of(os.getpid())
    state.remember(me)
    name = state.netns("pod.web.default")

    again = LabState.load(state.directory)

    assert again.netns_names == (name,)
    assert again.processes == (me,)
    assert again.owner == me


def test_two_labs_never_share_a_name(tmp_path: Path) -> None:
    """Each lab has its own prefix."""
    assert LabState.create(tmp_path).netns("x") != LabState.create(tmp_path).netns("x")


def test_long_names_stay_file_names_and_stay_different(tmp_path: Path) -> None:
    """A pod and its namespace may together be longer than a file name."""
    state = LabState.create(tmp_path)
    one, two = state.netns("p" * 253 + ".a"), state.netns("p" * 253 + ".b")

    assert one != two
    assert max(len(one), len(two)) <= LONGEST_NAME


def test_a_removed_lab_is_not_written_again(tmp_path: Path) -> None:
    """A thread that is late must not bring the record back."""
    state = LabState.create(tmp_path)
    state.remove()
    state.netns("late")

    assert LabState.all(tmp_path) == ()


def test_the_only_lab_needs_no_id(tmp_path: Path) -> None:
    """None, one and several are told apart."""
    with pytest.raises(LabError, match="No lab is up"):
        find(base=tmp_path)
    first = LabState.create(tmp_path)
    assert find(base=tmp_path).lab_id == first.lab_id
    second = LabState.create(tmp_path)
    with pytest.raises(LabError, match="Several labs are up"):
        find(base=tmp_path)
    assert find(second.lab_id, base=tmp_path).lab_id == second.lab_id
    with pytest.raises(LabError, match="There is no lab ffffff"):
        find("ffffff", base=tmp_path)


def test_a_pid_of_somebody_else_is_left_alone() -> None:
    """Same pid, other start time: the process that we knew is gone."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        real = ProcessRef.of(process.pid)
        impostor = ProcessRef(process.pid, real.started - 1)

        impostor.end()

        assert real.alive()
        assert not impostor.alive()
        process.communicate(b"\n")
    assert not real.alive()
    real.end()


def test_a_stubborn_process_is_killed() -> None:
    """One that ignores SIGTERM ends after the patience."""
    code = "import signal; signal.signal(15, signal.SIG_IGN); print(flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        reference = ProcessRef.of(process.pid)

        reference.end(patience=0.1)

        assert not reference.alive()


def test_a_lab_of_another_container_is_no_orphan(tmp_path: Path) -> None:
    """Its owner's pid is counted elsewhere: that we do not see it running says nothing."""
    state = LabState.create(tmp_path)
    state.set_owner(ProcessRef(os.getpid(), 1))
    assert state.orphaned

    content = json.loads((state.directory / "state.json").read_text())
    (state.directory / "state.json").write_text(json.dumps({**content, "pids": "pid:[1]"}))
    again = LabState.load(state.directory)

    assert not again.orphaned
    sweep(tmp_path)
    assert LabState.all(tmp_path) != ()
    again.set_owner(None)
    assert not again.orphaned


def test_the_last_lab_takes_the_folder_with_it(tmp_path: Path) -> None:
    """Nothing stays of labs that are gone, not even the folder of all of them."""
    base = tmp_path / "base"
    one, two = LabState.create(base), LabState.create(base)
    one.remove()
    assert base.exists()
    two.remove()
    assert not base.exists()
