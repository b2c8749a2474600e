"""`ryu-netpol lab`: nodes and pods on this machine, with real agents and real packets, to try policies in."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ryu_netpol.cli.common import FAILED, OK, CommandError, load_valid
from ryu_netpol.cli.judges import show
from ryu_netpol.cli.judges.answer import Answer
from ryu_netpol.cli.offline import completed
from ryu_netpol.lab import commands
from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.probe import Outcome, Result
from ryu_netpol.model.load import Loaded
from ryu_netpol.model.names import NodeName
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.packet import Verdict
from ryu_netpol.model.probe import Probe, decode_probes, default_probes, encode_probe, resolve
from ryu_netpol.oracle.evaluate import Oracle

_VERDICTS = {Outcome.ALLOWED: True, Outcome.DENIED: False, Outcome.ERROR: None}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "lab",
        help="try policies on real packets, on this machine",
        description="Nodes and pods on this machine: network namespaces, each node with its own Open vSwitch and "
        "agent, pods attached by the CNI plugin. Nothing of the machine's own network is touched. Needs root.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(name: str, about: str) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        if name != "up":
            added.add_argument("--lab", dest="lab_id", metavar="ID", help="which lab, where several are up")
        return added

    up = action("up", "bring up the nodes and pods of a folder of manifests, which the agents then follow")
    up.add_argument("-f", dest="folder", metavar="DIR", type=Path, required=True, help="the folder of manifests")
    probe = action("probe", "try connections with real packets, and compare with what the policies mean")
    probe.add_argument("--probes", metavar="FILE", help="JSON list of probes, as `ryu-netpol reach` takes it; "
                       "without it every pair of pods, at the destination's container ports")  # fmt: skip
    probe.add_argument("-o", dest="output", choices=("table", "json"), default="table", help="json has the reasons")
    cli = action("cli", "open the Mininet prompt in the lab")
    cli.add_argument("script", nargs="?", type=Path, help="a file of the prompt's commands, instead of the keyboard")
    action("status", "say what is up")
    down = action("down", "remove the lab and everything that it made")
    down.add_argument("--all", action="store_true", dest="every", help="remove all labs of this machine")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do what the action says."""
    actions = {"up": _up, "probe": _probe, "cli": _cli, "status": _status, "down": _down}
    try:
        return actions[args.action](args)
    except LabError as error:
        raise CommandError(str(error)) from error


# --- up, down, status ------------------------------------------------------------------------------------------------


def _up(args: argparse.Namespace) -> int:
    if not args.folder.is_dir():
        raise CommandError(f"{args.folder} is not a folder: agents follow a folder of manifests")
    loaded = load_valid([str(args.folder)])
    cluster = completed(loaded)
    if not cluster.pods:
        raise CommandError(f"there is no pod in {args.folder}")
    _refuse_unknown_addresses(cluster, loaded)
    lab_id = commands.up(args.folder, cluster)
    lab = Lab.open(lab_id)
    print(f"The lab {lab_id} is up, and its agents follow {args.folder}.")
    _describe(lab)
    print("Try next:")
    for line, about in (
        ("ryu-netpol lab probe", "who reaches whom, by real packets"),
        ("ryu-netpol lab cli", "the Mininet prompt: pingall, POD ping ..., NODE ovs-ofctl ..."),
        (f"$EDITOR {args.folder}/...", "every change is in force at once: probe again"),
        ("ryu-netpol lab down", "remove everything"),
    ):
        print(f"  {line:26} {about}")
    return OK


def _refuse_unknown_addresses(cluster: Cluster, loaded: Loaded) -> None:
    """An agent knows the pods of other nodes by the addresses in the folder, as it would by status in a cluster."""
    given = Cluster.of(*loaded.objects).pods
    missing = [str(key) for key, pod in cluster.pods.items() if pod.visible and not given[key].addresses]
    if len(cluster.nodes) > 1 and missing:
        raise CommandError(
            f"on several nodes pods need addresses (status.podIPs), by which agents know them: {missing[0]} has none"
        )


def _status(args: argparse.Namespace) -> int:
    ids = [args.lab_id] if args.lab_id else commands.ids()
    if not ids:
        print("No lab is up.")
    for lab_id in ids:
        lab = Lab.open(lab_id)
        owner = "" if lab.state.owner is None else f", of process {lab.state.owner.pid}"
        print(f"The lab {lab_id} is up{owner}; its agents follow {lab.manifests}.")
        _describe(lab)
    return OK


