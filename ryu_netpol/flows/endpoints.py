"""What the ports of the bridge bring into the pipeline: CLASSIFY and FORWARD, whether ready, closed or unknown."""

from __future__ import annotations

from collections.abc import Iterator

from ryu_netpol.flows.base import ARP_REQUEST, ROUTER_AND_NEIGHBOUR, SOLICITATION
from ryu_netpol.flows.bridge import Bridge, link_local
from ryu_netpol.flows.fields import KIND, Kind
from ryu_netpol.flows.ir import Action, Cookie, CookieKind, Flow, Goto, InPort, Load, Match, Meter, Output, SetField
from ryu_netpol.flows.matches import ICMP6, destination, exact, source
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.model.net import Address
from ryu_netpol.policy.owners import Endpoint
from ryu_netpol.policy.resolve import NodePolicy

T = TableId
_IS_ENDPOINT = Load(KIND, Kind.ENDPOINT)
_UNTAGGED = Match.of(vlan_tci=(0, 0x1FFF))
"""A tagged frame would otherwise meet the same flows."""
_DISCOVERY = tuple(ICMP6 + exact("icmpv6_type", number) for number in ROUTER_AND_NEIGHBOUR)
_NOT_FORWARDED = exact("nw_ttl", 255)
"""By no router on the way (RFC 4861 section 7.1.1)."""


def endpoint_flows(endpoint: Endpoint, policy: NodePolicy, bridge: Bridge) -> Iterator[Flow]:
    """The port of an endpoint: it speaks, and hears, as those of its addresses that it owns."""
    own = tuple(a for a in endpoint.addresses if policy.local.get(a) == endpoint)
    cookie = Cookie(CookieKind.ENDPOINT, endpoint.port)
    yield from _neighbours(endpoint.port, endpoint.mac, own, cookie)
    by_port, here = exact("in_port", endpoint.port), _from(endpoint.port, endpoint.mac)
    macs = SetField("eth_src", bridge.gateway_mac), SetField("eth_dst", endpoint.mac)
    deliver, turn_back = (*macs, Output(endpoint.port)), (*macs, InPort())
    for address in own:
        yield Flow(T.CLASSIFY, 100, here + source(address), (_IS_ENDPOINT, Goto(T.CONNTRACK)), cookie)
        to = destination(address)
        yield Flow(T.FORWARD, 100, to, deliver, cookie)
        # A plain output to the port that the packet came from is a drop.
        yield Flow(T.FORWARD, 110, by_port + to, turn_back, cookie)
    yield Flow(T.CLASSIFY, 50, by_port, (), Cookie(CookieKind.SPOOF, endpoint.port))


def silent_flows(policy: NodePolicy, bridge: Bridge) -> Iterator[Flow]:
    """Ports that may not speak: those of endpoints that are not ready, and those that nobody declared."""
    taken: set[Address] = set()
    for closed in bridge.closed:
        cookie = Cookie(CookieKind.CLOSED, closed.port)
        own = tuple(a for a in closed.addresses if a not in taken and a not in policy.owners)
        taken |= set(own)
        yield from _neighbours(closed.port, closed.mac, own, cookie)
        yield Flow(T.CLASSIFY, 50, exact("in_port", closed.port), (), cookie)
        for address in own:
            yield Flow(T.FORWARD, 90, destination(address), (), cookie)
    for number in bridge.unknown:
        yield Flow(T.CLASSIFY, 50, exact("in_port", number), (), Cookie(CookieKind.UNKNOWN, number))


def _from(number: int, mac: int) -> Match:
    return exact("in_port", number) + exact("eth_src", mac) + _UNTAGGED


def _neighbours(number: int, mac: int, addresses: tuple[Address, ...], cookie: Cookie) -> Iterator[Flow]:
    """ARP and neighbour discovery from a pod: metered, since they take the slow path; only with its own addresses."""
    by_port, here = exact("in_port", number), _from(number, mac)
    go: tuple[Action, ...] = (Meter(number), _IS_ENDPOINT, Goto(T.ARP_ND))
    # These hold whatever the sender's address: a packet of neighbour discovery is never forwarded.
    spoof = Cookie(CookieKind.SPOOF, number)
    for message in _DISCOVERY:
        yield Flow(T.CLASSIFY, 120, by_port + message, (), spoof)
    for address in (*addresses, link_local(mac)):
        if address.version == 4:
            asking = here + ARP_REQUEST + exact("arp_spa", address.value)
            yield Flow(T.CLASSIFY, 110, asking + exact("arp_tpa", address.value), (), cookie)
            yield Flow(T.CLASSIFY, 100, asking + exact("arp_sha", mac), go, cookie)
        else:
            # Its own duplicate address detection: an answer would take the address away from it.
            own = by_port + SOLICITATION + exact("nd_target", address.value)
            yield Flow(T.CLASSIFY, 140, own, (), cookie)
            asking = here + SOLICITATION + exact("ipv6_src", address.value) + _NOT_FORWARDED
            for option in (mac, 0):
                yield Flow(T.CLASSIFY, 130, asking + exact("nd_sll", option), go, cookie)
