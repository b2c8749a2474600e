"""`ryu-netpol flows`: what would be programmed on a node, in ovs-ofctl syntax."""

from __future__ import annotations

import argparse

from ryu_netpol.cli.common import OK, CommandError
from ryu_netpol.cli.live import add_state, load_state
from ryu_netpol.cli.offline import completed, nodes_of
from ryu_netpol.flows.text import render_table


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "flows",
        help="print the flows of a node",
        description="Print what would be programmed on a node, in the syntax of ovs-ofctl. Port numbers are made up: "
        "the gateway is 1, pods follow from 2 in the order of their names.",
    )
    add_state(parser)
    parser.add_argument("--node", metavar="NAME", help="which node; may be left out where there is only one")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the flows."""
    nodes = {node.name: node for node in nodes_of(completed(load_state(args)))}
    names = ", ".join(sorted(nodes))
    if args.node is None and len(nodes) > 1:
        raise CommandError(f"say with --node which of these nodes you mean: {names}")
    name = args.node or next(iter(nodes))
    if name not in nodes:
        raise CommandError(f"there is no node {name}; there are: {names}")
    print(render_table(nodes[name].flows), end="")
    return OK
