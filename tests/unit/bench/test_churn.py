"""B6 and B10 as far as they need no packets: what is sent, and how the answers are read."""

from __future__ import annotations

import pytest

from ryu_netpol.agent.events import Deleted, Upserted
from ryu_netpol.bench.b6 import changes
from ryu_netpol.bench.b10 import Window, marks
from ryu_netpol.bench.bench import BenchError
from ryu_netpol.bench.clusters.mixed import Mixed
from ryu_netpol.bench.pair import Pair, allowed, narrowed, scene
from ryu_netpol.model.names import PodKey, Protocol
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.packet import Connection
from ryu_netpol.oracle.evaluate import Oracle


def test_pods_come_change_and_go() -> None:
    """Each is created, relabelled and deleted, decoded from JSON; no address belongs to two pods at a time."""
    events = [change.event() for change in changes(Mixed(namespaces=3), 30)]
    living: dict[PodKey, tuple[Address, ...]] = {}
    for event in events:
        assert isinstance(event, Upserted | Deleted)
        pod = event.object
        if isinstance(event, Deleted):
            del living[pod.key]  # type: ignore[union-attr]
        else:
            living[pod.key] = pod.addresses  # type: ignore[union-attr]
        assert len(set(living.values())) == len(living)

    assert [Upserted, Upserted, Deleted] * 10 == [type(event) for event in events]
    assert living == {}


def test_the_narrowing_revokes_nothing_that_is_measured() -> None:
    """Client and server keep their connections, the third pod loses its own: so the epoch is raised for nothing."""
    before, after = (Oracle(Cluster.of(*scene(policies).objects)) for policies in (allowed(), narrowed()))
    client, server, third = (pod.addresses[0] for pod in scene(()).pods)

    for destination, port, still in ((server, 20_000, True), (server, 20_099, True), (third, 20_000, False)):
        connection = Connection(client, destination, Protocol.UDP, port)
        assert before.evaluate(connection).allowed
        assert after.evaluate(connection).allowed is still


def test_marks_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the connections that are measured, by the mark that says when they were judged last."""
    line = (
        "udp,orig=(src=10.0.19.136,dst=10.0.19.137,sport=10063,dport={port}),"
        "reply=(src=10.0.19.137,dst=10.0.19.136,sport={port},dport=10063),zone=1,mark={mark}"
    )
    text = [line.format(port=20_000, mark=1), line.format(port=20_099, mark=2), line.format(port=53, mark=2)]

    class Ovs:
        def appctl(self, *_: str) -> str:
            return "\n".join([*text, text[1], "tcp" + text[0][3:]])

    monkeypatch.setattr(Pair, "ovs", Ovs())
    monkeypatch.setattr(Pair, "address", lambda *_: "10.0.19.137")

    assert marks(Pair(())) == {"1": 1, "2": 2}


def test_lost_packets() -> None:
    """What was sent and is not back; where nothing is back, there is no latency."""
    assert Window(5, (0.001, 0.002)).lost == 3
    with pytest.raises(BenchError, match="no packet"):
        Window(5, ()).p99()
