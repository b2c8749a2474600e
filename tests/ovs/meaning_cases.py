"""Compiled flows in Open vSwitch against the same flows in our interpreter: the packets that are asked about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ryu_netpol.cli.judges.trace import TracedBridge
from ryu_netpol.flows.bridge import SECOND_MAC
from ryu_netpol.flows.interpret import ConnState, Interpreter, Packet
from ryu_netpol.flows.offline import FIRST_EPOCH, OfflineNode
from ryu_netpol.model.packet import Connection
from tests.ovs.interpret_compare import differences

CURRENT, STALE = FIRST_EPOCH, FIRST_EPOCH + 1


@dataclass(frozen=True)
class Case:
    """A packet in one node's bridge, and what conntrack knows of it."""

    packet: Packet
    state: ConnState


def cases(node: OfflineNode, connection: Connection) -> Iterator[Case]:
    """A connection's first packet, later ones of this and of another epoch, and a stale answer, to be turned around."""
    first = node.entry(connection)
    yield Case(first, ConnState.new())
    yield Case(first, ConnState.established(CURRENT))
    yield Case(first, ConnState.established(STALE))
    # Of whose connection an error is about, a trace knows nothing: it passes from the gateway alone.
    yield Case(first, ConnState.related(CURRENT))
    yield Case(first, ConnState.related(STALE))
    endpoint = node.policy.local.get(connection.destination)
    bridge = node.bridge
    sender, router = (bridge.gateway_mac, SECOND_MAC) if endpoint is None else (endpoint.mac, bridge.gateway_mac)
    answer = first.reply(in_port=node.exit(connection), eth_src=sender, eth_dst=router)
    yield Case(answer, ConnState.established(STALE, reply=True))


def disagreements(node: OfflineNode, connections: Iterable[Connection], bridge: TracedBridge) -> Iterator[str]:
    """Every packet with which the switch does something else than the interpreter does with the node's own flows."""
    interpreter = Interpreter(node.flows)
    for connection in connections:
        for case in cases(node, connection):
            found = differences(interpreter.run(case.packet, case.state), bridge.ask(case.packet, case.state))
            if found:
                yield f"{node.name}: {connection}, {case}: {found}"
