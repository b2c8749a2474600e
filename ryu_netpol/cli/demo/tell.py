"""How the story is told: steps with the time that each took, tables, a few words in between.

On a terminal with colours and a spinner while something happens, in a pipe as plain text of 100 columns.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ryu_netpol.cli.common import Terminal
from ryu_netpol.cli.demo.matrix import Matrix, Place
from ryu_netpol.model.probe import End, NodeEnd

WIDTH = 100
_STYLES = {"yes": "green", "no": "red", "error": "bold white on red"}


@dataclass(slots=True)
class Step:
    """One step of the story while it happens."""

    title: str
    seconds: float = 0.0
    parts: list[RenderableType] = field(default_factory=list)

    def say(self, words: str, style: str = "") -> None:
        """Tell something below the step's title."""
        self.parts.append(Text(words, style=style))

    def show(self, part: RenderableType) -> None:
        """Show something below the step's title."""
        self.parts.append(part)


class Teller:
    """Prints; or not, when the facts alone are wanted."""

    def __init__(self, *, silent: bool) -> None:
        self._console = Terminal(highlight=False, quiet=silent)
        if not self._console.is_terminal:
            self._console = Terminal(highlight=False, quiet=silent, width=WIDTH)
        self.steps: list[Step] = []

    def say(self, words: str, style: str = "") -> None:
        """Tell something between steps."""
        self._console.print(Text(words, style=style))

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Do something that takes time; told when it is done, with that time."""
        step = Step(title)
        start = time.monotonic()
        with self._console.status(f"{title} ..."):
            yield step
        step.seconds = time.monotonic() - start
        self.steps.append(step)
        head = Text(f"{len(self.steps)}  {title}", style="bold")
        took = f"{step.seconds:.1f} s"
        head.append(" " * max(1, min(self._console.width, WIDTH) - head.cell_len - len(took)))
        head.append(took, style="dim")
        self._console.print()
        self._console.print(head)
        for part in step.parts:
            self._console.print(Padding(part, (0, 0, 0, 3), expand=False))


def picture(matrix: Matrix, before: Matrix | None = None) -> Table:
    """A matrix as a table: who (rows) reaches what (columns); with one before, what changed is marked."""
    changed = [] if before is None else matrix.changed(before)
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("from \\ to", style="dim")
    for place in matrix.destinations:
        table.add_column(_heading(place), justify="center")
    for source in matrix.sources:
        table.add_row(named(source), *(_cell(matrix, changed, source, place) for place in matrix.destinations))
    return table


def named(end: End) -> str:
    """An end in words."""
    if isinstance(end, NodeEnd):
        return f"the node, {end.name}"
    return str(end) if "/" in str(end) else f"outside, {end}"


def _heading(place: Place) -> str:
    namespace, _, pod = str(place[0]).partition("/")
    return f"{namespace}/\n{pod}\n:{place[1]}"


def _cell(matrix: Matrix, changed: list[tuple[End, Place]], source: End, place: Place) -> Text:
    word = matrix.cell(source, place)
    if not word:
        return Text("-", style="dim")
    mark = "*" if (source, place) in changed else " "
    return Text(f" {word}{mark}", style=f"{_STYLES[word]}{' bold' if mark == '*' else ''}")
