"""How `ryu-netpol diff` says who and what, and what it puts together."""

from __future__ import annotations

import random

import pytest

from ryu_netpol.cli.diff.describe import Words
from ryu_netpol.cli.diff.merge import Rectangle, rectangles
from ryu_netpol.cli.diff.numbers import traffic_words
from ryu_netpol.model.names import NodeName, PodKey, Protocol
from ryu_netpol.model.net import PortRange
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


def test_rectangles_cover_what_they_must() -> None:
    """Every pair is covered once, whatever else is covered is optional."""
    for seed in range(200):
        rng = random.Random(seed)
        everything = [(source, destination) for source in range(6) for destination in range(6)]
        pairs = set(rng.sample(everything, rng.randint(1, 30)))
        optional = set(rng.sample(everything, 6)) - pairs
        found = rectangles(pairs, optional, everybody=frozenset(range(6)))
        covered = [(s, d) for rectangle in found for s in rectangle.sources for d in rectangle.destinations]

        assert sorted(pairs - set(covered)) == []
        assert set() == set(covered) - pairs - optional
        assert len(covered) == len(set(covered))


def test_gaps_that_do_not_matter_are_filled() -> None:
    """Where nobody is compared with himself, all with all is one rectangle."""
    pairs = [(a, b) for a in range(4) for b in range(4) if a != b]
    everybody = frozenset(range(4))

    assert [Rectangle(everybody, everybody)] == rectangles(pairs, [(a, a) for a in range(4)], everybody=everybody)
    assert len(rectangles(pairs, [], everybody=everybody)) == 4
