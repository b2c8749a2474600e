"""A cluster as one node's agent meets it: all objects, and which pods have a port here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ryu_netpol.agent.events import Attachment, BridgePort, BridgeSeen, Event, GatewayPort, HostAddressesSeen, Replaced
from ryu_netpol.model.labels import Labels, Operator, Requirement, Selector
from ryu_netpol.model.names import NodeName, OfPort, PodKey, PolicyKey, Protocol
from ryu_netpol.model.net import Address, Cidr, PortRange
from ryu_netpol.model.objects import METADATA_NAME, Namespace, Node, Object, Pod, PodPeer, Policy, PortSpec

HERE = NodeName("node1")
ELSEWHERE = NodeName("node2")
POD_CIDR = Cidr.parse("10.0.0.0/16")
OTHER_PODS = Cidr.parse("10.0.0.0/8").address(1 << 16)
"""Where the addresses of pods elsewhere begin."""
HOST_ADDRESS = Address.parse("192.0.2.1")
GATEWAY_PORT, FIRST_PORT, FIRST_OFFSET = 1, 1000, 16
GATEWAY_MAC, POD_MAC = 0x0E_00_00_00_00_01, 0x0A_00_00_00_00_00


@dataclass(frozen=True, slots=True)
class Scene:
    """All objects of a cluster. Pods of node HERE have a port, in this order."""

    pods: tuple[Pod, ...]
    namespaces: tuple[Namespace, ...]
    policies: tuple[Policy, ...]

    @property
    def objects(self) -> tuple[Object, ...]:
        """Everything, the nodes included."""
        nodes = (Node(HERE, addresses=(HOST_ADDRESS,), pod_cidrs=(POD_CIDR,)), Node(ELSEWHERE))
        return (*nodes, *self.namespaces, *self.pods, *self.policies)

    @property
    def local(self) -> tuple[Pod, ...]:
        """The pods with a port on this node."""
        return tuple(pod for pod in self.pods if pod.node == HERE)

    def feed(self) -> Replaced:
        """Everything, as a feed delivers it at its start."""
        return Replaced(frozenset(self.objects))

    def bridge(self) -> tuple[Event, ...]:
        """What the adapters say of the node: its ports and its addresses."""
        ports = frozenset(bridge_port(pod, number) for number, pod in enumerate(self.local))
        gateway = GatewayPort(OfPort(GATEWAY_PORT), GATEWAY_MAC)
        return BridgeSeen(ports, gateway), HostAddressesSeen(frozenset({HOST_ADDRESS}))


def bridge_port(pod: Pod, number: int) -> BridgePort:
    """The port of a local pod, as the plugin declares it; `number` counts from 0."""
    port = OfPort(FIRST_PORT + number)
    key, addresses = pod.key, pod.addresses
    attachment = Attachment(key.namespace, key.name, pod.uid, f"c{port}", "eth0", POD_MAC + port, addresses, port)
    return BridgePort(f"np{port}", port, attachment)


def pod(namespace: str, name: str, number: int, labels: Mapping[str, str]) -> Pod:
    """A pod on another node; `number` makes its address."""
    return Pod(
        PodKey(namespace, name),
        uid=f"{namespace}-{name}",
        labels=Labels(labels),
        node=ELSEWHERE,
        addresses=(Address(4, OTHER_PODS.value + number),),
    )


def placed(pods: Iterable[Pod], here: Iterable[int]) -> tuple[Pod, ...]:
    """The same pods, those at these places on this node, with addresses of it."""
    numbers = {place: number for number, place in enumerate(here)}
    return tuple(_moved(item, numbers[at]) if at in numbers else item for at, item in enumerate(pods))


def _moved(item: Pod, number: int) -> Pod:
    return replace(item, node=HERE, addresses=(POD_CIDR.address(FIRST_OFFSET + number),))


def one_of(key: str, values: Iterable[str]) -> Selector:
    """The selector `key in (values)`."""
    return Selector((Requirement(key, Operator.IN, tuple(values)),))


def named(namespaces: Iterable[str]) -> Selector:
    """The namespaces of these names."""
    return one_of(METADATA_NAME, namespaces)


def peer(pods: Selector | None, namespaces: Selector | None = None) -> PodPeer:
    """A peer: these pods, of the policy's own namespace if no others are given."""
    return PodPeer(pods, namespaces)


def policy_key(namespace: str, name: str) -> PolicyKey:
    """The key of a policy."""
    return PolicyKey(namespace, name)


def tcp(first: int, last: int | None = None) -> PortSpec:
    """A port, or the ports of a range."""
    return PortSpec(Protocol.TCP, PortRange(first, first if last is None else last))
