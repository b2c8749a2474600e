"""Generated pods and namespaces: labels, ports, addresses, ages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ryu_netpol.model.labels import Labels
from ryu_netpol.model.names import NodeName, PodKey, Protocol
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Cluster, NamedPort, Namespace, Pod
from tests.support.strategies.alphabet import (
    KEYS,
    NAMESPACE_KEYS,
    NAMESPACE_VALUES,
    NODES,
    OURS,
    POD_NAMES,
    PORT_NAMES,
    PORTS,
    VALUES,
    Feature,
)
from tests.support.strategies.choices import Dice


class PodMaker:
    """Makes pods and the namespaces that they live in."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice

    def namespace(self, name: str) -> Namespace:
        """A namespace with labels that others have too."""
        deny = self._dice.has(Feature.LEGACY) and self._dice.chance(30)
        return Namespace(name, self._labels(NAMESPACE_KEYS[:2], NAMESPACE_VALUES), deny)

    def pod(self, cluster: Cluster, *, ordinary: bool = False) -> Pod:
        """A pod with a free name; its address is free too, or that of a finished pod, unless there are disputes.

        An ordinary one is on our node and has an address.
        """
        names = [
            key
            for namespace in cluster.namespaces
            for key in (PodKey(namespace, name) for name in POD_NAMES)
            if key not in cluster.pods
        ]
        key = self._dice.pick(names)
        node = NODES[0] if ordinary else self._dice.pick((NODES[0], NODES[0], NODES[1]))
        pod = Pod(
            key=key,
            uid=f"{key.namespace}-{key.name}-{self._dice.number(0, 9)}",
            labels=self.labels(),
            node=node.name,
        )
        pod = self._with_ports(pod)
        if self._dice.has(Feature.HOST_NETWORK) and not ordinary and self._dice.chance(10):
            return replace(pod, host_network=True, addresses=self._families(node.addresses[0], node.addresses[1]))
        pod = replace(pod, addresses=self.free_addresses(cluster, node.name))
        return self._aged(pod) if self._dice.has(Feature.LIFE_CYCLE) and not ordinary else pod

    def labels(self) -> Labels:
        """Labels of a pod."""
        return self._labels(KEYS, VALUES)

    def _with_ports(self, pod: Pod) -> Pod:
        """Container ports, those with a name and maybe another one, in the decoder's order."""
        named = self._named_ports()
        declared = {(port.protocol, port.number) for port in named}
        if self._dice.chance(40):
            declared.add((Protocol.TCP, self._dice.pick(PORTS)))
        return replace(pod, ports=named, container_ports=tuple(sorted(declared)))

    def _named_ports(self) -> tuple[NamedPort, ...]:
        if not self._dice.has(Feature.NAMED_PORTS):
            return ()
        protocols = (Protocol.TCP, Protocol.TCP, Protocol.UDP, Protocol.SCTP)[
            : 4 if self._dice.has(Feature.SCTP) else 3
        ]
        ports = {
            NamedPort(*map(self._dice.pick, (PORT_NAMES, protocols, PORTS)))  # type: ignore[arg-type]
            for _ in range(self._dice.pick((0, 1, 2, 3)))
        }
        return tuple(sorted(ports))

    def free_addresses(self, cluster: Cluster, node: NodeName) -> tuple[Address, ...]:
        """Addresses that no pod has, often such as a finished pod had; with disputes also those that a pod has."""
        there = [pod for pod in cluster.pods.values() if pod.node == node and pod.addresses and not pod.host_network]
        taken = {address for pod in there if pod.visible for address in pod.addresses}
        again = [pod.addresses for pod in there if pod.finished and taken.isdisjoint(pod.addresses)]
        if self._dice.has(Feature.DISPUTES):
            again += [pod.addresses for pod in there if pod.visible]
        if again and self._dice.chance(30):
            return self._dice.pick(again)
        digit = "1" if node == OURS else "2"
        pairs = [
            (Address.parse(f"10.244.{digit}.{number}"), Address.parse(f"fd00:10:244:{digit}::{number:x}"))
            for number in range(3, 33)  # the first two are the gateway's
        ]
        free = [pair for pair in pairs if taken.isdisjoint(pair)]
        return self._families(*self._dice.pick(free[:12]))

    def _families(self, four: Address, six: Address) -> tuple[Address, ...]:
        if not self._dice.has(Feature.IPV6):
            return (four,)
        return self._dice.pick(((four, six), (four,), (four, six), (six,), (four, six)))

    def _aged(self, pod: Pod) -> Pod:
        """A pod at some point of its life; only one that is finished shares its address without a dispute."""
        started = f"2024-05-01T00:00:0{self._dice.number(0, 3)}Z"
        match self._dice.number(0, 11):
            case 8:
                return replace(pod, started=started, finished=True)
            case 9:
                return replace(pod, addresses=())
            case 10:
                return replace(pod, addresses=(), node=None)
            case 11:
                return replace(pod, started=started, terminating=True)
        return replace(pod, started=started)

    def _labels(self, keys: Sequence[str], values: Sequence[str]) -> Labels:
        return Labels({key: self._dice.pick(values) for key in keys if self._dice.chance(75)})
