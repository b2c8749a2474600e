"""Workloads as processes: results come over, and whatever goes wrong is a missed target, never silence."""

from __future__ import annotations

import json
import signal
import sys

import pytest

from ryu_netpol.bench import __main__ as child
from ryu_netpol.bench import runner
from ryu_netpol.bench.bench import Bench, BenchError, OverBudget
from ryu_netpol.bench.registry import WORKLOADS
from ryu_netpol.bench.results import Result, unpacked
from ryu_netpol.lab.errors import LabError


def lines(capsys: pytest.CaptureFixture[str]) -> list[Result]:
    return [unpacked(json.loads(line)) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture(autouse=True)
def _no_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's own process keeps its handlers and its time."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(signal, "setitimer", lambda *_: None)


def test_results_are_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each result is a line of JSON as soon as it is there."""
    monkeypatch.setattr(child, "run", lambda bench: bench.result("something", 1.5, "s"))
    child.main("B3", "10", "quick")

    assert [Result("B3", "something", 1.5, "s")] == lines(capsys)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OverBudget(), "its time is over"),
        (BenchError("the switch did not connect"), "the switch did not connect"),
        (LabError("The program ovs-vswitchd is not installed."), "The program ovs-vswitchd is not installed"),
    ],
    ids=["time", "workload", "environment"],
)
def test_what_breaks_off_is_missed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, words: str
) -> None:
    """A missed target that names the stage and the reason."""

    def fail(bench: Bench) -> None:
        bench.begin("cold start")
        raise error

    monkeypatch.setattr(child, "run", fail)
    child.main("B3", "10")
    (found,) = lines(capsys)

    assert found.measure.startswith(f"cold start: not completed, {words}, after ")
    assert found.met is False


def test_a_process_that_dies_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it said before counts; then comes a result that says how it ended."""
    sent = '{"id": "B3", "measure": "m", "value": 1, "unit": "s", "peer": null, "target": null}'
    monkeypatch.setattr(runner, "COMMAND", (sys.executable, "-c", f"print('{sent}'); raise SystemExit(3)"))
    found = list(runner.measured("B3", quick=True))

    assert [Result("B3", "m", 1, "s")] == found[:-1]
    assert (found[-1].measure, found[-1].value, found[-1].met) == ("ended with exit code 3", None, False)


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_workload_is_a_module(name: str) -> None:
    """The registry names what exists."""
    assert callable(__import__(f"ryu_netpol.bench.{name.lower()}", fromlist=["run"]).run)
