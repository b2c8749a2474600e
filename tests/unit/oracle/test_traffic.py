"""Sets of protocols and ports."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from ryu_netpol.model.names import PORT_PROTOCOLS, Protocol
from ryu_netpol.model.net import PortRange
from ryu_netpol.oracle.traffic import EVERYTHING, NOTHING, OTHER, Shot, Traffic, pieces, ports, union

EDGES = (1, 2, 79, 80, 81, 65534, 65535)
SHOTS: list[Shot] = [(OTHER, None), *((protocol, port) for protocol in PORT_PROTOCOLS for port in EDGES)]
OPERATIONS: dict[str, tuple[Callable[[Traffic, Traffic], Traffic], Callable[[bool, bool], bool]]] = {
    "and": (lambda a, b: a & b, lambda a, b: a and b),
    "or": (lambda a, b: a | b, lambda a, b: a or b),
    "minus": (lambda a, b: a - b, lambda a, b: a and not b),
}


def some(rng: random.Random) -> Traffic:
    """A few ranges that meet and overlap."""
    found = NOTHING
    for _ in range(rng.randint(0, 4)):
        span = PortRange(*sorted(rng.choices(EDGES, k=2)))
        found |= ports(rng.choice(PORT_PROTOCOLS), span)
    return rng.choice((found, EVERYTHING - found))


@pytest.mark.parametrize("name", OPERATIONS)
def test_sets_are_combined_shot_by_shot(name: str) -> None:
    """A shot is in the result exactly if the operation says so of the two sets; equal sets are equal values."""
    combine, keep = OPERATIONS[name]
    for seed in range(200):
        rng = random.Random(seed)
        one, two = some(rng), some(rng)

        assert [keep(shot in one, shot in two) for shot in SHOTS] == [shot in combine(one, two) for shot in SHOTS]
        assert one == (one & two) | (one - two)


def test_ranges_begin_and_end_where_they_were_put() -> None:
    """What goes in as ranges of one protocol comes out so; 0 is no port; ranges that touch are one."""
    traffic = ports(Protocol.UDP, PortRange(0, 52)) | ports(Protocol.UDP, PortRange(53, 60))

    assert (PortRange(1, 60),) == traffic.ranges(Protocol.UDP)
    assert () == traffic.ranges(Protocol.TCP) == NOTHING.ranges(Protocol.TCP)
    assert (PortRange(1, 65535),) == EVERYTHING.ranges(Protocol.SCTP)


def test_other_protocols_are_apart() -> None:
    """All ports of all protocols are not everything."""
    all_ports = union(ports(protocol) for protocol in PORT_PROTOCOLS)

    assert EVERYTHING.other
    assert not all_ports.other
    assert (EVERYTHING - all_ports).other


def test_pieces_are_not_cut_by_any_part() -> None:
    """Pieces cover everything once; each part has each of them whole or not at all; the shot is in its piece."""
    parts = [ports(Protocol.TCP, PortRange(80, 90)), ports(Protocol.TCP, PortRange(85, 65535)), ports(Protocol.SCTP)]
    cut = list(pieces(parts))

    assert union(piece for piece, _ in cut) == EVERYTHING
    assert all(part & piece in (NOTHING, piece) for part in parts for piece, _ in cut)
    assert all(shot in piece for piece, shot in cut)
    assert [shot[0].name for _, shot in cut] == ["TCP", "TCP", "TCP", "TCP", "UDP", "SCTP", "ICMP"]
