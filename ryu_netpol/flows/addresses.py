"""What addresses bring into the pipeline: SOURCE_ID and DEST_ID, and what endpoints may say to themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from ryu_netpol.flows.base import answer_to_gateway
from ryu_netpol.flows.bridge import NODE_PORTS, Bridge
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
from ryu_netpol.flows.ir import Action, Cookie, CookieKind, Flow, Goto, Load
from ryu_netpol.flows.matches import CT_REL, CT_TRK, connection_end, ct, destination, port, reg, source
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.model.names import PORT_PROTOCOLS, IdentityId
from ryu_netpol.model.net import BITS, Address, Cidr, PortRange, port_masks
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.owners import Endpoint
from ryu_netpol.policy.resolve import NodePolicy

T = TableId
_BY_LOCAL, _TO_LOCAL = Load(LOCAL_SOURCE, 1), Load(LOCAL_DEST, 1)
_ERROR_OF_ENDPOINT = reg(KIND, Kind.ENDPOINT) + ct(on=CT_REL | CT_TRK)


def address_flows(
    address: Address, policy: NodePolicy, bridge: Bridge, identities: Mapping[Identity, IdentityId]
) -> Iterator[Flow]:
    """What a pod's address stands for, if policy or this node's block need to know it."""
    if (endpoint := policy.local.get(address)) is not None:
        return _local(address, endpoint, bridge, identities[policy.endpoints[endpoint]])
    if (identity := policy.remote.get(address)) is not None:
        return _remote(address, identities[identity])
    if address in policy.contested:
        return _contested(address)
    if address in policy.owners and any(address in cidr for cidr in bridge.pod_cidrs):
        return _elsewhere(address)
    return iter(())


def _local(address: Address, endpoint: Endpoint, bridge: Bridge, number: IdentityId) -> Iterator[Flow]:
    """For endpoints also what they may say to themselves (NP-52) and of their connections."""
    cookie = Cookie(CookieKind.ENDPOINT, endpoint.port)
    as_source, as_dest = Load(SOURCE_IDENTITY, number), Load(DEST_IDENTITY, number)
    sent, to = source(address), destination(address)
    # Only what came in by the endpoint's own port was opened by it: the gateway may carry its address as well,
    # when a service sends it back.
    opened_here = reg(ORIGIN_GATEWAY, 0) + sent
    yield Flow(T.SOURCE_ID, 110, opened_here, (as_source, _BY_LOCAL, Goto(T.DEST_ID)), cookie)
    yield Flow(T.SOURCE_ID, 100, sent, (as_source, Goto(T.DEST_ID)), cookie)
    yield Flow(T.DEST_ID, 100, to, (as_dest, _TO_LOCAL, Goto(T.EGRESS_ADMIN)), cookie)
    itself = reg(LOCAL_SOURCE, 1) + sent + to
    yield Flow(T.EGRESS_ADMIN, 50000, itself, (Goto(T.COMMIT),), cookie)
    error = _ERROR_OF_ENDPOINT + sent
    for about in (connection_end("src", address), connection_end("dst", address)):
        yield Flow(T.RELATED, 100, error + about, (Goto(T.FORWARD),), cookie)
    if not any(address in cidr for cidr in bridge.pod_cidrs):
        # An IPAM plugin may give out what no block of the node covers: the gateway asks for that address, too.
        yield answer_to_gateway(Cidr(address.version, address.value, BITS[address.version]), cookie)


def _remote(address: Address, number: IdentityId) -> Iterator[Flow]:
    cookie, as_source, as_dest = _of_remote(number)
    yield Flow(T.SOURCE_ID, 100, source(address), as_source, cookie)
    yield Flow(T.DEST_ID, 100, destination(address), as_dest, cookie)


@lru_cache(maxsize=16384)
def _of_remote(number: IdentityId) -> tuple[Cookie, tuple[Action, ...], tuple[Action, ...]]:
    """What the addresses of an identity have in common: cookie, actions at the source, actions at the destination."""
    as_source = (Load(SOURCE_IDENTITY, number), Goto(T.DEST_ID))
    as_dest = (Load(DEST_IDENTITY, number), Goto(T.EGRESS_ADMIN))
    return Cookie(CookieKind.ADDRESS, number), as_source, as_dest


def _contested(address: Address) -> Iterator[Flow]:
    cookie = Cookie(CookieKind.CONTESTED)
    yield Flow(T.SOURCE_ID, 120, source(address), (), cookie)
    yield Flow(T.DEST_ID, 120, destination(address), (), cookie)


def _elsewhere(address: Address) -> Iterator[Flow]:
    """A pod elsewhere that no rule refers to: its IPAM gave it an address of this node's block."""
    cookie = Cookie(CookieKind.ADDRESS)
    yield Flow(T.SOURCE_ID, 85, source(address), (Goto(T.DEST_ID),), cookie)
    yield Flow(T.DEST_ID, 85, destination(address), (Goto(T.EGRESS_ADMIN),), cookie)


def node_flows(bridge: Bridge) -> Iterator[Flow]:
    """The addresses of the node itself, and those of its block that nobody has yet."""
    for cidr in bridge.pod_cidrs:
        # A connection to or from an address that nobody has must not wait, judged as an outsider's, for whoever gets
        # it.
        for table, whose in ((T.SOURCE_ID, source), (T.DEST_ID, destination)):
            yield Flow(table, 80, whose(cidr), (), Cookie(CookieKind.CLOSED))
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
