"""B3: a cluster of ordinary size: cold start, and one pod that joins a peer set; beside OVN with the same policies."""

from __future__ import annotations

from dataclasses import dataclass

from ryu_netpol.agent.events import Upserted
from ryu_netpol.bench import ovn
from ryu_netpol.bench.bench import Bench, BenchError
from ryu_netpol.bench.clusters.mixed import Mixed
from ryu_netpol.bench.clusters.scene import Scene
from ryu_netpol.bench.node import Measured, RealNode
from ryu_netpol.bench.results import Target
from ryu_netpol.lab.errors import LabError

EVENTS = 200


@dataclass(frozen=True, slots=True)
class Peer:
    """What OVN reached."""

    name: str
    """With the reason, where it reached nothing."""
    start: float | None = None
    """Seconds."""
    joins: tuple[float, ...] = ()
    """Seconds."""
    flows: int | None = None


def run(bench: Bench) -> None:
    """On a real connection each, one after the other."""
    size, events = Mixed(namespaces=bench.size(100)), bench.size(EVENTS)
    bench.begin("OVN, which is the peer")
    peer = beside(size, events=events)
    with RealNode() as node:
        measure(bench, size, node, events=events, peer=peer)
        bench.result(f"flows on the switch, beside {peer.name}", node.switch.flows(), "flows", peer=peer.flows)
    bench.memory()


def beside(size: Mixed, *, events: int) -> Peer:
    """What OVN reaches; where it cannot be measured, why."""
    if why := ovn.missing():
        return Peer(f"nothing ({why})")
    try:
        scene = size.scene()
        with ovn.Ovn(scene) as peer:
            start = peer.start()
            return Peer("OVN", start, tuple(map(peer.join, size.joining(scene, events))), peer.flows())
    except (BenchError, LabError) as error:
        return Peer(f"nothing (OVN failed: {error})")


def measure(bench: Bench, size: Mixed, node: Measured, *, events: int, peer: Peer) -> None:
    """Start, then let pods join."""
    scene = size.scene()
    what = f"from objects to committed, {counted(scene)}, beside {peer.name}"
    target = Target(1, of_ratio=True)
    bench.begin(what, target)
    bench.result(what, node.start(scene), "s", peer=peer.start, target=target)
    times = (node.event(Upserted(pod)) for pod in size.joining(scene, events))
    what = f"one pod joins a peer set: event to acknowledgement, beside {peer.name}"
    bench.latencies(what, times, p50=2, p99=10, peer=peer.joins)


def counted(scene: Scene) -> str:
    """Its size in words."""
    return f"{len(scene.pods):,} pods, {len(scene.policies):,} policies, {len(scene.local):,} local"
