"""`ryu-netpol reach`: who reaches whom, judged in up to four ways that know as little of each other as possible."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from ryu_netpol.cli.common import FAILED, OK, CommandError
from ryu_netpol.cli.judges import everybody, flows, manifests, packets, show, trace
from ryu_netpol.cli.judges.answer import Answer, Judge, Question
from ryu_netpol.cli.judges.questions import check_ends, gateways
from ryu_netpol.cli.live import add_state, load_state
from ryu_netpol.cli.offline import completed, nodes_of
from ryu_netpol.flows.offline import OfflineNode
from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.process import need_root
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.probe import Probe, decode_probes, default_probes, encode_probe, resolve
from ryu_netpol.oracle.evaluate import Oracle

WAYS = ("model", "flows", "trace", "packets")
_STDIN = "-"

Json = dict[str, object]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser(
        "reach",
        help="say who reaches whom",
        description="Say who reaches whom: every pair of pods at the destination's container ports, or the probes of a "
        "file. Exit status 1 where ways disagree, or packets could not show a verdict.",
    )
    add_state(parser)
    parser.add_argument(
        "--probes", metavar="FILE",
        help='JSON list of {"from": END, "to": END, "protocol": "TCP|UDP|SCTP|ICMP", "port": N, "ip": 4|6}, '
        'or - for standard input; END is "namespace/pod", "node/NAME" or an IP address',
    )  # fmt: skip
    parser.add_argument(
        "--via", dest="ways", action="append", choices=(*WAYS, "all"),
        help="how to judge: what policies mean (model, the default); the compiled flows, run by our interpreter "
        "(flows) or by Open vSwitch's ofproto/trace (trace); real packets in the lab (packets, as root). "
        "Several, or all: compare them",
    )  # fmt: skip
    parser.add_argument("-o", dest="output", choices=("table", "json"), default="table", help="json has the reasons")
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--groups", action="store_true",
        help="say what is allowed in as few lines as possible, which put pods together; all pairs by the model only "
        f"(the default of the table with more than {everybody.MANY} pods)",
    )  # fmt: skip
    size.add_argument("--all", action="store_true", help="each pair of pods, however many (the default of json)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Judge all probes and print the verdicts."""
    named = args.ways or ["model"]
    ways = [way for way in WAYS if way in named or "all" in named]
    try:
        return _reach(args, ways)
    except LabError as error:
        raise CommandError(str(error)) from None


def _reach(args: argparse.Namespace, ways: list[str]) -> int:
    all_by_model = ways == ["model"] and args.probes is None
    if args.groups and not all_by_model:
        raise CommandError(
            "--groups is for all pairs of pods by the model: without --probes, and without another --via"
        )
    if "packets" in ways and args.live:
        raise CommandError("the lab (--via packets) follows manifests: name them by -f, not --live")
    if "packets" in ways:
        need_root("The lab (--via packets)")
    if _STDIN in args.paths and args.probes == _STDIN:
        raise CommandError("only one of -f and --probes can be standard input")
    stdin = sys.stdin.buffer.read() if _STDIN in (*args.paths, args.probes) else b""
    cluster = completed(load_state(args, stdin=io.BytesIO(stdin)))
    if all_by_model:
        everybody.tell(cluster, groups=args.groups, everything=args.all, as_json=args.output == "json")
        return OK

    probes, entries = _probes(args.probes, stdin, cluster)
    nodes = nodes_of(cluster)
    questions = _questions(cluster, nodes, probes)
    write = partial(manifests.write, cluster=cluster, paths=args.paths, stdin=stdin)
    judges: Mapping[str, Judge] = {
        "model": partial(by_model, cluster),
        "flows": partial(flows.judge, nodes),
        "trace": partial(trace.judge, nodes),
        "packets": partial(packets.judge, cluster, write=write),
    }
    answers = {way: _judged(way, judges[way], questions) for way in ways}
    if args.output == "json":
        print(json.dumps({"probes": _as_json(entries, answers)}, indent=2))
    else:
        _print(probes, answers, written=args.probes is not None)
    return _complain(probes, answers)


def _probes(file: str | None, stdin: bytes, cluster: Cluster) -> tuple[tuple[Probe, ...], list[Json]]:
    """The probes, and the entries that stand for them in the answer: those of the file as they are."""
    if file is None:
        probes = default_probes(cluster)
        return probes, [dict(encode_probe(probe)) for probe in probes]
    try:
        text = stdin if file == _STDIN else Path(file).read_bytes()
        return decode_probes(text), json.loads(text)
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}") from None
    except ValueError as error:
        raise CommandError(f"{'<stdin>' if file == _STDIN else file}: {error}") from None


def _questions(cluster: Cluster, nodes: Sequence[OfflineNode], probes: Sequence[Probe]) -> list[Question]:
    kept = gateways(cluster, nodes)
    questions = []
    for index, probe in enumerate(probes):
        try:
            connection = resolve(cluster, probe)
            check_ends(probe, kept)
        except ValueError as error:
            raise CommandError(f"probes[{index}]: {error}") from None
        questions.append(Question(probe, connection))
    return questions


def by_model(cluster: Cluster, questions: Sequence[Question]) -> list[Answer]:
    """`--via model`: the reference evaluator, which knows nothing of flows."""
    oracle = Oracle(cluster)
    verdicts = (oracle.evaluate(question.connection) for question in questions)
    return [Answer(verdict.allowed, verdict.reason) for verdict in verdicts]


def _judged(way: str, judge: Judge, questions: Sequence[Question]) -> list[Answer]:
    """Judge; who looks at a terminal sees what takes so long."""
    console = Console(stderr=True)
    slow = {"trace": "Asking Open vSwitch", "packets": "Sending packets in the lab"}
    waiting = console.status(f"{slow[way]} ...") if way in slow and console.is_terminal else contextlib.nullcontext()
    with waiting:
        return judge(questions)


# --- what is printed -------------------------------------------------------------------------------------------------


def _as_json(entries: Sequence[Json], answers: Mapping[str, Sequence[Answer]]) -> list[Json]:
    """Each entry with the verdict of the first way; with those of all, by way, where there are several."""
    found = []
    for index, entry in enumerate(entries):
        each = {way: _verdict(given[index]) for way, given in answers.items()}
        several: Json = {"via": each} if len(each) > 1 else {}
        found.append({**entry, **next(iter(each.values())), **several})
    return found


def _verdict(answer: Answer) -> Json:
    return {"allowed": answer.allowed, "reason": answer.reason}


def _print(probes: Sequence[Probe], answers: Mapping[str, Sequence[Answer]], *, written: bool) -> None:
    line = show.Line()
    first = next(iter(answers.values()))
    (show.rows if written else show.matrix)(probes, first, line=line)
    show.summary(first, list(answers), line=line)


def _complain(probes: Sequence[Probe], answers: Mapping[str, Sequence[Answer]]) -> int:
    """Name every probe that has no verdict, or more than one."""
    wrong = 0
    for index, probe in enumerate(probes):
        given = {way: found[index] for way, found in answers.items()}
        if {answer.allowed for answer in given.values()} in ({True}, {False}):
            continue
        wrong += 1
        said = "; ".join(f"{way} says {answer.word} ({answer.reason})" for way, answer in given.items())
        print(f"probes[{index}]: {probe}: {said}", file=sys.stderr)
    if wrong:
        what = "without an agreed verdict" if len(answers) > 1 else "without a verdict"
        print(f"ryu-netpol reach: {wrong} of {len(probes)} probes are {what}", file=sys.stderr)
    return FAILED if wrong else OK
