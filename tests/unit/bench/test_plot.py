"""The picture of the results."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from ryu_netpol.bench.plot import PlotError, bars, needs_matplotlib, plot
from ryu_netpol.bench.results import Result, Target

RESULTS = [
    Result("B1", "rate, beside ofctl", 260, "flows/s", 100, Target(1.3, least=True, of_ratio=True)),
    Result("B3", "time", 20, "ms", None, Target(10, "ms")),
    Result("B3", "memory", 20, "MiB"),
    Result("B4", "stopped", None, "", None, Target(10, "ms")),
]


def test_bars() -> None:
    """1 is a target just met, less is better; what has no target or no value is not drawn."""
    assert [*bars(RESULTS)] == [
        ("B1 rate", "2.60 x peer (at least 1.3 x peer)", 0.5, True),
        ("B3 time", "20 ms (at most 10 ms)", 2.0, False),
    ]


def test_a_picture_is_written(tmp_path: Path) -> None:
    """A PNG."""
    plot(RESULTS, tmp_path / "x.png")

    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_to_draw(tmp_path: Path) -> None:
    """An error, not an empty picture."""
    with pytest.raises(PlotError, match="nothing to plot"):
        plot(RESULTS[2:], tmp_path / "x.png")


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence that says what to install, before anything is measured."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(PlotError, match=r"install ryu-netpol\[bench\]"):
        needs_matplotlib()
