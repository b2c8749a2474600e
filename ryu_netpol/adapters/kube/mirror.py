"""What was last heard of every object of one kind, and what is news about it: values only, never what they came from.

An object that cannot be decoded is treated as a file that cannot (docs/semantics.md): what it said before stays in
force (UR-1), as long as it is the same object by its uid; otherwise as much of it as can be read, closed (UR-2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ryu_netpol.adapters.kube.objects import Entry
from ryu_netpol.agent.events import Deleted, Kind, Relisted, Said, Upserted
from ryu_netpol.model.decode import Problem, Severity
from ryu_netpol.model.objects import Object

Change = Upserted | Deleted


@dataclass(frozen=True, slots=True)
class _Known:
    """One object."""

    object: Object | None
    uid: str
    clean: bool
    """What is in force was decoded without an error, now or before."""
    told: tuple[Problem, ...] = ()
    said: Said | None = None
    """As the server has it now: of policies, and of whatever has errors."""


class Mirror:
    """The objects of one kind."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._known: dict[Any, _Known] = {}
        self._problems: list[tuple[str, str]] = []

    def replace(self, entries: Iterable[Entry]) -> Relisted:
        """A complete list: what is not in it is gone, unless it may be the one that nobody can name."""
        before, self._known = self._known, {}
        nameless = False
        for entry in entries:
            if entry.key is not None:
                self._known[entry.key] = self._after(before.get(entry.key), entry)
            else:
                self._unknown(entry)
                nameless = True
        if nameless:
            self._known = before | self._known
        return Relisted(self._kind, frozenset(known.object for known in self._known.values() if known.object))

    def said(self, key: Any) -> Said | None:
        """How the server has an object, if somebody may ask for that."""
        known = self._known.get(key)
        return known.said if known is not None else None

    def all_said(self) -> dict[Any, Said | None]:
        """The same of every object of which somebody may."""
        return {key: known.said for key, known in self._known.items() if known.said is not None}

    def put(self, entry: Entry) -> Change | None:
        """An object is there, or has changed; None where that changes nothing."""
        if entry.key is None:
            self._unknown(entry)
            return None
        before = self._known.get(entry.key)
        after = self._known[entry.key] = self._after(before, entry)
        if before is not None and before.object == after.object:
            return None
        if after.object is not None:
            return Upserted(after.object)
        return Deleted(before.object) if before is not None and before.object is not None else None

    def remove(self, key: Any) -> Change | None:
        """An object is gone; None where nobody had heard of it."""
        before = self._known.pop(key, None)
        return Deleted(before.object) if before is not None and before.object is not None else None

    def problems(self) -> Iterator[tuple[str, str]]:
        """What is wrong with objects and was not told yet: what it counts as, and a sentence."""
        found, self._problems = self._problems, []
        yield from found

    def _after(self, before: _Known | None, entry: Entry) -> _Known:
        keep = not entry.clean and before is not None and before.clean and before.uid == entry.uid
        if entry.problems and (before is None or before.told != entry.problems):
            self._tell(entry.problems, "; what it said before stays in force" if keep else "")
        said = self._said(entry, keep)
        if keep and before is not None:
            return _Known(before.object, before.uid, True, entry.problems, said)
        same = before is not None and before.object == entry.object
        # The value that others have already, so that there is one of it.
        value = before.object if same and before is not None else entry.object
        return _Known(value, entry.uid, entry.clean, entry.problems, said)

    def _said(self, entry: Entry, kept: bool) -> Said | None:
        errors = tuple(str(problem) for problem in entry.problems if problem.severity is Severity.ERROR)
        if self._kind is not Kind.POLICY and not errors:
            return None
        return Said(entry.uid, entry.version, entry.generation, errors, kept)

    def _unknown(self, entry: Entry) -> None:
        self._tell(entry.problems, "; it is left out, because nobody can say which object it is")

    def _tell(self, problems: Iterable[Problem], what_then: str) -> None:
        for problem in problems:
            if problem.severity is Severity.ERROR:
                self._problems.append(("object_error", f"{problem}{what_then}"))
            else:
                self._problems.append(("object_warning", str(problem)))
