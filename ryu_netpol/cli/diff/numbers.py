"""Sets of addresses and of ports, written as people write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import netaddr

from ryu_netpol.model.names import PORT_PROTOCOLS, Protocol
from ryu_netpol.model.net import Address
from ryu_netpol.oracle.sight import Outside
from ryu_netpol.oracle.traffic import ALL_PORTS, EVERYTHING, Traffic

OTHERS = "ICMP and other protocols"


def blocks(ranges: Iterable[Outside]) -> list[str]:
    """The addresses of these ranges as blocks, as few as possible."""
    return [str(block) for block in _set(ranges).iter_cidrs()]


def short_blocks(ranges: Iterable[Outside]) -> list[str]:
    """The same, all of one IP version; or one block except others, where that is shorter."""
    chosen = _set(ranges)
    direct = chosen.iter_cidrs()
    if len(direct) > 2:
        around = netaddr.spanning_cidr(direct)
        excepts = (netaddr.IPSet([around]) - chosen).iter_cidrs()
        if len(excepts) + 1 < len(direct):
            return [f"{around} except {', '.join(map(str, excepts))}"]
    return [str(block) for block in direct]


def _set(ranges: Iterable[Outside]) -> netaddr.IPSet:
    found = netaddr.IPSet()
    for some in ranges:
        first, last = (str(Address(some.version, value)) for value in (some.first, some.last))
        found.add(netaddr.IPRange(first, last))
    return found


def traffic_words(traffic: Traffic) -> str:
    """Protocols and ports; or everything but some, where that is shorter."""
    if traffic == EVERYTHING:
        return "everything"
    direct, rest = [*_listed(traffic)], [*_listed(EVERYTHING - traffic)]
    return f"everything but {', '.join(rest)}" if len(rest) < len(direct) else ", ".join(direct)


def port_texts(traffic: Traffic, protocol: Protocol) -> list[str]:
    """The ports of one protocol: "80", "8000-8090"."""
    return list(map(str, traffic.ranges(protocol)))


def _listed(traffic: Traffic) -> Iterator[str]:
    for protocol in PORT_PROTOCOLS:
        ranges = traffic.ranges(protocol)
        if ranges == (ALL_PORTS,):
            yield f"all {protocol.name}"
        else:
            yield from (f"{protocol.name}/{span}" for span in ranges)
    if traffic.other:
        yield OTHERS
