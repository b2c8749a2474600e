"""Texts into objects: what every command and the folder feed read manifests with.

`read` takes one file's text, `merge` puts several files together. Nothing raises: every problem has a file, a line and
a field. Objects with errors are handled as UR-2 says, so that a policy that cannot be read closes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ryu_netpol.model.decode import Decoded, Path, Severity, decode, show_path
from ryu_netpol.model.decode.build import Document, Flaw
from ryu_netpol.model.decode.text import documents
from ryu_netpol.model.names import PodKey
from ryu_netpol.model.objects import Namespace, Node, Object, Pod

_MADE_BY = {"ReplicaSet": "Deployment", "Job": "CronJob"}


@dataclass(frozen=True, slots=True)
class LocatedProblem:
    """A problem and where to find it."""

    file: str
    line: int
    """Counted from 1; 0 where the file as a whole is meant, or has no lines."""
    object: str
    field: str
    reason: str
    severity: Severity = Severity.ERROR
    name: str = ""
    """Where docs/check.md explains it; empty for what explains itself."""

    @property
    def is_error(self) -> bool:
        """Whether an API server would refuse it."""
        return self.severity is Severity.ERROR

    def __str__(self) -> str:
        """`file:line: kind namespace/name: field: reason [name]`, without the parts that are not known."""
        text = ": ".join(part for part in (_place(self.file, self.line), self.object, self.field, self.reason) if part)
        return f"{text} [{self.name}]" if self.name else text


@dataclass(frozen=True, slots=True)
class Source:
    """What an object was decoded from."""

    document: Document = field(default_factory=Document)
    path: Path = ()
    """Where in the document it is."""

    def line(self, field: Path) -> int:
        """The line of one of its fields, or else of what is around it. Looked up only now: see decode.text."""
        return self.document.line((*self.path, *field))

    def value(self, field: Path) -> object:
        """What is written there, None where nothing is: for the few questions that the decoded object cannot answer."""
        here = self.document.data
        for step in (*self.path, *field):
            try:
                here = here[step]  # type: ignore[index]
            except (LookupError, TypeError):
                return None
        return here

    def lean(self) -> Source:
        """The same for who keeps it: without what was read, and with the line of its name for all lines.

        Of lines that nobody has looked up, which takes reading the text again, that of the document.
        """
        known = self.document.twin is None
        return Source(Document(first=self.line(("metadata", "name")) if known else self.document.first))


@dataclass(frozen=True, slots=True)
class Item:
    """An object and where it is written."""

    object: Object
    file: str
    title: str
    stand_in: bool = False
    """The pod of a workload's template: gives way to others of its name, and to the workload's own pods."""
    controller: str = ""
    """`kind namespace/name` of the workload that made it."""
    clean: bool = True
    """Whether nothing about it is an error."""
    source: Source = field(default_factory=Source, compare=False, repr=False)

    @property
    def line(self) -> int:
        """The line of its name."""
        return self.source.line(("metadata", "name"))

    def lean(self) -> Item:
        """The same without the text that it was read from."""
        return replace(self, source=self.source.lean())


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
    return from_documents(documents(text), file=file)


def from_documents(found: Iterable[Document], *, file: str) -> Loaded:
    """Read all objects of these documents, which are those of one file."""
    items: list[Item] = []
    problems: list[LocatedProblem] = []
    for number, document in enumerate(found):
        titles: dict[Path, str] = {}
        for path, value in _objects(document.data):
            decoded = decode(value, suffix=_suffix(f"{file} {number} {path}"))
            titles[path] = decoded.title
            problems += _located(decoded, document, file=file, prefix=path)
            if decoded.object is not None:
                source = Source(document, path)
                items.append(
                    Item(
                        decoded.object,
                        file,
                        decoded.title,
                        stand_in=decoded.stand_in,
                        controller=decoded.controller,
                        clean=decoded.clean,
                        source=source,
                    )
                )
        problems += [_flaw(flaw, titles, file=file) for flaw in document.flaws]
    return Loaded(tuple(items), tuple(sorted(problems, key=lambda problem: problem.line)))


def merge(parts: Iterable[Loaded]) -> Loaded:
    """Put several files together. Of two objects with one key the first counts, the other is an error.

    The problems come sorted by file and line.
    """
    parts = tuple(parts)
    problems = [problem for part in parts for problem in part.problems]
    first: dict[object, Item] = {}
    for item in (item for part in parts for item in part.items):
        known = first.setdefault(item.title if item.stand_in else _key(item.object), item)
        if known is not item:
            reason = f"is already in {_place(known.file, known.line)}"
            problems.append(LocatedProblem(item.file, item.line, item.title, "", reason))
    items = [item for item in first.values() if not item.stand_in]
    items += _stand_ins(tuple(first.values()))
    return Loaded(tuple(items), tuple(sorted(problems, key=lambda problem: (problem.file, problem.line))))


def overlay(under: Loaded, over: Loaded) -> Loaded:
    """Put `over` in place: its objects replace those of the same kind and name, and all others stay."""
    replaced = {_key(item.object) for item in over.items if not item.stand_in}
    kept = tuple(item for item in under.items if _key(item.object) not in replaced)
    return merge([replace(under, items=kept), over])


def _place(file: str, line: int) -> str:
    return f"{file}:{line}" if line else file


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


def _flaw(flaw: Flaw, titles: dict[Path, str], *, file: str) -> LocatedProblem:
    """Name the object that a flaw of the text is in."""
    around = (length for length in range(len(flaw.path), -1, -1) if flaw.path[:length] in titles)
    length = next(around, 0)
    title = titles.get(flaw.path[:length], "")
    return LocatedProblem(file, flaw.line, title, show_path(flaw.path[length:]), flaw.reason)


def _key(value: Object) -> object:
    return type(value), value.name if isinstance(value, Namespace | Node) else value.key


def _stand_ins(items: tuple[Item, ...]) -> Iterator[Item]:
    """The pods that workloads stand for, each with a name of its own.

    A workload steps back where one of its pods is there and not finished, and so does one that another workload made.
    """
    there = {item.title for item in items if item.stand_in}
    running = {maker for item in items if _is_running_pod(item) for maker in _makers(item.controller)}
    taken = {_key(item.object) for item in items if not item.stand_in}
    for item in items:
        if not item.stand_in or item.title in running or item.controller in there:
            continue
        while _key(item.object) in taken:
            item = _renamed(item)
        taken.add(_key(item.object))
        yield item


def _is_running_pod(item: Item) -> bool:
    return isinstance(item.object, Pod) and not item.stand_in and not item.object.finished


def _makers(controller: str) -> Iterator[str]:
    """The workload itself, and the one that it is named after: Deployments make ReplicaSets, CronJobs make Jobs."""
    yield controller
    kind, _, name = controller.partition(" ")
    if kind in _MADE_BY:
        yield f"{_MADE_BY[kind]} {name.rpartition('-')[0]}"


def _renamed(item: Item) -> Item:
    """Add the kind to the name of a pod that a workload stands for."""
    if not isinstance(item.object, Pod):
        return item
    key = item.object.key
    name = f"{key.name}-{item.title.partition(' ')[0].lower()}"
    return replace(item, object=replace(item.object, key=PodKey(key.namespace, name)))
