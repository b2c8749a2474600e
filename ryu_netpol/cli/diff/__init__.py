"""`ryu-netpol diff`: the connections that are gained and lost between two clusters, or two sets of policies."""

from __future__ import annotations

import argparse
import json

from ryu_netpol.adapters.files import STDIN, PathError, load
from ryu_netpol.cli.common import FAILED, OK, USAGE, CommandError, tell
from ryu_netpol.cli.diff.compare import compare
from ryu_netpol.cli.diff.show import Report
from ryu_netpol.cli.live import add_live, is_live, load_state
from ryu_netpol.cli.offline import completed_alike
from ryu_netpol.model.load import Loaded, LocatedProblem, merge, overlay


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "diff",
        help="say which connections a change allows or forbids",
        description="Say which connections are gained (+) and lost (-) between two clusters. "
        "Exit status 1 where any is, 0 where none is.",
    )
    path = "a file, a folder, or - for standard input; may be repeated"
    old = parser.add_mutually_exclusive_group(required=True)
    for group, option, dest, meaning in (
        (old, "-f", "old", "manifests of the old cluster, all of them"),
        (parser, "--to", "new", "manifests of the new cluster, all of them; with --live, those that would be applied"),
        (parser, "--with", "both", "manifests that belong to both, such as the pods that policies are about"),
    ):
        group.add_argument(
            option, dest=dest, metavar="PATH", action="extend", nargs="+", help=f"{meaning}: {path}",
            required=dest == "new", default=[],
        )  # fmt: skip
    add_live(parser, old)
    parser.add_argument("-o", dest="output", choices=("text", "json"), default="text", help="json has every member")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compare and print."""
    if [*args.old, *args.new, *args.both].count(STDIN) > 1:
        raise CommandError("only one of -f, --to and --with can be standard input")
    old, new = completed_alike(*_loaded(args))
    if not old.pods and not new.pods:
        raise CommandError("there are no pods on either side, so that nothing could differ: name them by --with")
    comparison = compare(old, new)
    report = Report(comparison)
    if args.output == "json":
        print(json.dumps(report.json(), indent=2))
    else:
        report.print()
    return FAILED if comparison.changes else OK


def _loaded(args: argparse.Namespace) -> tuple[Loaded, Loaded]:
    """Old and new, each with what belongs to both. Problems are told once, whoever has them."""
    live = is_live(args)
    try:
        common, before, after = load(args.both), load(args.old), load(args.new)
    except PathError as error:
        raise CommandError(str(error)) from None
    new = merge([common, after])
    if live:
        there = load_state(args)
        old, new = merge([common, there]), overlay(there, new)
    else:
        old = merge([common, before])
    told: dict[LocatedProblem, None] = dict.fromkeys(problem for side in (old, new) for problem in side.problems)
    tell(told)
    if errors := sum(problem.is_error for problem in told):
        raise CommandError(f"{errors} error{'s' * (errors > 1)} in the manifests", USAGE)
    return old, new
