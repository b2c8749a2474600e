"""The manifests as agents in the lab read them: policies and namespaces unchanged, pods and nodes as completed.

An agent follows one folder, while commands take many paths and standard input; and it knows the addresses of pods on
other nodes only from their status, which manifests that were never applied do not have. So every way of judging sees
the cluster that the loader completed, and this writes it down for those that need files.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ryu_netpol.adapters.files import STDIN, manifests
from ryu_netpol.model.decode.core import CONFIG_HASH
from ryu_netpol.model.decode.text import documents
from ryu_netpol.model.objects import Cluster, Node, Pod

Json = dict[str, object]
_UNCHANGED = frozenset({"Namespace", "NetworkPolicy"})


def write(folder: Path, cluster: Cluster, paths: list[str], *, stdin: bytes = b"") -> None:
    """Write the cluster into a folder. `paths` are those that it was loaded from, without an error in them."""
    unchanged = [document for text in _texts(paths, stdin) for document in _objects(text)]
    described = {_name(document) for document in unchanged if document["kind"] == "Namespace"}
    # In a cluster there is no pod without its namespace; an agent waits for it.
    completed = [_namespace_document(name) for name in cluster.namespaces if name not in described]
    completed += [*map(node_document, cluster.nodes.values()), *map(pod_document, cluster.pods.values())]
    for name, items in (("unchanged", unchanged), ("completed", completed)):
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def _texts(paths: list[str], stdin: bytes) -> Iterator[str]:
    for name in dict.fromkeys(paths):
        path = Path(name)
        files = () if name == STDIN else manifests(path) if path.is_dir() else (path,)
        for data in (stdin,) if name == STDIN else (file.read_bytes() for file in files):
            yield data.decode("utf-8-sig")


def _objects(text: str) -> Iterator[Json]:
    """The policies and namespaces of a text, lists taken apart."""
    waiting: list[object] = [document.data for document in documents(text)]
    while waiting:
        value = waiting.pop()
        if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
            continue
        kind, items = value["kind"], value.get("items")
        if kind.endswith("List") and isinstance(items, list):
            # Lists of one kind need not repeat it in their items.
            of = {} if kind == "List" else {"apiVersion": value.get("apiVersion"), "kind": kind.removesuffix("List")}
            waiting += [{**of, **item} for item in items if isinstance(item, dict)]
        elif kind in _UNCHANGED:
            yield value


def _name(document: Json) -> object:
    metadata = document.get("metadata")
    return metadata.get("name") if isinstance(metadata, dict) else None


def _namespace_document(name: str) -> Json:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def node_document(node: Node) -> Json:
    """A node as an API server would show it, as far as the decoder reads it."""
    addresses = [{"type": "InternalIP", "address": str(address)} for address in node.addresses]
    metadata = {"name": node.name, "labels": dict(node.labels)}
    spec, status = {"podCIDRs": [str(cidr) for cidr in node.pod_cidrs]}, {"addresses": addresses}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec, "status": status}


def pod_document(pod: Pod) -> Json:
    """A pod as an API server would show it, as far as the decoder reads it."""
    metadata: Json = {"name": pod.key.name, "namespace": pod.key.namespace, "labels": dict(pod.labels)}
    metadata |= {"uid": pod.uid} if pod.uid else {}
    metadata |= {"annotations": {CONFIG_HASH: pod.config_hash}} if pod.config_hash else {}
    metadata |= {"deletionTimestamp": "2000-01-01T00:00:00Z"} if pod.terminating else {}
    spec: Json = {"hostNetwork": pod.host_network, "containers": _containers(pod)}
    spec |= {"nodeName": pod.node} if pod.node else {}
    status: Json = {"phase": "Succeeded" if pod.finished else "Running"}
    status |= {"podIPs": [{"ip": str(address)} for address in pod.addresses]}
    status |= {"startTime": pod.started} if pod.started else {}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def _containers(pod: Pod) -> list[Json]:
    """One container, and as many more as one name has ports: within a container it has one."""
    named = {(port.protocol, port.number) for port in pod.ports}
    others: list[Json] = [
        {"protocol": p.name, "containerPort": n} for p, n in pod.container_ports if (p, n) not in named
    ]
    containers, met = [others], Counter[str]()
    for port in pod.ports:
        if met[port.name] == len(containers):
            containers.append([])
        entry = {"name": port.name, "protocol": port.protocol.name, "containerPort": port.number}
        containers[met[port.name]].append(entry)
        met[port.name] += 1
    return [{"name": f"c{number}", "ports": ports} for number, ports in enumerate(containers)]
