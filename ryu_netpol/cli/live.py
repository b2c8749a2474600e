"""`--live`: the state of a cluster as its API server has it now, where commands otherwise read manifests."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import BinaryIO

from ryu_netpol.cli.common import CommandError, add_manifests, load_valid, tell
from ryu_netpol.model.load import Loaded


def add_state(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a cluster: manifests, or an API server."""
    either = parser.add_mutually_exclusive_group(required=True)
    add_manifests(either, required=False)
    add_live(parser, either)


def add_live(parser: argparse.ArgumentParser, either: argparse._MutuallyExclusiveGroup) -> None:
    """Add --live beside the option that names manifests, and the options that say which server is meant."""
    either.add_argument("--live", action="store_true", help="the cluster as its API server has it now")
    add_server(parser, of="of --live ")


def add_server(parser: argparse.ArgumentParser, *, of: str = "") -> None:
    """Add the options that say which API server is meant, `of` another option or always."""
    parser.add_argument(
        "--kubeconfig", metavar="FILE", type=Path,
        help=f"{of}(default: as kubectl, $KUBECONFIG or ~/.kube/config; in a pod without them, its account)",
    )  # fmt: skip
    parser.add_argument("--context", metavar="NAME", help="of the kubeconfig (default: its current context)")


def load_state(args: argparse.Namespace, *, stdin: BinaryIO | None = None) -> Loaded:
    """The cluster that -f or --live names, after telling what is wrong with it. Raises CommandError.

    Manifests must be right. What a server has is in force: what cannot be read of it counts as for the agent (UR-2).
    """
    if not is_live(args):
        return load_valid(args.paths, stdin=stdin)
    loaded = ask(args)
    tell(loaded.problems)
    return Loaded(loaded.items)


def is_live(args: argparse.Namespace) -> bool:
    """Whether the API server is to be asked. Raises CommandError where an option does not fit."""
    if not args.live and (args.kubeconfig is not None or args.context is not None):
        raise CommandError("--kubeconfig and --context say which server --live asks: say --live too")
    return bool(args.live)


def ask(args: argparse.Namespace) -> Loaded:
    """Everything that the API server has. Raises CommandError."""
    # The kubernetes package takes 0.3 s: only who asks an API server pays for it.
    from ryu_netpol.adapters.kube import access, once

    try:
        return once.read(access.as_kubectl(args.kubeconfig, args.context))
    except (access.AccessError, once.NotAnswered) as error:
        raise CommandError(f"--live: {error}") from None
