"""Messages that the framework hands on unread, as bytes: errors, replies to bundles, flows and meters of a dump."""

from __future__ import annotations

from typing import Any

from ryu_netpol.adapters.ryu_compat.framework import (
    MAIN,
    OPENFLOW_1_4,
    MsgBase,
    ofp_event,
    ofproto,
    ofproto_parser,
    parser,
)

__all__ = ["RawReceived"]


class RawMessage(MsgBase):  # type: ignore[misc]  # the framework has no types
    """A message that we read ourselves."""

    cls_msg_type = None


ofp_event._create_ofp_msg_ev_class(RawMessage)
RawReceived: Any = ofp_event.EventRawMessage
"""Event: `msg.buf` are the bytes, `msg.datapath` is the connection."""

_RAW_MULTIPARTS = frozenset({ofproto.OFPMP_FLOW, ofproto.OFPMP_METER_CONFIG})


def _is_raw(datapath: Any, kind: int, message: bytes) -> bool:
    match kind:
        case ofproto.OFPT_MULTIPART_REPLY:
            return int.from_bytes(message[8:10], "big") in _RAW_MULTIPARTS
        case ofproto.OFPT_ERROR:
            # Those of the handshake are the framework's.
            return bool(datapath.state == MAIN)
        case _:
            return bool(kind == ofproto.OFPT_BUNDLE_CONTROL)


@ofproto_parser.register_msg_parser(OPENFLOW_1_4)  # type: ignore[untyped-decorator]
def _parse(datapath: Any, version: int, kind: int, length: int, xid: int, buf: bytes) -> Any:
    """In place of the framework's own parser for OpenFlow 1.4, which still gets everything else."""
    if not _is_raw(datapath, kind, buf):
        return parser.msg_parser(datapath, version, kind, length, xid, buf)
    message = RawMessage(datapath)
    message.xid = xid
    message.set_buf(buf)
    return message
