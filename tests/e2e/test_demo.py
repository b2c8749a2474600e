"""`ryu-netpol demo` as a person runs it: the story to its end, and interrupted at any moment."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ryu_netpol.lab.state import LabState

COMMAND = (sys.executable, "-m", "ryu_netpol.cli.main", "demo")


class Demo:
    """A demo that runs, in a session of its own as a terminal gives it one; remembers what it makes."""

    def __init__(self, folder: Path, *more: str) -> None:
        folder.mkdir()
        self.folder = folder
        self.labs: set[str] = set()
        self.process = subprocess.Popen(
            [*COMMAND, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "TMPDIR": str(folder)},
        )

    def __enter__(self) -> "Demo":
        return self

    def __exit__(self, *_: object) -> None:
        """Close the pipes; a demo that still runs, after a failed assertion, ends in order."""
        self.process.terminate()
        self.process.communicate(timeout=30)

    def lines(self) -> Iterator[str]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.look()
            yield line

    def look(self) -> None:
        owners = ((state.lab_id, state.owner) for state in LabState.all())
        self.labs |= {lab_id for lab_id, owner in owners if owner is not None and owner.pid == self.process.pid}

    def left(self) -> list[str]:
        """What is still there of it: files, namespaces, processes."""
        found = [str(path) for path in self.folder.iterdir()]
        for lab in self.labs:
            found += [str(path) for path in Path("/run/netns").glob(f"npl{lab}-*")]
            found += [str(path) for path in Path("/run/ryu-netpol-lab").glob(lab)]
            found += [text for text in running() if f"/run/ryu-netpol-lab/{lab}/" in text]
        return found


def running() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_text(errors="replace").replace("\0", " ")
        except OSError:
            continue


def test_the_story_is_told_in_a_minute(tmp_path: Path) -> None:
    """Before, after, why, a label; exit code 0 says that every packet did what the model says; nothing stays."""
    start = time.monotonic()
    with Demo(tmp_path / "demo") as demo:
        text = "".join(demo.lines())
        code = demo.process.wait(10)

    assert code == 0, text
    assert time.monotonic() - start < 60
    assert len(demo.labs) == 1
    assert demo.left() == []
    assert "66 work, 0 get no answer. The model says the same." in text
    assert re.search(r"default/stranger +no\* +no\* +no\* +- +yes +yes", text)
    assert "Why default/stranger may not reach default/db:6379" in text
    assert "is isolated by the annotation of its namespace and no rule allows it" in text
    assert "Every packet did what the model says." in text
    assert "\x1b" not in text


def test_the_facts_as_json(tmp_path: Path) -> None:
    """Everything that the story tells, for programs: flows that decided, counters that grew, times."""
    with Demo(tmp_path / "demo", "-o", "json") as demo:
        facts = json.loads("".join(demo.lines()))
        assert demo.process.wait(10) == 0

    assert facts["ok"] is True
    assert facts["disagreements"] == []
    assert {entry["outcome"] for entry in facts["before"]} == {"allowed"}
    assert sum(entry["outcome"] == "denied" for entry in facts["after"]) == 32
    denied, allowed = facts["explained"]
    assert (denied["allowed"], denied["policy"], denied["table"]) == (False, None, "INGRESS")
    assert denied["flow"].endswith("actions=drop")
    assert (allowed["allowed"], allowed["policy"], allowed["rule"]) == (True, "default/test-network-policy", 0)
    assert all(each["packets_after"] > each["packets_before"] for each in facts["explained"])
    assert all(facts[name] < 1000 for name in ("policy_in_force_ms", "label_in_force_ms", "connection_cut_ms"))
    assert len(facts["steps"]) == 10


CTRL_C_TWICE, TERM = (signal.SIGINT, signal.SIGINT), (signal.SIGTERM,)


@pytest.mark.parametrize(
    ("after", "numbers"),
    [(0, CTRL_C_TWICE), (0, TERM), (1, CTRL_C_TWICE), (2, TERM), (3, CTRL_C_TWICE), (7, CTRL_C_TWICE)],
    ids=["up", "up-term", "attach", "packets-term", "policy", "label"],
)
def test_interrupted_at_any_moment_nothing_stays(
    tmp_path: Path, after: int, numbers: tuple[signal.Signals, ...]
) -> None:
    """Ctrl-C, also twice, and SIGTERM, after this many steps: to the whole group, as a terminal does it."""
    with Demo(tmp_path / "demo") as demo:
        for line in demo.lines():
            if line.startswith(f"{after}  ") or not after:
                break
        time.sleep(0.4)
        demo.look()
        for number in numbers:
            os.killpg(demo.process.pid, number)
            time.sleep(0.02)
        _, errors = demo.process.communicate(timeout=30)

    assert demo.process.returncode in (130, 143, -signal.SIGINT)
    assert demo.labs
    assert demo.left() == []
    assert "Traceback" not in errors
