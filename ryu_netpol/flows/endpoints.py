"""What an endpoint's port, and an address, bring into the pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from ryu_netpol.flows.base import ARP_REQUEST, ROUTER_AND_NEIGHBOUR, SOLICITATION, answer_to_gateway
from ryu_netpol.flows.bridge import NODE_PORTS, Bridge, link_local
from ryu_netpol.flows.fields import (
    DEST_IDENTITY,
    KIND,
    LOCAL_DEST,
    LOCAL_SOURCE,
    ORIGIN_GATEWAY,
    SOURCE_IDENTITY,
    TO_NODE,
    Kind,
)
from ryu_netpol.flows.ir import Action, Cookie, CookieKind, Flow, Goto, InPort, Load, Match, Meter, Output, SetField
from ryu_netpol.flows.matches import CT_REL, CT_TRK, ICMP6, connection_end, ct, destination, port, reg, source
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.model.names import PORT_PROTOCOLS, IdentityId
from ryu_netpol.model.net import BITS, Address, Cidr, PortRange, port_masks
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.resolve import NodePolicy

T = TableId


def port_flows(bridge: Bridge, policy: NodePolicy) -> Iterator[Flow]:
    """CLASSIFY and FORWARD for every port of the bridge: ready, closed, unknown."""
    for endpoint in policy.endpoints:
        own = tuple(a for a in endpoint.addresses if policy.local.get(a) == endpoint)
        cookie = Cookie(CookieKind.ENDPOINT, endpoint.port)
        yield from _neighbours(endpoint.port, endpoint.mac, own, cookie)
        here = _from(endpoint.port, endpoint.mac)
        kind = Load(KIND, Kind.ENDPOINT)
        for address in own:
            yield Flow(T.CLASSIFY, 100, here + source(address), (kind, Goto(T.CONNTRACK)), cookie)
            macs = SetField("eth_src", bridge.gateway_mac), SetField("eth_dst", endpoint.mac)
            to = destination(address)
            yield Flow(T.FORWARD, 100, to, (*macs, Output(endpoint.port)), cookie)
            # A plain output to the port that the packet came from is a drop.
            yield Flow(T.FORWARD, 110, to + Match.of(in_port=endpoint.port), (*macs, InPort()), cookie)
        yield Flow(T.CLASSIFY, 50, Match.of(in_port=endpoint.port), (), Cookie(CookieKind.SPOOF, endpoint.port))
    taken = set(policy.owners)
    for closed in bridge.closed:
        cookie = Cookie(CookieKind.CLOSED, closed.port)
        own = tuple(a for a in closed.addresses if a not in taken)
        taken |= set(own)
        yield from _neighbours(closed.port, closed.mac, own, cookie)
        yield Flow(T.CLASSIFY, 50, Match.of(in_port=closed.port), (), cookie)
        for address in own:
            yield Flow(T.FORWARD, 90, destination(address), (), cookie)
    for number in bridge.unknown:
        yield Flow(T.CLASSIFY, 50, Match.of(in_port=number), (), Cookie(CookieKind.UNKNOWN, number))


def _from(number: int, mac: int) -> Match:
    # vlan_tci=0/0x1fff: untagged. A tagged frame would otherwise meet the same flows.
    return Match.of(in_port=number, vlan_tci=(0, 0x1FFF), eth_src=mac)


@lru_cache(maxsize=1024)
def _neighbours(number: int, mac: int, addresses: tuple[Address, ...], cookie: Cookie) -> tuple[Flow, ...]:
    return tuple(_neighbour_flows(number, mac, addresses, cookie))


def _neighbour_flows(number: int, mac: int, addresses: tuple[Address, ...], cookie: Cookie) -> Iterator[Flow]:
    """ARP and neighbour discovery from a pod: metered, since they take the slow path; only with its own addresses."""
    here = _from(number, mac)
    go: tuple[Action, ...] = (Meter(number), Load(KIND, Kind.ENDPOINT), Goto(T.ARP_ND))
    # These hold whatever the sender's address: a packet of neighbour discovery is never forwarded.
    for icmp_type in ROUTER_AND_NEIGHBOUR:
        match = Match.of(in_port=number) + ICMP6 + Match.of(icmpv6_type=icmp_type)
        yield Flow(T.CLASSIFY, 120, match, (), Cookie(CookieKind.SPOOF, number))
    local = link_local(mac)
    for address in (*addresses, local):
        if address.version == 4:
            announcement = here + ARP_REQUEST + Match.of(arp_spa=address.value, arp_tpa=address.value)
            yield Flow(T.CLASSIFY, 110, announcement, (), cookie)
            asking = here + ARP_REQUEST + Match.of(arp_sha=mac, arp_spa=address.value)
            yield Flow(T.CLASSIFY, 100, asking, go, cookie)
        else:
            # Its own duplicate address detection: an answer would take the address away from it.
            own = Match.of(in_port=number) + SOLICITATION + Match.of(nd_target=address.value)
            yield Flow(T.CLASSIFY, 140, own, (), cookie)
            for option in (mac, 0):
                asking = here + SOLICITATION + Match.of(nw_ttl=255, ipv6_src=address.value, nd_sll=option)
                yield Flow(T.CLASSIFY, 130, asking, go, cookie)


def address_flows(bridge: Bridge, policy: NodePolicy, numbers: Mapping[Identity, IdentityId]) -> Iterator[Flow]:
    """SOURCE_ID and DEST_ID; for endpoints also what they may say to themselves (NP-52) and of their connections."""
    for address, endpoint in policy.local.items():
        cookie = Cookie(CookieKind.ENDPOINT, endpoint.port)
        number = numbers[policy.endpoints[endpoint]]
        as_source, as_dest = Load(SOURCE_IDENTITY, number), Load(DEST_IDENTITY, number)
        # Only what came in by the endpoint's own port was opened by it: the gateway may carry its address as well,
        # when a service sends it back.
        opened_here = source(address) + reg(ORIGIN_GATEWAY, 0)
        yield Flow(T.SOURCE_ID, 110, opened_here, (as_source, Load(LOCAL_SOURCE, 1), Goto(T.DEST_ID)), cookie)
        yield Flow(T.SOURCE_ID, 100, source(address), (as_source, Goto(T.DEST_ID)), cookie)
        to = destination(address)
        yield Flow(T.DEST_ID, 100, to, (as_dest, Load(LOCAL_DEST, 1), Goto(T.EGRESS_ADMIN)), cookie)
        itself = reg(LOCAL_SOURCE, 1) + source(address) + to
        yield Flow(T.EGRESS_ADMIN, 50000, itself, (Goto(T.COMMIT),), cookie)
        for about in (connection_end("src", address), connection_end("dst", address)):
            error = reg(KIND, Kind.ENDPOINT) + source(address) + ct(on=CT_REL | CT_TRK) + about
            yield Flow(T.RELATED, 100, error, (Goto(T.FORWARD),), cookie)
        if not any(address in cidr for cidr in bridge.pod_cidrs):
            # An IPAM plugin may give out what no block of the node covers: the gateway asks for that address, too.
            yield answer_to_gateway(Cidr(address.version, address.value, BITS[address.version]), cookie)
    for address, identity in policy.remote.items():
        number = numbers[identity]
        cookie = Cookie(CookieKind.ADDRESS, number)
        yield Flow(T.SOURCE_ID, 100, source(address), (Load(SOURCE_IDENTITY, number), Goto(T.DEST_ID)), cookie)
        yield Flow(T.DEST_ID, 100, destination(address), (Load(DEST_IDENTITY, number), Goto(T.EGRESS_ADMIN)), cookie)
    for address in policy.contested:
        cookie = Cookie(CookieKind.CONTESTED)
        yield Flow(T.SOURCE_ID, 120, source(address), (), cookie)
        yield Flow(T.DEST_ID, 120, destination(address), (), cookie)
    for cidr in bridge.pod_cidrs:
        # Nobody has these addresses yet. A connection to or from one of them must not wait, judged as an outsider's,
        # for whoever gets it.
        for table, whose in ((T.SOURCE_ID, source), (T.DEST_ID, destination)):
            yield Flow(table, 80, whose(cidr), (), Cookie(CookieKind.CLOSED))
        for address in policy.owners.keys() - policy.local.keys() - policy.remote.keys():
            if address in cidr:
                # A pod elsewhere that no rule refers to: its IPAM gave it an address of this node's block.
                elsewhere = Cookie(CookieKind.ADDRESS)
                yield Flow(T.SOURCE_ID, 85, source(address), (Goto(T.DEST_ID),), elsewhere)
                yield Flow(T.DEST_ID, 85, destination(address), (Goto(T.EGRESS_ADMIN),), elsewhere)
        for address in bridge.own_addresses:
            if address in cidr:
                yield Flow(T.SOURCE_ID, 90, source(address), (Goto(T.DEST_ID),), Cookie(CookieKind.NODE))
    for address in bridge.own_addresses:
        yield from _node_address(address)


@lru_cache(maxsize=1024)
def _node_address(address: Address) -> tuple[Flow, ...]:
    """Egress to the node itself is allowed (NP-51), but for its node ports: they lead to other pods."""
    cookie = Cookie(CookieKind.NODE)
    to = destination(address)
    services = (
        to + port(address.version, proto, value, mask)
        for proto in PORT_PROTOCOLS
        for value, mask in port_masks(PortRange(*NODE_PORTS))
    )
    return (
        Flow(T.DEST_ID, 90, to, (Load(TO_NODE, 1), Goto(T.EGRESS_ADMIN)), cookie),
        *(Flow(T.DEST_ID, 95, match, (Goto(T.EGRESS_ADMIN),), cookie) for match in services),
    )
