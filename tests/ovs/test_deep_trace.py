"""Model = trace (tests/deep/trace.py) on a few clusters: the oracle itself says what Open vSwitch says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ryu_netpol.flows.ir import CookieKind, FlowTable
from ryu_netpol.flows.offline import OfflineNode
from ryu_netpol.model.objects import Cluster
from tests.deep import trace
from tests.deep.runner import check_chunk
from tests.support.nodes import offline_nodes

SEEDS = range(2_000_007, 2_000_012)
"""Among them are clusters with much that rules allow."""


def test_open_vswitch_says_what_the_oracle_says() -> None:
    """New connections by both; packets in all other states by our interpreter as well."""
    tally = check_chunk(trace.LEVEL, SEEDS)

    assert tally.differences == ()
    assert tally.clusters == len(SEEDS)
    assert min(tally.allowed, tally.denied) > 20


def without(kind: CookieKind) -> Callable[[Cluster], list[OfflineNode]]:
    """A compiler that makes no flows of this kind."""

    def nodes(cluster: Cluster) -> list[OfflineNode]:
        return [
            replace(node, flows=FlowTable(flow for flow in node.flows.values() if flow.cookie.kind is not kind))
            for node in offline_nodes(cluster)
        ]

    return nodes


@pytest.mark.parametrize("kind", [CookieKind.ISOLATED, CookieKind.CLAUSE, CookieKind.NODE], ids=lambda kind: kind.name)
def test_finds_a_defect(kind: CookieKind, monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: switch and interpreter agree on flows that are wrong, and the oracle does not."""
    monkeypatch.setattr(trace, "offline_nodes", without(kind))
    found = check_chunk(trace.LEVEL, SEEDS).differences

    assert found
    assert all("the oracle says" in line for line in found)
