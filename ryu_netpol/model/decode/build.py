"""One YAML document, put together from the parser's events, with the line of every field.

Aliases share values, so that walking a document could take time without end: how much they add is bounded. A
mapping is attached to its parent when it begins, so that a syntax error leaves what was read until then.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from ryu_netpol.model.decode.fields import LOST, Unread
from ryu_netpol.model.decode.problem import Path, plain, quote

DEEPEST = 100
"""Deeper nesting than this is an error."""
ALIASES = 100_000
"""By how many values aliases may make a document longer."""

_INT = re.compile(r"[-+]?(0b[01_]+|0o?[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, object] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
for _word, _value in (
    ("true", True),
    ("yes", True),
    ("y", True),
    ("on", True),
    ("false", False),
    ("no", False),
    ("n", False),
    ("off", False),
):
    _WORDS |= dict.fromkeys((_word, _word.capitalize(), _word.upper()), _value)
_TAGS = {
    "tag:yaml.org,2002:bool": bool,
    "tag:yaml.org,2002:float": float,
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:null": type(None),
}
_NO_KEY, _SKIP, _MERGE = object(), object(), object()


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong with the text itself."""

    path: Path
    line: int
    reason: str


@dataclass(slots=True)
class Document:
    """One document of a text."""

    data: object = None
    first: int = 1
    """The line on which it begins."""
    flaws: list[Flaw] = field(default_factory=list)
    torn: bool = False
    """A syntax error ended it early; it is the last of the flaws."""
    lines: dict[int, dict[Any, int]] = field(default_factory=dict)
    """The lines of the entries of every mapping and list, by id()."""
    twin: Callable[[], Document] | None = None
    """Reads the same document with its lines, where these are not known yet."""

    def line(self, path: Path) -> int:
        """The line on which the field is written, or else that of the nearest one around it that is."""
        if self.twin is not None:
            read, self.twin = self.twin, None
            document = read()
            if not document.flaws:
                self.data, self.lines = document.data, document.lines
        line, here = self.first, self.data
        for step in path:
            line = self.lines.get(id(here), {}).get(step, line)
            try:
                here = here[step]  # type: ignore[index]
            except (LookupError, TypeError):
                break
        return line


@dataclass(slots=True)
class _Frame:
    """A mapping or list that has begun."""

    container: Any
    lines: dict[Any, int]
    path: Path
    anchor: str | None
    size: int = 1
    key: Any = _NO_KEY
    line: int = 0
    merges: list[tuple[object, int]] = field(default_factory=list)


