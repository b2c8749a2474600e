"""In force, asked of a real Open vSwitch: after it, no cached flow does what was before; and it does not take long."""

from __future__ import annotations

import queue
import statistics
import time
from collections.abc import Iterator

import pytest

from ryu_netpol.adapters.settle import RevalidatorSettler
from ryu_netpol.agent.events import Committed, Event, InForce
from ryu_netpol.flows.ir import Cookie, CookieKind, Flow, Goto, Match, Output
from tests.ovs.conftest import BRIDGE, SwitchApp

ROUNDS = 7
PACKET = "in_port(1),eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02),eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.{})"


class Cache:
    """A bridge with two dummy ports, packets that fill its cache, and a settler."""

    def __init__(self, app: SwitchApp) -> None:
        self.app = app
        self.ports = [app.ovs.add_dummy_port(BRIDGE, name) for name in ("in1", "out1")]
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.settler = RevalidatorSettler(
            app.ovs.run_dir,
            nudge=app.session.nudge,
            deliver=self.events.put,
            report=lambda *words: pytest.fail(" ".join(words)),
        )
        self.settler.start()

    def flow(self, host: int) -> Flow:
        """To one host, out of the second port."""
        match = Match.of(eth_type=0x0800, ipv4_dst=(10 << 24) + host)
        return Flow(0, 5, match, (Output(self.ports[1]),), Cookie(CookieKind.BASE))

    def send(self, host: int) -> None:
        """A packet to the host, so that its flow is cached."""
        self.app.ovs.appctl("netdev-dummy/receive", "in1", PACKET.format(host))

    def cached(self) -> list[str]:
        """The actions of what is cached for packets of the first port."""
        lines = self.app.ovs.appctl("dpctl/dump-flows").splitlines()
        return [line.rpartition("actions:")[2] for line in lines if "dst=10.0.0." in line]

    def settle(self) -> float:
        """Wait until the last plan is in force; returns after how many seconds it was."""
        started = time.perf_counter()
        self.settler.settle(self.app.generation)
        assert self.events.get(timeout=10) == InForce(self.app.generation)
        return time.perf_counter() - started


@pytest.fixture
def cache(switch_app: SwitchApp) -> Iterator[Cache]:
    """An empty bridge, with a settler that ends with the test."""
    made = Cache(switch_app)
    yield made
    made.settler.stop()
    for name in ("in1", "out1"):
        switch_app.ovs.vsctl("del-port", BRIDGE, name)


def test_nothing_cached_is_older_than_what_is_in_force(cache: Cache) -> None:
    """Twenty cached flows, deleted in a bundle: when that is in force, each has become a drop or is gone."""
    flows = tuple(cache.flow(host) for host in range(1, 21))
    for _ in range(ROUNDS):
        cache.app.program(adds=flows)
        cache.settle()
        for host in range(1, 21):
            cache.send(host)
        assert len([actions for actions in cache.cached() if actions != "drop"]) == 20

        assert isinstance(cache.app.program(deletes=flows)[0], Committed)
        cache.settle()

        assert [actions for actions in cache.cached() if actions != "drop"] == []


def test_it_waits_for_the_revalidators(cache: Cache) -> None:
    """While they rest, nothing is in force; that is what makes the answer worth something (P10)."""
    cache.app.program(adds=(cache.flow(1),))
    cache.app.ovs.appctl("revalidator/pause")
    cache.settler.settle(cache.app.generation)
    with pytest.raises(queue.Empty):
        cache.events.get(timeout=0.3)
    cache.app.ovs.appctl("revalidator/resume")

    assert cache.events.get(timeout=10) == InForce(cache.app.generation)


def test_an_idle_switch_does_not_make_it_wait(cache: Cache) -> None:
    """By itself an idle switch goes through its cache every half second only: two passes would take a whole one."""
    taken = []
    for host in range(ROUNDS):
        cache.app.program(adds=(cache.flow(host),))
        taken.append(cache.settle())

    assert statistics.median(taken) < 0.25


def test_a_nudge_changes_nothing(cache: Cache) -> None:
    """No flow comes or goes by it, neither of ours nor of others, and no error comes back."""
    cache.app.program(adds=(cache.flow(1), Flow(0, 1, Match.of(), (Goto(10),), Cookie(CookieKind.BASE))))
    cache.app.ovs.ofctl("add-flow", BRIDGE, "table=253,priority=0,cookie=0x77,actions=drop")
    before = cache.app.ovs.ofctl("--no-stats", "dump-flows", BRIDGE)
    cache.app.session.nudge()
    cache.settle()

    assert cache.app.ovs.ofctl("--no-stats", "dump-flows", BRIDGE) == before
    assert cache.app.reports.empty()
