"""What may be asked: ends of which a packet of a connection can come or to which it can go."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable

from ryu_netpol.flows.offline import OfflineNode
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.probe import Probe


def gateways(cluster: Cluster, nodes: Iterable[OfflineNode]) -> frozenset[Address]:
    """Addresses of gateway ports that no pod and no node of the manifests has."""
    owned = {address for pod in cluster.pods.values() for address in pod.addresses}
    owned |= {address for node in cluster.nodes.values() for address in node.addresses}
    return frozenset(a for n in nodes for a in (*n.bridge.gateway_addresses, *n.bridge.node_speaks_from)) - owned


def check_ends(
    probe: Probe, gateway_addresses: Collection[Address], *, names: tuple[str, str] = ("from", "to")
) -> None:
    """Refuse what a packet of a connection cannot carry, or what the lab needs for itself.

    Raises ValueError with a sentence that names the end.
    """
    for name, address in zip(names, (probe.source, probe.destination), strict=True):
        if not isinstance(address, Address):
            continue
        ip = ipaddress.ip_address(str(address))
        if ip.is_multicast or ip.is_unspecified or ip.is_loopback or ip.is_link_local or str(ip) == "255.255.255.255":
            raise ValueError(f"{name}: nothing is routed to or from {address}")
        if address in gateway_addresses:
            raise ValueError(f'{name}: {address} belongs to the gateway port of a node: write "node/NAME"')
