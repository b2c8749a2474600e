"""A node of the lab: a network namespace with its own Open vSwitch and a real agent, started as a process.

Nothing here knows what the agent does. It is given the bridge's name, the node's, the manifests and the database, and
says in the Bridge row when it is ready: external_ids:netpol-synced=true, written after the first complete installation
of each run. The bridge, the gateway port and everything in it are the agent's work.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ryu_netpol.lab import namespace
from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.listen import Place
from ryu_netpol.lab.process import ProcessRef, run
from ryu_netpol.lab.state import LabState
from ryu_netpol.lab.switch import Datapath, PrivateOvs
from ryu_netpol.lab.underlay import OUTSIDE_ADDRESSES, Underlay, routes

BRIDGE = "br-int"
GATEWAY = "np-gw0"
SYNCED = "netpol-synced"
AGENT = "netpol-agent"
MOST_NODES = 90


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """What a node is made of: plain values."""

    name: str
    pod_cidrs: tuple[str, ...]
    addresses: tuple[str, ...]
    """On the underlay, one per family."""

    @classmethod
    def numbered(cls, number: int, name: str | None = None, *, addresses: Sequence[str] = ()) -> NodeSpec:
        """The lab's N-th node (from 1), with the lab's usual networks where none are given."""
        if not 1 <= number <= MOST_NODES:
            raise LabError(f"A lab has at most {MOST_NODES} nodes.")
        return cls(
            name=name or f"node{number}",
            pod_cidrs=(f"10.244.{number}.0/24", f"fd00:10:244:{number:x}::/64"),
            addresses=tuple(addresses) or (f"192.168.50.{number}", f"fd00:50::{number:x}"),
        )


def lab_datapath() -> Datapath:
    """The datapath of the lab's nodes: DATAPATH=system is for machines whose kernel has Open vSwitch's module."""
    match os.environ.get("DATAPATH", "netdev"):
        case "netdev":
            return "netdev"
        case "system":
            return "system"
        case other:
            raise LabError(f"DATAPATH is netdev or system, not {other!r}.")


def agent_program() -> tuple[str, ...]:
    """How to start `ryu-netpol`: the one that belongs to this Python, else the one in PATH."""
    beside = Path(sys.executable).with_name("ryu-netpol")
    found = str(beside) if beside.exists() else shutil.which("ryu-netpol")
    if found is None:
        raise LabError("The program ryu-netpol is not installed: run 'make setup', or pip install ryu-netpol.")
    return (found,)


class LabNode:
    """One node. `start()` makes all of it; the rest also works in a process that has only opened the lab."""

    def __init__(self, state: LabState, spec: NodeSpec, *, index: int, program: Sequence[str] | None = None) -> None:
        """`index` is the node's number in the lab, from 1; `program` starts ryu-netpol in some other way."""
        self.spec = spec
        self.name = spec.name
        self.directory = state.directory / f"n{index}"
        self.netns = state.netns(f"node.{spec.name}")
        self.ovs = PrivateOvs(self.directory / "ovs", datapath=lab_datapath(), netns=self.netns)
        self._state = state
        self._index = index
        self._program = tuple(program) if program is not None else None
        self._agent_file = self.directory / "agent.pid"

    # --- life ---------------------------------------------------------------------------------------------------

    def start(self, underlay: Underlay, neighbours: Sequence[NodeSpec]) -> None:
        """Namespace, underlay, routes, switch; the agent is started apart."""
        self.directory.mkdir(parents=True, exist_ok=True)
        namespace.make(self._state, f"node.{self.name}")
        forwarding = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}
        namespace.sysctl(self.netns, forwarding)
        underlay.plug(self.netns, f"n{self._index}", self.spec.addresses)
        lines = routes(("0.0.0.0/0", "::/0"), via=OUTSIDE_ADDRESSES)
        for neighbour in neighbours:
            lines += routes(neighbour.pod_cidrs, via=neighbour.addresses)
        namespace.ip(self.netns, lines)
        namespace.ip(underlay.outside_netns, routes(self.spec.pod_cidrs, via=self.spec.addresses))
        self._detour(underlay.outside_netns)
        run(["nft", "-f", "-"], netns=self.netns, stdin=self._masquerading())
        self.ovs.start()

    def speaks_from(self, version: int) -> str:
        """The address from which the node's own processes speak to its pods: the second of the pod network."""
        networks = map(ipaddress.ip_network, self.spec.pod_cidrs)
        return str(next(network for network in networks if network.version == version)[2])

    def masquerade(self, version: int) -> str:
        """An outsider's address that this node replaces by its own, as kube-proxy does for a NodePort."""
        # Of blocks that nobody uses (RFC 6890, RFC 6666): manifests and probes name the documentation blocks.
        return f"192.0.0.{self._index}" if version == 4 else f"100::{self._index:x}"

    def _detour(self, outside: str) -> None:
        """What this node is to masquerade passes it on its way from the outside host, wherever the pod is."""
        table = f"{100 + self._index}"
        for address in self.spec.addresses:
            version = ipaddress.ip_address(address).version
            ip = ("ip", f"-{version}", "-n", outside)
            run([*ip, "rule", "add", "from", self.masquerade(version), "lookup", table])
            run([*ip, "route", "replace", "default", "via", address, "dev", "eth0", "table", table])

    def _masquerading(self) -> str:
        rules = []
        for address in self.spec.addresses:
            version = ipaddress.ip_address(address).version
            family = "ip" if version == 4 else "ip6"
            rules.append(f"{family} saddr {self.masquerade(version)} snat {family} to {address}")
        lines = ["type nat hook postrouting priority srcnat", *rules]
        return "\n".join(["table inet npl {", "chain as_kube_proxy {", *lines, "}", "}", ""])

    def start_agent(self, manifests: Path, *, kubeconfig: Path | None = None) -> None:
        """Start the agent on a folder, or on an API server, and return at once; wait_synced() waits for it."""
        argv = [*(self._program or agent_program()), "agent", "--bridge", BRIDGE, "--node", self.name]
        argv += ["--kubeconfig", str(kubeconfig)] if kubeconfig else ["--manifests", str(manifests.resolve())]
        argv += ["--ovsdb", self.ovs.ovsdb, "--datapath-type", self.ovs.datapath]
        for cidr in self.spec.pod_cidrs:
            argv += ["--pod-cidr", cidr]
        # A value of an earlier run would look like readiness until the new agent has cleared it.
        self.ovs.vsctl("--no-wait", "--if-exists", "remove", "Bridge", BRIDGE, "external_ids", SYNCED)
        agent = namespace.spawn(self._state, self.netns, argv, log=self.agent_log, env=self.ovs.env)
        self._agent_file.write_text(f"{agent.pid} {agent.started}")

    def wait_synced(self, timeout: float = 30.0) -> None:
        """Return when the agent has installed everything once; say why if it ends or takes too long."""
        agent = self.agent
        deadline = time.monotonic() + timeout
        while self.ovs.vsctl("--if-exists", "get", "Bridge", BRIDGE, f"external_ids:{SYNCED}").strip() != '"true"':
            if agent is None or not agent.alive():
                raise LabError(f"The agent of {self.name} ended: {self.agent_words()} (all of it: {self.agent_log})")
            if time.monotonic() > deadline:
                raise LabError(f"The agent of {self.name} was not ready within {timeout:.0f} s: see {self.agent_log}.")
            time.sleep(0.05)

    def stop_agent(self, *, patience: float = 5.0) -> None:
        """End the agent; patience 0 kills it, as a crash would. The flows stay."""
        agent = self.agent
        if agent is not None:
            agent.end(patience=patience)
            self._state.forget(agent)
            self._agent_file.unlink(missing_ok=True)

    # --- what others ask ----------------------------------------------------------------------------------------

    @property
    def agent(self) -> ProcessRef | None:
        """The agent's process, whoever started it; None where there is none."""
        try:
            pid, started = self._agent_file.read_text().split()
        except FileNotFoundError:
            return None
        return ProcessRef(int(pid), int(started))

    @property
    def agent_says(self) -> str:
        """What the last agent wrote about itself: its version and what it runs on; empty if none ever did."""
        words = self.ovs.vsctl("--if-exists", "get", "Bridge", BRIDGE, f"external_ids:{AGENT}")
        return words.strip().strip('"')

    @property
    def agent_log(self) -> Path:
        """What the agent printed."""
        return self.directory / "agent.log"

    def agent_words(self) -> str:
        """The last thing that the agent printed."""
        lines = self.agent_log.read_text(errors="replace").strip().splitlines() if self.agent_log.exists() else []
        return lines[-1].strip() if lines else "it printed nothing"

    def place(self, version: int) -> Place:
        """The node's own processes, reached at its underlay address."""
        for address in self.spec.addresses:
            if ipaddress.ip_address(address).version == version:
                return Place(f"node/{self.name}", self.netns, address)
        raise LabError(f"Node {self.name} has no IPv{version} address.")

    def flows(self, which: str = "") -> str:
        """The flows of the bridge as ovs-ofctl prints them, with exact counters.

        Trap: the datapath counts in its own cache, and revalidators add that up about twice a second, so a flow's
        counter lags behind. `revalidator/wait` waits for their next round, 460 ms on average; `revalidator/purge`
        empties the cache and adds up what it had counted, in less than a millisecond. The next packet of every stream
        is looked up in the tables again.
        """
        self.ovs.appctl("revalidator/purge")
        return self.ovs.ofctl("dump-flows", BRIDGE, *([which] if which else []))

    def run(self, *argv: str) -> str:
        """Run a command in the node's network and return its output."""
        return run(argv, netns=self.netns, env=self.ovs.env)
