"""A plan as the messages of one bundle.

A plan is atomic, so it is one bundle however large it is (docs/decisions/0002-framework-and-wire.md). The switch reads
the first pieces of a large one while the next are still being encoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ryu_netpol.flows.delta import Plan
from ryu_netpol.flows.ir import Flow
from ryu_netpol.flows.wire.codes import Bundle, Command
from ryu_netpol.flows.wire.flowmods import encode_bundled, encode_bundled_clear
from ryu_netpol.flows.wire.messages import encode_bundle_control

PIECE = 1 << 18
"""Bytes that are handed to the socket at once. With less, the sending thread waits more often for the interpreter's
lock; with more, the switch waits for the first of them."""


@dataclass(frozen=True, slots=True)
class EncodedPlan:
    """A bundle, opened, filled and closed, but not yet committed.

    Whoever sends it waits for the reply to the close: a message that the switch refuses on arrival is not in the
    bundle, and a commit would apply the others.
    """

    plan: Plan
    bundle: int
    first_xid: int

    @property
    def pieces(self) -> Iterator[bytes]:
        """Its messages, joined to few large pieces, each encoded when it is asked for. Raises WireError."""
        waiting: list[bytes] = []
        size = 0
        for message in self._messages():
            waiting.append(message)
            size += len(message)
            if size >= PIECE:
                yield b"".join(waiting)
                waiting, size = [], 0
        yield b"".join(waiting)

    def _messages(self) -> Iterator[bytes]:
        plan, bundle, xids = self.plan, self.bundle, self.xids
        yield encode_bundle_control(Bundle.OPEN_REQUEST, bundle=bundle, xid=xids[0])
        if plan.replace_all:
            yield encode_bundled_clear(bundle=bundle, xid=xids[1])
        first = self._first_flow
        yield from encode_bundled(plan.deletes, Command.DELETE_STRICT, bundle=bundle, first_xid=first)
        yield from encode_bundled(plan.adds, Command.ADD, bundle=bundle, first_xid=first + len(plan.deletes))
        yield encode_bundle_control(Bundle.CLOSE_REQUEST, bundle=bundle, xid=self.close_xid)

    @property
    def _first_flow(self) -> int:
        return self.first_xid + (2 if self.plan.replace_all else 1)

    @property
    def xids(self) -> range:
        """Every xid from open to close."""
        return range(self.first_xid, self._first_flow + len(self.plan) + 1)

    @property
    def close_xid(self) -> int:
        """The xid of the request to close."""
        return self.xids[-1]

    def flow(self, xid: int) -> Flow | None:
        """The flow that a message of the bundle was about; None: it was about none, or about all."""
        position = xid - self._first_flow
        deletes = len(self.plan.deletes)
        if 0 <= position < deletes:
            return self.plan.deletes[position]
        if 0 <= position - deletes < len(self.plan.adds):
            return self.plan.adds[position - deletes]
        return None


def xids_needed(plan: Plan) -> int:
    """How many xids `encode_plan` uses at most."""
    return len(plan) + 3


def encode_plan(plan: Plan, *, bundle: int, first_xid: int) -> EncodedPlan:
    """The plan as one bundle; xids count up from `first_xid`. Nothing is encoded yet."""
    return EncodedPlan(plan, bundle, first_xid)
