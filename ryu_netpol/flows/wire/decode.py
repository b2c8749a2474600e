"""Reads what the switch sends: flows and meters of a dump, bundle replies, errors.

A flow that cannot be read is counted, never guessed: it carries our cookie, but we did not write it.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct, error
from typing import NamedTuple

from ryu_netpol.flows.ir import Cookie, Flow
from ryu_netpol.flows.wire.codes import HEADER_LENGTH
from ryu_netpol.flows.wire.decode_parts import UnreadableError, decode_instructions, decode_match


class Header(NamedTuple):
    """What every message begins with."""

    version: int
    type: int
    length: int
    xid: int


_HEADER = Struct("!BBHI").unpack_from
# length, table, priority, idle, hard timeout, cookie; type and length of the match that follows
_FLOW = Struct("!HB9xHHH6xQ16xHH").unpack_from
_FLOW_LENGTH, _MATCH = 48, 52
_SMALLEST = 56
_OXM_MATCH = 1
_PAIR = Struct("!HH").unpack_from
_METER_CONFIG = Struct("!HHI").unpack_from
_LONG_SHORT = Struct("!IH").unpack_from


def decode_header(message: bytes) -> Header:
    """Version, type, length, xid."""
    return Header(*_HEADER(message))


def decode_multipart_header(message: bytes) -> tuple[int, int]:
    """Type and flags of a whole multipart reply."""
    kind, flags = _PAIR(message, HEADER_LENGTH)
    return kind, flags


def decode_bundle_control(message: bytes) -> tuple[int, int]:
    """Number of the bundle and type of the reply, of a whole bundle control message."""
    number, kind = _LONG_SHORT(message, HEADER_LENGTH)
    return number, kind


def decode_flow_stats(body: bytes) -> tuple[list[Flow], int]:
    """The flows of one multipart reply (what follows its 16 bytes of headers), and how many could not be read."""
    flows: list[Flow] = []
    unreadable = 0
    start = 0
    while start < len(body):
        end = start + int.from_bytes(body[start : start + 2], "big")
        if end < start + _SMALLEST or end > len(body):
            return flows, unreadable + 1
        try:
            flows.append(_flow(body[start:end]))
        except (ValueError, KeyError, IndexError, error):
            unreadable += 1
        start = end
    return flows, unreadable


def decode_meter_config(body: bytes) -> frozenset[int]:
    """The meters of one multipart reply."""
    meters = set()
    start = 0
    while start + 8 <= len(body):
        length, _, meter = _METER_CONFIG(body, start)
        meters.add(meter)
        start += max(length, 8)
    return frozenset(meters)


def _flow(entry: bytes) -> Flow:
    _, table, priority, idle, hard, cookie, kind, match_length = _FLOW(entry)
    end = _FLOW_LENGTH + match_length
    if idle or hard or kind != _OXM_MATCH or end > len(entry):
        raise UnreadableError("not a flow of ours")
    match = decode_match(entry[_MATCH:end])
    actions = decode_instructions(entry[end + -end % 8 :])
    return Flow(table, priority, match, actions, _cookie(cookie))


@lru_cache(maxsize=4096)
def _cookie(number: int) -> Cookie:
    cookie = Cookie.decode(number)
    if cookie is None:
        raise UnreadableError(f"{number:#x} is not a cookie of ours")
    return cookie
