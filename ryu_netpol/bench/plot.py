"""Results as a picture: how far each measurement is from its target."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path

from ryu_netpol.bench.results import Result, number


class PlotError(Exception):
    """There can be no picture; one sentence."""


def needs_matplotlib() -> None:
    """Raise PlotError where matplotlib is missing: before hours are spent on measuring."""
    if importlib.util.find_spec("matplotlib") is None:
        raise PlotError("a plot needs matplotlib: install ryu-netpol[bench]")


def shares(results: Iterable[Result]) -> list[tuple[str, float, bool]]:
    """Label, how much of its target each measurement has used up (1: just met), whether it is met. Pure, for `plot`."""
    bars: list[tuple[str, float, bool]] = []
    for result in results:
        if result.target is None or result.value is None:
            continue
        reached = result.ratio if result.target.of_ratio else result.value
        if reached:
            share = result.target.limit / reached if result.target.least else reached / result.target.limit
            what = f"{result.id} {result.measure.partition(', beside')[0]}: {number(result.value)} {result.unit}"
            bars.append((f"{what}, target {result.target}", share, bool(result.met)))
    return bars


def plot(results: Iterable[Result], file: Path) -> None:
    """Draw the picture. Raises PlotError where there is nothing to draw, OSError where the file cannot be written."""
    from matplotlib.figure import Figure

    bars = shares(results)[::-1]
    if not bars:
        raise PlotError("there is nothing to plot: no measurement has a target")
    labels, values, met = zip(*bars, strict=True)
    figure = Figure(figsize=(13, 1 + 0.35 * len(bars)), layout="constrained")
    axes = figure.subplots()
    drawn = axes.barh(labels, values, color=["tab:green" if good else "tab:red" for good in met])
    axes.bar_label(drawn, [f"{value:.2g}" for value in values], padding=3)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlabel("used up of the target: 1 is just met, less is better")
    figure.savefig(file, format="png", dpi=110)
