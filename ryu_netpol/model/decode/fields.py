"""Reading untyped documents field by field, collecting every problem on the way.

Nothing here raises: a reader that meets a value of the wrong type reports it and answers with what an absent field
would give. Whether a part can be trusted is asked afterwards, with `Report.mark` and `Report.clean`: that is how a
rule, and only that rule, is lost when one of its fields cannot be read (UR-2).

JSON null counts as absent everywhere, as it does for the API server.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field

from ryu_netpol.model.decode.problem import Path, Severity, quote


@dataclass(frozen=True, slots=True)
class Unread:
    """Stands in a document for a value that the text does not settle: a key given twice, a syntax error.

    Whoever put it there has reported it, so that reading it counts as an error and says nothing.
    """

    reason: str = ""


class Lost:
    """The key of what a mapping has lost, because it could not be read: it may be any of the missing fields."""


LOST = Lost()
_TEXT = frozenset({str})


@dataclass(slots=True)
class Report:
    """The problems found so far."""

    found: list[tuple[Path, str, Severity]] = field(default_factory=list)
    errors: int = 0

    def mark(self) -> int:
        """Remember this point; pass it to `clean` later."""
        return self.errors

    def clean(self, mark: int) -> bool:
        """Tell whether there was no error since that point."""
        return self.errors == mark

    def add(self, path: Path, reason: str, severity: Severity) -> None:
        """Note a problem."""
        self.errors += severity is Severity.ERROR
        self.found.append((path, reason, severity))


class Field:
    """A value, where it is, and where its problems go.

    No dataclass: forty are made for each pod of a cluster, so where it is is put together for what has a problem.
    """

    __slots__ = ("_inside", "_step", "report", "value")

    def __init__(self, value: object, report: Report, inside: Field | None = None, step: str | int = "") -> None:
        self.value = value
        self.report = report
        self._inside = inside
        self._step = step

    @property
    def path(self) -> Path:
        """Where it is in the document."""
        return () if self._inside is None else (*self._inside.path, self._step)

    @property
    def present(self) -> bool:
        """Whether there is a value at all."""
        return self.value is not None

    def __getitem__(self, key: str) -> Field:
        """The field of that name; an absent one where this is no mapping."""
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return Field(value, self.report, self, key)

    def those(self, *names: str) -> Iterator[Field]:
        """The fields of these names that are there."""
        return (self[name] for name in names if isinstance(self.value, dict) and name in self.value)

    def error(self, reason: str) -> None:
        """Report something that an API server would refuse."""
        self.report.add(self.path, reason, Severity.ERROR)

    def warn(self, reason: str) -> None:
        """Report something that a reader should know."""
        self.report.add(self.path, reason, Severity.WARNING)

    def mapping(self) -> bool:
        """Check that this is a mapping with text for keys, or absent."""
        if not self.present:
            return True
        if not isinstance(self.value, dict):
            self._wrong_type("a mapping")
            return False
        if _TEXT.issuperset(map(type, self.value)):
            return True
        if LOST in self.value:
            self.report.errors += 1
        if all(isinstance(key, str | Lost) for key in self.value):
            return True
        self.error("must have text for keys")
        return False

    def only(self, *known: str) -> bool:
        """Check that this is a mapping, or absent, without any other field than these (VA-9)."""
        if not self.mapping():
            return False
        unknown = [key for key in self.keys() if key not in known]
        for key in unknown:
            close = difflib.get_close_matches(key[:64], known, n=1)
            self[key].error("unknown field" + (f"; did you mean {close[0]}?" if close else ""))
        return not unknown and not (isinstance(self.value, dict) and LOST in self.value)

    def keys(self) -> tuple[str, ...]:
        """The keys of a mapping, none for anything else."""
        return tuple(key for key in self.value if isinstance(key, str)) if isinstance(self.value, dict) else ()

    def items(self) -> tuple[Field, ...]:
        """The items of a list, none where it is absent."""
        if isinstance(self.value, list):
            return tuple(Field(item, self.report, self, i) for i, item in enumerate(self.value))
        if self.present:
            self._wrong_type("a list")
        return ()

    def text(self) -> str:
        """The text; empty where it is absent, which the API does not tell apart."""
        if isinstance(self.value, str):
            return self.value
        if self.present:
            self._wrong_type("text", hint="put it in quotes" if isinstance(self.value, bool | int | float) else "")
        return ""

    def integer(self) -> int | None:
        """The whole number, None where it is absent. A bool is no number."""
        if self.present and self.whole is None:
            self._wrong_type("a whole number")
        return self.whole

    @property
    def whole(self) -> int | None:
        """The whole number, None for everything else, without a word about it."""
        return self.value if isinstance(self.value, int) and not isinstance(self.value, bool) else None

    def flag(self) -> bool:
        """The truth value; False where it is absent."""
        if isinstance(self.value, bool):
            return self.value
        if self.present:
            self._wrong_type("true or false")
        return False

    def _wrong_type(self, wanted: str, *, hint: str = "") -> None:
        if isinstance(self.value, Unread):
            self.report.errors += 1
            return
        self.error(f"must be {wanted}, not {quote(self.value)}" + (f"; {hint}" if hint else ""))
