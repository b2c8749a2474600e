"""What the compiler must know of the bridge, beside policy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ryu_netpol.model.net import Address, Cidr

SECOND_MAC = 0x0E_00_00_00_00_02
"""The MAC that the gateway sees for every pod; a locally administered one."""

NODE_PORTS = (30000, 32767)
"""The API server's default --service-node-port-range."""


@dataclass(frozen=True, slots=True)
class ClosedPort:
    """A declared endpoint that may not send or receive yet: it only gets answers to ARP and neighbour discovery."""

    port: int
    mac: int
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Bridge:
    """Ports and addresses of this node."""

    gateway_port: int
    gateway_mac: int
    """Also the router MAC that pods see (docs/ovs-facts.md)."""
    pod_cidrs: tuple[Cidr, ...]
    """The blocks of this node's pods, one per IP version. The gateway port has the first two addresses of each."""
    closed: tuple[ClosedPort, ...] = ()
    unknown: tuple[int, ...] = ()
    """Ports that nobody declared."""
    node_addresses: frozenset[Address] = frozenset()
    """Every address of the node itself (NP-61)."""

    @property
    def gateway_addresses(self) -> tuple[Address, ...]:
        """The gateway port's addresses: what the pods' replies to the outside are routed by."""
        return tuple(cidr.address(1) for cidr in self.pod_cidrs)

    @property
    def node_speaks_from(self) -> tuple[Address, ...]:
        """The gateway port's second addresses, from which only the node's own processes speak (NP-50)."""
        return tuple(cidr.address(2) for cidr in self.pod_cidrs)

    @property
    def own_addresses(self) -> frozenset[Address]:
        """Every address of the node, those of the gateway included."""
        return self.node_addresses | {*self.gateway_addresses, *self.node_speaks_from}


def link_local(mac: int) -> Address:
    """The link-local address that an interface forms from its MAC (RFC 4291 appendix A, modified EUI-64)."""
    high, low = mac >> 24 ^ 0x020000, mac & 0xFFFFFF
    return Address(6, 0xFE80 << 112 | high << 40 | 0xFFFE << 24 | low)


def multicast_and_link_local() -> Iterable[Cidr]:
    """Destinations that are never forwarded."""
    return map(Cidr.parse, ("224.0.0.0/4", "255.255.255.255/32", "ff00::/8", "fe80::/10"))
