"""Two pods in the lab that talk to each other, and a third: real packets, a real plugin, a real agent.

Callers: B6, B7, B10.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ryu_netpol.agent.events import Attachment, BridgePort, GatewayPort
from ryu_netpol.bench.clusters.scene import HERE, POD_CIDR, Scene, one_of, policy_key, tcp
from ryu_netpol.bench.manifests import write
from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.node import GATEWAY, NodeSpec
from ryu_netpol.lab.pods import PodSpec
from ryu_netpol.lab.switch import PrivateOvs
from ryu_netpol.model.labels import Labels, Selector
from ryu_netpol.model.names import OfPort, PodKey, Protocol
from ryu_netpol.model.net import PortRange
from ryu_netpol.model.objects import Namespace, Pod, PodPeer, Policy, PortSpec, Rule

SPACE = "pair"
CLIENT, SERVER, THIRD = "client", "server", "third"
SIDE = 100
"""So many ports on each side of the UDP connections."""
CLIENT_PORT, SERVER_PORT = 10_000, 20_000
"""The first ones."""
STREAM_PORT = 5001
_FIRST = 5000
"""Place of the first pod's address in the node's block."""


def selected(name: str) -> Selector:
    """The pod of this name."""
    return one_of("app", [name])


def allowed() -> tuple[Policy, ...]:
    """The client may speak to the server, at the ports that are measured, and to the third pod: nobody else may."""
    peers = (PodPeer(selected(CLIENT)),)
    echo = PortSpec(Protocol.UDP, PortRange(SERVER_PORT, SERVER_PORT + SIDE - 1))
    server = Rule(peers, (tcp(STREAM_PORT), echo))
    return (
        Policy(policy_key(SPACE, "server"), selected(SERVER), ingress=(server,)),
        Policy(policy_key(SPACE, "third"), selected(THIRD), ingress=(Rule(peers),)),
    )


def narrowed() -> tuple[Policy, ...]:
    """The same, but that the client may not speak to the third pod any more."""
    return tuple(replace(policy, ingress=()) if policy.key.name == "third" else policy for policy in allowed())


def scene(policies: Iterable[Policy]) -> Scene:
    """The three pods with these policies."""
    return Scene(pods(), (Namespace(SPACE),), tuple(policies))


def pods() -> tuple[Pod, ...]:
    """Client, server and the third."""
    return tuple(
        Pod(PodKey(SPACE, name), f"uid-{name}", Labels({"app": name}), HERE, (POD_CIDR.address(_FIRST + number),))
        for number, name in enumerate((CLIENT, SERVER, THIRD))
    )


class Pair:
    """A lab with these pods, under an agent that follows `folder`. A context manager. Raises LabError."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self._running = contextlib.ExitStack()
        self._policies = tuple(policies)

    def __enter__(self) -> Pair:
        with contextlib.ExitStack() as undo:
            self.folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="npbench-"))) / "manifests"
            self.write(self._policies)
            spec = NodeSpec(HERE, (str(POD_CIDR),), NodeSpec.numbered(1).addresses)
            self.lab = undo.enter_context(Lab(self.folder, [spec]))
            self.lab.attach(
                PodSpec(SPACE, pod.key.name, pod.uid, HERE, tuple(map(str, pod.addresses))) for pod in pods()
            )
            self.node = self.lab.node(HERE)
            self._running = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    @property
    def ovs(self) -> PrivateOvs:
        """The node's switch."""
        return self.node.ovs

    def write(self, policies: Iterable[Policy]) -> None:
        """Make these the policies; the agent follows."""
        write(scene(policies), self.folder)

    def restart(self, policies: Iterable[Policy]) -> None:
        """Make these the policies for a new agent, and wait until it has installed them."""
        self.node.stop_agent()
        self.write(policies)
        self.node.start_agent(self.folder)
        self.node.wait_synced()

    def address(self, name: str) -> str:
        """A pod's address."""
        return self.lab.pod(f"{SPACE}/{name}").addresses[0]

    def netns(self, name: str) -> str:
        """The name of a pod's network namespace."""
        return self.lab.netns(f"{SPACE}/{name}")

    def ports(self) -> tuple[GatewayPort, frozenset[BridgePort]]:
        """The gateway and the pods' ports, as they are on the bridge."""
        mac = int(self._get(GATEWAY, "mac_in_use").replace(":", ""), 16)
        gateway = GatewayPort(OfPort(self.ovs.ofport(GATEWAY)), mac)
        return gateway, frozenset(self._port(pod) for pod in pods())

    def _port(self, pod: Pod) -> BridgePort:
        name = self.port_name(pod.key.name)
        mac = int(self._get(name, "external_ids:attached-mac").replace(":", ""), 16)
        container = self._get(name, "external_ids:container-id")
        number = OfPort(self.ovs.ofport(name))
        attachment = Attachment(SPACE, pod.key.name, pod.uid, container, "eth0", mac, pod.addresses, number)
        return BridgePort(name, number, attachment)

    def port_name(self, pod: str) -> str:
        """The host's end of a pod's interface."""
        found = self.ovs.vsctl("--bare", "--columns=name", "find", "Interface", f"external_ids:k8s-pod-name={pod}")
        return found.strip()

    def _get(self, interface: str, column: str) -> str:
        return self.ovs.vsctl("get", "Interface", interface, column).strip().strip('"')

    def fix_neighbours(self) -> None:
        """Let client and server know their gateway's MAC for ever: tables that answer no ARP may come."""
        mac = self._get(GATEWAY, "mac_in_use")
        for name in (CLIENT, SERVER):
            self.lab.pod(f"{SPACE}/{name}").run("ip", "neigh", "replace", "169.254.1.1", "lladdr", mac, "dev", "eth0")

    def upcalls(self) -> int:
        """How many packets the datapath could not decide by itself so far."""
        words = self.ovs.appctl("dpctl/show").split()
        return int(next(word for word in words if word.startswith("missed:")).removeprefix("missed:"))
