"""The clusters of the workloads as a folder of manifests, for what is measured as a process."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from ryu_netpol.bench.clusters.scene import Scene
from ryu_netpol.model.labels import Selector
from ryu_netpol.model.names import Direction
from ryu_netpol.model.net import PortRange
from ryu_netpol.model.objects import BlockPeer, Namespace, Node, Object, Peer, Pod, Policy, PortSpec, Rule

Json = dict[str, object]


def write(scene: Scene, folder: Path) -> None:
    """One list of each namespace's objects and one of all others, as `kubectl get -o json` prints them.

    Whoever watches the folder sees each file as it was or as it is now.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lists: dict[str, list[Json]] = defaultdict(list)
    for item in scene.objects:
        lists["cluster" if isinstance(item, Namespace | Node) else item.key.namespace].append(document(item))
    for name, items in lists.items():
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1)
        hidden = folder / f".{name}.new"
        hidden.write_text(text, encoding="utf-8")
        hidden.replace(folder / f"{name}.json")


def document(item: Object) -> Json:
    """An object as a manifest."""
    match item:
        case Pod():
            return pod_document(item)
        case Policy(key, subject, directions):
            spec: Json = {"podSelector": _selector(subject), "policyTypes": sorted(directions)}
            for direction, ends in ((Direction.INGRESS, "from"), (Direction.EGRESS, "to")):
                spec[direction.lower()] = [_rule(rule, ends) for rule in item.rules(direction)]
            names = {"namespace": key.namespace, "name": key.name}
            return {"apiVersion": str(key.api), "kind": "NetworkPolicy", "metadata": names, "spec": spec}
        case Namespace(name, labels):
            return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels)}}
        case Node(name, labels, addresses, pod_cidrs):
            status = {"addresses": [{"type": "InternalIP", "address": str(address)} for address in addresses]}
            about = {
                "metadata": {"name": name, "labels": dict(labels)},
                "spec": {"podCIDRs": list(map(str, pod_cidrs))},
            }
            return {"apiVersion": "v1", "kind": "Node", **about, "status": status}


def pod_document(pod: Pod) -> Json:
    """A running pod with one container."""
    names = {"namespace": pod.key.namespace, "name": pod.key.name, "uid": pod.uid, "labels": dict(pod.labels)}
    ports = [{"containerPort": number, "protocol": protocol.name} for protocol, number in pod.container_ports]
    spec = {"nodeName": pod.node, "containers": [{"name": "main", "image": "registry.example/main:1", "ports": ports}]}
    addresses = list(map(str, pod.addresses))
    status = {"phase": "Running", "podIP": addresses[0], "podIPs": [{"ip": address} for address in addresses]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": names, "spec": spec, "status": status}


def _rule(rule: Rule, ends: str) -> Json:
    written: Json = {} if rule.peers is None else {ends: list(map(_peer, rule.peers))}
    return written if rule.ports is None else {**written, "ports": list(map(_port, rule.ports))}


def _peer(peer: Peer) -> Json:
    if isinstance(peer, BlockPeer):
        return {"ipBlock": {"cidr": str(peer.cidr), "except": list(map(str, peer.excepts))}}
    both: Mapping[str, Selector | None] = {"podSelector": peer.pods, "namespaceSelector": peer.namespaces}
    return {name: _selector(selector) for name, selector in both.items() if selector is not None}


def _selector(selector: Selector) -> Json:
    wanted = [{"key": r.key, "operator": str(r.operator), "values": list(r.values)} for r in selector.requirements]
    return {"matchExpressions": wanted} if wanted else {}


def _port(spec: PortSpec) -> Json:
    match spec.port:
        case PortRange(first, last):
            return {"protocol": spec.protocol.name, "port": first, **({"endPort": last} if last != first else {})}
        case port:
            return {"protocol": spec.protocol.name, **({"port": port} if port else {})}
