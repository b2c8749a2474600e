"""B9: the two commands that judge whole clusters offline, as processes."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from ryu_netpol.bench.bench import Bench, BenchError
from ryu_netpol.bench.clusters.mixed import Mixed
from ryu_netpol.bench.clusters.scene import Scene, tcp
from ryu_netpol.bench.manifests import write
from ryu_netpol.bench.process import timed
from ryu_netpol.bench.results import Target
from ryu_netpol.lab.node import agent_program
from ryu_netpol.model.names import Protocol
from ryu_netpol.model.objects import Rule

PORTS = (80, 443, 8443)


def run(bench: Bench) -> None:
    """`reach` over all pairs of pods, then `diff` with the same cluster after a few edits."""
    old = with_ports(Mixed(namespaces=bench.size(20)).scene())
    pairs = len(old.pods) * (len(old.pods) - 1)
    what = f"{len(old.pods):,} pods, {len(old.policies):,} policies"
    with tempfile.TemporaryDirectory(prefix="npbench-") as directory:
        folder = Path(directory)
        write(old, folder / "old")
        write(edited(old), folder / "new")
        _measure(bench, f"reach --via model, {what}, {pairs * len(PORTS):,} questions", folder, ["reach", "-f", "old"])
        _measure(bench, f"diff of two such clusters, {what}", folder, ["diff", "-f", "old", "--to", "new"], code=1)


def with_ports(scene: Scene) -> Scene:
    """The same cluster, its pods with ports to be asked for."""
    ports = tuple((Protocol.TCP, port) for port in PORTS)
    return replace(scene, pods=tuple(replace(pod, container_ports=ports) for pod in scene.pods))


def edited(scene: Scene) -> Scene:
    """The same cluster after somebody has opened a port in every tenth policy."""
    policies = list(scene.policies)
    for at in range(0, len(policies), 10):
        policies[at] = replace(policies[at], ingress=(Rule(None, (tcp(PORTS[0]),)),))
    return replace(scene, policies=tuple(policies))


def _measure(bench: Bench, what: str, folder: Path, words: list[str], *, code: int = 0) -> None:
    target = Target(3, "s")
    bench.begin(what, target)
    paths = [str(folder / word) if word in ("old", "new") else word for word in words]
    ended = timed([*agent_program(), *paths], output=folder / "output")
    if ended.code != code:
        raise BenchError(f"it ended with exit code {ended.code} instead of {code}, with {ended.peak:,.0f} MiB")
    bench.result(what, ended.seconds, "s", target=target)
    bench.result(f"peak memory (RSS): {words[0]}", ended.peak, "MiB")
