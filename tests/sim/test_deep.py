"""The long runs (tests/deep), for a moment: they compare, they can fail, and they lose nothing when they are ended."""

from __future__ import annotations

import json
import multiprocessing
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ryu_netpol.flows.ir import CookieKind, FlowTable
from ryu_netpol.flows.offline import OfflineNode
from ryu_netpol.model.objects import Cluster
from tests.deep import __main__ as command
from tests.deep import flows
from tests.deep.runner import check_chunk, run
from tests.deep.tally import Check, Level, Tally
from tests.support.nodes import offline_nodes

SEEDS = range(2_000_000, 2_000_020)
CALLS = "calls"


def nothing(total: Tally, chunk: Tally) -> None:
    """Report nothing."""


def without_isolation(cluster: Cluster) -> list[OfflineNode]:
    """Nodes of a compiler that forgets who is isolated."""

    def broken(node: OfflineNode) -> FlowTable:
        return FlowTable(flow for flow in node.flows.values() if flow.cookie.kind is not CookieKind.ISOLATED)

    return [replace(node, flows=broken(node)) for node in offline_nodes(cluster)]


def odd(seed: int) -> Tally:
    """A check that breaks on some seeds, and finds something on another."""
    with Path(CALLS).open("a") as file:
        file.write(f"{seed}\n")
    if seed % 10 == 3:
        raise ZeroDivisionError("three")
    return Tally(1, allowed=2, denied=1, differences=("seed 7: odd",) if seed == 7 else ())


@contextmanager
def opened() -> Iterator[Check]:
    """Nothing is shared."""
    yield odd


@contextmanager
def unopened() -> Iterator[Check]:
    """A chunk in which nothing can be checked."""
    raise OSError("no switch")
    yield odd


ODD = Level("odd", 4, opened)


def calls() -> list[int]:
    """The seeds that were checked, by whichever process."""
    return sorted(map(int, Path(CALLS).read_text().split()))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the test runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_flows_and_model_are_compared() -> None:
    """Some twenty clusters: both verdicts, most of the probes that were asked for, no difference."""
    tally = check_chunk(flows.LEVEL, SEEDS)

    assert tally.differences == ()
    assert tally.clusters == len(SEEDS)
    assert flows.PROBES * len(SEEDS) * 0.8 < tally.allowed + tally.denied <= flows.PROBES * len(SEEDS)
    assert min(tally.allowed, tally.denied) > 100


def test_a_defect_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: with a broken compiler there are differences, and each names its seed."""
    monkeypatch.setattr(flows, "offline_nodes", without_isolation)
    tally = check_chunk(flows.LEVEL, SEEDS)

    assert len(tally.differences) > 100
    assert all(int(line.split()[1].rstrip(":")) in SEEDS for line in tally.differences)


def test_every_seed_is_checked_once() -> None:
    """In chunks, by several workers; sums and differences of all come together."""
    total = run(ODD, range(10), jobs=2, report=nothing)

    assert list(range(10)) == calls()
    assert (total.clusters, total.allowed, total.denied) == (10, 18, 9)


def test_a_check_that_breaks_is_a_difference() -> None:
    """The run goes on, and the seed is told with what broke."""
    total = run(ODD, range(10), jobs=1, report=nothing)
    broken, found = sorted(total.differences)

    assert broken.startswith("seed 3: Traceback")
    assert "ZeroDivisionError: three" in broken
    assert found == "seed 7: odd"


def test_a_run_goes_on_where_an_earlier_one_was_ended(folder: Path) -> None:
    """Chunks in the journal count and are not done again; those of other levels mean nothing."""
    journal = folder / "journal"
    first = run(ODD, range(8), jobs=2, journal=journal, report=nothing)
    Path(CALLS).unlink()
    again = run(ODD, range(12), jobs=2, journal=journal, report=nothing)

    assert calls() == [8, 9, 10, 11]
    assert (again.clusters, again.allowed) == (first.clusters + 4, first.allowed + 8)
    assert sorted(again.differences) == sorted(first.differences)


def test_the_journal_of_one_level_means_nothing_to_another(folder: Path) -> None:
    """Several levels may share a journal."""
    journal = folder / "journal"
    run(ODD, range(8), jobs=1, journal=journal, report=nothing)
    run(replace(ODD, name="other"), range(8), jobs=1, journal=journal, report=nothing)
    levels = [json.loads(line)["level"] for line in journal.read_text().splitlines()]

    assert levels == ["odd", "odd", "other", "other"]


def test_a_run_without_what_it_needs_ends() -> None:
    """What all seeds share cannot be set up: that is no difference between two sides, and ends the run at once."""
    with pytest.raises(OSError, match="no switch"):
        run(Level("unopened", 1, unopened), range(100), jobs=2, report=nothing)


@pytest.mark.parametrize(("words", "status"), [(["flows"], 0), (["flows", "odd"], 1)], ids=["agree", "differ"])
def test_the_command_says_what_differs(
    words: list[str], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints every difference and the sums; its exit status is 1 if there is one."""
    monkeypatch.setitem(command.LEVELS, "odd", ODD)
    monkeypatch.setattr(sys, "argv", ["deep", *words, "--jobs", "2", "--flows", "6", "--odd", "10", "--first", "0"])

    assert status == command.main()
    out = capsys.readouterr().out
    assert "flows: 6 clusters" in out
    assert ("odd: seed 7: odd" in out) == bool(status)


def test_the_command_shows_one_cluster(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With a seed it prints the manifests, what differs, and the sums."""
    monkeypatch.setattr(flows, "offline_nodes", without_isolation)
    seed = next(seed for seed in SEEDS if flows.check(seed).differences)
    monkeypatch.setattr(sys, "argv", ["deep", "flows", "--seed", str(seed)])

    assert command.main() == 1
    out = capsys.readouterr().out
    assert "kind: Namespace" in out
    assert f"\nseed {seed}: " in out
    assert out.splitlines()[-1].startswith(f"flows, seed {seed}: 1 clusters")


def slow(seed: int) -> Tally:
    """A check that takes as long as the test lets it."""
    with Path(CALLS).open("a") as file:
        file.write(f"{seed}\n")
    time.sleep(60)
    return Tally(1)


@contextmanager
def cleaned() -> Iterator[Check]:
    """Says when it is taken down."""
    try:
        yield slow
    finally:
        Path("cleaned").touch()


def test_a_run_that_is_ended_leaves_nothing(folder: Path) -> None:
    """SIGTERM in the middle of a check: its worker takes down what it has set up, and takes no other chunk."""
    level = Level("slow", 1, cleaned)
    process = multiprocessing.get_context("spawn").Process(
        target=run, args=(level, range(50)), kwargs={"jobs": 1, "report": nothing}
    )
    process.start()
    deadline = time.monotonic() + 30
    while not (folder / CALLS).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.terminate()
    process.join(20)

    assert process.exitcode == 128 + signal.SIGTERM
    assert (folder / "cleaned").exists()
    assert calls() == [0]
