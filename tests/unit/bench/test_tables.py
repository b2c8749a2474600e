"""B7: the tables that are compared, as far as they need no switch."""

from __future__ import annotations

import pytest

from ryu_netpol.agent.events import Attachment, BridgePort, GatewayPort
from ryu_netpol.bench import b7
from ryu_netpol.bench.bench import Bench
from ryu_netpol.bench.pair import CLIENT, SERVER, STREAM_PORT, Pair, pods, scene
from ryu_netpol.bench.results import Result
from ryu_netpol.model.names import OfPort, Protocol
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.packet import Connection
from ryu_netpol.oracle.evaluate import Oracle


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Pair:
    """The pods without a lab, at ports 5 to 7."""
    ports = frozenset(
        BridgePort(f"np{n}", OfPort(n), Attachment("pair", pod.key.name, "", "c", "eth0", n, pod.addresses, n))
        for n, pod in enumerate(pods(), 5)
    )
    monkeypatch.setattr(Pair, "ports", lambda _: (GatewayPort(OfPort(1), 1), ports))
    return Pair(())


@pytest.mark.parametrize("make", [b7.bare, b7.plain], ids=["bare", "plain"])
def test_peers_have_a_flow_to_each_pod(pair: Pair, make: object) -> None:
    """Flows that Open vSwitch reads: the server is reached at its port or by its MAC."""
    lines = make(pair).splitlines()  # type: ignore[operator]

    assert len(lines) == len(set(lines))
    assert any("nw_dst=10.0.19.137" in line and "00:00:00:00:00:06->eth_dst" in line for line in lines)


@pytest.mark.parametrize(("count", "isolated"), [(0, False), (1, True), (10, True)], ids=str)
def test_the_measured_traffic_is_allowed(count: int, isolated: bool) -> None:
    """However many policies select the server; and only that, if there are any."""
    policies = tuple(b7.policies(count))
    oracle = Oracle(Cluster.of(*scene(policies).objects))
    client, server = (pod.addresses[0] for pod in pods() if pod.key.name in (CLIENT, SERVER))

    assert len(policies) == count
    assert oracle.evaluate(Connection(client, server, Protocol.TCP, STREAM_PORT)).allowed
    assert oracle.evaluate(Connection(client, server, Protocol.TCP, 22)).allowed is not isolated


def test_each_table_beside_the_bare_one() -> None:
    """The median of the rounds; targets for the agent's tables only."""
    results: list[Result] = []
    found = {name: [1.0, 9.0, 2.0] for name in ("0 policies", "10 policies", "1,000 policies", b7.PLAIN)}
    b7.tell(Bench("B7", True, results.append), "rate", {**found, b7.BARE: [4.0]}, "1/s", b7.Target(0.8, least=True))

    assert [result.value for result in results] == [2.0] * 5
    assert [result.peer for result in results] == [4.0] * 4 + [2.0]
    assert [result.target is not None for result in results] == [True, True, True, False, True]
