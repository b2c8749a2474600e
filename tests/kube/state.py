"""What a server has, and what a switch and its packets must make of it: by the oracle, and by a full recomputation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ryu_netpol.adapters.hostaddr import parse_addresses
from ryu_netpol.adapters.ovsdb_state import BridgeRow, InterfaceRow, bridge_seen
from ryu_netpol.agent.attach import attached
from ryu_netpol.agent.events import Replaced
from ryu_netpol.agent.store import Store
from ryu_netpol.flows.bridge import Bridge
from ryu_netpol.flows.compile import compile_node
from ryu_netpol.flows.ir import Flow, FlowKey, FlowTable
from ryu_netpol.flows.numbers import recover, recover_epoch
from ryu_netpol.flows.text import parse, render
from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.node import BRIDGE, GATEWAY, LabNode
from ryu_netpol.lab.probe import Outcome, insist
from ryu_netpol.model.decode import decode
from ryu_netpol.model.names import NodeName
from ryu_netpol.model.net import Cidr
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.probe import Probe, resolve
from ryu_netpol.oracle.evaluate import Oracle
from ryu_netpol.policy.resolve import resolve as resolve_policy
from tests.kube.client import Client

SHORT = 0.35
"""Seconds without an answer. Short ones are safe: without a drop that was counted, silence is no verdict."""
_LISTS = (
    ("/api/v1/pods", "Pod", "v1"),
    ("/api/v1/namespaces", "Namespace", "v1"),
    ("/api/v1/nodes", "Node", "v1"),
    ("/apis/networking.k8s.io/v1/networkpolicies", "NetworkPolicy", "networking.k8s.io/v1"),
)


def of_server(admin: Client) -> Cluster:
    """Everything, read at once and decoded as manifests are."""
    found = []
    for path, kind, api in _LISTS:
        for item in admin.ask("GET", path)["items"]:
            value = decode({"apiVersion": api, "kind": kind, **item}).object
            assert value is not None
            found.append(value)
    return Cluster.of(*found)


def on_switch(node: LabNode) -> FlowTable:
    """Every flow of the node's bridge."""
    dump = node.ovs.ofctl("--no-stats", "--no-names", "dump-flows", BRIDGE)
    return FlowTable(parse(line) for line in dump.splitlines() if "actions=" in line)


def wanted(node: LabNode, cluster: Cluster, installed: Mapping[FlowKey, Flow]) -> FlowTable:
    """What a full recomputation gives for the node's ports, with the numbers and the epoch of what is installed."""
    row = BridgeRow(BRIDGE, tuple(_interfaces(node)), datapath_type=node.ovs.datapath)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    seen = bridge_seen(row, gateway=GATEWAY, boot_id=boot)
    store = Store()
    store.apply(Replaced(frozenset(cluster.objects())))
    ports = attached(seen, store, NodeName(node.name))
    assert seen.gateway is not None
    cidrs = tuple(map(Cidr.parse, node.spec.pod_cidrs))
    addresses = parse_addresses(node.run("ip", "-j", "address"))
    bridge = Bridge(seen.gateway.number, seen.gateway.mac, cidrs, ports.closed, ports.unknown, addresses)
    policy = resolve_policy(cluster, NodeName(node.name), ports.ready)
    epoch = recover_epoch(installed)
    assert epoch is not None
    return compile_node(policy, bridge, recover(installed, policy), epoch)


def _interfaces(node: LabNode) -> Iterable[InterfaceRow]:
    columns = ("name", "ofport", "mac", "mac_in_use", "external_ids")
    for row in json.loads(node.ovs.vsctl("-f", "json", f"--columns={','.join(columns)}", "list", "Interface"))["data"]:
        name, ofport, mac, in_use, ids = map(_plain, row)
        yield InterfaceRow(name, ofport or None, mac=mac or in_use, external_ids=ids)


def _plain(value: Any) -> Any:
    """A value of the database as JSON writes it (RFC 7047, 5.1); an optional one that is absent is empty."""
    match value:
        case ["map", pairs]:
            return dict(pairs)
        case ["set", []]:
            return ""
        case _:
            return value


def flows_differ(node: LabNode, cluster: Cluster) -> list[str]:
    """Flows that the switch has and should not (`+`), and those that it should have and has not (`-`)."""
    installed = on_switch(node)
    expected = wanted(node, cluster, installed)
    more = [f"+ {render(flow)}" for flow in installed.values() if expected.get(flow.key) != flow]
    less = [f"- {render(flow)}" for flow in expected.values() if installed.get(flow.key) != flow]
    return more + less


def packets_differ(lab: Lab, probes: Mapping[Probe, bool]) -> list[str]:
    """Every probe with which packets do other than what is said of it. A denied one was counted by a policy's drop."""
    asked = list(probes)
    for node in lab.nodes.values():
        # Acknowledged is not quite in force: the datapath may still use what it has cached.
        node.ovs.appctl("revalidator/purge")
    results = insist(lambda some: lab.probe(some, timeout=SHORT), asked)
    return [
        f"{probe}: packets say {result.outcome.value} ({result.reason})"
        for probe, result in zip(asked, results, strict=True)
        if result.outcome is not (Outcome.ALLOWED if probes[probe] else Outcome.DENIED)
    ]


def judged(cluster: Cluster, probes: Iterable[Probe]) -> dict[Probe, bool]:
    """What the oracle allows."""
    oracle = Oracle(cluster)
    return {probe: oracle.evaluate(resolve(cluster, probe)).allowed for probe in probes}