def _describe(lab: Lab) -> None:
    for node in lab.nodes.values():
        agent = node.agent
        daemons = node.ovs.processes()
        switch = f"Open vSwitch {daemons[0].pid}" if len(daemons) == 2 else "NO SWITCH RUNS"
        says = f" ({node.agent_says})" if len(daemons) == 2 else ""
        runs = f"agent {agent.pid}{says}" if agent is not None and agent.alive() else "NO AGENT RUNS"
        print(f"  {node.name:26} {', '.join(node.spec.addresses)}; {runs}, {switch}; log: {node.agent_log}")
    for key, pod in lab.pods.items():
        print(f"  {key:26} {', '.join(pod.addresses) or 'not attached'} on {pod.node.name}")


def _down(args: argparse.Namespace) -> int:
    if args.every and args.lab_id:
        raise CommandError("--all and --lab exclude each other")
    if args.every:
        gone = [commands.down(lab_id=lab_id) for lab_id in commands.ids()]
        print(f"Removed: {', '.join(gone)}." if gone else "No lab is up.")
    else:
        print(f"The lab {commands.down(lab_id=args.lab_id)} is removed.")
    return OK


def _cli(args: argparse.Namespace) -> int:
    if args.script is not None and not args.script.is_file():
        raise CommandError(f"cannot read {args.script}: there is no such file")
    if args.script is not None:
        try:
            args.script.read_text()
        except UnicodeDecodeError:
            raise CommandError(f"cannot read {args.script}: it is not a text") from None
    commands.cli(lab_id=args.lab_id, script=args.script)
    return OK


# --- probe -----------------------------------------------------------------------------------------------------------


def _probe(args: argparse.Namespace) -> int:
    lab = Lab.open(args.lab_id)
    cluster = as_in(lab, completed(load_valid([str(lab.manifests)])))
    probes = default_probes(cluster) if args.probes is None else _read(args.probes)
    try:
        connections = [resolve(cluster, probe) for probe in probes]
    except ValueError as error:
        raise CommandError(str(error)) from error
    results = lab.probe(probes)
    answers = [Answer(_VERDICTS[result.outcome], result.reason) for result in results]
    if args.output == "json":
        entries = [
            {**encode_probe(probe), "allowed": answer.allowed, "reason": answer.reason}
            for probe, answer in zip(probes, answers, strict=True)
        ]
        print(json.dumps({"probes": entries}, indent=2))
    else:
        line = show.Line()
        (show.matrix if args.probes is None else show.rows)(probes, answers, line=line)
        show.summary(answers, ["packets"], line=line)
    oracle = Oracle(cluster)
    return _compare(probes, results, [oracle.evaluate(connection) for connection in connections])


def as_in(lab: Lab, cluster: Cluster) -> Cluster:
    """The cluster of the manifests with pods as the lab has them: those that are attached, where they are."""
    pods = {}
    for key, pod in cluster.pods.items():
        attached = lab.pods.get(str(key))
        if attached is None or not attached.attached:
            print(f"warning: {key} is not in the lab: take it down and up again to have it attached", file=sys.stderr)
        elif pod.host_network:
            pods[key] = pod
        else:
            addresses = tuple(map(Address.parse, attached.addresses))
            pods[key] = replace(pod, addresses=addresses, node=NodeName(attached.spec.node))
    return replace(cluster, pods=pods)


def _read(file: str) -> tuple[Probe, ...]:
    try:
        return decode_probes(Path(file).read_bytes() if file != "-" else sys.stdin.buffer.read())
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise CommandError(f"{file}: {error}") from error


def _compare(probes: Sequence[Probe], results: Sequence[Result], verdicts: Sequence[Verdict]) -> int:
    """Name every probe that showed nothing, or not what the policies mean."""
    wrong = 0
    for probe, result, verdict in zip(probes, results, verdicts, strict=True):
        if _VERDICTS[result.outcome] is not verdict.allowed:
            wrong += 1
            means = f"the policies mean {'allowed' if verdict.allowed else 'denied'} ({verdict.reason})"
            print(f"{probe}: packets say {result.outcome.value} ({result.reason}), {means}", file=sys.stderr)
    if wrong:
        print(f"ryu-netpol lab: {wrong} of {len(probes)} probes are not what the policies mean", file=sys.stderr)
    return FAILED if wrong else OK
