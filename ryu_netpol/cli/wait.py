"""`ryu-netpol wait`: until every node that has pods of a policy enforces it as it is now."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import threading
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.markup import escape

from ryu_netpol.adapters.kube.wait.rounds import NotNow, Outcome, Rounds
from ryu_netpol.adapters.kube.wait.verdict import State
from ryu_netpol.cli.common import FAILED, OK, CommandError
from ryu_netpol.cli.live import add_server

FIRST, LAST, SLOWER = 0.2, 2.0, 1.4
"""Seconds between two rounds: at first, at last, and by what each pause is longer than the one before."""
NAMED = 10
"""Nodes that a sentence names; -o json has all of them."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "wait",
        help="wait until a policy is in force in the cluster",
        description="Wait until every node that has pods of this policy enforces it as it is now. Exit status 0: it "
        "is in force, or selects no pods; 1: not in time, or never as it is written; 2: nobody can say.",
    )
    parser.add_argument("policy", metavar="NAMESPACE/POLICY")
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=_seconds, default=60.0, help="0: only look (default: %(default)g)"
    )
    add_server(parser)
    parser.add_argument("-o", dest="output", choices=("text", "json"), default="text", help="json has every node")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Wait, and say how it ended."""
    namespace, slash, name = args.policy.partition("/")
    if not slash or not namespace or not name or "/" in name:
        raise CommandError(f"{args.policy}: a policy is named as NAMESPACE/POLICY")
    # The kubernetes package takes 0.3 s: only who asks an API server pays for it.
    from ryu_netpol.adapters.kube import access, once
    from ryu_netpol.adapters.kube.wait.reader import Reader

    began = time.monotonic()
    try:
        reader = Reader(access.as_kubectl(args.kubeconfig, args.context), patience=args.timeout)
        target = reader.policy(namespace, name)
        if target is None:
            raise CommandError(f"{reader.address} has no NetworkPolicy {args.policy}")
        rounds = Rounds(reader, target)
        outcome, trouble = _wait(rounds, until=began + args.timeout)
    except (access.AccessError, once.NotAnswered, NotNow) as error:
        raise CommandError(str(error)) from None
    took = time.monotonic() - began
    if args.output == "json":
        print(json.dumps(_as_json(rounds, outcome, took), indent=2))
    elif outcome is not Outcome.IN_FORCE:
        raise CommandError(_why_not(rounds, outcome, took, trouble), FAILED)
    else:
        print(_done(rounds, took))
    return OK if outcome is Outcome.IN_FORCE else FAILED


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= threading.TIMEOUT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return seconds


def _wait(rounds: Rounds, *, until: float) -> tuple[Outcome, str]:
    """Ask until it is decided or too late; with why the last answer was none, if so. Raises NotAnswered."""
    pause = FIRST
    with _shown() as show:
        while True:
            outcome, trouble = _ask(rounds)
            left = until - time.monotonic()
            if outcome is not Outcome.WAITING or left <= 0:
                return outcome, trouble
            show(
                trouble or f"{rounds.target} is in force on {len(_done_on(rounds))} of {_nodes(len(rounds.nodes))} ..."
            )
            time.sleep(min(pause, left))
            pause = min(pause * SLOWER, LAST)


def _ask(rounds: Rounds) -> tuple[Outcome, str]:
    """One round; a server that cannot answer now may answer the next one."""
    try:
        return rounds.ask(now=time.monotonic()), ""
    except NotNow as error:
        return Outcome.WAITING, str(error)


@contextlib.contextmanager
def _shown() -> Iterator[Callable[[str], None]]:
    """Who looks at a terminal sees how far it is."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _text: None
        return
    with console.status("Waiting ...") as status:
        yield lambda text: status.update(escape(text))


def _done_on(rounds: Rounds) -> list[str]:
    return [node for node, verdict in rounds.nodes.items() if verdict.state is State.IN_FORCE]


def _nodes(count: int) -> str:
    return f"{count:,} node{'s' * (count != 1)}"


def _done(rounds: Rounds, took: float) -> str:
    if not rounds.nodes:
        return f"{rounds.target} selects no pods that are on a node: there is nothing to wait for."
    return f"{rounds.target} is in force on {_nodes(len(rounds.nodes))}, after {took:.1f} s."


def _why_not(rounds: Rounds, outcome: Outcome, took: float, trouble: str) -> str:
    if outcome is Outcome.DELETED:
        return f"{rounds.target} was deleted"
    if outcome is Outcome.FAILED:
        return f"{rounds.target} does not come in force as it is written: {_reasons(rounds, State.FAILED)}"
    if trouble:
        return f"nobody knows whether {rounds.target} is in force, after {took:.1f} s: {trouble}"
    missing = len(rounds.nodes) - len(_done_on(rounds))
    where = f"{missing:,} of {_nodes(len(rounds.nodes))}"
    return f"{rounds.target} is not in force on {where}, after {took:.1f} s: {_reasons(rounds, State.WAITING)}"


def _reasons(rounds: Rounds, state: State) -> str:
    """Why nodes are in a state, of the first of them: each reason with its nodes."""
    found = [(node, verdict) for node, verdict in rounds.nodes.items() if verdict.state is state]
    nodes: dict[str, list[str]] = {}
    for node, verdict in found[:NAMED]:
        when = f" (told at {verdict.told})" if state is State.WAITING and verdict.told else ""
        nodes.setdefault(verdict.reason, []).append(f"{node}{when}")
    sentence = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in nodes.items())
    more = len(found) - NAMED
    return f"{sentence}; and {_nodes(more)} more" if more > 0 else sentence


def _as_json(rounds: Rounds, outcome: Outcome, took: float) -> dict[str, object]:
    target = rounds.target
    return {
        "policy": str(target.key),
        "apiVersion": str(target.key.api),
        "uid": target.uid,
        "resourceVersion": target.version,
        "generation": target.generation,
        "result": str(outcome),
        "seconds": round(took, 3),
        "nodes": [
            {
                "node": node,
                "pods": len(rounds.pods[node]),
                "state": str(verdict.state),
                "reason": verdict.reason,
                "flowGeneration": verdict.generation,
                "resourceVersion": verdict.version or None,
                "since": verdict.since or None,
                "told": verdict.told or None,
            }
            for node, verdict in rounds.nodes.items()
        ],
    }
