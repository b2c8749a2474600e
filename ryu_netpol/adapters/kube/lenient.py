"""JSON that the decoder refuses, taken apart member by member: one bad value must not hinder those around it.

Servers do send such: whoever may write an object may nest its `managedFields` deeper than any decoder follows, and put
bytes into them that are no UTF-8 (tests/kube/test_feed.py). They mean nothing here, so that the object is what it says
all the same. What does mean something and cannot be read is `Unread` in its place.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from ryu_netpol.model.decode import Unread

REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Raised by msgspec: it is no JSON or not what was wanted; no UTF-8; nested too deep."""

Text = Raw | bytes | memoryview
_T = TypeVar("_T", bound=Struct)

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_INSIDE = rb"(?:[^][{}\"]++|" + _STRING + rb")*+"
for _ in range(9):
    # What is not nested deeper than usual is one token: ten times as fast.
    _USUAL = rb"(?:\{" + _INSIDE + rb"\}|\[" + _INSIDE + rb"\])"
    _INSIDE = rb"(?:[^][{}\"]++|" + _STRING + rb"|" + _USUAL + rb")*+"
_TOKEN = re.compile(_STRING + rb"|" + _USUAL + rb'|[][{},"]', re.DOTALL)
_NAME = re.compile(rb"\s*(" + _STRING + rb")\s*:", re.DOTALL)
_WORD = re.compile(rb"\s*\S")
_FIRST = re.compile(rb"\s*([{[])")
_PAIRS = {ord("{"): ord("}"), ord("["): ord("]")}
_BETWEEN = ord(",")


def decode(decoder: msgspec.json.Decoder[_T], text: Text) -> _T:
    """As the decoder does it; a text that is no JSON to it, without what it does not look at. Raises REFUSED."""
    try:
        return decoder.decode(text)
    except msgspec.ValidationError:
        raise
    except REFUSED:
        return msgspec.convert(read(text, decoder.type), decoder.type)


def read(text: Text, shape: type[Struct]) -> dict[str, Any]:
    """The members that the shape has. Raises REFUSED where the text is no object, or cannot be taken apart."""
    parts = _members(text)
    return {
        field.encode_name: _value(parts[field.encode_name], field.type)
        for field in msgspec.structs.fields(shape)
        if field.encode_name in parts
    }


def unread(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where something could not be read, and why."""
    if isinstance(value, Unread):
        yield path, value.reason
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from unread(inner, (*path, name))


def _value(text: Raw, wanted: Any) -> Any:
    """What a member says. Of a Struct its members, of objects in a list their texts."""
    types = typing.get_args(wanted) or (wanted,)
    if wanted is Raw:
        return text
    if list[Raw] in types:
        return _elements(text)
    shape = next((one for one in types if isinstance(one, type) and issubclass(one, Struct)), None)
    try:
        if shape is None or bytes(text).strip() == b"null":
            return msgspec.json.decode(text, type=wanted)
        return read(text, shape)
    except REFUSED as error:
        return Unread(f"cannot be read: {error}")


def _members(text: Text) -> dict[str, Raw]:
    """The members of an object by their names. One that has none that can be read is none of ours."""
    found = {}
    for part in _parts(text, "{"):
        name = _NAME.match(part)
        if name is None:
            if _WORD.match(part):
                raise msgspec.DecodeError("a member of an object has no name")
            continue
        try:
            found[msgspec.json.decode(name[1], type=str)] = Raw(part[name.end() :])
        except REFUSED:
            continue
    return found


def _elements(text: Text) -> list[Raw]:
    parts = list(_parts(text, "["))
    if not all(_WORD.match(part) for part in parts):
        if len(parts) > 1:
            raise msgspec.DecodeError("JSON is malformed: a list has commas with nothing between them")
        return []
    return [Raw(part) for part in parts]


def _parts(text: Text, opening: str) -> Iterator[memoryview]:
    """What stands between the commas of an object or array."""
    whole = memoryview(text)
    first = _FIRST.match(whole)
    if first is None or first[1] != opening.encode():
        raise msgspec.DecodeError(f"JSON has no {opening} where one should be")
    start = first.end()
    open_ = [_PAIRS[first[1][0]]]
    for token in _TOKEN.finditer(whole, start):
        at, char = token.start(), whole[token.start()]
        if token.end() > at + 1:
            continue  # a string, or something complete
        if char in _PAIRS:
            open_.append(_PAIRS[char])
        elif char == open_[-1]:
            open_.pop()
        elif char != _BETWEEN:
            break  # a bracket that closes another one, or a quote without an end
        if not open_ and _WORD.match(whole, token.end()):
            break
        if not open_ or (char == _BETWEEN and len(open_) == 1):
            yield whole[start:at]
            start = token.end()
        if not open_:
            return
    raise msgspec.DecodeError("JSON is malformed: its brackets or quotes do not match")
