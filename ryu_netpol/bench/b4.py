"""B4: very many small namespaces: cold start, memory, one event."""

from __future__ import annotations

from ryu_netpol.bench.bench import Bench
from ryu_netpol.bench.clusters.wide import Wide
from ryu_netpol.bench.node import Measured, RealNode
from ryu_netpol.bench.results import Target

EVENTS = 400


def run(bench: Bench) -> None:
    """On a real connection."""
    with RealNode() as node:
        measure(bench, Wide(bench.size(25_000), bench.size(110)), node, events=bench.size(EVENTS))
    bench.memory(Target(600, "MiB"))


def measure(bench: Bench, size: Wide, node: Measured, *, events: int) -> None:
    """Start, then everyday changes."""
    scene = size.scene()
    what = f"{len(scene.namespaces):,} namespaces, {len(scene.pods):,} pods, {len(scene.policies):,} policies"
    bench.begin(f"from objects to committed, {what}", Target(10, "s"))
    seconds = node.start(scene)
    bench.result(f"from objects to committed, {what}", seconds, "s", target=Target(10, "s"))
    times = map(node.event, size.events(events))
    bench.latencies("pod or policy added, changed, deleted: event to acknowledgement", times, p99=10)
