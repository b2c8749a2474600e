"""B2: policies that name everything one by one: time to the switch, and number of flows beside the least possible."""

from __future__ import annotations

from ryu_netpol.bench.bench import Bench
from ryu_netpol.bench.clusters.fanout import PODS, Fanout, formula
from ryu_netpol.bench.node import RealNode
from ryu_netpol.bench.results import Target

_EXCEPTS = 3


def run(bench: Bench) -> None:
    """Ten namespaces on this node, then all; each with plain blocks, and the first with excepts, too."""
    spaces = bench.size(240)
    few = bench.size(10, 1)
    measure(bench, Fanout(spaces, local_namespaces=few), Target(1, "s"))
    measure(bench, Fanout(spaces, local_namespaces=few, excepts=_EXCEPTS), Target(1, "s"))
    measure(bench, Fanout(spaces, local_namespaces=spaces), Target(3, "s"))
    bench.memory()


def measure(bench: Bench, size: Fanout, target: Target) -> None:
    """One cold start."""
    what = f"{size.local_namespaces * PODS:,} pods local{f', {size.excepts} excepts per block' * bool(size.excepts)}"
    scene = size.scene()
    with RealNode() as node:
        bench.begin(f"cold compile and install, {what}", target)
        seconds = node.start(scene)
        bench.result(f"cold compile and install, {what}", seconds, "s", target=target)
        flows, least = node.switch.policy_flows(), formula(scene)
    bench.result(
        f"flows in policy tables, {what}, beside {least.peers} peers + {least.blocks} blocks + {least.ports} port masks"
        f" + {least.subjects} subjects + {least.rules} rules",
        flows, "flows", peer=least.total, target=Target(1.1, of_ratio=True),
    )  # fmt: skip
