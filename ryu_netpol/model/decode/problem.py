"""What is wrong with an object, and where in it."""

from __future__ import annotations

import enum
import json
import re
from dataclasses import dataclass

Path = tuple[str | int, ...]
"""The way from the top of an object to one of its fields: `("spec", "ingress", 0, "ports")`."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST = 80


class Severity(enum.StrEnum):
    """Errors are what an API server would refuse; warnings are what a reader should know."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding about one field of one object."""

    path: Path
    reason: str
    severity: Severity = Severity.ERROR
    object: str = ""
    """`kind namespace/name`, as far as these could be read."""

    @property
    def field(self) -> str:
        """The path as users write it, empty for the object itself."""
        return show_path(self.path)

    def __str__(self) -> str:
        return ": ".join(part for part in (self.object, self.field, self.reason) if part)


def show_path(path: Path) -> str:
    """Write a path as `spec.ingress[0].ports[1].port`; keys with dots or blanks in brackets and quotes."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{quote(step)}]"
    return text


def quote(value: object) -> str:
    """Write a value of a document for a message: quoted, printable on any terminal, not too long."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        text = ascii(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def plain(text: str) -> str:
    """Write a name without quotes where it is safe to print, and quoted where it is not."""
    return text if text.isascii() and text.isprintable() and len(text) <= 253 else quote(text)
