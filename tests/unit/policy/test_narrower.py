"""What makes a policy narrower, case by case; tests/sim/test_narrowing.py asks the oracle."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ryu_netpol.model.names import NodeName
from ryu_netpol.model.objects import Object
from ryu_netpol.policy.narrower import narrower
from tests.support import build
from tests.support.touching import difference, policies

DB = build.pod("shop/db", "10.244.1.10", labelled="app=db")
TWIN = build.pod("shop/twin", "10.244.1.11", labelled="app=db")
WEB = build.pod("shop/web", "10.244.2.8", labelled="app=web", node="node2")
WEB2 = build.pod("shop/web2", "10.244.2.9", labelled="app=web", node="node2")
OTHER = replace(WEB, key=build.pod("shop/other").key, uid="other", labels=build.labels("app=other"))
KNOWN = build.pod("shop/known", "10.244.2.20", labelled="app=other", node="node2")
FROM_WEB = build.policy("shop/db", "app=db", ingress=[build.rule(build.pods("app=web"), ports=["TCP/80"])])
FROM_PAIR = build.policy("shop/db", "app=db", ingress=[build.rule(build.block("10.244.2.8/31"), ports=["TCP/80"])])
FROM_DB = build.policy("shop/db", "app=db", ingress=[build.rule(build.pods("app=db"))])
FROM_NOBODY = build.policy("shop/db", "app=db")
NOT_WEB = replace(WEB, labels=build.labels("app=other"))


def ranges(*ports: str) -> Object:
    """The same policy for other ports."""
    return replace(FROM_WEB, ingress=(build.rule(build.pods("app=web"), ports=ports),))


def from_blocks(*cidrs: str) -> Object:
    """The same policy for outsiders."""
    return replace(FROM_WEB, ingress=(build.rule(*map(build.block, cidrs)),))


CASES: dict[str, tuple[tuple[Object, ...], tuple[Object, ...], bool]] = {
    "nothing happens": ((DB, WEB, FROM_WEB), (DB, WEB, FROM_WEB), False),
    "a peer goes": ((DB, WEB, FROM_WEB), (DB, FROM_WEB), False),
    "one of two peers goes": ((DB, WEB, WEB2, FROM_WEB), (DB, WEB2, FROM_WEB), False),
    "a peer is another pod, at the same address": ((DB, WEB, FROM_WEB), (DB, OTHER, KNOWN, FROM_WEB), False),
    "a peer is something else": ((DB, WEB, FROM_WEB), (DB, NOT_WEB, FROM_WEB), True),
    "one of two peers is something else": ((DB, WEB, WEB2, FROM_WEB), (DB, NOT_WEB, WEB2, FROM_WEB), True),
    "a pod comes to this node": ((DB, WEB, FROM_WEB), (DB, replace(WEB, node=NodeName("node1")), FROM_WEB), True),
    "a pod leaves this node": ((DB, TWIN, FROM_WEB), (DB, replace(TWIN, node=NodeName("node2")), FROM_WEB), False),
    "ranges instead of one": ((DB, WEB, ranges("TCP/80-90")), (DB, WEB, ranges("TCP/80-85", "TCP/86-90")), False),
    "a port is missing": ((DB, WEB, ranges("TCP/80-90")), (DB, WEB, ranges("TCP/80-85", "TCP/87-90")), True),
    "a block in halves": ((DB, from_blocks("10.0.0.0/8")), (DB, from_blocks("10.0.0.0/9", "10.128.0.0/9")), False),
    "half a block": ((DB, from_blocks("10.0.0.0/8")), (DB, from_blocks("10.0.0.0/9")), True),
    "a block that only pods are in": ((DB, WEB, WEB2, FROM_PAIR), (DB, WEB, WEB2, FROM_WEB), False),
    "a block that only pods were in": ((DB, WEB, WEB2, FROM_PAIR), (DB, WEB, FROM_WEB), False),
    "a block that others are in, too": ((DB, WEB, FROM_PAIR), (DB, WEB, FROM_WEB), True),
    "a block that other pods are in": ((DB, WEB, WEB2, FROM_PAIR), (DB, NOT_WEB, WEB2, FROM_WEB), True),
    "who stands alone is no peer of himself": ((DB, FROM_DB), (DB, FROM_NOBODY), False),
    "two are peers of each other": ((DB, TWIN, FROM_DB), (DB, TWIN, FROM_NOBODY), True),
}


@pytest.mark.parametrize(("before", "after", "expected"), CASES.values(), ids=CASES.keys())
def test_narrower(before: tuple[Object, ...], after: tuple[Object, ...], *, expected: bool) -> None:
    """Whoever looks at all of two policies, and whoever looks at what is touched, say the same."""
    was, now = policies([build.cluster(*before), build.cluster(*after)])

    assert (expected, expected) == (narrower(was, now), narrower(was, now, difference(was, now)))
