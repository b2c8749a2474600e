"""B5: every policy selects every pod on both sides: cold start, the largest message, one event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ryu_netpol.bench.bench import Bench
from ryu_netpol.bench.clusters.dense import Dense
from ryu_netpol.bench.node import Measured, RealNode
from ryu_netpol.bench.results import Target
from ryu_netpol.flows.wire import encode_plan
from ryu_netpol.flows.wire.codes import MAX_LENGTH

EVENTS = 100


def run(bench: Bench) -> None:
    """On a real connection."""
    with RealNode() as node:
        measure(bench, Dense(bench.size(10_000), bench.size(10_000)), node, events=bench.size(EVENTS))
    bench.memory()


def measure(bench: Bench, size: Dense, node: Measured, *, events: int) -> None:
    """Start, look at the messages, then everyday changes."""
    scene = size.scene()
    what = f"{len(scene.pods):,} pods, {len(scene.policies):,} policies"
    bench.begin(f"from objects to committed, {what}", Target(5, "s"))
    seconds = node.start(scene)
    bench.result(f"from objects to committed, {what}", seconds, "s", target=Target(5, "s"))
    if node.plan is not None:
        largest = max(message_lengths(encode_plan(node.plan, bundle=1, first_xid=1).pieces))
        bench.result("largest message", largest, "bytes", target=Target(MAX_LENGTH, "bytes"))
    times = map(node.event, size.events(events))
    bench.latencies("pod or policy added, changed, deleted: event to acknowledgement", times, p99=50)


def message_lengths(pieces: Iterable[bytes]) -> Iterator[int]:
    """The lengths of OpenFlow messages, each as its header says it; a piece holds whole messages."""
    for piece in pieces:
        at = 0
        while at < len(piece):
            length = int.from_bytes(piece[at + 2 : at + 4], "big")
            yield length
            at += length
