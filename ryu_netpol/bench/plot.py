"""Results as a picture: how far each measurement is from its target."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import shorten
from typing import NamedTuple

from ryu_netpol.bench.results import Result, number

_LONGEST = 75


class PlotError(Exception):
    """There can be no picture; one sentence."""


def needs_matplotlib() -> None:
    """Raise PlotError where matplotlib is missing: before hours are spent on measuring."""
    if importlib.util.find_spec("matplotlib") is None:
        raise PlotError("a plot needs matplotlib: install ryu-netpol[bench]")


class Bar(NamedTuple):
    """One measurement."""

    what: str
    value: str
    """Beside its target, in words."""
    share: float
    """How much of its target it has used up: 1 is just met."""
    met: bool


def bars(results: Iterable[Result]) -> Iterator[Bar]:
    """Those that have a target and a value. Pure, for `plot`."""
    for result in results:
        if result.target is None or result.value is None:
            continue
        reached = result.ratio if result.target.of_ratio else result.value
        if reached:
            share = result.target.limit / reached if result.target.least else reached / result.target.limit
            what = f"{result.id} {result.measure.partition(', beside')[0]}"
            unit = "x peer" if result.target.of_ratio else result.unit
            words = f"{number(reached)} {unit} ({result.target})"
            yield Bar(shorten(what, _LONGEST, placeholder=" ..."), words, share, bool(result.met))


def plot(results: Iterable[Result], file: Path) -> None:
    """Draw the picture. Raises PlotError where there is nothing to draw, OSError where the file cannot be written."""
    from matplotlib.figure import Figure

    found = [*bars(results)][::-1]
    if not found:
        raise PlotError("there is nothing to plot: no measurement has a target")
    figure = Figure(figsize=(14, 1 + 0.3 * len(found)), layout="constrained")
    axes = figure.subplots()
    colours = ["tab:green" if bar.met else "tab:red" for bar in found]
    # By place: two measurements may be called the same.
    drawn = axes.barh(range(len(found)), [bar.share for bar in found], color=colours)
    axes.set_yticks(range(len(found)), [bar.what for bar in found])
    axes.bar_label(drawn, [bar.value for bar in found], padding=4)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlim(right=30 * max(1, *(bar.share for bar in found)))
    axes.margins(y=0.01)
    axes.set_xlabel("used up of the target: 1 is just met, less is better")
    figure.savefig(file, format="png", dpi=110)
