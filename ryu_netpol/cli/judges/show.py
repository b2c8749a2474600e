"""Verdicts for people: a matrix for every pair of pods, a list for probes that somebody wrote.

On a terminal there are colours, and a matrix that is wider than it falls into several. In a pipe there is plain text,
and a list has one line per probe, however long.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from ryu_netpol.cli.common import Terminal
from ryu_netpol.cli.judges.answer import Answer
from ryu_netpol.model.names import Protocol
from ryu_netpol.model.net import VERSIONS, Version
from ryu_netpol.model.probe import End, Probe

_STYLES = {True: "green", False: "red", None: "yellow"}
_CELLS = {True: "yes", False: "no", None: "?"}
NOT_ASKED = "-"
_WORD_STYLES = {
    **{word: _STYLES[allowed] for allowed, word in _CELLS.items()},
    **{f"IPv{version} only": "yellow" for version in VERSIONS},
    NOT_ASKED: "dim",
}
_PIPE_WIDTH = 120
"""Of a matrix, where nobody says how wide the reader's screen is."""
_ENDLESS = 100_000
_GAP = 2


class Target(NamedTuple):
    """A column of the matrix."""

    end: End
    protocol: Protocol
    port: int | None

    @property
    def heading(self) -> str:
        """Namespace, name and port, one below the other: columns stay narrow, so that many fit."""
        space, slash, name = str(self.end).partition("/")
        return f"{space}\n{name}\n{_port(self)}" if slash else f"\n{space}\n{_port(self)}"


class Line:
    """Where verdicts are printed."""

    def __init__(self) -> None:
        """To standard output, as it is when this is made."""
        self._console = Terminal(highlight=False, soft_wrap=True)

    @property
    def width(self) -> int:
        """How wide a matrix may be."""
        if self._console.is_terminal or os.environ.get("COLUMNS", "").isdigit():
            return self._console.width
        return _PIPE_WIDTH

    def print(self, text: Text) -> None:
        """Print one line, never folded."""
        self._console.print(text)

    def table(self, table: Table, *, width: int) -> None:
        """Print a table that wide, without blanks at the ends of its lines."""
        options = self._console.options.update(width=width)
        for segments in self._console.render_lines(table, options, pad=False):
            line = Text.assemble(*((segment.text, segment.style or "") for segment in segments))
            line.rstrip()
            self.print(line)

    def columns(self, columns: Sequence[Sequence[str]], *, headings: int) -> None:
        """Print columns side by side, the first words of each as its heading; then an empty line."""
        widths = [max(map(len, column)) + _GAP for column in columns]
        for number, words in enumerate(zip(*columns, strict=True)):
            cells = [word.ljust(width) for word, width in zip(words, widths, strict=True)]
            if self._console.is_terminal:
                styles = ["bold" if number < headings else _WORD_STYLES.get(word, "") for word in words]
                line = Text.assemble(*zip(cells, styles, strict=True))
                line.rstrip()
                self.print(line)
            else:
                # Not by way of rich: there may be a million lines.
                self._console.file.write("".join(cells).rstrip() + "\n")
        self.print(Text())

    @property
    def list_width(self) -> int:
        """How wide a list may be: reasons are folded on a terminal only."""
        return self._console.width if self._console.is_terminal else _ENDLESS


def matrix(probes: Sequence[Probe], answers: Sequence[Answer], *, line: Line) -> None:
    """Print who reaches whom."""
    cells: dict[tuple[End, Target], dict[Version | None, bool | None]] = {}
    for probe, answer in zip(probes, answers, strict=True):
        target = Target(probe.destination, probe.protocol, probe.port)
        cells.setdefault((probe.source, target), {})[probe.ip] = answer.allowed
    words = {key: word(verdicts) for key, verdicts in cells.items()}
    sources = dict.fromkeys(source for source, _ in cells)
    grid([*sources], {target for _, target in cells}, lambda *pair: words.get(pair, NOT_ASKED), line=line)


def grid(sources: Sequence[End], targets: Iterable[Target], cell: Callable[[End, Target], str], *, line: Line) -> None:
    """Print a word for each pair: sources down, destinations across; as many matrices as the width needs."""
    left = _GAP + max((len(str(source)) for source in sources), default=0)
    in_order = sorted(targets, key=lambda target: (str(target.end), target.protocol, target.port or 0))
    for block in _fitting(in_order, line.width - left):
        columns = [[*target.heading.splitlines(), *(cell(source, target) for source in sources)] for target in block]
        line.columns([["", "", "FROM", *map(str, sources)], *columns], headings=3)


def word(verdicts: Mapping[Version, bool | None] | Mapping[Version | None, bool | None]) -> str:
    """One word for both families where they agree."""
    if len(found := set(verdicts.values())) == 1:
        return _CELLS[found.pop()]
    if None in found:
        return _CELLS[None]
    return " ".join(f"IPv{version} only" for version, allowed in verdicts.items() if allowed)


def _fitting(targets: list[Target], width: int) -> list[list[Target]]:
    """Cut the columns into as few blocks as fit; a block has at least one."""
    blocks: list[list[Target]] = []
    left = 0
    for target in targets:
        needed = _GAP + max(len("IPv6 only"), *map(len, target.heading.splitlines()))
        if not blocks or needed > left:
            blocks.append([])
            left = width
        blocks[-1].append(target)
        left -= needed
    return blocks


def rows(probes: Sequence[Probe], answers: Sequence[Answer], *, line: Line) -> None:
    """Print a line for each probe, with the reason."""
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")
    for heading in ("FROM", "TO", "PORT", "IP", "VERDICT"):
        table.add_column(heading, no_wrap=heading not in ("FROM", "TO"), overflow="fold")
    table.add_column("REASON", overflow="fold")
    for probe, answer in zip(probes, answers, strict=True):
        table.add_row(
            *(Text(str(end)) for end in (probe.source, probe.destination)),
            Text(_port(probe)),
            Text(str(probe.ip or "")),
            Text(answer.word, _STYLES[answer.allowed]),
            Text(answer.reason),
        )
    line.table(table, width=line.list_width)
    line.print(Text())


def summary(answers: Sequence[Answer], ways: Sequence[str], *, line: Line) -> None:
    """Print how many of each, and who says so."""
    counted(Counter(answer.word for answer in answers), ways, line=line)


def counted(counts: Mapping[str, int], ways: Sequence[str], *, line: Line) -> None:
    """Print how many of each, by the word for it, and who says so."""
    parts = [
        Text(f"{counts.get(word, 0)} {word}", style)
        for word, style in (("allowed", "green"), ("denied", "red"), ("unknown", "yellow"))
        if counts.get(word) or word != "unknown"
    ]
    number = sum(counts.values())
    probes = f"{number} probe{'s' * (number != 1)}: "
    line.print(Text.assemble(probes, Text(", ").join(parts), f" (by {', '.join(ways)})"))


def _port(of: Probe | Target) -> str:
    return of.protocol.name if of.port is None or of.protocol is Protocol.ICMP else f"{of.protocol.name}/{of.port}"
