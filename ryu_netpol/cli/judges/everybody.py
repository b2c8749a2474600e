"""What `reach` prints about all pairs of pods: groups, or each pair by itself, as a matrix or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from textwrap import indent

from rich.text import Text

from ryu_netpol.cli.judges.groups import Groups
from ryu_netpol.cli.judges.kinds import FROM, TO, Answers, Kind, Kinds
from ryu_netpol.cli.judges.show import NOT_ASKED, Line, Target, counted, grid, word
from ryu_netpol.model.names import Protocol
from ryu_netpol.model.net import VERSIONS, Version
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.probe import End, Probe, encode_probe
from ryu_netpol.oracle.places import Places, union
from ryu_netpol.oracle.traffic import Shot

MANY = 100
"""A matrix of more pods than these is nothing to read: unless somebody wants it, there are groups instead."""
_ROWS = 64
"""How many kinds of sources are kept as text: pods of one namespace come one after the other."""
_FROM, _TO = str(FROM), str(TO)
_SEPARATOR = ",\n"


def tell(cluster: Cluster, *, groups: bool, everything: bool, as_json: bool) -> None:
    """Print the verdicts of all probes: in groups, each by itself, or as suits their number."""
    kinds = Kinds(cluster)
    many = sum(len(kind.pods) for kind in kinds.kinds) > MANY
    together = groups or (many and not everything and not as_json)
    if together and as_json:
        print(json.dumps({"groups": Groups(kinds, cluster).json(), **kinds.counts()}, indent=2))
    elif as_json:
        sys.stdout.writelines(probes_json(kinds))
    else:
        line = Line()
        if together:
            _print(Groups(kinds, cluster), line)
        else:
            matrix(kinds, line=line)
        counted(kinds.counts(), ["model"], line=line)
        if together:
            line.print(Text("What is not listed is denied; --all shows every pair."))


def _print(groups: Groups, line: Line) -> None:
    lines = [*groups.lines()]
    for text in (*lines, "") if lines else ():
        line.print(Text(text))


def matrix(kinds: Kinds, *, line: Line) -> None:
    """Print who reaches whom."""
    number: dict[End, int] = {pod: kind.number for kind in kinds.kinds for pod in kind.pods}
    sources: Places = 0
    targets: list[Target] = []
    words: dict[tuple[int, Shot], list[str]] = {}
    for kind in kinds.kinds:
        answers = kinds.answers(kind)
        sources |= union(each.asked for each in answers.values())
        targets += [Target(pod, *shot) for pod in kind.pods for shot in kind.shots if answers]
        for index, shot in enumerate(kind.shots):
            words[kind.number, shot] = [_word(answers, index, source.number) for source in kinds.kinds]

    def cell(source: End, target: Target) -> str:
        same = source == target.end
        return NOT_ASKED if same else words[number[target.end], (target.protocol, target.port)][number[source]]

    grid(
        sorted(pod for kind in kinds.kinds if sources >> kind.number & 1 for pod in kind.pods), targets, cell, line=line
    )


def _word(answers: Mapping[Version, Answers], shot: int, source: int) -> str:
    """What is said from one kind of source to one shot of a destination."""
    allowed = {v: bool(each.allowed[shot] >> source & 1) for v, each in answers.items() if each.asked >> source & 1}
    return word(allowed) if allowed else NOT_ASKED


def probes_json(kinds: Kinds) -> Iterator[str]:
    """All probes with their verdicts, a piece of text for each source: what `json.dumps(..., indent=2)` would give."""
    pods = sorted((pod, kind) for kind in kinds.kinds for pod in kind.pods)
    rows = lru_cache(maxsize=_ROWS)(partial(_row, kinds))
    separator = "["
    yield '{\n  "probes": '
    for source, kind in pods:
        row = rows(kind.number)
        entries = (
            row[other.number].replace(_FROM, str(source)).replace(_TO, str(destination))
            for destination, other in pods
            if destination is not source and row[other.number]
        )
        if text := _SEPARATOR.join(entries):
            yield f"{separator}\n{text}"
            separator = ","
    yield "[]\n}\n" if separator == "[" else "\n  ]\n}\n"


def _row(kinds: Kinds, source: int) -> list[str]:
    """All entries of one kind of source, together for each kind of destination."""
    return [_SEPARATOR.join(_entries(kinds, kinds.kinds[source], destination)) for destination in kinds.kinds]


def _entries(kinds: Kinds, source: Kind, destination: Kind) -> Iterator[str]:
    """The entries of one pod and another."""
    common = [version for version in VERSIONS if version in source.at and version in destination.at]
    for shot in destination.shots:
        for version in common:
            verdict = kinds.verdict(source, destination, version, shot)
            yield _entry(*shot, version if len(common) > 1 else None, verdict.allowed, verdict.reason)


@lru_cache(maxsize=1 << 16)
def _entry(protocol: Protocol, port: int | None, ip: Version | None, allowed: bool, reason: str) -> str:
    probe = encode_probe(Probe(FROM, TO, protocol, port, ip))
    return indent(json.dumps({**probe, "allowed": allowed, "reason": reason}, indent=2), "    ")
