"""The OpenFlow session: what goes to the switch and what comes back, as messages; knows no socket and no framework.

`app.py` calls connected, received and disconnected from the framework's threads; the agent's thread calls program and
dump. Every event goes to `deliver`, which must only put it into a queue: it is called with the lock held, so that
events come in the order in which they happened.

A bundle goes through these steps:
1. Meters (a bundle cannot carry them), open, every flow, close: sent in pieces, each while the next is packed.
2. The reply to the close. Open vSwitch answers a message that it refuses on arrival with an error and leaves it out; a
   commit would apply the others. So the commit is sent only now, and only if there was no error.
3. The reply to the commit, or an error. Only then are the meters deleted that nothing refers to any more.

The lock is held for moments only, not while a piece is packed or a dump is read: that takes seconds for a large node,
and whoever serves the connection would meanwhile not answer the switch's echo requests.

Traps: a bundle number is never used twice, nobody knows how a lost one ended. When the connection is lost, SwitchLost
is all that is delivered: what was under way has failed with it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from ryu_netpol.adapters.openflow_work import Bundling, Dumping
from ryu_netpol.agent.boundary import SwitchLink
from ryu_netpol.agent.effects import Report
from ryu_netpol.agent.events import CommitFailed, Committed, Event, SwitchLost, SwitchUp
from ryu_netpol.flows import text, wire
from ryu_netpol.flows.delta import Plan
from ryu_netpol.flows.wire import decode
from ryu_netpol.flows.wire.codes import MULTIPART_HEADER_LENGTH, REPLY_MORE, Bundle, MeterCommand, Multipart, Type
from ryu_netpol.flows.wire.errors import METER_EXISTS, UNKNOWN_METER, OpenFlowError, decode_error


class Transport(Protocol):
    """One connection to the switch, its handshake done."""

    def send(self, data: bytes) -> None:
        """Queue some whole messages; returns at once, and does nothing once the connection has ended."""

    def hang_up(self) -> None:
        """End the connection; its end is then reported like any other."""


@dataclass(slots=True)
class _Connection:
    """What belongs to one connection and ends with it."""

    number: int
    transport: Transport
    bundle: Bundling | None = None
    dumping: Dumping | None = None
    dumped: bool = False
    meters_leaving: set[int] = field(default_factory=set)
    """xids of requests to delete a meter."""
    discards: set[int] = field(default_factory=set)
    """xids of discards: it does not matter how they end."""


def _in_a_thread(function: Callable[[], None]) -> None:
    threading.Thread(target=function, name="dump", daemon=True).start()


class OpenFlowSession(SwitchLink):
    """One bridge, one connection at a time; the newest wins."""

    def __init__(
        self,
        *,
        deliver: Callable[[Event], None],
        report: Callable[[Report], None],
        later: Callable[[Callable[[], None]], None] = _in_a_thread,
    ) -> None:
        """`deliver` and `report` are called from several threads, one at a time; they must not call back.

        `later` has something called that takes long, by another thread.
        """
        self._deliver = deliver
        self._report = report
        self._later = later
        self._lock = threading.Lock()
        self._connection: _Connection | None = None
        self._numbers = itertools.count(1)
        self._bundles = itertools.count(1)
        self._next_xid = 1

    # --- from the framework ---------------------------------------------------------------------------------------

    def connected(self, transport: Transport) -> None:
        """A switch has connected and shaken hands."""
        with self._lock:
            old = self._connection
            if old is not None:
                self._deliver(SwitchLost(old.number))
                old.transport.hang_up()
            self._connection = _Connection(next(self._numbers), transport)
            transport.send(wire.encode_set_config(xid=self._xids(1)))
            self._deliver(SwitchUp(self._connection.number))

    def disconnected(self, transport: Transport) -> None:
        """A connection has ended; no matter which, also one that was never completed."""
        with self._lock:
            connection = self._connection
            if connection is not None and connection.transport is transport:
                self._connection = None
                self._deliver(SwitchLost(connection.number))

    def received(self, transport: Transport, message: bytes) -> None:
        """A whole message: an error, a reply to a bundle, a part of a dump. Others are ignored."""
        with self._lock:
            connection = self._connection
            if connection is None or connection.transport is not transport:
                return
            header = decode.decode_header(message)
            match header.type:
                case Type.ERROR:
                    self._on_error(connection, header.xid, decode_error(message))
                case Type.BUNDLE_CONTROL:
                    self._on_bundle(connection, *decode.decode_bundle_control(message))
                case Type.MULTIPART_REPLY:
                    self._on_multipart(connection, header.xid, message)

    # --- from the agent -------------------------------------------------------------------------------------------

    def program(self, plan: Plan, connection: int) -> None:
        """Send the plan as one atomic bundle; delivers Committed or CommitFailed.

        Ignored where the plan was made for an earlier connection: SwitchLost is on its way then. Raises RuntimeError
        while a bundle is in flight.
        """
        with self._lock:
            current = self._connection
            if current is None or current.number != connection or not current.dumped:
                return
            if current.bundle is not None:
                raise RuntimeError("a bundle is in flight already: the agent must wait for its end")
            number = next(self._bundles)
            first = self._xids(wire.xids_needed(plan) + len(plan.meters_add) + 1)
        encoded = wire.encode_plan(plan, bundle=number, first_xid=first)
        commit_xid = encoded.close_xid + 1
        bundle = Bundling(number, encoded, commit_xid, meters=dict(enumerate(plan.meters_add, commit_xid + 1)))
        try:
            for piece in bundle.pieces():
                if not self._send(current, bundle, piece):
                    return
        except wire.WireError as error:
            self._give_up(current, bundle, str(error))

    def _send(self, connection: _Connection, bundle: Bundling, piece: bytes) -> bool:
        """Send the next piece of the bundle; False if the connection has ended."""
        with self._lock:
            if self._connection is not connection:
                return False
            # From the first piece on, what the switch says about the bundle is for us.
            connection.bundle = bundle
            connection.transport.send(piece)
            return True

    def _give_up(self, connection: _Connection, bundle: Bundling, why: str) -> None:
        """End a bundle that cannot be sent to its end."""
        with self._lock:
            if self._connection is connection:
                bundle.refuse(why)
                self._fail(connection, bundle)

    def dump(self, connection: int) -> None:
        """Read back what is ours; delivers FlowsDumped. A dump that is under way is given up for this one.

        Ignored for an earlier connection.
        """
        with self._lock:
            current = self._connection
            if current is None or current.number != connection:
                return
            first = self._xids(2)
            current.dumping = Dumping(first, first + 1, missing={first, first + 1})
            current.transport.send(wire.encode_flow_request(xid=first) + wire.encode_meter_request(xid=first + 1))

    def nudge(self) -> None:
        """Let the switch go through its cached flows now: any flow-mod does, also one that changes nothing."""
        with self._lock:
            if self._connection is not None:
                self._connection.transport.send(wire.encode_nothing(xid=self._xids(1)))

    # --- what came back -------------------------------------------------------------------------------------------

    def _xids(self, count: int) -> int:
        """The first of this many consecutive xids that are not in use."""
        if self._next_xid + count > 0xFFFFFFFF:
            self._next_xid = 1
        first = self._next_xid
        self._next_xid += count
        return first

    def _on_bundle(self, connection: _Connection, number: int, kind: int) -> None:
        bundle = connection.bundle
        if bundle is None or bundle.number != number:
            return
        if kind == Bundle.CLOSE_REPLY:
            # The switch answers in order: nothing more can come for what was sent before this bundle.
            connection.meters_leaving.clear()
            connection.discards.clear()
            if bundle.refused:
                self._fail(connection, bundle)
            else:
                commit = wire.encode_bundle_control(Bundle.COMMIT_REQUEST, bundle=number, xid=bundle.commit_xid)
                connection.transport.send(commit)
        elif kind == Bundle.COMMIT_REPLY:
            connection.bundle = None
            self._delete_meters(connection, bundle.encoded.plan)
            self._deliver(Committed(bundle.encoded.plan.generation))

    def _delete_meters(self, connection: _Connection, plan: Plan) -> None:
        first = self._xids(len(plan.meters_delete))
        for xid, meter in enumerate(plan.meters_delete, first):
            connection.meters_leaving.add(xid)
            connection.transport.send(wire.encode_meter_mod(MeterCommand.DELETE, meter, xid=xid))

    def _fail(self, connection: _Connection, bundle: Bundling) -> None:
        if connection.bundle is not None:
            connection.bundle = None
            xid = self._xids(1)
            connection.discards.add(xid)
            discard = wire.encode_bundle_control(Bundle.DISCARD_REQUEST, bundle=bundle.number, xid=xid)
            connection.transport.send(discard)
        self._deliver(CommitFailed(bundle.encoded.plan.generation, bundle.told(), frozenset(bundle.rules)))

    def _on_error(self, connection: _Connection, xid: int, error: OpenFlowError) -> None:
        bundle, dumping = connection.bundle, connection.dumping
        if bundle is not None and (xid in bundle.encoded.xids or xid == bundle.commit_xid):
            self._on_bundle_error(connection, bundle, xid, error)
        elif bundle is not None and xid in bundle.meters:
            meter = bundle.meters.pop(xid)
            if error == METER_EXISTS:
                bundle.meters[again := self._xids(1)] = meter
                connection.transport.send(wire.encode_meter_mod(MeterCommand.MODIFY, meter, xid=again))
            else:
                bundle.refuse(f"{error}: meter {meter}")
        elif dumping is not None and xid in dumping.missing:
            # Without the flows nothing is known, and everything is replaced; meters that exist are changed then.
            dumping.refused += xid == dumping.flows_xid
            self._report(Report("openflow_error", f"the switch refused to be dumped: {error}"))
            self._arrived(connection, dumping, xid)
        elif xid in connection.discards:
            connection.discards.discard(xid)
        elif not (xid in connection.meters_leaving and error == UNKNOWN_METER):
            self._report(Report("openflow_error", f"the switch refused message {xid}: {error}"))

    def _on_bundle_error(self, connection: _Connection, bundle: Bundling, xid: int, error: OpenFlowError) -> None:
        flow = bundle.encoded.flow(xid)
        if flow is not None:
            bundle.refuse(f"{error}: {text.render(flow)}", flow)
        elif xid == bundle.commit_xid:
            # The flow at fault, if there was one, has been named by an error of its own.
            bundle.refuse(f"{error}: the commit")
        else:
            bundle.refuse(f"{error}: opening, clearing or closing the bundle")
        if xid in (bundle.commit_xid, bundle.encoded.close_xid):
            self._fail(connection, bundle)

    def _on_multipart(self, connection: _Connection, xid: int, message: bytes) -> None:
        dumping = connection.dumping
        if dumping is None or xid not in dumping.missing:
            return
        kind, flags = decode.decode_multipart_header(message)
        body = message[MULTIPART_HEADER_LENGTH:]
        if kind == Multipart.FLOW:
            dumping.parts.append(body)
        else:
            dumping.meters |= decode.decode_meter_config(body)
        if not flags & REPLY_MORE:
            self._arrived(connection, dumping, xid)

    def _arrived(self, connection: _Connection, dumping: Dumping, xid: int) -> None:
        dumping.missing.discard(xid)
        if not dumping.missing:
            self._later(lambda: self._read(connection, dumping))

    def _read(self, connection: _Connection, dumping: Dumping) -> None:
        """Read a dump whose parts are all there, without the lock, and deliver it if it is still wanted."""
        dumped = dumping.read(connection.number)
        with self._lock:
            if self._connection is connection and connection.dumping is dumping:
                connection.dumping, connection.dumped = None, True
                self._deliver(dumped)
