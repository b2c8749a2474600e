"""Sets of addresses and of ports, written as people write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ryu_netpol.model.names import PORT_PROTOCOLS, Protocol
from ryu_netpol.model.net import BITS, Cidr
from ryu_netpol.oracle.sight import Outside
from ryu_netpol.oracle.traffic import ALL_PORTS, EVERYTHING, Traffic

OTHERS = "ICMP and other protocols"


def blocks(ranges: Iterable[Outside]) -> list[str]:
    """The addresses of these ranges as blocks, as few as possible."""
    return [str(block) for block in _blocks(_joined(ranges))]


def short_blocks(ranges: Iterable[Outside]) -> list[str]:
    """The same, all of one IP version; or one block except others, where that is shorter."""
    chosen = _joined(ranges)
    direct = [*_blocks(chosen)]
    if len(direct) > 2:
        around = _around(chosen)
        excepts = [*_blocks(_gaps(around, chosen))]
        if len(excepts) + 1 < len(direct):
            return [f"{around} except {', '.join(map(str, excepts))}"]
    return list(map(str, direct))


def _joined(ranges: Iterable[Outside]) -> list[Outside]:
    """The same addresses as ranges that neither overlap nor touch, sorted."""
    found: list[Outside] = []
    for some in sorted(ranges):
        if found and found[-1].version == some.version and some.first <= found[-1].last + 1:
            found[-1] = Outside(some.version, found[-1].first, max(found[-1].last, some.last))
        else:
            found.append(some)
    return found


def _blocks(ranges: Iterable[Outside]) -> Iterator[Cidr]:
    """The fewest blocks that have exactly the addresses of these ranges."""
    for some in ranges:
        first, bits = some.first, BITS[some.version]
        while first <= some.last:
            # As large as its first address allows, and as what is left.
            size = min((first & -first or 1 << bits).bit_length(), (some.last - first + 1).bit_length())
            yield Cidr(some.version, first, bits - size + 1)
            first += 1 << size - 1


def _around(ranges: Sequence[Outside]) -> Cidr:
    """The smallest block that has all of them, sorted as they are."""
    version, first, last = ranges[0].version, ranges[0].first, ranges[-1].last
    size = (first ^ last).bit_length()
    return Cidr(version, first >> size << size, BITS[version] - size)


def _gaps(around: Cidr, ranges: Iterable[Outside]) -> Iterator[Outside]:
    """What is left of a block without them, sorted as they are."""
    first = around.network
    for some in ranges:
        if first < some.first:
            yield Outside(around.version, first, some.first - 1)
        first = some.last + 1
    end = around.network + (1 << BITS[around.version] - around.prefix)
    if first < end:
        yield Outside(around.version, first, end - 1)


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
