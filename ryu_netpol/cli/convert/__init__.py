"""`ryu-netpol convert`: legacy policies and annotations as networking.k8s.io/v1, with the same meaning."""

from __future__ import annotations

import argparse
import sys

from ryu_netpol.cli.common import FAILED, OK, CommandError, add_manifests, load_valid
from ryu_netpol.cli.convert.meaning import Outcome, convert
from ryu_netpol.cli.convert.write import Json, as_json, as_yaml, policy_document

_KUBECTLS_OWN = "kubectl.kubernetes.io/last-applied-configuration"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "convert",
        help="write legacy policies anew",
        description="Write policies of extensions/v1beta1 and the isolation annotation of namespaces as policies of "
        "networking.k8s.io/v1 with the same meaning. Prints the new policies alone; what became of each object is told "
        "on standard error. Exit status 1, and no policy, if one cannot be converted.",
    )
    add_manifests(parser)
    parser.add_argument("-o", dest="output", choices=("yaml", "json"), default="yaml", help="how to print the policies")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Convert the manifests."""
    outcomes = convert(load_valid(args.paths).items)
    for outcome in outcomes:
        print(outcome, file=sys.stderr)
    if refused := sum(outcome.refused for outcome in outcomes):
        raise CommandError(f"{refused} object{'s' * (refused > 1)} cannot be converted", FAILED)
    if not outcomes:
        print("there is nothing of the legacy API in the manifests", file=sys.stderr)
    documents = [_document(outcome) for outcome in outcomes if outcome.policy is not None]
    print(as_json(documents) if args.output == "json" else as_yaml(documents), end="")
    return OK


def _document(outcome: Outcome) -> Json:
    """The new policy, with the labels and annotations of the one that it stands for."""
    if outcome.policy is None:
        raise ValueError(f"{outcome.item.title} became no policy")
    kept: Json = {}
    if outcome.item.title.startswith("NetworkPolicy "):
        for name in ("labels", "annotations"):
            written = outcome.item.source.value(("metadata", name))
            values = {k: v for k, v in written.items() if k != _KUBECTLS_OWN} if isinstance(written, dict) else {}
            kept |= {name: values} if values else {}
    return policy_document(outcome.policy, metadata=kept)
