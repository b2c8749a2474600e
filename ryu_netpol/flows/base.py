"""The part of the pipeline that is the same for every node and every policy, but for the gateway and the epoch.

docs/ovs-facts.md has the reason of every flow that is not obvious here: they were tried with packets first.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from ryu_netpol.flows.bridge import SECOND_MAC, Bridge, multicast_and_link_local
from ryu_netpol.flows.fields import (
    CT_ZONE,
    ETH_ARP,
    KIND,
    LOCAL_DEST,
    LOCAL_SOURCE,
    MARK_EPOCH,
    MARK_FROM_GATEWAY,
    ORIGIN_GATEWAY,
    TO_NODE,
    TURNED,
    Kind,
    whole,
)
from ryu_netpol.flows.ir import (
    Action,
    Cookie,
    CookieKind,
    Ct,
    Flow,
    Goto,
    InPort,
    Load,
    Match,
    Move,
    Output,
    Pop,
    Push,
    Resubmit,
    SetField,
)
from ryu_netpol.flows.matches import (
    CT_EST,
    CT_INV,
    CT_NEW,
    CT_REL,
    CT_RPL,
    CT_TRK,
    ICMP6,
    IP,
    PORT_FIELD,
    ct,
    destination,
    protocol,
    reg,
    source,
)
from ryu_netpol.flows.pipeline import TABLES, TableId
from ryu_netpol.model.names import PORT_PROTOCOLS, Epoch, Protocol
from ryu_netpol.model.net import VERSIONS, Cidr, Version

T = TableId
BASE = Cookie(CookieKind.BASE)
ARP_REQUEST = Match.of(eth_type=ETH_ARP, arp_op=1)
SOLICITATION = ICMP6 + Match.of(icmpv6_type=135, icmpv6_code=0)
ADVERTISEMENT = ICMP6 + Match.of(icmpv6_type=136)
ROUTER_AND_NEIGHBOUR = (133, 134, 135, 136, 137)
"""ICMPv6 types of neighbour discovery (RFC 4861 section 4)."""
MULTICAST_LISTENER_REPORT = 143


@lru_cache(maxsize=16)
def base_flows(bridge: Bridge) -> tuple[Flow, ...]:
    """Every flow that no endpoint, address, policy or epoch brings about."""
    return tuple(_base_flows(bridge))


def _base_flows(bridge: Bridge) -> Iterator[Flow]:
    yield from misses()
    yield from _gateway_classify(bridge)
    yield from _arp_nd(bridge)
    yield from _conntrack()
    yield from _skips(bridge)
    yield from _turn_back()
    yield from _forward(bridge)


@lru_cache(maxsize=16)
def epoch_flows(epoch: Epoch) -> tuple[Flow, ...]:
    """The flows that carry the epoch: connections that were judged in it pass, and those judged now get it."""
    return (*_current(epoch), *_commit(epoch))


def misses() -> Iterator[Flow]:
    """What each table does with packets that nothing else matches."""
    for table in TABLES.values():
        actions = () if table.miss is None else (Goto(table.miss),)
        yield Flow(table.id, 0, Match(), actions, Cookie(CookieKind.MISS, table.id))


def _flow(table: TableId, priority: int, match: Match, *actions: Action) -> Flow:
    return Flow(table, priority, match, actions, BASE)


def _gateway_classify(bridge: Bridge) -> Iterator[Flow]:
    here = Match.of(in_port=bridge.gateway_port)
    kind = Load(KIND, Kind.GATEWAY)
    for icmp_type in (*ROUTER_AND_NEIGHBOUR, MULTICAST_LISTENER_REPORT):
        yield _flow(T.CLASSIFY, 200, here + ICMP6 + Match.of(icmpv6_type=icmp_type))
    yield _flow(T.CLASSIFY, 210, here + SOLICITATION, kind, Goto(T.ARP_ND))
    yield _flow(T.CLASSIFY, 200, here + ARP_REQUEST, kind, Goto(T.ARP_ND))
    for version in VERSIONS:
        yield _flow(T.CLASSIFY, 100, here + IP[version], kind, Load(ORIGIN_GATEWAY, 1), Goto(T.CONNTRACK))


def _arp_nd(bridge: Bridge) -> Iterator[Flow]:
    pods, gateway = reg(KIND, Kind.ENDPOINT), reg(KIND, Kind.GATEWAY)
    yield _flow(T.ARP_ND, 100, pods + ARP_REQUEST, *_arp_reply(bridge.gateway_mac))
    yield _flow(T.ARP_ND, 100, pods + SOLICITATION, *_nd_reply(bridge.gateway_mac))
    yield _flow(T.ND_REPLY, 100, pods + ADVERTISEMENT, *_nd_finish(bridge.gateway_mac))
    yield _flow(T.ND_REPLY, 100, gateway + ADVERTISEMENT, *_nd_finish(SECOND_MAC))
    # Duplicate address detection comes from the unspecified address and is never answered (RFC 4862 section 5.4).
    yield _flow(T.ARP_ND, 120, ICMP6 + Match.of(icmpv6_type=135, ipv6_src=0))
    for cidr in bridge.pod_cidrs:
        yield answer_to_gateway(cidr, BASE)
    for own in (*bridge.gateway_addresses, *bridge.node_speaks_from):
        # The gateway announcing its own addresses must not hear that somebody has them.
        if own.version == 4:
            yield _flow(T.ARP_ND, 110, gateway + ARP_REQUEST + Match.of(arp_tpa=own.value))
        else:
            yield _flow(T.ARP_ND, 110, gateway + SOLICITATION + Match.of(nd_target=own.value))


def answer_to_gateway(block: Cidr, cookie: Cookie) -> Flow:
    """Tells the gateway that the second MAC has the addresses of a block, whoever has them."""
    asked = reg(KIND, Kind.GATEWAY)
    if block.version == 4:
        match = asked + ARP_REQUEST + Match.of(arp_tpa=(block.network, block.mask))
        return Flow(T.ARP_ND, 100, match, _arp_reply(SECOND_MAC), cookie)
    match = asked + SOLICITATION + Match.of(nd_target=(block.network, block.mask))
    return Flow(T.ARP_ND, 100, match, _nd_reply(SECOND_MAC), cookie)


def _arp_reply(mac: int) -> tuple[Action, ...]:
    return (
        Move(whole("eth_src"), whole("eth_dst")),
        SetField("eth_src", mac),
        SetField("arp_op", 2),
        Move(whole("arp_sha"), whole("arp_tha")),
        SetField("arp_sha", mac),
        Push(whole("arp_spa")),
        Move(whole("arp_tpa"), whole("arp_spa")),
        Pop(whole("arp_tpa")),
        InPort(),
    )


def _nd_reply(mac: int) -> tuple[Action, ...]:
    return (
        Move(whole("eth_src"), whole("eth_dst")),
        SetField("eth_src", mac),
        Push(whole("ipv6_src")),
        Move(whole("nd_target"), whole("ipv6_src")),
        Pop(whole("ipv6_dst")),
        SetField("icmpv6_type", 136),
        Resubmit(T.ND_REPLY),
    )


def _nd_finish(mac: int) -> tuple[Action, ...]:
    # Flags router, solicited, override (RFC 4861 section 4.4); option 2 is the target's link-layer address.
    return (
        SetField("nd_reserved", 0xE0000000),
        SetField("nd_options_type", 2),
        SetField("nd_tll", mac),
        InPort(),
    )


def _swap(version: Version, proto: Protocol | None) -> tuple[Action, ...]:
    """Exchange source and destination."""
    fields = [(f"ipv{version}_src", f"ipv{version}_dst")]
    if proto is not None:
        fields.append((f"{PORT_FIELD[proto]}_src", f"{PORT_FIELD[proto]}_dst"))
    actions: list[Action] = []
    for src, dst in fields:
        actions += [Push(whole(src)), Push(whole(dst)), Pop(whole(src)), Pop(whole(dst))]
    return tuple(actions)


def _current(epoch: Epoch) -> Iterator[Flow]:
    # An error answers a packet that has just passed, so its connection was judged in this epoch.
    yield _flow(T.CT_STATE, 190, ct(on=CT_REL | CT_TRK) + reg(MARK_EPOCH, epoch), Goto(T.RELATED))
    yield _flow(T.CT_STATE, 180, ct(on=CT_EST | CT_TRK) + reg(MARK_EPOCH, epoch), Goto(T.FORWARD))


def _conntrack() -> Iterator[Flow]:
    for version in VERSIONS:
        yield _flow(T.CONNTRACK, 100, IP[version], Ct(CT_ZONE, table=T.ORIGIN))
    for bit in (0, 1):
        match = ct(on=CT_RPL | CT_TRK) + reg(MARK_FROM_GATEWAY, bit)
        yield _flow(T.ORIGIN, 100, match, Load(ORIGIN_GATEWAY, bit), Goto(T.CT_STATE))
    yield _flow(T.CT_STATE, 200, ct(on=CT_INV | CT_TRK))
    yield _flow(T.CT_STATE, 189, ct(on=CT_REL | CT_TRK))
    yield _flow(T.RELATED, 100, reg(KIND, Kind.GATEWAY), Goto(T.FORWARD))
    yield _flow(T.CT_STATE, 100, ct(on=CT_EST | CT_TRK, off=CT_RPL), Goto(T.SERVICE))
    yield _flow(T.CT_STATE, 100, ct(on=CT_NEW | CT_TRK), Goto(T.SERVICE))
    stale_reply = ct(on=CT_EST | CT_RPL | CT_TRK)
    turn = Load(TURNED, 1)
    for version in VERSIONS:
        yield _flow(T.CT_STATE, 90, stale_reply + IP[version], turn, *_swap(version, None), Goto(T.SERVICE))
        for proto in PORT_PROTOCOLS:
            # Userspace conntrack does not see SCTP ports: SCTP is judged always, in both directions.
            priority = 185 if proto is Protocol.SCTP else 95
            match = protocol(version, proto)
            yield _flow(T.CT_STATE, priority, stale_reply + match, turn, *_swap(version, proto), Goto(T.SERVICE))
            if proto is Protocol.SCTP:
                original = ct(on=CT_EST | CT_TRK, off=CT_RPL)
                yield _flow(T.CT_STATE, priority, original + match, Goto(T.SERVICE))


def _skips(bridge: Bridge) -> Iterator[Flow]:
    """Whom policy does not concern. A local end that its table did not recognise is closed, never skipped."""
    endpoint = reg(KIND, Kind.ENDPOINT)
    forward, turned = reg(TURNED, 0), reg(TURNED, 1)
    yield _flow(T.EGRESS_ADMIN, 60001, endpoint + forward + reg(LOCAL_SOURCE, 0))
    yield _flow(T.EGRESS_ADMIN, 60000, reg(LOCAL_SOURCE, 0), Goto(T.INGRESS_ADMIN))
    yield _flow(T.INGRESS_ADMIN, 60001, endpoint + turned + reg(LOCAL_DEST, 0))
    yield _flow(T.INGRESS_ADMIN, 60000, reg(LOCAL_DEST, 0), Goto(T.COMMIT))
    node = Cookie(CookieKind.NODE)
    for second in bridge.node_speaks_from:
        match = reg(ORIGIN_GATEWAY, 1) + source(second)
        yield Flow(T.INGRESS_ADMIN, 50000, match, (Goto(T.COMMIT),), node)
    yield Flow(T.EGRESS, 60000, reg(TO_NODE, 1), (Goto(T.INGRESS_ADMIN),), node)


def _turn_back() -> Iterator[Flow]:
    turned, back = reg(TURNED, 1), Load(TURNED, 0)
    for version in VERSIONS:
        yield _flow(T.COMMIT, 200, turned + IP[version], back, *_swap(version, None), Resubmit(T.COMMIT))
        for proto in PORT_PROTOCOLS:
            match = turned + protocol(version, proto)
            yield _flow(T.COMMIT, 210, match, back, *_swap(version, proto), Resubmit(T.COMMIT))


def _commit(epoch: Epoch) -> Iterator[Flow]:
    mark = Load(MARK_EPOCH, epoch)
    for version in VERSIONS:
        ip = IP[version]
        opened_outside = reg(ORIGIN_GATEWAY, 1) + ct(on=CT_NEW | CT_TRK) + ip
        yield _flow(
            T.COMMIT,
            100,
            opened_outside,
            Ct(CT_ZONE, commit=True, mark=(mark, Load(MARK_FROM_GATEWAY, 1))),
            Goto(T.FORWARD),
        )
        yield _flow(T.COMMIT, 90, ip, Ct(CT_ZONE, commit=True, mark=(mark,)), Goto(T.FORWARD))


def to_gateway(bridge: Bridge) -> tuple[Action, ...]:
    """Hand the packet to the node's stack."""
    return (
        SetField("eth_src", SECOND_MAC),
        SetField("eth_dst", bridge.gateway_mac),
        Output(bridge.gateway_port),
    )


def _forward(bridge: Bridge) -> Iterator[Flow]:
    for cidr in multicast_and_link_local():
        yield _flow(T.FORWARD, 300, destination(cidr))
    replies = reg(KIND, Kind.ENDPOINT) + reg(ORIGIN_GATEWAY, 1)
    yield _flow(T.FORWARD, 200, replies, *to_gateway(bridge))
    yield _flow(T.FORWARD, 50, reg(KIND, Kind.GATEWAY))
    for version in VERSIONS:
        yield _flow(T.FORWARD, 10, IP[version], *to_gateway(bridge))
