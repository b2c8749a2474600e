"""`ryu-netpol demo`: the main job on real packets, told for somebody who sees it for the first time."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import ryu_netpol
from ryu_netpol.cli.common import FAILED, OK, CommandError

EXAMPLE = Path("examples", "seed")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "demo",
        help="see policies at work on real packets, in a minute",
        description="Bring up a small lab with a real Open vSwitch and a real agent, send real packets before and "
        "after a policy, explain two of the answers, change a label, and remove everything again. Needs root.",
    )
    parser.add_argument(
        "-f", dest="folder", metavar="DIR", type=Path,
        help=f"the manifests of the story (default: {EXAMPLE} of the checkout)",
    )  # fmt: skip
    parser.add_argument("-o", dest="output", choices=("text", "json"), default="text", help="how to tell it")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Tell the story; 0 if every packet did what the model says."""
    # Only here: these imports take half a second, and `ryu-netpol --help` lists this command too.
    from ryu_netpol.cli.demo.scenes import SceneError
    from ryu_netpol.cli.demo.story import play
    from ryu_netpol.cli.demo.tell import Teller
    from ryu_netpol.lab.errors import LabError

    try:
        facts = play(args.folder or find_example(), Teller(silent=args.output == "json"))
    except (LabError, SceneError) as error:
        raise CommandError(str(error)) from error
    except KeyboardInterrupt:
        print("ryu-netpol demo: interrupted; everything is removed", file=sys.stderr)
        raise
    if args.output == "json":
        json.dump(facts, sys.stdout, indent=2)
        print()
    return OK if facts["ok"] else FAILED


def find_example() -> Path:
    """The folder of the story: beside the package in a checkout, below `share` in an installation."""
    places = (Path(ryu_netpol.__file__).parents[1], Path(sys.prefix, "share", "ryu-netpol"))
    for place in places:
        if (place / EXAMPLE).is_dir():
            return place / EXAMPLE
    raise CommandError(f"the folder {EXAMPLE} of the checkout is not installed here: say with -f where it is")
