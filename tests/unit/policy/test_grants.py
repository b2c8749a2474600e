"""What several rules allow together."""

from __future__ import annotations

import pytest

from ryu_netpol.model.names import Direction, PolicyKey, Protocol
from ryu_netpol.model.net import Cidr
from ryu_netpol.model.objects import Rule
from ryu_netpol.policy.grants import Grants, cover
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.resolve import Peers, PortMatch, Ports, ResolvedRule, RuleKey
from tests.support import build

WEB, DB = Identity("shop", build.labels("app=web")), Identity("shop", build.labels("app=db"))


def tcp(first: int = -1, last: int | None = None) -> PortMatch:
    """Some ports of TCP, or all of them."""
    return PortMatch(Protocol.TCP, first, first if last is None else last)


UDP_53 = PortMatch(Protocol.UDP, 53, 53)
COVERED: dict[str, tuple[list[Ports | None], Ports | None, bool]] = {
    "nothing": ([], (tcp(80),), False),
    "the same": ([(tcp(80),)], (tcp(80),), True),
    "any port": ([None], (tcp(80), UDP_53), True),
    "any protocol is more than all ports": ([(tcp(), PortMatch(Protocol.UDP), PortMatch(Protocol.SCTP))], None, False),
    "any protocol": ([(tcp(80),), None], None, True),
    "all ports of a protocol, in two ranges": ([(tcp(0, 79),), (tcp(80, 65535),)], (tcp(),), True),
    "all ports but one": ([(tcp(1, 65535),)], (tcp(),), False),
    "ranges that meet": ([(tcp(80, 85),), (tcp(86, 90),)], (tcp(82, 88),), True),
    "a gap of one port": ([(tcp(80, 85),), (tcp(87, 90),)], (tcp(82, 88),), False),
    "a range inside another": ([(tcp(80, 90), tcp(82, 83))], (tcp(80, 90),), True),
    "another protocol": ([(tcp(53),)], (UDP_53,), False),
    "one of two": ([(tcp(80),)], (tcp(80), UDP_53), False),
    "no port at all": ([], (), True),
}


@pytest.mark.parametrize(("allowed", "wanted", "covered"), COVERED.values(), ids=COVERED.keys())
def test_ports_of_several_rules(allowed: list[Ports | None], wanted: Ports | None, *, covered: bool) -> None:
    """Ports count together, each protocol for itself."""
    assert cover(allowed, wanted) == covered


def rule(peers: Peers | None, ports: Ports | None) -> ResolvedRule:
    """A rule for these peers."""
    selector = build.selector("app=db")
    key = RuleKey(PolicyKey("shop", "db"), Direction.INGRESS, selector, Rule(None, None), ports)
    return ResolvedRule(key, frozenset({DB}), peers, ports)


def blocks(*cidrs: str) -> Peers:
    """Peers by address."""
    return Peers(blocks=frozenset(map(Cidr.parse, cidrs)))


GRANTS = Grants(
    [
        rule(Peers(frozenset({WEB})), (tcp(80),)),
        rule(blocks("10.0.0.0/8", "10.1.0.0/24"), (tcp(81),)),
        rule(blocks("10.1.0.0/16", "fd00::/16"), (tcp(82),)),
        rule(None, (tcp(83),)),
        rule(None, (tcp(443), UDP_53)),
    ],
    wanted=(tcp(80, 83),),
)


def test_pods_by_what_they_are() -> None:
    """A pod has what rules that name its identity allow, and what all are allowed, of what is wanted."""
    allowed = [GRANTS.to_identity(identity) for identity in (WEB, DB, None)]

    assert allowed == [[(tcp(80),), (tcp(83),)], [(tcp(83),)], [(tcp(83),)]]


LACKING: dict[str, tuple[Ports | None, dict[Identity | None, int]]] = {
    "nothing": ((tcp(83),), {}),
    "some pods a port": ((tcp(80), tcp(83)), {DB: 1, None: 1}),
    "all pods a port": ((tcp(80), tcp(81)), {WEB: 1, DB: 0, None: 0}),
    "all pods any protocol": (None, {WEB: 0, DB: 0, None: 0}),
}


@pytest.mark.parametrize(("wanted", "expected"), LACKING.values(), ids=LACKING.keys())
def test_who_lacks_something(wanted: Ports | None, expected: dict[Identity | None, int]) -> None:
    """Pods who do not have enough for what they are, each with what rules that have to do with it allow."""
    rules = [rule(Peers(frozenset({WEB})), (tcp(80),)), rule(None, (tcp(83),))]
    lacking = Grants(rules, wanted).lacking(frozenset({WEB, DB, None}))

    assert {identity: len(allowed) for some, allowed in lacking for identity in some} == expected


REGIONS = {"10.0.0.0/7": {83}, "10.0.0.0/8": {81, 83}, "10.1.0.0/20": {81, 82, 83}, "fd00:1::/32": {82, 83}}


@pytest.mark.parametrize(("region", "ports"), REGIONS.items(), ids=REGIONS.keys())
def test_regions(region: str, ports: set[int]) -> None:
    """A region has what blocks that fill it allow, not those that lie in it."""
    allowed = GRANTS.throughout(Cidr.parse(region))

    assert ports == {match.first for some in allowed for match in some or ()}


def test_an_address() -> None:
    """An address lies in blocks of all sizes."""
    allowed = GRANTS.to_address(build.address("10.1.0.7"))

    assert sorted(match.first for some in allowed for match in some or ()) == [81, 81, 82, 83]


SPLIT = {"0.0.0.0/0": True, "10.1.0.0/16": True, "10.1.0.0/24": False, "10.2.0.0/16": False, "fd00::/15": True}


@pytest.mark.parametrize(("region", "split"), SPLIT.items(), ids=SPLIT.keys())
def test_where_halves_differ(region: str, *, split: bool) -> None:
    """A region is looked at in halves where some block lies in it and does not fill it."""
    assert GRANTS.splits(Cidr.parse(region)) == split
