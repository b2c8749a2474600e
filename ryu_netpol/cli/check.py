"""`ryu-netpol check`: say everything that is wrong with manifests, and where."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

from rich.text import Text

from ryu_netpol.adapters.files import PathError, load
from ryu_netpol.cli.common import FAILED, OK, USAGE, Terminal, complain
from ryu_netpol.cli.live import add_state, ask, is_live
from ryu_netpol.model.decode import Severity
from ryu_netpol.model.lint import lint
from ryu_netpol.model.load import Loaded, LocatedProblem


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "check",
        help="validate manifests, or what a cluster has",
        description="Validate network policies, pods, namespaces, nodes and workloads, and warn about policies that "
        "surely mean something else. Exit status 1 on any error, 0 otherwise; warnings do not count without --strict.",
    )
    add_state(parser)
    parser.add_argument("--strict", action="store_true", help="warnings count as errors do")
    parser.add_argument("-o", dest="output", choices=("text", "json"), default="text", help="how to print the problems")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check the manifests and print what is wrong with them."""
    try:
        loaded = ask(args) if is_live(args) else load(args.paths)
    except PathError as error:
        return complain("check", str(error), USAGE)
    loaded = _with_warnings(loaded, args.paths)
    if args.output == "json":
        print(json.dumps(_as_json(loaded), indent=2))
    else:
        _print(loaded)
    return FAILED if loaded.errors or (args.strict and loaded.warnings) else OK


def _with_warnings(loaded: Loaded, paths: list[str]) -> Loaded:
    """Add what is legal but surely not meant, manifests without any object included."""
    problems = [*loaded.problems, *lint(loaded)]
    if not loaded.items and not problems:
        reason = "there is no object in it that means anything here"
        problems.append(LocatedProblem(" ".join(paths), 0, "", "", reason, Severity.WARNING))
    return replace(loaded, problems=tuple(sorted(problems, key=lambda problem: (problem.file, problem.line))))


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
                "name": problem.name,
            }
            for problem in loaded.problems
        ],
        "objects": len(loaded.items),
        "errors": loaded.errors,
        "warnings": loaded.warnings,
    }
