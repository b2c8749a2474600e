"""ICMP errors about established connections (NP-53): who may say what about which connection."""

from __future__ import annotations

import pytest

from ryu_netpol.flows.interpret import ConnState, Interpreter
from ryu_netpol.flows.numbers import following
from ryu_netpol.flows.offline import FIRST_EPOCH, offline_node
from ryu_netpol.model.net import Address
from tests.support import build
from tests.support.nodes import pod_cidrs
from tests.support.strategies import OURS

A4, B4, OUT4 = "10.244.1.10", "10.244.1.11", "203.0.113.7"
A6, B6, OUT6 = "fd00:10:244:1::a", "fd00:10:244:1::b", "2001:db8::7"
CLUSTER = build.cluster(
    build.node("node1", "192.168.0.1", "fd00:192:168::1"),
    build.pod("default/a", A4, A6, labelled="app=a"),
    build.pod("default/b", B4, B6, labelled="app=b"),
    build.policy("default/all", types=[build.INGRESS, build.EGRESS]),
)
NODE = offline_node(CLUSTER, OURS, pod_cidrs(1))
INTERPRETER = Interpreter(NODE.flows)


def ends(opener: str, other: str) -> tuple[Address, Address]:
    return build.address(opener), build.address(other)


@pytest.mark.parametrize(
    ("source", "destination", "about", "passes"),
    [
        (A4, B4, (A4, B4), True),
        (A4, B4, (B4, A4), True),
        (A4, OUT4, (OUT4, A4), True),
        (A4, B4, (B4, OUT4), False),
        (A4, OUT4, (OUT4, B4), False),
        (OUT4, A4, (A4, OUT4), True),
        (A6, B6, (B6, A6), True),
        (A6, OUT6, (OUT6, B6), False),
        (OUT6, A6, (A6, OUT6), True),
    ],
)
def test_errors_come_from_an_end(source: str, destination: str, about: tuple[str, str], passes: bool) -> None:
    """NP-53: an endpoint's error passes if it is one end of that connection; routers speak through the gateway."""
    connection = build.connection(source, destination, "ICMP")
    for reply in (False, True):
        state = ConnState.related(FIRST_EPOCH, reply=reply, ends=ends(*about))
        ports = INTERPRETER.run(NODE.entry(connection), state).ports

        assert ports == ((NODE.exit(connection),) if passes else ())


def test_errors_about_what_was_revoked_do_not_pass() -> None:
    """NP-94: an error answers a packet that has just passed, so its connection is of this epoch."""
    connection = build.connection(A4, B4, "ICMP")
    state = ConnState.related(following(FIRST_EPOCH), ends=ends(A4, B4))

    assert INTERPRETER.run(NODE.entry(connection), state).ports == ()
