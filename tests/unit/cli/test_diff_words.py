"""How `ryu-netpol diff` says who and what, and what it puts together."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterable
from dataclasses import astuple
from itertools import pairwise
from typing import Any

import pytest

from ryu_netpol.cli.diff.describe import Words
from ryu_netpol.cli.diff.merge import Rectangle, rectangles
from ryu_netpol.cli.diff.numbers import blocks, short_blocks, traffic_words
from ryu_netpol.model.names import NodeName, PodKey, Protocol
from ryu_netpol.model.net import PortRange, Version
from ryu_netpol.oracle.places import Places, places
from ryu_netpol.oracle.sight import End, NodeAddress, Outside
from ryu_netpol.oracle.traffic import EVERYTHING, NOTHING, Traffic, ports
from tests.support import build

LABELS = {
    PodKey("shop", "web-1"): build.labels("app=web,tier=front"),
    PodKey("shop", "web-2"): build.labels("app=web,tier=front"),
    PodKey("shop", "db-1"): build.labels("app=db,tier=back"),
    PodKey("shop", "db-2"): build.labels("app=db,tier=front"),
    PodKey("shop", "job"): build.labels("app=job,tier=back"),
    PodKey("office", "web"): build.labels("app=web"),
    PodKey("office", "desk"): build.labels("app=desk"),
    **{PodKey("many", f"pod-{letter}"): build.labels("app=same") for letter in "abcdefghijkl"},
}
OUTSIDE = (
    Outside(4, 0, 0x09FFFFFF),
    Outside(4, 0x0A000000, 0x0AFFFFFF),
    Outside(4, 0x0B000000, 0xFFFFFFFF),
    Outside(6, 0, (1 << 128) - 1),
)
NODES = tuple(
    NodeAddress(NodeName(name), build.address(text))
    for name, text in (("node1", "192.168.0.1"), ("node1", "fd00::1"), ("node2", "192.168.0.2"))
)
EVERYBODY: frozenset[End] = frozenset({*LABELS, *NODES, *OUTSIDE})
WORDS = Words(EVERYBODY, LABELS)
ADDRESS: dict[int, Any] = {4: ipaddress.IPv4Address, 6: ipaddress.IPv6Address}

PODS = {
    "shop/job": "shop/job",
    "shop/web-1 shop/web-2": "app=web in shop (2 pods)",
    "shop/db-1 shop/web-1": "shop/db-1, shop/web-1",
    "shop/web-1 shop/web-2 office/web": "app=web in any namespace (3 pods)",
    "shop/web-1 shop/web-2 shop/db-1 shop/db-2": "all pods of shop but job",
    "shop/web-1 shop/web-2 shop/job": "app in (job,web) in shop (3 pods)",
    "shop/web-1 shop/web-2 shop/db-2": "tier=front in shop (3 pods)",
    "office/web office/desk": "all pods of office",
    "office/web office/desk shop/job": "all pods of office, shop/job",
    " ".join(f"many/pod-{x}" for x in "abcdefghij"): "many/pod-a, many/pod-b, many/pod-c and 7 more pods of many",
}  # fmt: skip


@pytest.mark.parametrize("names", PODS, ids=PODS.values())
def test_pods(names: str) -> None:
    """By name, by a label that nobody else has, by whole namespaces, by who is left out, else by some names."""
    pods = frozenset(PodKey(*name.split("/")) for name in names.split())

    assert PODS[names] == WORDS.who(pods)


def test_everybody() -> None:
    """Nobody, everybody and nearly everybody are short."""
    job = PodKey("shop", "job")

    assert WORDS.who(EVERYBODY) == "everybody"
    assert WORDS.who(EVERYBODY - {job}) == "everybody but shop/job"
    assert WORDS.who(EVERYBODY - {job}, frozenset({job})) == "everybody"
    assert WORDS.who(frozenset(LABELS)) == "all pods"
    assert WORDS.who(frozenset(LABELS) - {job}) == "all pods but shop/job"
    assert WORDS.who(frozenset(OUTSIDE)) == "everybody outside"


def test_nodes() -> None:
    """By name, with the address where only one of several is meant."""
    assert WORDS.who(frozenset(NODES)) == "all nodes"
    assert WORDS.who(frozenset(NODES[:2])) == "node/node1"
    assert WORDS.who(frozenset(NODES[1:])) == "node/node1 at fd00::1, node/node2"


def test_blocks() -> None:
    """As few blocks as possible, or one except others."""
    assert WORDS.who(frozenset(OUTSIDE[1:2])) == "10.0.0.0/8"
    assert WORDS.who(frozenset({OUTSIDE[0], OUTSIDE[2]})) == "0.0.0.0/0 except 10.0.0.0/8"
    assert WORDS.who(frozenset(OUTSIDE[1:3])) == "0.0.0.0/0 except 0.0.0.0/5, 8.0.0.0/7"
    assert WORDS.who(frozenset(OUTSIDE[3:])) == "::/0"


def test_exceptions_end_where_their_brackets_do() -> None:
    """A description with exceptions of its own is in brackets, unless it is all that is said."""
    all_but_job = frozenset(PodKey("shop", name) for name in ("web-1", "web-2", "db-1", "db-2"))
    but_ten = frozenset({OUTSIDE[0], OUTSIDE[2]})

    assert WORDS.who(all_but_job) == "all pods of shop but job"
    assert WORDS.who(all_but_job | but_ten) == "(all pods of shop but job), (0.0.0.0/0 except 10.0.0.0/8)"
    assert WORDS.who(EVERYBODY - all_but_job) == "everybody but (all pods of shop but job)"


TRAFFIC: dict[str, Traffic] = {
    "everything": EVERYTHING,
    "": NOTHING,
    "all TCP": ports(Protocol.TCP),
    "TCP/80, TCP/8000-8090, UDP/53": ports(Protocol.TCP, PortRange(80, 80))
    | ports(Protocol.TCP, PortRange(8000, 8090))
    | ports(Protocol.UDP, PortRange(53, 53)),
    "everything but UDP/53": EVERYTHING - ports(Protocol.UDP, PortRange(53, 53)),
    "ICMP and other protocols": EVERYTHING
    - ports(Protocol.TCP)
    - ports(Protocol.UDP)
    - ports(Protocol.SCTP),
}  # fmt: skip


@pytest.mark.parametrize("words", TRAFFIC, ids=lambda words: words or "nothing")
def test_traffic(words: str) -> None:
    """Ports by protocol, or what is left out of everything."""
    assert words == traffic_words(TRAFFIC[words])


@pytest.mark.parametrize("version", [4, 6], ids="IPv{}".format)
def test_blocks_are_exactly_the_addresses(version: Version) -> None:
    """As few blocks as possible; or one except others, with the same addresses."""
    bits = {4: 32, 6: 128}[version]
    for seed in range(100):
        rng = random.Random(seed)
        base = rng.choice((0, (1 << bits) - 64, 0x0A000000))
        cuts = sorted({base, *(base + rng.randrange(64) for _ in range(8)), *rng.choice(((), (0, 1 << bits)))})
        ranges = [Outside(version, first, end - 1) for first, end in pairwise(cuts) if rng.random() < 0.7]
        parts = (ipaddress.summarize_address_range(*map(ADDRESS[version], some[1:])) for some in map(astuple, ranges))
        expected = [*ipaddress.collapse_addresses(network for part in parts for network in part)]
        rng.shuffle(ranges)

        assert expected == [*map(ipaddress.ip_network, blocks(ranges))]
        assert expected == written_out(short_blocks(ranges))


def written_out(texts: list[str]) -> list[Any]:
    """The same without "except"."""
    around, _, excepts = ", ".join(texts).partition(" except ")
    left: list[Any] = [*map(ipaddress.ip_network, filter(None, around.split(", ")))]
    for hole in map(ipaddress.ip_network, filter(None, excepts.split(", "))):
        left = [part for some in left for part in (some.address_exclude(hole) if hole.subnet_of(some) else [some])]
    return sorted(left)


def by_destination(pairs: Iterable[tuple[int, int]]) -> dict[int, Places]:
    """The sources of each destination."""
    found: dict[int, Places] = {}
    for source, destination in pairs:
        found[destination] = found.get(destination, 0) | 1 << source
    return found


def test_rectangles_cover_what_they_must() -> None:
    """Every pair is covered once, whatever else is covered is optional."""
    for seed in range(200):
        rng = random.Random(seed)
        everything = [(source, destination) for source in range(6) for destination in range(6)]
        pairs = set(rng.sample(everything, rng.randint(1, 30)))
        optional = set(rng.sample(everything, 6)) - pairs
        found = rectangles(by_destination(pairs), by_destination(optional), everybody=0b111111)
        covered = [(s, d) for some in found for s in places(some.sources) for d in places(some.destinations)]

        assert sorted(pairs - set(covered)) == []
        assert set() == set(covered) - pairs - optional
        assert len(covered) == len(set(covered))


def test_gaps_that_do_not_matter_are_filled() -> None:
    """Where nobody is compared with himself, all with all is one rectangle."""
    everybody = 0b1111
    itself = {place: 1 << place for place in range(4)}
    pairs = {place: everybody & ~itself[place] for place in range(4)}

    assert [Rectangle(everybody, everybody)] == rectangles(pairs, itself, everybody=everybody)
    assert len(rectangles(pairs, {}, everybody=everybody)) == 4
