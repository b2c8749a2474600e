"""Who judges the tables without a machine: the oracle, and the compiled flows run by our interpreter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ryu_netpol.flows.interpret import Fragment, Interpreter, Packet
from ryu_netpol.flows.interpret.packet import FRAGMENT_HEADER, TRANSPORT
from ryu_netpol.flows.offline import OfflineNode, path
from ryu_netpol.model.packet import Connection
from ryu_netpol.oracle.evaluate import Oracle
from tests.rules.cases import Asked, Case, Stage, asked
from tests.support.nodes import offline_nodes

Judge = Callable[[Connection], bool]
"""Whether a connection may be opened."""
MakeJudge = Callable[[Stage], Judge]
Send = Callable[[OfflineNode, Packet], tuple[int, ...]]
"""The ports by which a node's bridge sends a packet on."""
Cut = Callable[[Packet], Sequence[Packet]]
"""What becomes of a packet before it is sent."""


def by_model(stage: Stage) -> Judge:
    """The oracle."""
    oracle = Oracle(stage.cluster)
    return lambda connection: oracle.evaluate(connection).allowed


def by_flows(stage: Stage) -> Judge:
    """The flows of every node on the way."""
    return by_flows_of(offline_nodes(stage.cluster))


def by_flows_of(nodes: Sequence[OfflineNode], cut: Cut = lambda packet: (packet,)) -> Judge:
    """The flows of these nodes, in our interpreter."""
    interpreters = {node.name: Interpreter(node.flows) for node in nodes}
    return on_the_way(nodes, lambda node, packet: interpreters[node.name].run(packet).ports, cut)


def on_the_way(nodes: Sequence[OfflineNode], send: Send, cut: Cut = lambda packet: (packet,)) -> Judge:
    """Whether every bridge on the way sends a connection's first packet, or all parts of it, where it should go."""

    def judge(connection: Connection) -> bool:
        return all(
            send(node, packet) == (node.exit(connection),)
            for node in path(nodes, connection)
            for packet in cut(node.entry(connection))
        )

    return judge


def fragments(packet: Packet) -> Sequence[Packet]:
    """A packet in two fragments, the first with its ports and the other without: of IPv6 without its protocol, too."""
    later = {name: value for name, value in packet.headers if name not in TRANSPORT} | {"ip_frag": Fragment.LATER}
    later |= {"ip_proto": FRAGMENT_HEADER} if "ipv6_src" in later else {}
    return packet.with_(ip_frag=Fragment.FIRST), Packet.of(**later)


class InTurn:
    """Answers questions that come stage by stage; a new judge for each stage."""

    def __init__(self, make: MakeJudge) -> None:
        self._make = make
        self._stage: Stage | None = None
        self._judge: Judge | None = None

    def __call__(self, one: Asked) -> bool:
        """Whether the connection may be opened."""
        if self._judge is None or one.stage is not self._stage:
            self._stage, self._judge = one.stage, self._make(one.stage)
        return self._judge(one.stage.connection(one.question))


def differences(cases: Iterable[Case], make: MakeJudge) -> Iterator[str]:
    """Every question that is answered differently than the tables say."""
    answer = InTurn(make)
    for one in asked(cases):
        if answer(one) is not one.expected:
            yield f"{one} is {'allowed' if one.expected else 'denied'} by the table, and not by its judge"


def differences_by_flows(cases: Iterable[Case]) -> Iterator[str]:
    """What is wrong with the compiler, as far as these cases can tell: a few seconds for all of them."""
    return differences(cases, by_flows)
