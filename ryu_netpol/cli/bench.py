"""`ryu-netpol bench`: run the benchmarks, each beside its peer, and say which targets are met."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

from rich.table import Table
from rich.text import Text

from ryu_netpol.bench.plot import PlotError, needs_matplotlib, plot
from ryu_netpol.bench.registry import WORKLOADS
from ryu_netpol.bench.results import COLUMNS, Result, as_json
from ryu_netpol.bench.runner import measured
from ryu_netpol.cli.common import FAILED, OK, CommandError, Terminal

_NUMBERS = ("value", "peer", "ratio")
_LONGEST_LINE = 160
"""Where nobody says how wide the output may be: in a pipe."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    workloads = "".join(f"\n  {name:4} {what}" for name, what in WORKLOADS.items())
    parser = subparsers.add_parser(
        "bench",
        help="run the benchmarks",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measure this machine: each workload in a process of its own, beside its peer in the same run.\n"
        "Exit status 1 if a target is missed; with --quick, only if one for a ratio is missed by far.",
        epilog=f"workloads:{workloads}",
    )
    parser.add_argument("ids", metavar="ID", nargs="*", help="a workload, B1 for instance (default: all)")
    parser.add_argument("--quick", action="store_true", help="about a tenth of the size")
    parser.add_argument("-o", dest="output", choices=("table", "json"), default="table", help="default: table")
    parser.add_argument("--plot", metavar="FILE.png", type=Path, help="draw values against targets, too")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure, then print everything."""
    ids = [name.upper() for name in args.ids] or list(WORKLOADS)
    if unknown := sorted(set(ids) - set(WORKLOADS)):
        raise CommandError(f"there is no workload {', '.join(unknown)}; there are: {', '.join(WORKLOADS)}")
    try:
        if args.plot:
            needs_matplotlib()
        results = _measured(ids, quick=args.quick)
        if args.plot:
            plot(results, args.plot)
    except PlotError as error:
        raise CommandError(str(error)) from None
    if args.output == "json":
        print(json.dumps(as_json(results), indent=2))
    else:
        _print(results)
    missed = any(result.fails_quick if args.quick else result.met is False for result in results)
    return FAILED if missed else OK


def _measured(ids: Iterable[str], *, quick: bool) -> list[Result]:
    """All results; on a terminal, a line says meanwhile what is running."""
    results: list[Result] = []
    with Terminal(stderr=True).status("") as status:
        for name in ids:
            status.update(f"{name}: {WORKLOADS[name]}")
            results += measured(name, quick=quick)
    return results


def _print(results: Iterable[Result]) -> None:
    console = Terminal(highlight=False)
    if not console.is_terminal:
        console.width = _LONGEST_LINE
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name in COLUMNS:
        table.add_column(
            name.upper(),
            justify="right" if name in _NUMBERS else "left",
            no_wrap=name != "measure",
            overflow="fold",
        )
    for result in results:
        style = {True: "green", False: "red", None: ""}[result.met]
        table.add_row(
            *(Text(word, style if name == "met" else "") for name, word in zip(COLUMNS, result.row(), strict=True))
        )
    console.print(table)
