"""What is under way on an OpenFlow connection: a bundle, a dump. Values of `adapters.openflow`, which guards them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ryu_netpol.agent.events import FlowsDumped
from ryu_netpol.flows import wire
from ryu_netpol.flows.ir import Conjunction, CookieKind, Flow, FlowTable
from ryu_netpol.flows.wire import decode
from ryu_netpol.flows.wire.codes import MeterCommand

_ERRORS_NAMED = 20
"""So many errors of one bundle are told in full."""


@dataclass(slots=True)
class Bundling:
    """The bundle that is being sent or committed."""

    number: int
    encoded: wire.EncodedPlan
    commit_xid: int
    meters: dict[int, int]
    """xid -> meter"""
    errors: list[str] = field(default_factory=list)
    refused: int = 0
    rules: set[int] = field(default_factory=set)
    """Numbers of rules whose flows were refused."""

    def pieces(self) -> Iterator[bytes]:
        """What to send: the meters, then the bundle up to its close, each piece encoded when it is asked for."""
        meters = (wire.encode_meter_mod(MeterCommand.ADD, meter, xid=xid) for xid, meter in self.meters.items())
        before = b"".join(meters)
        for piece in self.encoded.pieces:
            yield before + piece
            before = b""

    def refuse(self, what: str, flow: Flow | None = None) -> None:
        """Note an error, and the flow that it names; beyond some errors, only their number."""
        self.refused += 1
        if flow is not None:
            self.rules |= _rules(flow)
        if self.refused <= _ERRORS_NAMED:
            self.errors.append(what)

    def told(self) -> tuple[str, ...]:
        """The errors as the agent gets them."""
        more = self.refused - len(self.errors)
        return (*self.errors, *([f"and {more} more"] if more else []))


@dataclass(slots=True)
class Dumping:
    """The parts of a dump that have come in."""

    flows_xid: int
    meters_xid: int
    parts: list[bytes] = field(default_factory=list)
    """Replies with flows, without their headers."""
    refused: int = 0
    """1 where the switch refused to show its flows."""
    meters: frozenset[int] = frozenset()
    missing: set[int] = field(default_factory=set)
    """xids of the requests that are not answered to the end."""

    def read(self, connection: int) -> FlowsDumped:
        """What the parts say; takes about 10 us a flow."""
        flows: list[Flow] = []
        unreadable = self.refused
        for part in self.parts:
            read, not_read = decode.decode_flow_stats(part)
            flows += read
            unreadable += not_read
        # Two flows with one key: what we read is less than what is there, so somebody else wrote one of them.
        try:
            table = FlowTable(flows)
        except ValueError:
            table = FlowTable()
        return FlowsDumped(connection, table, meters=self.meters, unreadable=unreadable + len(flows) - len(table))


def _rules(flow: Flow) -> set[int]:
    """Numbers of the rules that a flow belongs to."""
    own = {flow.cookie.value} if flow.cookie.kind is CookieKind.RULE else set()
    return own | {action.id for action in flow.actions if isinstance(action, Conjunction)}
