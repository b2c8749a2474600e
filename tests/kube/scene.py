"""A lab whose agent follows a real API server, as the account of deploy/, through a wire that can be cut."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.namespace import open_socket
from ryu_netpol.lab.node import LabNode, NodeSpec
from ryu_netpol.lab.pods import PodSpec
from tests.kube.client import Client
from tests.kube.server import Server
from tests.kube.wire import Wire, wire
from tests.support.deploy import objects

Json = dict[str, Any]
NODE = NodeSpec.numbered(1)
ACCOUNT = ("kube-system", "ryu-netpol")
STATUSES = "/apis/netpol.ryu-netpol.io/v1alpha1/nodepolicystatuses"
PATIENCE = 60.0


def deploy(server: Server) -> None:
    """Apply everything of deploy/ but the DaemonSet, which no controller would start."""
    for value in objects():
        if value["kind"] != "DaemonSet":
            server.admin.apply(value)
    server.wait(lambda: server.admin.request("GET", STATUSES).code == 200)


def put(admin: Client, value: Mapping[str, Any]) -> Json:
    """Create or change an object, its status too; returns it as the server has it."""
    made = admin.apply({name: part for name, part in value.items() if name != "status"})
    return admin.write_status(value, value["status"]) if "status" in value else made


def namespace(name: str, **labels: str) -> Json:
    """A namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def node(spec: NodeSpec = NODE) -> Json:
    """A node of the lab."""
    addresses = [{"type": "InternalIP", "address": address} for address in spec.addresses]
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": spec.name}, "status": {"addresses": addresses}}


def pod(space: str, name: str, *addresses: str, port: int, **labels: str) -> Json:
    """A running pod of the lab's node, with one port."""
    spec = {"nodeName": NODE.name, "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": port}]}]}
    metadata = {"namespace": space, "name": name, "labels": labels}
    ips = {"podIP": addresses[0], "podIPs": [{"ip": address} for address in addresses]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": spec,
        "status": {"phase": "Running", **ips},
    }


def policy(space: str, name: str, **spec: Any) -> Json:
    """A policy for ingress."""
    metadata = {"namespace": space, "name": name}
    spec = {"policyTypes": ["Ingress"], **spec}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def plugged(item: Mapping[str, Any]) -> PodSpec:
    """What the lab needs of a pod that the server has: its uid, above all."""
    metadata = item["metadata"]
    addresses = tuple(entry["ip"] for entry in item["status"]["podIPs"])
    return PodSpec(metadata["namespace"], metadata["name"], metadata["uid"], item["spec"]["nodeName"], addresses)


def until(condition: Callable[[], bool], what: str, *, within: float = PATIENCE) -> None:
    """Wait until something is so. Fails where it does not become so."""
    limit = time.monotonic() + within
    while not condition():
        assert time.monotonic() < limit, f"not within {within:.0f} s: {what}"
        time.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Scene:
    """The lab, its one node, and what its agent hears of the server."""

    server: Server
    lab: Lab
    between: Wire
    folder: Path

    @property
    def node(self) -> LabNode:
        """The node."""
        (only,) = self.lab.nodes.values()
        return only

    @property
    def config(self) -> Path:
        """The agent's kubeconfig."""
        return self.folder / "kubeconfig"

    def new_token(self) -> None:
        """Give the agent's account a new token, in the same file."""
        made = self.server.service_account_kubeconfig(*ACCOUNT)
        made.write_text(made.read_text().replace(self.server.address, f"https://127.0.0.1:{self.between.port}"))
        made.replace(self.config)

    def start_agent(self) -> None:
        """Start the agent, and do not wait for it."""
        self.node.start_agent(self.folder, kubeconfig=self.config)

    def said(self, what: str) -> int:
        """How many reports of a kind the agent has made."""
        return self.node.agent_log.read_text().count(f" {what}: ")

    @contextlib.contextmanager
    def told(self, what: str) -> Iterator[Callable[[], None]]:
        """What comes with it waits until the agent has made a report of this kind since; without, nobody did so."""
        before = self.said(what)

        def wait() -> None:
            until(lambda: self.said(what) > before, f"the agent reports {what}: {self.node.agent_words()}")

        yield wait
        wait()


@contextlib.contextmanager
def following(
    server: Server, pods: Iterable[Json], *, on: NodeSpec = NODE, program: Sequence[str] | None = None
) -> Iterator[Scene]:
    """The lab with these pods of the server, each attached; `program` runs ryu-netpol in another way."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="npkube-")))
        # The lab starts on a folder, as always. Here it is empty, and nothing is attached yet.
        (folder / "manifests").mkdir()
        lab = stack.enter_context(Lab(folder / "manifests", [on], program=program))
        listener = open_socket(lab.node(on.name).netns, socket.AF_INET, socket.SOCK_STREAM)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = int(server.address.rpartition(":")[2])
        scene = Scene(server, lab, stack.enter_context(wire(port, listener)), folder)
        scene.new_token()
        scene.node.stop_agent()
        scene.start_agent()
        scene.node.wait_synced()
        lab.attach(plugged(item) for item in pods)
        yield scene
