"""What the commands share: exit codes, error sentences, loading manifests, printing tables."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import BinaryIO

from rich.console import Console

from ryu_netpol.adapters.files import PathError, load
from ryu_netpol.model.load import Loaded, LocatedProblem

OK, FAILED, USAGE = 0, 1, 2
"""Exit codes: as wanted; a check failed; the call or the environment is wrong."""


class Terminal(Console):
    """A console that leaves it to `main` what happens when its reader has enough: rich's own would exit with 1."""

    def on_broken_pipe(self) -> None:
        """Hand the error on."""
        raise BrokenPipeError


class CommandError(Exception):
    """Ends a command with one sentence and an exit code."""

    def __init__(self, sentence: str, code: int = USAGE) -> None:
        super().__init__(sentence)
        self.code = code


def complain(command: str, sentence: str, code: int) -> int:
    """Say what is wrong on standard error; returns the exit code."""
    print(f"ryu-netpol {command}: {sentence}", file=sys.stderr)
    return code


def tell(problems: Iterable[LocatedProblem]) -> None:
    """Say on standard error what is wrong with objects."""
    for problem in problems:
        print(problem if problem.is_error else f"warning: {problem}", file=sys.stderr)


def add_manifests(parser: argparse._ActionsContainer, *, required: bool = True) -> None:
    """Add the option that names manifests."""
    parser.add_argument(
        "-f", dest="paths", metavar="PATH", action="extend", nargs="+", required=required, default=[],
        help="a file, a folder, or - for standard input; may be repeated",
    )  # fmt: skip


def load_valid(paths: list[str], *, stdin: BinaryIO | None = None) -> Loaded:
    """Load manifests. Raises CommandError, after telling every problem, if any of them is an error."""
    try:
        loaded = load(paths, stdin=stdin)
    except PathError as error:
        raise CommandError(str(error)) from None
    tell(loaded.problems)
    if loaded.errors:
        raise CommandError(f"{loaded.errors} error{'s' * (loaded.errors > 1)} in the manifests", FAILED)
    return loaded
