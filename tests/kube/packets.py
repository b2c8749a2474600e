"""The lab, its agent on a real API server: how long it takes from a policy that somebody applies to its first packet.

`python -m tests.kube.packets [CHANGES]` (200) prints the figures of docs/performance.md, as root.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ryu_netpol.bench.results import percentile
from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.measure import Line
from ryu_netpol.lab.namespace import open_socket
from ryu_netpol.lab.node import NodeSpec
from ryu_netpol.lab.pods import PodSpec
from tests.kube.binaries import find
from tests.kube.client import Client
from tests.kube.server import Server, started
from tests.kube.wire import wire
from tests.support.deploy import objects

Json = dict[str, Any]
SPACE = "packets"
NODE = NodeSpec.numbered(1)
PORT = 5432
_ADDRESSES = {"web": "10.244.1.20", "db": "10.244.1.21"}


def pod(name: str) -> Json:
    """A pod of the lab's node."""
    spec = {"nodeName": NODE.name, "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": PORT}]}]}
    metadata = {"namespace": SPACE, "name": name, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def deny() -> Json:
    """Nobody reaches the database."""
    spec = {"podSelector": {"matchLabels": {"app": "db"}}, "policyTypes": ["Ingress"]}
    metadata = {"namespace": SPACE, "name": "deny"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


@dataclass(frozen=True, slots=True)
class Scene:
    """Two pods in the lab, one of which calls the other; the agent follows the server."""

    admin: Client
    lab: Lab
    line: Line

    def apply(self) -> float:
        """Seconds from the moment in which the policy is sent to the first connection that it denies."""
        began = time.monotonic()
        self.admin.apply(deny())
        return self.line.until_silent() - began

    def delete(self) -> float:
        """Seconds from the moment in which its end is sent to the first connection that is let through."""
        began = time.monotonic()
        self.admin.delete(deny())
        return self.line.until_answered() - began


@contextlib.contextmanager
def scene(server: Server) -> Iterator[Scene]:
    """Make the objects on the server, and the lab of what it has."""
    admin = server.admin
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE.name}}
    admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    admin.apply(node)
    addresses = [{"type": "InternalIP", "address": address} for address in NODE.addresses]
    items = [admin.write_status(node, {"addresses": addresses})]
    for name, address in _ADDRESSES.items():
        admin.apply(pod(name))
        ips = {"podIP": address, "podIPs": [{"ip": address}]}
        items.append(admin.write_status(pod(name), {"phase": "Running", **ips}))

    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="npkube-")))
        # The lab starts on a folder, as always; what the plugin writes has the uids that the server gave out.
        (folder / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        lab = stack.enter_context(Lab(folder, [NODE]))
        lab.attach(
            PodSpec(SPACE, item["metadata"]["name"], item["metadata"]["uid"], NODE.name, (item["status"]["podIP"],))
            for item in items[1:]
        )
        _follow(server, lab, folder, stack)
        yield Scene(admin, lab, stack.enter_context(Line(lab, f"{SPACE}/web", f"{SPACE}/db", PORT)))


def _follow(server: Server, lab: Lab, folder: Path, stack: contextlib.ExitStack) -> None:
    """Let the agent follow the server, as the account of deploy/: a wire leads there from the node's own network."""
    listener = open_socket(lab.node(NODE.name).netns, socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    port = int(server.address.rpartition(":")[2])
    between = stack.enter_context(wire(port, listener))
    config = server.service_account_kubeconfig("kube-system", "ryu-netpol")
    config.write_text(config.read_text().replace(f":{port}", f":{between.port}"))
    node = lab.node(NODE.name)
    node.stop_agent()
    node.start_agent(folder, kubeconfig=config)
    node.wait_synced()


def main(changes: int) -> None:
    """Apply and delete a policy so often."""
    with tempfile.TemporaryDirectory(prefix="npkube-") as folder, started(Path(folder), find()) as server:
        for value in objects():
            if value["kind"] != "DaemonSet":
                server.admin.apply(value)
        with scene(server) as shown:
            denied, allowed = [], []
            for _ in range(changes // 2):
                denied.append(1000 * shown.apply())
                allowed.append(1000 * shown.delete())
    for what, found in (("applied, denied", denied), ("deleted, allowed", allowed), ("both", denied + allowed)):
        print(f"{what}: p50 {percentile(found, 50):.1f} ms, p99 {percentile(found, 99):.1f} ms, {len(found)} changes")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
