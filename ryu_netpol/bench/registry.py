"""Which workloads there are. Each is a module of this package: `run(bench)` measures it."""

from __future__ import annotations

import importlib

from ryu_netpol.bench.bench import Bench

WORKLOADS = {
    "B1": "100,000 flows to the switch, beside ovs-ofctl",
    "B2": "many policies with many peers, blocks and ports: time and number of flows",
    "B3": "10,000 pods and 1,000 policies: cold start and one pod joining a peer set",
    "B4": "25,000 namespaces, 100,000 pods, 75,000 policies: cold start, memory, one event",
    "B5": "10,000 policies that select every pod: cold start, largest message, one event",
    "B6": "1,000 pod events a second for 30 s: lag, processor, memory, live connections",
    "B7": "packets: a stream, new connections, first packets, beside bare connection tracking",
    "B8": "the agent as a process: from its start to everything installed, memory",
    "B9": "reach over all pairs of 2,000 pods, and diff of two such clusters",
    "B10": "10,000 live connections during a change that revokes none of them",
}

BUDGET = 120.0
"""Seconds for one workload; then it is stopped, and what it did not reach is missed."""


def run(bench: Bench) -> None:
    """Measure one workload. Raises BenchError, OverBudget, LabError."""
    importlib.import_module(f"ryu_netpol.bench.{bench.id.lower()}").run(bench)
