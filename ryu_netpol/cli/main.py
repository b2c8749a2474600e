"""`ryu-netpol`: the command line."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Iterator

from ryu_netpol import __version__

COMMANDS = ("agent", "status", "wait", "check", "reach", "explain", "diff", "convert", "flows", "lab", "demo", "bench")
"""Each is a module of ryu_netpol.cli."""


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns its exit code: 0 as wanted, 1 a check failed, 2 the call or the environment is wrong."""
    try:
        return _main(argv)
    except KeyboardInterrupt:
        return 130


def _main(argv: list[str] | None) -> int:
    # Imported here, where an interrupt leaves no traceback: all of it takes half a second.
    with _interruptible():
        from ryu_netpol.cli.common import USAGE, CommandError, complain

    parser = argparse.ArgumentParser(prog="ryu-netpol", description="Kubernetes NetworkPolicy on Open vSwitch.")
    parser.add_argument("--version", action="version", version=f"ryu-netpol {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    words = sys.argv[1:] if argv is None else argv
    # Only the module of the command that is called is imported: some of them take half a second.
    wanted = words[0] if words and words[0] in COMMANDS else None
    for name in COMMANDS if wanted is None else (wanted,):
        with _interruptible():
            module = importlib.import_module(f"ryu_netpol.cli.{name}")
        module.add_parser(subparsers)
    args = parser.parse_args(words)
    try:
        return int(args.run(args))
    except CommandError as error:
        return complain(args.command, str(error), error.code)
    except BrokenPipeError:
        # Whoever read our output has enough of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except PermissionError as error:
        return complain(args.command, f"{error.filename or error}: permission denied", USAGE)
    except OSError as error:
        return complain(args.command, error.strerror or str(error), USAGE)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGINT end the process at once, as it ends programs that are not in Python.

    As an exception it would not do so everywhere: libraries catch what comes up while they look for others.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == "__main__":
    sys.exit(main())
