"""What is asked, and what is not, to tell whether a plan makes policy narrower."""

from __future__ import annotations

from typing import NoReturn

from ryu_netpol.flows.delta import Plan
from ryu_netpol.flows.ir import CookieKind
from ryu_netpol.flows.narrow import narrows
from ryu_netpol.policy.touched import Touched
from tests.support import build
from tests.support.nodes import offline_nodes
from tests.support.touching import difference

DB = build.pod("shop/db", "10.244.1.10", labelled="app=db")
WEB = build.pod("shop/web", "10.244.1.11", labelled="app=web")
FROM_WEB = build.policy("shop/db", "app=db", ingress=[build.rule(build.pods("app=web"))])
NODE = build.node("node1", "192.168.0.1")
WITH, WITHOUT = (offline_nodes(build.cluster(NODE, DB, WEB, *policies))[0] for policies in ((FROM_WEB,), ()))
INSTALLED = dict(WITH.flows.items())
GONE = Plan(1, deletes=tuple(flow for flow in INSTALLED.values() if flow.cookie.kind is CookieKind.CLAUSE))
"""Clauses of a rule without ports: each is about an identity."""


def nobody() -> NoReturn:
    """Which identities remain need not be known."""
    raise AssertionError("asked for without need")


def test_policies_say_what_their_flows_would() -> None:
    """Where the policy is known that is installed, their clauses are not asked, nor which identities remain."""
    assert not narrows(INSTALLED, GONE, before=WITH.policy, after=WITHOUT.policy, alive=nobody)


def test_only_what_is_touched_is_compared() -> None:
    """What takes something away is not found by somebody who does not look there."""
    looks = difference(WITHOUT.policy, WITH.policy), Touched()
    found = [
        narrows(INSTALLED, GONE, before=WITHOUT.policy, after=WITH.policy, alive=nobody, touched=touched)
        for touched in looks
    ]

    assert found == [True, False]


def test_flows_say_it_where_nobody_knows_the_policy() -> None:
    """After a restart a deleted clause narrows, if one of the identities remains that it is about."""
    numbers = frozenset(map(int, WITH.numbers.identities.values()))
    found = [
        narrows(INSTALLED, GONE, before=None, after=WITHOUT.policy, alive=alive)
        for alive in (lambda: numbers, frozenset)
    ]

    assert found == [True, False]
