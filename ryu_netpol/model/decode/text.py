"""YAML and JSON text into documents that know their lines.

PyYAML's events are put together by our `Builder`, and not by its composer: that one recurses in C, and deep nesting
ends the process (tried with libyaml 0.2.5: 200,000 times `- `).

Plain scalars mean what kubectl makes of them, so `22:22` and `2016-01-01` are text, and `yes` is a truth value. JSON is
read by the json module, a hundred times faster; its lines are looked up through YAML, of which it is a part, only when
somebody asks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import yaml

from ryu_netpol.model.decode.build import Builder, Document, Flaw

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NEXT_DOCUMENT = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_SURROGATE = re.compile(r"(?<!\\)((?:\\\\)*)\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def documents(text: str) -> Iterator[Document]:
    """Read all documents of a text. Never raises: what is wrong is among their flaws.

    After a syntax error, reading goes on at the next document.
    """
    if text.lstrip()[:1] in ("{", "["):
        try:
            yield from list(_json(text))
        except (ValueError, RecursionError):
            pass
        else:
            return
    document = None
    for document in _yaml(text, offset=1):
        yield document
    if document is not None and document.torn:
        yield from _after(text, max(_start_of_line(text, document.flaws[-1].line - 1), 1))


def _after(text: str, start: int) -> Iterator[Document]:
    """Read on behind a syntax error, each document by itself: however many have one, each is looked at once."""
    line, counted = 1, 0
    found = _NEXT_DOCUMENT.search(text, start)
    while found is not None:
        begin = found.start()
        line += text.count("\n", counted, begin)
        counted = begin
        found = _NEXT_DOCUMENT.search(text, found.end())
        yield from _yaml(text[begin : found.start() if found else len(text)], offset=line)


def _start_of_line(text: str, line: int) -> int:
    at = 0
    for _ in range(line):
        at = text.find("\n", at) + 1
        if at == 0:
            return len(text)
    return at


def _yaml(text: str, *, offset: int) -> Iterator[Document]:
    """Read YAML documents until the end or the first syntax error. Lines are counted from the offset."""
    builder = Builder(first=offset, offset=offset)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.DocumentStartEvent):
                builder = Builder(first=_line(event.start_mark) + offset, offset=offset)
            elif isinstance(event, yaml.DocumentEndEvent):
                yield builder.document
                builder = Builder(first=_line(event.end_mark) + offset, offset=offset)
            else:
                builder.event(event)
    except (yaml.YAMLError, UnicodeError) as error:
        yield builder.tear(_flaw(error, text, offset=offset))


def _line(mark: Any) -> int:
    return 0 if mark is None else int(mark.line)


def _flaw(error: Exception, text: str, *, offset: int) -> Flaw:
    if isinstance(error, yaml.MarkedYAMLError):
        last = text.count("\n", 0, len(text.rstrip()))
        line = min(_line(error.problem_mark or error.context_mark), last)
        said = ", ".join(part for part in (error.context, error.problem) if part)
        begun = _line(error.context_mark)
        if error.context_mark is not None and begun != line:
            said += f", begun in line {begun + offset}"
        return Flaw((), line + offset, f"cannot be read: {said}")
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position)
        return Flaw((), line + offset, f"cannot be read: character {error.character!r}: {error.reason}")
    return Flaw((), offset, "cannot be read: it is not Unicode text")


def _json(text: str) -> Iterator[Document]:
    """Read JSON documents one after the other. Raises ValueError for whatever YAML should look at."""
    decoder = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constants)
    at = len(text) - len(text.lstrip())
    first = 1 + text.count("\n", 0, at)
    while at < len(text):
        data, end = decoder.raw_decode(text, at)
        yield Document(data, first=first, twin=partial(_twin, text[at:end], first))
        begin, at = at, end
        while at < len(text) and text[at].isspace():
            at += 1
        first += text.count("\n", begin, at)


def _twin(text: str, first: int) -> Document:
    """Read a JSON document as YAML, which knows no surrogates."""
    return next(_yaml(_SURROGATE.sub(r"\1_", text), offset=first), Document())


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError("a key appears twice")
    return data


def _no_constants(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")
