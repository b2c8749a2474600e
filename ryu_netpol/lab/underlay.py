"""What joins the nodes: a switch, and one host outside of the cluster that stands for everybody else.

    outside (192.168.50.100) ---- br0 ---- node1 (192.168.50.1), node2 (192.168.50.2), ...

Addresses on the underlay are host addresses with a route to each neighbour, not a subnet: nodes may then have any
addresses, such as those of a manifest. Every node's default route leads to the outside host, which takes on any address
that a probe wants to speak from or to: it is the internet of the lab.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Iterable

from ryu_netpol.lab import namespace
from ryu_netpol.lab.listen import Place
from ryu_netpol.lab.state import LabState

OUTSIDE_ADDRESSES = ("192.168.50.100", "fd00:50::100")


def host_length(address: str) -> str:
    """The address with the prefix length of a single host, as `ip` wants it."""
    return f"{address}/{ipaddress.ip_address(address).max_prefixlen}"


class Underlay:
    """The switch and the outside host."""

    def __init__(self, state: LabState) -> None:
        """Nothing happens before build()."""
        self._state = state
        self.switch_netns = state.netns("underlay")
        self.outside_netns = state.netns("outside")
        self._adopted = set(OUTSIDE_ADDRESSES)
        self._lock = threading.Lock()

    def build(self) -> None:
        """Make the switch and the outside host."""
        namespace.make(self._state, "underlay")
        # The switch has no addresses, so what it needs is only to forward frames, at once and without multicast wit.
        namespace.sysctl(self.switch_netns, {"net.ipv6.conf.all.disable_ipv6": 1})
        namespace.ip(self.switch_netns, ["link add br0 type bridge mcast_snooping 0", "link set br0 up"])
        namespace.make(self._state, "outside")
        self.plug(self.outside_netns, "outside", OUTSIDE_ADDRESSES)
        # An outsider's packets come back by the same way even for addresses that it has just taken on.
        values = {"net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.eth0.rp_filter": 0}
        # A node that is passed on purpose would name the shorter way.
        values |= {
            f"net.ipv{version}.conf.{name}.accept_redirects": 0 for version in (4, 6) for name in ("all", "eth0")
        }
        namespace.sysctl(self.outside_netns, values)

    def plug(self, netns: str, port: str, addresses: Iterable[str]) -> None:
        """Give a namespace its eth0 on the underlay. `port` is the switch's name of it: 15 characters, unique."""
        namespace.ip(netns, [f"link add eth0 type veth peer name {port} netns {self.switch_netns}"])
        namespace.ip(self.switch_netns, [f"link set {port} master br0 up"])
        # Neighbour discovery speaks from the link-local address, which would be verified for a second or two.
        namespace.sysctl(netns, {"net.ipv6.conf.eth0.accept_dad": 0})
        lines = ["link set eth0 up"]
        lines += [f"addr add {host_length(address)} dev eth0{_nodad(address)}" for address in addresses]
        namespace.ip(netns, lines)

    def outside(self, address: str) -> Place:
        """The outside host under any address; it takes the address on if it does not have it yet."""
        with self._lock:
            if address not in self._adopted:
                # `replace`: another process that probes this lab may have been here before.
                namespace.ip(self.outside_netns, [f"addr replace {host_length(address)} dev lo{_nodad(address)}"])
                self._adopted.add(address)
        return Place("outside", self.outside_netns, address)


def _nodad(address: str) -> str:
    return " nodad" if ":" in address else ""


def routes(to: Iterable[str], *, via: Iterable[str]) -> list[str]:
    """`ip` commands that lead to networks by a neighbour on the underlay, each family by its own address."""
    gateways = {ipaddress.ip_address(address).version: address for address in reversed(list(via))}
    lines = [f"route replace {host_length(gateway)} dev eth0" for gateway in gateways.values()]
    for network in to:
        gateway = gateways.get(ipaddress.ip_network(network).version)
        if gateway is not None:
            lines.append(f"route replace {network} via {gateway} dev eth0")
    return lines
