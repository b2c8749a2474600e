"""Texts into objects: what every command and the folder feed read manifests with.

`read` takes one file's text, `merge` puts several files together. Nothing raises: every problem has a file, a line and
a field. Objects with errors are handled as UR-2 says, so that a policy that cannot be read closes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from ryu_netpol.model.decode import Decoded, Path, Severity, decode, show_path
from ryu_netpol.model.decode.build import Document, Flaw
from ryu_netpol.model.decode.text import documents
from ryu_netpol.model.names import PodKey
from ryu_netpol.model.objects import Namespace, Node, Object, Pod


@dataclass(frozen=True, slots=True)
class LocatedProblem:
    """A problem and where to find it."""

    file: str
    line: int
    """Counted from 1; 0 where the file as a whole is meant."""
    object: str
    field: str
    reason: str
    severity: Severity = Severity.ERROR

    @property
    def is_error(self) -> bool:
        """Whether an API server would refuse it."""
        return self.severity is Severity.ERROR

    def __str__(self) -> str:
        """`file:line: kind namespace/name: field: reason`, without the parts that are not known."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.object, self.field, self.reason) if part)


@dataclass(frozen=True, slots=True)
class Item:
    """An object and where it is written."""

    object: Object
    file: str
    title: str
    stand_in: bool = False
    """A pod that a workload stands for: gives way to others of its name."""
    locate: Callable[[], int] = field(default=lambda: 0, compare=False, repr=False)

    @property
    def line(self) -> int:
        """The line of its name. Not looked up before somebody asks: see decode.text on JSON."""
        return self.locate()


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one file, or all of them, contain."""

    items: tuple[Item, ...] = ()
    problems: tuple[LocatedProblem, ...] = ()

    @property
    def objects(self) -> tuple[Object, ...]:
        """The objects alone."""
        return tuple(item.object for item in self.items)

    @property
    def errors(self) -> int:
        """How many of the problems are errors."""
        return sum(problem.is_error for problem in self.problems)

    @property
    def warnings(self) -> int:
        """How many of the problems are warnings."""
        return len(self.problems) - self.errors


def read(text: str | bytes, *, file: str) -> Loaded:
    """Read all objects of one file: YAML or JSON, several documents, lists."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            return Loaded(problems=(LocatedProblem(file, line, "", "", "cannot be read: it is not UTF-8 text"),))
    items: list[Item] = []
    problems: list[LocatedProblem] = []
    for number, document in enumerate(documents(text)):
        titles: list[tuple[Path, str]] = []
        for path, value in _objects(document.data):
            decoded = decode(value, suffix=_suffix(f"{file} {number} {path}"))
            titles.append((path, decoded.title))
            problems += _located(decoded, document, file=file, prefix=path)
            if decoded.object is not None:
                name = partial(document.line, (*path, "metadata", "name"))
                items.append(Item(decoded.object, file, decoded.title, decoded.stand_in, name))
        problems += [_flaw(flaw, titles, file=file) for flaw in document.flaws]
    return Loaded(tuple(items), tuple(sorted(problems, key=lambda problem: problem.line)))


def merge(parts: Iterable[Loaded]) -> Loaded:
    """Put several files together. Of two objects with one key the first counts, the other is an error."""
    parts = tuple(parts)
    problems = [problem for part in parts for problem in part.problems]
    found: dict[object, Item] = {}
    everything = [item for part in parts for item in part.items]
    for item in sorted(everything, key=lambda item: item.stand_in):
        if item.stand_in and _key(item.object) in found:
            item = _renamed(item)
        first = found.setdefault(_key(item.object), item)
        if first is not item:
            reason = f"is already in {first.file}:{first.line}"
            problems.append(LocatedProblem(item.file, item.line, item.title, "", reason))
    return Loaded(tuple(found.values()), tuple(problems))


def _objects(data: object) -> Iterator[tuple[Path, object]]:
    """Walk a document, lists taken apart: each object with its path. Lists of one kind need not repeat it."""
    waiting: list[tuple[Path, object]] = [((), data)]
    while waiting:
        path, value = waiting.pop()
        kind = value.get("kind") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(kind, str) or not kind.endswith("List"):
            yield path, value
            continue
        items = value.get("items")
        if not isinstance(items, list):
            if kind == "List" or items is not None:
                yield path, value
            continue
        for i, item in reversed(tuple(enumerate(items))):
            if kind != "List" and isinstance(item, dict):
                item = {"kind": kind.removesuffix("List"), "apiVersion": value.get("apiVersion"), **item}
            waiting.append(((*path, "items", i), item))


def _suffix(place: str) -> str:
    """What completes a generateName: it depends on the place alone, so that reading again changes nothing."""
    return hashlib.sha256(place.encode("utf-8", "backslashreplace")).hexdigest()[:5]


def _located(decoded: Decoded, document: Document, *, file: str, prefix: Path) -> Iterator[LocatedProblem]:
    for p in decoded.problems:
        yield LocatedProblem(file, document.line((*prefix, *p.path)), p.object, p.field, p.reason, p.severity)


def _flaw(flaw: Flaw, titles: list[tuple[Path, str]], *, file: str) -> LocatedProblem:
    """Name the object that a flaw of the text is in."""
    around = ((path, title) for path, title in titles if flaw.path[: len(path)] == path)
    path, title = max(around, key=lambda pair: len(pair[0]), default=((), ""))
    return LocatedProblem(file, flaw.line, title, show_path(flaw.path[len(path) :]), flaw.reason)


def _key(value: Object) -> object:
    return type(value), value.name if isinstance(value, Namespace | Node) else value.key


def _renamed(item: Item) -> Item:
    """Add the kind to the name of a pod that a workload stands for."""
    if not isinstance(item.object, Pod):
        return item
    key = item.object.key
    name = f"{key.name}-{item.title.partition(' ')[0].lower()}"
    return replace(item, object=replace(item.object, key=PodKey(key.namespace, name)))
