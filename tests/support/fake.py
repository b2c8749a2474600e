"""A switch and a database that do what the agent asks for, when the test lets them, and as badly as it likes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from ryu_netpol.agent.core import Agent
from ryu_netpol.agent.effects import (
    Announce,
    Dump,
    Effect,
    MarkReady,
    MarkSynced,
    Program,
    Report,
    SaveEpoch,
    SetAlarm,
    Settle,
)
from ryu_netpol.agent.events import (
    Attachment,
    BridgePort,
    BridgeSeen,
    CommitFailed,
    Committed,
    EpochSaved,
    Event,
    FlowsDumped,
    GatewayPort,
    HostAddressesSeen,
    InForce,
    Kind,
    Relisted,
    Replaced,
    SwitchLost,
    SwitchUp,
    Ticked,
)
from ryu_netpol.agent.store import kind_of
from ryu_netpol.flows.delta import Plan, apply
from ryu_netpol.flows.ir import FlowTable
from ryu_netpol.flows.offline import GATEWAY_MAC, GATEWAY_PORT, OfflineNode
from ryu_netpol.model.names import OfPort
from ryu_netpol.model.objects import Cluster, Object
from tests.support.nodes import pod_cidrs
from tests.support.strategies import OURS


class World:
    """An agent with everything around it. Events are delivered one after the other; effects are done at once."""

    def __init__(self, *, flows: FlowTable | None = None, meters: frozenset[int] = frozenset()) -> None:
        self.agent = Agent(node=OURS, pod_cidrs=pod_cidrs(1))
        self.flows, self.meters = flows or FlowTable(), meters
        """What is on the switch."""
        self.plans: list[Plan] = []
        self.effects: list[Effect] = []
        self.epoch_limit = 0
        self.connection = 0
        self.reject = 0
        """So many bundles are refused."""
        self.hold = False
        """Bundles are neither committed nor refused until `release`."""
        self.lag = False
        """Cached flows are not revalidated: nothing comes in force until the test says so."""
        self.seen: list[Callable[[Event], object]] = []
        """Called after every event that the agent has handled."""
        self._held: list[Plan] = []
        self._inbox: deque[Event] = deque()

    def deliver(self, *events: Event) -> None:
        """Let the agent handle events, and do what it wants."""
        self._inbox.extend(events)
        while self._inbox:
            event = self._inbox.popleft()
            effects = self.agent.handle(event)
            for call in self.seen:
                call(event)
            for effect in effects:
                self.effects.append(effect)
                self._do(effect)

    def _do(self, effect: Effect) -> None:
        match effect:
            case Dump():
                self._inbox.append(FlowsDumped(self.connection, self.flows, self.meters))
            case Program(plan, _):
                self.plans.append(plan)
                if self.hold:
                    self._held.append(plan)
                else:
                    self._finish(plan)
            case SaveEpoch(limit):
                self.epoch_limit = limit
                self._inbox.append(EpochSaved(limit))
            case SetAlarm():
                self._inbox.append(Ticked())
            case Settle(generation) if not self.lag:
                self._inbox.append(InForce(generation))
            case MarkReady() | MarkSynced() | Report() | Announce() | Settle():
                pass

    def _finish(self, plan: Plan) -> None:
        if self.reject:
            self.reject -= 1
            self._inbox.append(CommitFailed(plan.generation, ("refused by the test",)))
            return
        self.flows = apply(self.flows, plan)
        self.meters = self.meters - set(plan.meters_delete) | set(plan.meters_add)
        self._inbox.append(Committed(plan.generation))

    def release(self) -> None:
        """Commit what was held."""
        self.hold = False
        held, self._held = self._held, []
        for plan in held:
            self._finish(plan)
        self.deliver()

    def connect(self) -> None:
        """The switch connects."""
        self.connection += 1
        self.deliver(SwitchUp(self.connection))

    def disconnect(self) -> None:
        """The switch goes away; what was in flight may have been committed or not."""
        self._held.clear()
        self.deliver(SwitchLost(self.connection))

    def list_all(self, cluster: Cluster) -> None:
        """Deliver the whole cluster, as the folder feed does."""
        self.deliver(Replaced(frozenset(cluster.objects())))

    def show_bridge(self, node: OfflineNode, cluster: Cluster) -> None:
        """Deliver the bridge with a port for each pod of the offline node."""
        self.deliver(
            bridge_seen(node, cluster, epoch_limit=self.epoch_limit), HostAddressesSeen(own_addresses(cluster))
        )


def own_addresses(cluster: Cluster) -> frozenset:  # type: ignore[type-arg]
    """What the node's kernel would say."""
    return frozenset(cluster.nodes[OURS].addresses)


def relist(objects: Iterable[Object]) -> list[Event]:
    """Everything that there is, kind by kind."""
    everything = list(objects)
    return [Relisted(kind, frozenset(o for o in everything if kind_of(o) is kind)) for kind in Kind]


def bridge_seen(node: OfflineNode, cluster: Cluster, *, epoch_limit: int = 0) -> BridgeSeen:
    """The ports of an offline node, as the CNI plugin would have declared them."""
    ports = frozenset(
        BridgePort(
            f"np{endpoint.port}",
            OfPort(endpoint.port),
            Attachment(
                endpoint.pod.namespace, endpoint.pod.name, cluster.pods[endpoint.pod].uid, f"c{endpoint.port}", "eth0",
                endpoint.mac, endpoint.addresses, endpoint.created,
            ),
        )
        for endpoint in node.policy.endpoints
    )  # fmt: skip
    return BridgeSeen(ports, GatewayPort(OfPort(GATEWAY_PORT), GATEWAY_MAC), epoch_limit)
