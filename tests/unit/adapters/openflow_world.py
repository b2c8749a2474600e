"""The session's world, played by the test: a transport that only remembers, a switch that answers when told to."""

from __future__ import annotations

import struct
from collections.abc import Callable

from ryu_netpol.adapters.openflow import OpenFlowSession
from ryu_netpol.agent.effects import Report
from ryu_netpol.agent.events import Event
from ryu_netpol.flows.delta import Plan
from ryu_netpol.flows.ir import Cookie, CookieKind, Flow, Goto, Match
from ryu_netpol.flows.wire.codes import Bundle, Type
from ryu_netpol.flows.wire.decode import Header, decode_bundle_control, decode_header, decode_multipart_header

FLOW = Flow(51, 9, Match.of(reg1=1), (Goto(60),), Cookie(CookieKind.RULE, 7))
OTHER = Flow(51, 9, Match.of(reg1=2), (Goto(60),), Cookie(CookieKind.RULE, 8))
BAD_PREREQ = (4, 9)
METER_EXISTS = (12, 1)
UNKNOWN_METER = (12, 3)
MSG_FAILED = (17, 13)


class Switch:
    """The other end of one connection: takes what is sent apart, and answers as the test says."""

    def __init__(self, session: OpenFlowSession, later: list[Callable[[], None]]) -> None:
        """`later` is what the session wants called by another thread: it is, when a message has been received."""
        self.session = session
        self.later = later
        self.messages: list[bytes] = []
        self.hung_up = False

    def send(self, data: bytes) -> None:
        """Remember whole messages."""
        while data:
            length = decode_header(data).length
            self.messages.append(data[:length])
            data = data[length:]

    def hang_up(self) -> None:
        """Remember it."""
        self.hung_up = True

    def take(self, kind: Type) -> list[bytes]:
        """Messages of this type that have come in since the last question."""
        found = [message for message in self.messages if decode_header(message).type == kind]
        self.messages = [message for message in self.messages if message not in found]
        return found

    def bundle(self, kind: Bundle) -> bytes:
        """The one bundle control message of this type."""
        (found,) = [message for message in self.messages if self.is_control(message, kind)]
        self.messages.remove(found)
        return found

    @staticmethod
    def is_control(message: bytes, kind: Bundle) -> bool:
        return decode_header(message).type == Type.BUNDLE_CONTROL and decode_bundle_control(message)[1] == kind

    def receive(self, message: bytes) -> None:
        """Hand a message to the session."""
        self.session.received(self, message)
        while self.later:
            self.later.pop(0)()

    def reply(self, request: bytes) -> None:
        """Acknowledge a bundle control message: the types of replies follow those of requests."""
        number, kind = decode_bundle_control(request)
        reply = struct.pack("!BBHIIHH", 5, Type.BUNDLE_CONTROL, 16, decode_header(request).xid, number, kind + 1, 3)
        self.receive(reply)

    def refuse(self, request: bytes, error: tuple[int, int]) -> None:
        """Answer a message with an error."""
        body = struct.pack("!HH", *error) + request[:64]
        header = Header(5, Type.ERROR, 8 + len(body), decode_header(request).xid)
        self.receive(struct.pack("!BBHI", *header) + body)

    def answer(self, request: bytes, body: bytes, *, more: bool = False) -> None:
        """Answer a multipart request."""
        kind, _ = decode_multipart_header(request)
        head = (5, Type.MULTIPART_REPLY, 16 + len(body), decode_header(request).xid, kind, int(more))
        self.receive(struct.pack("!BBHIHHxxxx", *head) + body)


class World:
    """A session, what it delivered and reported."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.reports: list[Report] = []
        self.later: list[Callable[[], None]] = []
        self.session = OpenFlowSession(deliver=self.events.append, report=self.reports.append, later=self.later.append)
        self.connections = 0

    def connect(self) -> Switch:
        """A switch that has just shaken hands."""
        switch = Switch(self.session, self.later)
        self.connections += 1
        self.session.connected(switch)
        return switch

    def program(self, plan: Plan) -> None:
        """Send a plan over the current connection."""
        self.session.program(plan, self.connections)

    def dump(self) -> None:
        """Read back what is on the current connection's switch."""
        self.session.dump(self.connections)

    def ready(self) -> Switch:
        """A switch whose flows have been dumped; what was delivered until then is forgotten."""
        switch = self.connect()
        self.dump()
        flows, meters = switch.take(Type.MULTIPART_REQUEST)
        switch.answer(flows, b"")
        switch.answer(meters, b"")
        switch.messages.clear()
        self.events.clear()
        return switch
