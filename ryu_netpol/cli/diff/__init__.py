"""`ryu-netpol diff`: the connections that are gained and lost between two clusters, or two sets of policies."""

from __future__ import annotations

import argparse
import json
import sys

from ryu_netpol.adapters.files import STDIN, PathError, load
from ryu_netpol.cli.common import FAILED, OK, USAGE, CommandError
from ryu_netpol.cli.diff.compare import compare
from ryu_netpol.cli.diff.show import Report
from ryu_netpol.cli.offline import completed_alike
from ryu_netpol.model.load import Loaded, LocatedProblem, merge


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "diff",
        help="say which connections a change allows or forbids",
        description="Say which connections are gained (+) and lost (-) between two clusters. "
        "Exit status 1 where any is, 0 where none is.",
    )
    path = "a file, a folder, or - for standard input; may be repeated"
    for option, dest, meaning in (
        ("-f", "old", "manifests of the old cluster, all of them"),
        ("--to", "new", "manifests of the new cluster, all of them"),
        ("--with", "both", "manifests that belong to both, such as the pods that policies are about"),
    ):
        parser.add_argument(
            option, dest=dest, metavar="PATH", action="extend", nargs="+", help=f"{meaning}: {path}",
            required=dest != "both", default=None if dest != "both" else [],
        )  # fmt: skip
    parser.add_argument("-o", dest="output", choices=("text", "json"), default="text", help="json has every member")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compare and print."""
    if [*args.old, *args.new, *args.both].count(STDIN) > 1:
        raise CommandError("only one of -f, --to and --with can be standard input")
    old, new = completed_alike(*_loaded(args.both, args.old, args.new))
    if not old.pods and not new.pods:
        raise CommandError("there are no pods on either side, so that nothing could differ: name them by --with")
    comparison = compare(old, new)
    report = Report(comparison)
    if args.output == "json":
        print(json.dumps(report.json(), indent=2))
    else:
        report.print()
    return FAILED if comparison.changes else OK


def _loaded(both: list[str], *sides: list[str]) -> tuple[Loaded, ...]:
    """The sides, each with what belongs to both. Problems are told once, whoever has them."""
    try:
        common = load(both)
        loaded = tuple(merge([common, load(paths)]) for paths in sides)
    except PathError as error:
        raise CommandError(str(error)) from None
    told: dict[LocatedProblem, None] = dict.fromkeys(problem for side in loaded for problem in side.problems)
    for problem in told:
        print(problem if problem.is_error else f"warning: {problem}", file=sys.stderr)
    if errors := sum(problem.is_error for problem in told):
        raise CommandError(f"{errors} error{'s' * (errors > 1)} in the manifests", USAGE)
    return loaded
