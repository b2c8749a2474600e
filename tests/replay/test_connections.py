"""A plan made from one connection's dump is sent over the next one, and leaves flows that nobody knows of.

Found by a fuzz of agent, session and switch with every delay that can be: the flow that lets connections of an old
epoch skip policy stayed on the switch for good, beside the current one.
"""

from __future__ import annotations

from ryu_netpol.agent.core import Agent
from ryu_netpol.agent.effects import Dump, Program, SaveEpoch
from ryu_netpol.agent.events import EpochSaved, HostAddressesSeen
from ryu_netpol.flows.offline import offline_node
from ryu_netpol.flows.wire.codes import Type
from tests.support import build
from tests.support.fake import bridge_seen, relist
from tests.support.nodes import pod_cidrs
from tests.support.strategies import OURS
from tests.unit.adapters.openflow_world import Switch, World


def test_a_plan_for_the_connection_before_is_not_sent() -> None:
    """The switch reconnects three times while the agent is busy: Dump and Program reach connections not meant.

    `program` refuses a plan where nothing has been dumped on the connection. But the dump that the agent wanted of the
    third connection was made on the fourth, so the plan from the third one's dump is taken for good there. The dump of
    the fourth, from before that plan, is believed afterwards: what the plan added and the next does not want, stays.
    """
    cluster = build.cluster(build.node("node1", "192.168.0.1"), build.pod("default/a", "10.244.1.10"))
    agent, world = Agent(node=OURS, pod_cidrs=pod_cidrs(1)), World()
    bridge = bridge_seen(offline_node(cluster, OURS, pod_cidrs(1)), cluster)
    world.events += [*relist(cluster.objects()), bridge, HostAddressesSeen(frozenset())]

    def handle_next(times: int = 1) -> None:
        for _ in range(times):
            for effect in agent.handle(world.events.pop(0)):
                match effect:
                    case Dump(connection):
                        world.session.dump(connection)
                    case Program(plan, connection):
                        world.session.program(plan, connection)
                    case SaveEpoch(limit):
                        world.events.append(EpochSaved(limit))

    def answer_dump(switch: Switch) -> None:
        for request in switch.take(Type.MULTIPART_REQUEST):
            switch.answer(request, b"")

    # An ordinary start, so that an epoch is reserved; then the switch goes.
    first = world.connect()
    handle_next(len(world.events))
    answer_dump(first)
    handle_next(2)
    world.session.disconnected(first)
    world.session.disconnected(world.connect())
    third = world.connect()
    handle_next(2)  # SwitchLost(1), SwitchUp(2): dumps the third connection
    answer_dump(third)
    world.session.disconnected(third)
    fourth = world.connect()
    handle_next(2)  # SwitchLost(2), SwitchUp(3): dumps the fourth connection
    answer_dump(fourth)
    handle_next()  # FlowsDumped(3), believed: the agent does not know of the fourth connection yet

    assert fourth.take(Type.BUNDLE_ADD_MESSAGE) == []
