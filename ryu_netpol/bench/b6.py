"""B6: pods come, change and go all the time: how far behind the agent is, what it costs, what connections feel."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from random import Random
from time import perf_counter, process_time

from ryu_netpol.agent.events import BridgeSeen, Deleted, Event, HostAddressesSeen, Upserted
from ryu_netpol.bench.b10 import Flood, Window, flood
from ryu_netpol.bench.bench import Bench
from ryu_netpol.bench.clusters.mixed import APPS, TIERS, Mixed
from ryu_netpol.bench.clusters.scene import HOST_ADDRESS, Scene, bridge_port, pod
from ryu_netpol.bench.lags import Lags
from ryu_netpol.bench.manifests import document
from ryu_netpol.bench.node import RealNode
from ryu_netpol.bench.pair import Pair, allowed, scene
from ryu_netpol.bench.process import resident
from ryu_netpol.bench.results import Target, percentile
from ryu_netpol.model.labels import Labels
from ryu_netpol.model.load import read
from ryu_netpol.model.objects import Pod

RATE = 1000
"""Events a second."""
_TICK = 0.01
_DRAIN = 5.0
_GROWTH = 5.0
"""MiB that a steady process may still grow by."""


@dataclass(frozen=True, slots=True)
class Change:
    """One event as a feed gets it: an object as JSON, and whether it is gone."""

    text: bytes
    gone: bool

    def event(self) -> Event:
        """Decode it."""
        (item,) = read(self.text, file="feed").objects
        return Deleted(item) if self.gone else Upserted(item)


@dataclass(frozen=True, slots=True)
class Churn:
    """What was measured while the events came."""

    lags: tuple[float, ...]
    left: int
    """Events that were not done in the end."""
    cores: float
    growth: float
    """MiB, from a third of the time to its end."""


def run(bench: Bench) -> None:
    """The cluster of B3 on the switch of a lab, in which two pods have live connections."""
    size, seconds = Mixed(namespaces=bench.size(100)), bench.size(30, 5)
    limit = Target(50, "ms")
    bench.begin(f"{RATE:,} pod events/s for {seconds} s", limit)
    with Pair(allowed()) as pair:
        pair.node.stop_agent()
        with RealNode(ovs=pair.ovs) as node, flood_when_ready(pair, node, size.scene()) as connections:
            before, upcalls = connections.window(0), pair.upcalls()
            done = churn(node, changes(size, RATE * seconds))
            during = connections.window(0)
            upcalls = pair.upcalls() - upcalls
    what = f"{RATE:,} pod events/s for {seconds} s"
    bench.result(f"events not done in the end, {what}", done.left, "events", target=Target(0))
    bench.result(f"from event to acknowledgement, {what}, p99", 1000 * percentile(done.lags, 99), "ms", target=limit)
    bench.result(f"processor, decoding included, {what}", 100 * done.cores, "% of a core", target=Target(60, "%"))
    bench.result(f"growth of memory (RSS), {what}", done.growth, "MiB", target=Target(_GROWTH, "MiB"))
    tell(bench, before, during, upcalls)


def tell(bench: Bench, before: Window, during: Window, upcalls: int) -> None:
    """What the live connections felt."""
    what = f"of 10,000 live connections meanwhile, {during.sent:,} sent"
    bench.result(f"packets lost {what} (before: {before.lost})", during.lost, "packets", target=Target(0))
    bench.result(f"packets on the slow path {what}", upcalls, "packets")


def flood_when_ready(pair: Pair, node: RealNode, cluster: Scene) -> AbstractContextManager[Flood]:
    """Take in the cluster with the pair's own pods, then open the connections."""
    own = scene(allowed())
    everything = Scene(
        (*cluster.pods, *own.pods), (*cluster.namespaces, *own.namespaces), (*cluster.policies, *own.policies)
    )
    gateway, ports = pair.ports()
    made_up = (bridge_port(item, number) for number, item in enumerate(cluster.local))
    node.start(
        everything, (BridgeSeen(ports | frozenset(made_up), gateway), HostAddressesSeen(frozenset({HOST_ADDRESS})))
    )
    return flood(pair)


def changes(size: Mixed, count: int) -> Iterator[Change]:
    """Pods all over the cluster are created, relabelled and deleted, a third each, as JSON."""
    chance = Random(size.seed)
    for number in range(0, count, 3):
        labels = {"app": f"a{chance.randrange(APPS)}", "tier": chance.choice(TIERS), "instance": f"c{number}"}
        space = f"ns{chance.randrange(size.namespaces)}"
        # Addresses are used again, as a cluster does it.
        place = size.namespaces * size.pods + number // 3 % 1000
        new = pod(space, f"churn{number}", place, labels)
        other = replace(new, labels=Labels({**labels, "app": f"a{chance.randrange(APPS)}"}))
        yield from (Change(_text(new), False), Change(_text(other), False), Change(_text(other), True))


def _text(item: Pod) -> bytes:
    return json.dumps(document(item)).encode()


def churn(node: RealNode, events: Iterator[Change], *, rate: float = RATE) -> Churn:
    """Deliver events at a steady rate, whatever becomes of them."""
    waiting = list(events)
    lags, at, warm = Lags(), 0, 0.0
    start, used = perf_counter(), process_time()
    while at < len(waiting):
        due = min(int((perf_counter() - start) * rate) + 1, len(waiting))
        for change in waiting[at:due]:
            sent = perf_counter()
            event = change.event()
            lags.sent(event, sent)
            node.send(event)
        at = due
        for message in node.heard():
            lags.heard(message)
        if not warm and at > len(waiting) / 3:
            warm = resident(os.getpid())
        time.sleep(_TICK)
    cores = (process_time() - used) / (perf_counter() - start)
    growth = resident(os.getpid()) - warm
    end = perf_counter() + _DRAIN
    while lags.open and perf_counter() < end:
        time.sleep(_TICK)
        for message in node.heard():
            lags.heard(message)
    return Churn(tuple(lags.seconds), lags.open, cores, growth)
