"""Everybody at once: the same as pair by pair, and few questions."""

from __future__ import annotations

import random

import pytest

from ryu_netpol.model.names import Direction, NodeName, PodKey, Protocol
from ryu_netpol.model.net import VERSIONS, PortRange
from ryu_netpol.model.objects import Cluster
from ryu_netpol.oracle.board import Board
from ryu_netpol.oracle.places import place_set, places, union
from ryu_netpol.oracle.sight import UNJUDGED, End, NodeAddress, Terms
from ryu_netpol.oracle.space import Space
from ryu_netpol.oracle.traffic import EVERYTHING, ports
from tests.support import build
from tests.support.crowd import crowded
from tests.support.strategies import ALL, random_cluster

A, B, C = (PodKey("shop", name) for name in "abc")
NODES = tuple(NodeAddress(NodeName(f"node{n}"), build.address(f"192.168.0.{n}")) for n in (1, 2))
PODS = (
    build.node("node1", "192.168.0.1"),
    build.node("node2", "192.168.0.2"),
    build.pod("shop/a", "10.244.1.10", node="node1"),
    build.pod("shop/b", "10.244.1.11", node="node1"),
    build.pod("shop/c", "10.244.2.12", node="node2"),
)
CLOSED = build.policy("shop/closed", types=[build.INGRESS, build.EGRESS])


def space(*objects: object) -> Space:
    """All connections of a cluster with these objects."""
    described = Cluster.of(*objects)  # type: ignore[arg-type]
    return Space(described, Terms(described))


def everybody(found: Space) -> list[list[End]]:
    """All ends of a space, one at each place; at some of them, nobody is there in one of the versions."""
    pods: list[End] = sorted({key for key, _ in found.pods})
    outside: list[End] = [some for version in VERSIONS for some in found.terms.ranges(version)]
    return [[end] for end in (*pods, *sorted(found.nodes), *outside)]


def is_own_node(found: Space, one: End, other: End) -> bool:
    """Whether these are a pod and its node."""
    pair = (one, other) if isinstance(one, PodKey) else (other, one)
    pod, node = pair
    return isinstance(pod, PodKey) and isinstance(node, NodeAddress) and found.cluster.pods[pod].node == node.node


@pytest.mark.parametrize("start", range(0, 60, 20), ids="clusters from {}".format)
def test_the_board_says_what_the_space_says_of_each_pair(start: int) -> None:
    """In both directions and versions; of a pod and its own node, whatever policies say of somebody like the node."""
    for seed in range(start, start + 20):
        rng = random.Random(seed)
        found = space(*crowded(rng, random_cluster(rng, features=ALL)).objects())
        ends = everybody(found)
        for version in VERSIONS:
            board = Board(found, version, ends)
            for _ in range(200):
                one, other = rng.choices([*places(board.there)], k=2)
                pair = ends[one][0], ends[other][0]
                if one == other or is_own_node(found, *pair):
                    continue
                try:
                    expected = [found.judged(direction, *pair, version) for direction in Direction]
                except ValueError:  # every address of the range is taken
                    continue

                assert [
                    board.share(Direction.INGRESS, other, one)[1],
                    board.share(Direction.EGRESS, one, other)[1],
                ] == expected, (seed, pair)


def test_shares_are_everybody_once() -> None:
    """All who are there are in one share, as peers of one and as subjects of many; who is not there is in none."""
    found = space(*PODS, CLOSED, build.policy("shop/a-only", ingress=[build.rule(build.pods("app=a"))]))
    ends = [*everybody(found), [PodKey("shop", "nobody")], []]
    board = Board(found, 4, ends)

    assert place_set(n for n, some in enumerate(ends) if some and found.sight(some[0], 4) is not None) == board.there
    for said in (board.shares(Direction.INGRESS, 0, -1), board.heard(Direction.EGRESS, 0, -1)):
        sets = [some for some, _ in said]
        assert union(sets) == board.there
        assert sum(some.bit_count() for some in sets) == board.there.bit_count()


def test_the_own_node_is_asked_about_only_if_there_is_nobody_like_it() -> None:
    """Somebody on another node shows what policies say to a node; where all are on it, there is only its right."""
    node = build.policy("shop/node", ingress=[build.rule(build.block("192.168.0.1/32"), ports=["TCP/80"])])
    found = space(*PODS, node)
    with_c = Board(found, 4, [[A, B], [C], [NODES[0]]])
    alone = Board(found, 4, [[A, B], [NODES[0]]])
    expected = ports(Protocol.TCP, PortRange(80, 80)), EVERYTHING

    assert expected == tuple(
        board.share(Direction.INGRESS, 0, at)[1].allowed for board, at in ((with_c, 2), (alone, 1))
    )


def test_what_is_no_pod_judges_nothing() -> None:
    """Nodes let everything through."""
    board = Board(space(*PODS, CLOSED), 4, [[A], [NODES[0]], [NODES[1]]])

    assert UNJUDGED == board.share(Direction.INGRESS, 1, 0)[1] == board.share(Direction.EGRESS, 2, 0)[1]


def test_few_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of questions does not follow the number of pods, nor that of kinds which a policy does not look at."""
    asked = []
    ask = Space._ask
    monkeypatch.setattr(Space, "_ask", lambda *args: asked.append(args) or ask(*args))
    pods = [
        build.pod(f"shop/p{n}", f"10.244.{n // 250}.{n % 250}", labelled=f"app=a{n % 50},color=c{n % 2}")
        for n in range(2000)
    ]
    policies = [
        build.policy(f"shop/p{n}", f"app=a{n}", ingress=[build.rule(build.pods(f"app=a{n + 1}"))]) for n in range(50)
    ]
    found = space(*pods, *policies)
    board = Board(found, 4, [[pod.key] for pod in pods])
    for place in range(len(pods)):
        for direction in Direction:
            assert board.there == union(some for some, _ in board.shares(direction, place, -1))

    # Who is let in, and who is not, by each policy; and what nobody limits.
    assert len(asked) <= 2 * 50 + 1
