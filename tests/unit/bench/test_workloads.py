"""The workloads without a switch, on tiny clusters: that they run and hand in what they say. Nothing here is timed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ryu_netpol.agent.core import Agent
from ryu_netpol.agent.events import Deleted, Upserted
from ryu_netpol.bench import b1, b3, b4, b5
from ryu_netpol.bench.bench import Bench
from ryu_netpol.bench.clusters.dense import Dense
from ryu_netpol.bench.clusters.mixed import Mixed
from ryu_netpol.bench.clusters.wide import Wide
from ryu_netpol.bench.node import PureNode
from ryu_netpol.bench.results import Result, Target
from ryu_netpol.flows.ir import Conjunction
from ryu_netpol.flows.wire import encode_plan


@pytest.fixture
def results() -> list[Result]:
    """What was handed in."""
    return []


@pytest.fixture
def bench(results: list[Result]) -> Bench:
    """A quick run."""
    return Bench("B0", True, results.append)


def test_a_pure_node_installs(results: list[Result], bench: Bench) -> None:
    """B3: objects, then pods that join: each measured, in the order in which it happened; the peer beside it."""
    peer = b3.Peer("OVN", 10.0, (1.0, 2.0))
    b3.measure(bench, Mixed(namespaces=2), PureNode(), events=5, peer=peer)

    assert [result.unit for result in results] == ["s", "ms", "ms"]
    assert [result.peer for result in results] == [10.0, 1000.0, 2000.0]
    assert all(result.value is not None and result.value > 0 for result in results)
    assert "200 pods, 20 policies, 2 local" in results[0].measure


def test_without_ovn_the_ratio_is_missed(results: list[Result], bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the result says what to install: never silently."""
    monkeypatch.setattr(b3.ovn, "missing", lambda: "OVN is not installed: Debian packages ovn-central and ovn-host")
    peer = b3.beside(Mixed(namespaces=2), events=1)
    b3.measure(bench, Mixed(namespaces=2), PureNode(), events=1, peer=peer)

    assert (results[0].peer, results[0].met) == (None, False)
    assert "beside nothing (OVN is not installed: Debian packages ovn-central" in results[0].measure


def test_each_join_is_a_plan() -> None:
    """Every pod that joins changes flows: else nothing would be measured."""
    node, size = PureNode(), Mixed(namespaces=2)
    scene = size.scene()
    node.start(scene)
    plans = []
    for pod in size.joining(scene, 10):
        node.event(Upserted(pod))
        plans.append(node.plan.generation if node.plan else 0)

    assert list(range(plans[0], plans[0] + 10)) == plans


def test_b4(results: list[Result], bench: Bench) -> None:
    """Cold start and events over many namespaces."""
    b4.measure(bench, Wide(12, local=3), PureNode(), events=8)

    assert [result.unit for result in results] == ["s", "ms", "ms"]
    assert "12 namespaces, 48 pods, 36 policies" in results[0].measure
    assert "p99 of 8" in results[2].measure


def test_b5(results: list[Result], bench: Bench) -> None:
    """Cold start, the largest message, events."""
    b5.measure(bench, Dense(20, 30, local=4), PureNode(), events=4)

    assert [result.unit for result in results] == ["s", "bytes", "ms", "ms"]
    assert results[1].met is True


def test_message_lengths() -> None:
    """As many messages as were packed, and not a byte left over."""
    node = PureNode()
    node.start(Mixed(namespaces=1).scene())
    assert node.plan is not None
    encoded = encode_plan(node.plan, bundle=1, first_xid=1)
    lengths = list(b5.message_lengths(encoded.pieces))

    assert len(lengths) == len(encoded.xids)
    assert sum(lengths) == sum(map(len, encoded.pieces))


def test_b1_has_as_many_different_flows_as_it_says() -> None:
    """Copies have other numbers, so none is the same flow as another."""
    flows = b1.compiled(5000)
    rules = {action.id for flow in flows for action in flow.actions if isinstance(action, Conjunction)}

    assert len({flow.key for flow in flows}) == len(flows) == 5000
    assert len(rules) > 200


def test_what_takes_too_long_is_missed(results: list[Result], bench: Bench) -> None:
    """A workload that is stopped hands in the stage that it was in, with what was reached, as missed."""

    def events() -> Iterator[float]:
        yield from (0.001, 0.003, 0.002)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        bench.latencies("one event", events(), p99=10)
    bench.stopped("its time is over")

    assert [(None, False, Target(10, "ms"))] == [(r.value, r.met, r.target) for r in results]
    assert results[0].measure.startswith("one event: not completed, its time is over, after ")
    assert results[0].measure.endswith("and 3 events, median 2 ms")


@pytest.mark.parametrize(("quick", "sizes"), [(False, (100, 7)), (True, (10, 3))], ids=["full", "quick"])
def test_sizes(results: list[Result], quick: bool, sizes: tuple[int, int]) -> None:
    """A quick run has about a tenth of everything."""
    bench = Bench("B0", quick, results.append)

    assert sizes == (bench.size(100), bench.size(7, 3))


def test_a_node_that_fails_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception of the agent ends the measurement; it is never a fast result."""

    def fail(_self: Agent, _event: object) -> None:
        raise RuntimeError("defect")

    monkeypatch.setattr(Agent, "handle", fail)
    with pytest.raises(RuntimeError, match="defect"):
        PureNode().event(Deleted(Mixed(namespaces=1).scene().pods[0]))