class Builder:
    """Turns the events of one document into a Document."""

    def __init__(self, *, first: int, offset: int) -> None:
        self.document = Document(first=first)
        self._offset = offset
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[object, object, int]] = {}
        self._aliased = 0

    def event(self, event: Any) -> None:
        """Take the next event. Raises YAMLError where the document cannot go on."""
        if isinstance(event, yaml.ScalarEvent):
            value, key = self._scalar(event)
            if event.anchor:
                self._anchors[event.anchor] = (value, key, 1)
            self._add(value, key, event, size=1)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise _error(f"alias *{event.anchor} of something unknown, or of itself", event)
            value, key, size = self._anchors[event.anchor]
            self._aliased += size
            if self._aliased > ALIASES:
                raise _error(f"aliases stand for more than {ALIASES} values", event)
            self._add(value, key, event, size=size)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin({} if isinstance(event, yaml.MappingStartEvent) else [], event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()

    def tear(self, flaw: Flaw) -> Document:
        """End the document at a syntax error: its spec, what was read last and what may have followed are unread."""
        self.document.torn = True
        self.document.flaws.append(flaw)
        frames = iter(self._stack)
        for frame in frames:
            if not isinstance(frame.container, dict):
                break
            inner = next(frames, None)
            if inner is not None and inner.container is frame.container.get("items"):
                frame.container.setdefault("kind", "List")
                continue
            last = next(reversed(frame.container), None) if frame.key is _NO_KEY else frame.key
            for key in ("kind", "apiVersion", "metadata"):
                frame.container.setdefault(key, Unread())
            for unread in (last, "spec"):
                if isinstance(unread, str):
                    frame.container[unread] = Unread()
            break
        return self.document

    def _line(self, event: Any) -> int:
        return int(event.start_mark.line) + self._offset

    def _begin(self, container: Any, event: Any) -> None:
        if len(self._stack) >= DEEPEST:
            raise _error(f"nested deeper than {DEEPEST}", event)
        path = self._add(container, None, event, size=0)
        lines: dict[Any, int] = {}
        self.document.lines[id(container)] = lines
        self._stack.append(_Frame(container, lines, path, event.anchor))

    def _end(self) -> None:
        frame = self._stack.pop()
        for value, line in frame.merges:
            self._merge(frame, value, line)
        if self._stack:
            self._stack[-1].size += frame.size
        if frame.anchor:
            self._anchors[frame.anchor] = (frame.container, None, frame.size)

    def _merge(self, frame: _Frame, value: object, line: int) -> None:
        for part in value if isinstance(value, list) else [value]:
            if not isinstance(part, dict):
                self._lose(frame, line, "<< must be followed by mappings")
                continue
            for key, item in part.items():
                if key not in frame.container:  # also what the other one has lost
                    frame.container[key] = item
                    frame.lines[key] = line

    def _lose(self, frame: _Frame, line: int, reason: str) -> None:
        """Report an entry that cannot be read, and leave a mark: without it the mapping says something else."""
        self.document.flaws.append(Flaw(frame.path, line, reason))
        frame.container[LOST] = Unread(reason)

    def _add(self, value: object, key: object, event: Any, *, size: int) -> Path:
        """Put a value where it belongs, and return its path."""
        if not self._stack:
            self.document.data = value
            return ()
        frame, line = self._stack[-1], self._line(event)
        frame.size += size
        if isinstance(frame.container, list):
            frame.lines[len(frame.container)] = line
            frame.container.append(value)
            return (*frame.path, len(frame.container) - 1)
        if frame.key is _NO_KEY:
            if key is None:
                self._lose(frame, line, "must have text for keys")
            frame.key, frame.line = _SKIP if key is None else key, line
            return frame.path
        key, frame.key = frame.key, _NO_KEY
        if key is _MERGE and frame.merges:
            self._lose(frame, line, '"<<" is there twice')
        elif key is _MERGE:
            frame.merges.append((value, line))
        if not isinstance(key, str):
            return frame.path
        path = (*frame.path, key)
        if key in frame.container:
            reason = f"{quote(key)} is there twice, first in line {frame.lines[key]}"
            self.document.flaws.append(Flaw(path, frame.line, reason))
            value = Unread(reason)
        frame.container[key] = value
        frame.lines.setdefault(key, frame.line)
        return path

    def _scalar(self, event: Any) -> tuple[object, object]:
        """Return the value of a scalar, and what it is as a key (None for what cannot be one)."""
        text = event.value
        if event.tag is None:
            if not event.implicit[0]:
                return text, text
            value = resolve(text)
            return value, _MERGE if text == "<<" else _key(value)
        if event.tag in ("!", "tag:yaml.org,2002:str"):
            return text, text
        value = resolve(text)
        wanted = _TAGS.get(event.tag)
        if wanted is None or type(value) is not wanted:
            path = self._stack[-1].path if self._stack else ()
            reason = f"{plain(event.tag)} {quote(text)} is not understood"
            self.document.flaws.append(Flaw(path, self._line(event), reason))
            value = Unread(reason)
        return value, _key(value)


def resolve(text: str) -> object:
    """The value of a plain scalar."""
    if not text or text[0] in "~nNtTfFyYoO":
        return _WORDS.get(text, text)
    if text[0] not in "0123456789+-.":
        return text
    try:
        if _INT.fullmatch(text):
            digits = text.replace("_", "").lower()
            sign, digits = (digits[0], digits[1:]) if digits[0] in "+-" else ("", digits)
            octal = len(digits) > 1 and digits[0] == "0" and digits.isdigit()
            return int(sign + digits, 8 if octal else 0)
        if _FLOAT.fullmatch(text):
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        # More digits than Python converts, or none behind the prefix.
        return float(text) if text.lstrip("+-").isdigit() else text
    return text


def _key(value: object) -> object:
    """The text that a scalar is as a key: JSON has no other keys."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None


def _error(problem: str, event: Any) -> yaml.YAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
