"""`ryu-netpol explain`: why one connection is allowed or denied."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

from ryu_netpol.cli.common import FAILED, OK, CommandError, complain, load_valid
from ryu_netpol.cli.explain import facts, tell
from ryu_netpol.cli.explain.arguments import meant, probe_of
from ryu_netpol.cli.explain.assumed import assumed_nodes
from ryu_netpol.cli.judges import flows
from ryu_netpol.cli.judges.decide import Ways
from ryu_netpol.cli.judges.evidence import by_switches
from ryu_netpol.cli.judges.questions import check_ends
from ryu_netpol.cli.judges.words import through
from ryu_netpol.cli.lab import as_in
from ryu_netpol.cli.live import add_live, is_live, load_state
from ryu_netpol.cli.offline import completed, nodes_of
from ryu_netpol.flows.offline import FlowJudge
from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.lab import Lab
from ryu_netpol.model.names import PodKey
from ryu_netpol.model.objects import Cluster, Pod
from ryu_netpol.model.packet import Connection
from ryu_netpol.model.probe import Probe, resolve
from ryu_netpol.oracle.evaluate import Oracle
from ryu_netpol.oracle.explain import Explanation, Situation, explain


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "explain",
        help="say why a connection is allowed or denied",
        description="Say why a connection is allowed or denied: who is isolated by which policies, which rule allows "
        "it, or which one came closest and by what it failed. Exit status 0 whatever the verdict; 1 where policies, "
        "flows and the lab's switches disagree.",
    )
    parser.add_argument("source", metavar="SOURCE", help='"namespace/pod", "node/NAME" or an IP address')
    parser.add_argument("destination", metavar="DEST", help="the same")
    parser.add_argument("port", metavar="PROTOCOL/PORT", help="TCP/80, UDP/53, SCTP/9, or ICMP")
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "-f", dest="paths", metavar="PATH", action="append", default=[],
        help="a file, a folder, or - for standard input; may be repeated",
    )  # fmt: skip
    add_live(parser, either)
    parser.add_argument("--ip", type=int, choices=(4, 6), help="the IP version; else 4 where both ends have it")
    parser.add_argument("--flows", action="store_true", help="also what the compiled flows do, in each bridge")
    parser.add_argument(
        "--lab", metavar="ID", nargs="?", const="", type=_lab_id,
        help="also which flows of the running lab's switches decide, and their packet counters (as root); without -f "
        "the manifests are those that the lab follows",
    )  # fmt: skip
    parser.add_argument("-o", dest="output", choices=("text", "json"), default="text", help="json has every detail")
    parser.set_defaults(run=run)


def _lab_id(text: str) -> str:
    if text and not text.isalnum():
        raise argparse.ArgumentTypeError(f"{text!r} is no lab: write --lab behind the other arguments, or --lab=ID")
    return text


def run(args: argparse.Namespace) -> int:
    """Explain; 1 if somebody disagrees with the policies."""
    probe = probe_of(args.source, args.destination, args.port, args.ip)
    live = is_live(args)
    if args.lab is None and not args.paths and not live:
        raise CommandError(
            "say with -f which manifests to read, or with --lab that they are those of the running lab, "
            "or with --live that the API server is to be asked"
        )
    if args.lab is not None and live:
        raise CommandError("the lab follows manifests, not an API server: say --lab or --live")
    try:
        cluster, connection, lab, unplaced = _read(args, probe)
        explanation = explain(Oracle(cluster), connection)
        assumed = assumed_nodes(probe, explanation, cluster, unplaced)
        explanation = replace(explanation, notes=(*explanation.notes, *assumed))
        ways = {} if explanation.situation is Situation.ITSELF else _ways(args, cluster, connection, lab)
    except LabError as error:
        raise CommandError(str(error)) from None
    if args.output == "json":
        print(json.dumps(facts.facts(probe, explanation, ways), indent=2))
    else:
        tell.tell(probe, explanation, ways)
    return _compare(explanation, ways)


def _read(args: argparse.Namespace, probe: Probe) -> tuple[Cluster, Connection, Lab | None, frozenset[PodKey]]:
    """The cluster, as the lab has it where one is asked; the connection that is meant; the pods without a node."""
    lab = None if args.lab is None else Lab.open(args.lab or None)
    loaded = load_valid([str(lab.manifests)]) if lab is not None and not args.paths else load_state(args)
    cluster = completed(loaded)
    cluster = cluster if lab is None else as_in(lab, cluster)
    pods = (value for value in loaded.objects if isinstance(value, Pod) and value.node is None)
    unplaced = frozenset(pod.key for pod in pods if lab is None)
    try:
        check_ends(probe, (), names=("SOURCE", "DEST"))
        return cluster, resolve(cluster, probe), lab, unplaced
    except ValueError as error:
        raise CommandError(f"{error}{meant(probe, cluster)}") from None


def _ways(args: argparse.Namespace, cluster: Cluster, connection: Connection, lab: Lab | None) -> Ways:
    """What the bridges on the way do, as far as it was asked."""
    ways: Ways = {}
    if args.flows:
        ways["flows"] = flows.passages(FlowJudge(nodes_of(cluster)), connection)
    if lab is not None:
        ways["lab"] = by_switches(lab, cluster, connection)
    return ways


def _compare(explanation: Explanation, ways: Ways) -> int:
    """Say loudly who does not do what the policies mean."""
    code = OK
    for way, passages in ways.items():
        answer = through([passage.answer for passage in passages])
        if answer.allowed is not explanation.verdict.allowed:
            means = "allowed" if explanation.verdict.allowed else "denied"
            who = {"flows": "the compiled flows say", "lab": "the switches of the lab say"}[way]
            sentence = f"DISAGREEMENT: the policies mean {means}, {who} {answer.word} ({answer.reason})"
            code = complain("explain", sentence, FAILED)
    return code
