"""`ryu-netpol check`: say everything that is wrong with manifests, and where."""

from __future__ import annotations

import argparse
import json
import sys

from rich.text import Text

from ryu_netpol.adapters.files import PathError, load
from ryu_netpol.cli.common import Terminal
from ryu_netpol.model.load import Loaded, LocatedProblem

_OK, _ERRORS, _USAGE = 0, 1, 2


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "check",
        help="validate manifests",
        description="Validate network policies, pods, namespaces, nodes and workloads. "
        "Exit status 1 on any error, 0 otherwise; warnings do not count.",
    )
    parser.add_argument(
        "-f",
        dest="paths",
        metavar="PATH",
        action="extend",
        nargs="+",
        required=True,
        help="a file, a folder, or - for standard input; may be repeated",
    )
    parser.add_argument("-o", dest="output", choices=("text", "json"), default="text", help="how to print the problems")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check the manifests and print what is wrong with them."""
    try:
        loaded = load(args.paths)
    except PathError as error:
        print(f"ryu-netpol check: {error}", file=sys.stderr)
        return _USAGE
    if args.output == "json":
        print(json.dumps(_as_json(loaded), indent=2))
    else:
        _print(loaded)
    return _ERRORS if loaded.errors else _OK


def _print(loaded: Loaded) -> None:
    console = Terminal(soft_wrap=True, highlight=False)
    for problem in loaded.problems:
        console.print(_line(problem))
    colour = "red" if loaded.errors else "yellow" if loaded.warnings else "green"
    summary = f"{_count(len(loaded.items), 'object')}, {_count(loaded.errors, 'error')}"
    console.print(Text(f"{summary}, {_count(loaded.warnings, 'warning')}", style=colour))


def _line(problem: LocatedProblem) -> Text:
    place, _, rest = str(problem).partition(": ")
    marked = rest if problem.is_error else f"warning: {rest}"
    return Text.assemble((place, "bold"), ": ", (marked, "red" if problem.is_error else "yellow"))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _as_json(loaded: Loaded) -> dict[str, object]:
    return {
        "problems": [
            {
                "file": problem.file,
                "line": problem.line,
                "object": problem.object,
                "field": problem.field,
                "reason": problem.reason,
                "severity": str(problem.severity),
            }
            for problem in loaded.problems
        ],
        "objects": len(loaded.items),
        "errors": loaded.errors,
        "warnings": loaded.warnings,
    }
