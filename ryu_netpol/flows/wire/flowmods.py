"""Flow-mods, as they are sent: each wrapped by the message that puts it into a bundle.

A node may have a hundred thousand flows, so both heads of a message are packed at once, and what is the same in all
messages of a bundle is prepared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import Struct

from ryu_netpol.flows import text
from ryu_netpol.flows.ir import Cookie, CookieKind, Flow, Match
from ryu_netpol.flows.wire.codes import (
    ALL_TABLES,
    ANY,
    BUNDLE_FLAGS,
    MAX_LENGTH,
    VERSION,
    Command,
    Type,
)
from ryu_netpol.flows.wire.parts import EVERYTHING, WireError, encode_instructions, encode_match

_WRAPPING = 16
"""Length of a bundle-add message without the message in it."""
_HEADS = _WRAPPING + 48
"""What stands before the match: these, and the fixed part of a flow-mod."""

# Bundle-add: version and type, length, xid; bundle, padding, flags, and already version and type of the
# flow-mod: length, xid; cookie, mask; table, command, idle, hard timeout, priority; the rest
_MESSAGE = Struct("!2sHI10sHIQQBBxxxxH16s").pack
_BUNDLE_ADD = bytes([VERSION, Type.BUNDLE_ADD_MESSAGE])
_BETWEEN = Struct("!IxxHBB").pack
# buffer, port, group; flags, importance
_REST = Struct("!IIIHH").pack(ANY, ANY, ANY, 0, 0)
_NOTHING = Flow(253, 0, Match(), (), Cookie(CookieKind.BASE))


def encode_bundled(flows: Iterable[Flow], command: Command, *, bundle: int, first_xid: int) -> Iterator[bytes]:
    """Add these flows, or delete exactly them: for each a message that puts its flow-mod into a bundle.

    The xids count up. Raises WireError at a flow that does not fit into a message.
    """
    between = _BETWEEN(bundle, BUNDLE_FLAGS, VERSION, Type.FLOW_MOD)
    adding = command is Command.ADD
    # Whatever else has the same match, only what is ours is deleted.
    body, cookie, mask = b"", Cookie.SIGNATURE, Cookie.SIGNATURE_MASK
    for xid, flow in enumerate(flows, first_xid):
        try:
            match = encode_match(flow.match)
            if adding:
                body, cookie, mask = encode_instructions(flow.actions), int(flow.cookie), 0
            length = _HEADS + len(match) + len(body)
            if length > MAX_LENGTH:
                raise WireError(
                    f"with {len(flow.actions)} actions its message takes {length:,} bytes of {MAX_LENGTH:,}"
                )
        except WireError as error:
            where = f"table {flow.table}, priority {flow.priority}, match {text.render_match(flow.match) or 'all'}"
            raise WireError(f"a flow cannot be sent ({where}): {error}") from None
        head = _MESSAGE(
            _BUNDLE_ADD, length, xid, between, length - _WRAPPING, xid,
            cookie, mask, flow.table, command, flow.priority, _REST,
        )  # fmt: skip
        yield head + match + body


def encode_bundled_clear(*, bundle: int, xid: int) -> bytes:
    """Delete every flow that carries one of our cookies, in all tables: a message that puts this into a bundle."""
    length = _HEADS + len(EVERYTHING)
    head = _MESSAGE(
        _BUNDLE_ADD, length, xid, _BETWEEN(bundle, BUNDLE_FLAGS, VERSION, Type.FLOW_MOD), length - _WRAPPING, xid,
        Cookie.SIGNATURE, Cookie.SIGNATURE_MASK, ALL_TABLES, Command.DELETE, 0, _REST,
    )  # fmt: skip
    return head + EVERYTHING


def encode_flow_mod(flow: Flow, *, command: Command, xid: int) -> bytes:
    """A flow-mod by itself: add the flow, or delete exactly it. Raises WireError."""
    (message,) = encode_bundled((flow,), command, bundle=0, first_xid=xid)
    return message[_WRAPPING:]


def encode_nothing(*, xid: int) -> bytes:
    """A flow-mod that changes nothing: of what is ours, it deletes the flow of a table in which nothing is."""
    return encode_flow_mod(_NOTHING, command=Command.DELETE_STRICT, xid=xid)
