"""`ryu-netpol bench`: what is printed, and the exit status; the measuring itself is replaced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ryu_netpol.bench.plot import PlotError
from ryu_netpol.bench.registry import WORKLOADS
from ryu_netpol.bench.results import Result, Target
from ryu_netpol.cli import bench
from ryu_netpol.cli.main import main

MET, MISSED = Target(10, "ms"), Target(1, "ms")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Which workloads were run, and whether in quick runs; each result has the value 5 ms."""
    asked: list[tuple[str, bool]] = []

    def measured(workload: str, *, quick: bool) -> Iterator[Result]:
        asked.append((workload, quick))
        yield Result(workload, "one event", 5, "ms", 50, MISSED if workload == "B5" else MET)

    monkeypatch.setattr(bench, "measured", measured)
    return asked


def test_all_workloads(asked: list[tuple[str, bool]], capsys: pytest.CaptureFixture[str]) -> None:
    """Without names, every workload runs, in its full size; a missed target is status 1."""
    assert main(["bench"]) == 1
    assert asked == [(name, False) for name in WORKLOADS]
    heading = capsys.readouterr().out.splitlines()[0].split()
    assert heading == ["ID", "MEASURE", "VALUE", "UNIT", "PEER", "RATIO", "TARGET", "MET"]


def test_table(asked: list[tuple[str, bool]], capsys: pytest.CaptureFixture[str]) -> None:
    """Plain text in a pipe: one line each. Names may be written small."""
    assert main(["bench", "b3", "--quick"]) == 0
    assert asked == [("B3", True)]
    assert capsys.readouterr().out.splitlines()[1].split("  ")[0] == "B3"


def test_json(asked: list[tuple[str, bool]], capsys: pytest.CaptureFixture[str]) -> None:
    """One document on standard output, and nothing else."""
    assert main(["bench", "B3", "B5", "-o", "json"]) == 1
    results = json.loads(capsys.readouterr().out)["results"]
    assert [(result["id"], result["met"]) for result in results] == [("B3", True), ("B5", False)]


def test_a_quick_run_only_fails_on_ratios(asked: list[tuple[str, bool]]) -> None:
    """An absolute target that is missed there means nothing."""
    assert main(["bench", "B5", "--quick"]) == 0


def test_unknown_workload(asked: list[tuple[str, bool]], capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence with what there is; nothing is run."""
    assert main(["bench", "B3", "B77"]) == 2
    assert asked == []
    assert capsys.readouterr().err.startswith("ryu-netpol bench: there is no workload B77; there are: B1, ")


def test_plot(asked: list[tuple[str, bool]], tmp_path: Path) -> None:
    """The picture is written beside what is printed."""
    assert main(["bench", "B3", "--plot", str(tmp_path / "x.png")]) == 0
    assert (tmp_path / "x.png").exists()


def test_plot_without_matplotlib(
    asked: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Said before anything is measured."""

    def missing() -> None:
        raise PlotError("a plot needs matplotlib: install ryu-netpol[bench]")

    monkeypatch.setattr(bench, "needs_matplotlib", missing)
    assert main(["bench", "--plot", "x.png"]) == 2
    assert asked == []
    assert capsys.readouterr().err == "ryu-netpol bench: a plot needs matplotlib: install ryu-netpol[bench]\n"
