"""`ryu-netpol status`: how the agent of this node is doing, as it says itself."""

from __future__ import annotations

import argparse
import http.client
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from ryu_netpol.cli.common import FAILED, OK, USAGE, CommandError, Terminal
from ryu_netpol.config import address_and_port

PATIENCE = 10.0
"""Seconds."""
_ENDLESS = 10_000
"""Columns: nothing is folded in a pipe."""
_STYLES = {"yes": "green", "ready": "green", "waiting": "yellow", "closed": "red", "unknown": "red"}

Status = Mapping[str, Any]
"""What the agent says; docs/operations.md has its keys."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "status",
        help="say how the agent of this node is doing",
        description="Ask the agent of this node for its feed, switch, endpoints, policies and last problems; "
        "with --policies, for each policy that selects a pod here: since when it is in force, and what fails. "
        "Exit status 0: it is ready; 1: it is not; 2: no agent is there. Needs no root.",
    )
    parser.add_argument(
        "--agent", metavar="ADDRESS:PORT", default="127.0.0.1:9464", help="as its --metrics-bind (default: %(default)s)"
    )
    parser.add_argument("--policies", action="store_true", help="list the policies that select a pod here instead")
    parser.add_argument("-o", dest="output", choices=("table", "json"), default="table", help="json has everything")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask, and print the answer."""
    text = fetch(args.agent, "/policies" if args.policies else "/status")
    try:
        said = json.loads(text)
        well = not any(policy["failures"] for policy in said) if args.policies else bool(said["ready"])
        if args.output == "json":
            print(json.dumps(said, indent=2))
        elif args.policies:
            show_policies(said, _terminal())
        else:
            show(said, _terminal())
    except (ValueError, KeyError, TypeError) as error:
        raise CommandError(f"what listens at {args.agent} is no agent of this version ({error!r})", USAGE) from None
    return OK if well else FAILED


def fetch(address: str, path: str) -> bytes:
    """What an agent answers. Raises CommandError if none does."""
    try:
        connection = http.client.HTTPConnection(*address_and_port(address), timeout=PATIENCE)
    except ValueError as error:
        raise CommandError(f"--agent {address}: {error}", USAGE) from None
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        text = response.read()
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CommandError(f"no agent answers at {address}: {why}", USAGE) from None
    finally:
        connection.close()
    if response.status != http.HTTPStatus.OK:
        raise CommandError(f"no agent at {address}: its answer is {response.status}, {text[:80]!r}", USAGE)
    return text


def _terminal() -> Terminal:
    terminal = Terminal(highlight=False)
    if not terminal.is_terminal:
        terminal.width = _ENDLESS
    return terminal


def show(said: Status, terminal: Terminal) -> None:
    """Print it for people."""
    lines = [
        ("agent", f"ryu-netpol {said['version']} on {said['stack']}, node {said['node']}, since {said['started']}"),
        ("log level", said["log_level"]),
        ("ready", _ready(said["checks"])),
    ]
    if "feed" in said:
        lines += [
            ("feed", _feed(said["feed"])),
            ("switch", _switch(said["switch"])),
            ("policies", _policies(said["policies"])),
        ]
        if said["enforcement"]["seen"]:
            lines.append(("in force", _in_force(said["enforcement"])))
    _print(terminal, (), lines)
    endpoints = [(e["port"], e["pod"] or "-", e["state"]) for e in said.get("endpoints", ())]
    _print(terminal, ("ENDPOINT", "POD", "STATE"), endpoints)
    _print(terminal, ("PROBLEM", "NOW"), [(p["what"], p["message"]) for p in said.get("problems", ())])
    proof = said.get("enforcement", {})
    concerns = [*proof.get("failures", ()), *proof.get("hints", ())]
    rows = [(f"{c['kind']} {c['object']}", c["reason"], c["message"]) for c in concerns]
    _print(terminal, ("OBJECT", "REASON", "MESSAGE"), rows)
    _print(terminal, ("LAST REPORT", "WHAT", "MESSAGE"), [(r["ts"], r["what"], r["message"]) for r in said["reports"]])


def _ready(checks: Sequence[Status]) -> str:
    failed = [f"{check['name']}: {check['message']}" for check in checks if not check["ok"]]
    return f"NO; {'; '.join(failed)}" if failed else "yes"


def _feed(feed: Status) -> str:
    objects = ", ".join(f"{count:,} {kind}" for kind, count in feed["objects"].items()) or "nothing listed yet"
    heard = f"last heard of at {feed['last_event']}" if feed["last_event"] else "nothing heard yet"
    late = f"; NOT UP TO DATE: {', '.join(feed['late'])}" if feed["late"] else ""
    return f"{feed['source']}: {objects}; {heard}{late}"


def _switch(switch: Status) -> str:
    connected = "connected" if switch["connected"] else "NOT CONNECTED"
    generation = f"generation {switch['generation']}{' is in flight' if switch['in_flight'] else ''}"
    in_force = f"{switch['in_force']} in force" if switch["in_force"] is not None else "in force is not known"
    refused = f"{switch['bundles_refused']} bundles refused, {switch['connections']} connections so far"
    return f"{connected}; {generation}, {in_force}; epoch {switch['epoch']}; {refused}"


def _policies(sizes: Status) -> str:
    return f"{sizes['policies']:,} select a pod here; {sizes['rules']:,} rules, {sizes['identities']:,} identities"


def _in_force(proof: Status) -> str:
    now = proof["in_force"]
    if now is None:
        return "NOT KNOWN"
    return ", ".join(f"{kind} {version}" for kind, version in now["versions"].items()) + f"; since {now['since']}"


def show_policies(said: Sequence[Status], terminal: Terminal) -> None:
    """Print the policies that select a pod of this node."""
    rows = []
    for policy in said:
        seen, now = policy["generation_seen"], policy["generation_in_force"]
        took = "-" if policy["seconds"] is None else f"{1000 * policy['seconds']:.0f} ms"
        wrong = "; ".join([*policy["failures"], *policy["hints"]])
        name = f"{policy['namespace']}/{policy['name']}"
        rows.append((name, _text(seen), _text(now), policy["since"] or "-", took, str(policy["endpoints"]), wrong))
    if rows:
        _print(terminal, ("POLICY", "SEEN", "IN FORCE", "SINCE", "TOOK", "PODS HERE", "WRONG"), rows)
    else:
        terminal.print("No policy selects a pod of this node.")


def _text(number: int | None) -> str:
    return "-" if number is None else str(number)


def _print(terminal: Terminal, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table after an empty line, if it has rows; without a head, at the top."""
    if not rows:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold", show_header=bool(head))
    for title in head or ("", ""):
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, "red" if cell.startswith("NO") else _STYLES.get(cell, "")) for cell in row))
    if head:
        terminal.print()
    terminal.print(table)
