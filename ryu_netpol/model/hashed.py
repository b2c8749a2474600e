"""A hash that is computed once: for frozen values that hold many others and are keys of many tables."""

from __future__ import annotations

from typing import Any


class Hashed:
    """Base of a frozen dataclass with slots that says `__hash__ = remembered`."""

    __slots__ = ("_hash",)
    _hash: int


def remembered(value: Any) -> int:
    """The hash of a value's fields, as a frozen dataclass has it."""
    try:
        found: int = value._hash
    except AttributeError:
        found = hash(tuple(getattr(value, name) for name in value.__match_args__))
        object.__setattr__(value, "_hash", found)
    return found
