"""From probes as users write them to sockets in namespaces, with the control connections that make "denied" mean it.

An end is "namespace/pod", "node/NAME" or an address. An address of a pod is that pod; any other address is the outside
host's, which takes it on. A node's address as a *source* is not the node itself (its own processes speak from another
address, and are always allowed) but what the node forwards for an outsider under its own name, as kube-proxy does for
a NodePort: the outside host asks, and the node rewrites the source. As a destination it is the node.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.fate import Entry
from ryu_netpol.lab.listen import Place
from ryu_netpol.lab.node import LabNode
from ryu_netpol.lab.pods import LabPod
from ryu_netpol.lab.probe import Question
from ryu_netpol.lab.shoot import Shot
from ryu_netpol.lab.underlay import Underlay
from ryu_netpol.model.probe import Probe


class Ends:
    """Finds the places of a lab that probes name."""

    def __init__(self, nodes: Mapping[str, LabNode], pods: Mapping[str, LabPod], underlay: Underlay) -> None:
        """The lab's own parts, read only."""
        self._nodes = nodes
        self._pods = pods
        self._underlay = underlay
        self._by_address = {address: pod for pod in pods.values() if pod.attached for address in pod.addresses}
        self._nodes_by_address = {address: node for node in nodes.values() for address in node.spec.addresses}
        self._masqueraded = {
            node.masquerade(ipaddress.ip_address(address).version): address
            for address, node in reversed(self._nodes_by_address.items())
        }
        self._nodes_by_netns = {node.netns: node for node in nodes.values()}
        self._nodes_by_netns.update({pod.netns: pod.node for pod in pods.values()})
        self._pods_by_netns = {pod.netns: pod for pod in pods.values() if not pod.spec.host_network}

    def question(self, probe: Probe) -> Question:
        """The shot for a probe, and its controls."""
        protocol, source, destination = probe.protocol.name, str(probe.source), str(probe.destination)
        version = probe.ip or self._common_version(source, destination)
        if protocol != "ICMP" and probe.port is None:
            raise LabError(f"A {protocol} probe needs a port.")
        shot = Shot(
            source=self._source(source, version),
            destination=self._place(destination, version),
            protocol=protocol,
            port=probe.port or 0,
        )
        return Question(shot, self._controls(shot))

    def _place(self, end: str, version: int) -> Place:
        if "/" not in end:
            address = str(ipaddress.ip_address(end))
            if address in self._by_address:
                return self._by_address[address].place(version)
            if address in self._nodes_by_address:
                return self._nodes_by_address[address].place(version)
            self._refuse_ours(address)
            return self._underlay.outside(address)
        prefix, _, name = end.partition("/")
        if prefix == "node":
            if name not in self._nodes:
                raise LabError(f"There is no node {name} in the lab.")
            return self._nodes[name].place(version)
        if end not in self._pods or not self._pods[end].attached:
            raise LabError(f"There is no pod {end} in the lab.")
        return self._pods[end].place(version)

    def _refuse_ours(self, address: str) -> None:
        """No outsider has an address that belongs to the nodes, or that the lab uses for what they masquerade."""
        if address in self._masqueraded:
            raise LabError(f"The lab needs {address} for itself: probe from or to another address.")
        for node in self._nodes.values():
            if any(ipaddress.ip_address(address) in ipaddress.ip_network(cidr) for cidr in node.spec.pod_cidrs):
                raise LabError(
                    f"{address} is in the pod network of {node.name}, and no pod has it: no packet comes from there or "
                    "goes there."
                )

    def _source(self, end: str, version: int) -> Place:
        node = self._nodes_by_address.get(end)
        if node is not None:
            return self._underlay.outside(node.masquerade(version))
        place = self._place(end, version)
        if place.netns in {node.netns for node in self._nodes.values()}:
            return Place(place.name, place.netns, "")
        return place

    def _common_version(self, source: str, destination: str) -> int:
        common = [version for version in (4, 6) if version in self._versions(source) & self._versions(destination)]
        if not common:
            raise LabError(f"{source} and {destination} have no address family in common.")
        return common[0]

    def _versions(self, end: str) -> set[int]:
        if "/" not in end:
            return {ipaddress.ip_address(end).version}
        prefix, _, name = end.partition("/")
        if prefix == "node":
            addresses = self._nodes[name].spec.addresses if name in self._nodes else ()
        else:
            pod = self._pods.get(end)
            addresses = () if pod is None else pod.node.spec.addresses if pod.spec.host_network else pod.addresses
        return {ipaddress.ip_address(address).version for address in addresses}

    def entries(self, shot: Shot) -> tuple[Entry, ...]:
        """The bridges on a shot's way, the sender's first, then the receiver's; none where no end is a pod."""
        sender, receiver = (self._pods_by_netns.get(end.netns) for end in (shot.source, shot.destination))
        found = []
        if sender is not None:
            found.append(Entry(sender.node, sender.spec.key, shot.source.address))
        if receiver is not None and (sender is None or sender.node is not receiver.node):
            found.append(Entry(receiver.node, "", self._as_seen_by(receiver.node, shot)))
        return tuple(found)

    def _as_seen_by(self, node: LabNode, shot: Shot) -> str:
        """The source address of what comes to a node's bridge by its gateway port."""
        origin = self._nodes_by_netns.get(shot.source.netns)
        if not shot.source.address and origin is not None:
            version = shot.destination.version
            return node.speaks_from(version) if origin is node else origin.place(version).address
        return self._masqueraded.get(shot.source.address, shot.source.address)

    def _controls(self, shot: Shot) -> tuple[Shot, ...]:
        """The same connection from the destination's node, and an echo from the source's node to the source.

        Both are always allowed: traffic of a node to its own pods (NP-50), and what never meets the bridge.
        """
        near = self._node_of(shot.destination) or self._node_of(shot.source) or next(iter(self._nodes.values()))
        to_destination = Shot(_itself(near), shot.destination, shot.protocol, shot.port)
        if not shot.source.address:
            return (to_destination,)
        near = self._node_of(shot.source) or near
        return (to_destination, Shot(_itself(near), shot.source, "ICMP", 0))

    def _node_of(self, place: Place) -> LabNode | None:
        """The node behind a place; None for the outside host."""
        return self._nodes_by_netns.get(place.netns)


def _itself(node: LabNode) -> Place:
    """A node's processes do not bind: the route chooses their address, as for any health check."""
    return Place(f"node/{node.name}", node.netns, "")
