"""The lab through Mininet's eyes: its prompt, its nodes, its topologies. The one module that names the Mininet library.

The lab makes and owns all namespaces; Mininet's nodes here are views of them: a shell in a namespace that exists
already, an interface that is not configured again. So everything that people know works (`pingall`, `web.default ping
db.default`, `node1 ovs-ofctl ...`, `xterm`), and the same lab can be opened by several prompts, also after the command
that started it has ended.

Debian's package `mininet` has no types, hence the ignores. The checkout's own folder mininet/ must not be taken for it:
it holds topologies, and where the library is missing a Python started in the checkout would find the folder.
"""

from __future__ import annotations

import atexit
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.pods import PodSpec
from ryu_netpol.lab.process import run, tool
from ryu_netpol.lab.underlay import OUTSIDE_ADDRESSES

try:
    with warnings.catch_warnings():
        # Mininet 2.3 imports distutils, which Python 3.11 calls deprecated; not our users' concern.
        warnings.simplefilter("ignore")
        from mininet.cli import CLI  # type: ignore[import-untyped]
        from mininet.link import Intf  # type: ignore[import-untyped]
        from mininet.log import setLogLevel  # type: ignore[import-untyped]
        from mininet.net import Mininet  # type: ignore[import-untyped]
        from mininet.node import Host, Switch  # type: ignore[import-untyped]
        from mininet.topo import Topo  # type: ignore[import-untyped]
except ImportError as problem:
    raise LabError(
        f"The Mininet library cannot be imported ({problem}): install Debian's package mininet and run 'make setup'."
    ) from problem


class Port(Intf):  # type: ignore[misc]
    """An interface that somebody else has configured; only known, never changed."""

    def __init__(self, node: Any, name: str, link: Any = None) -> None:
        self.node, self.name, self.link = node, name, link
        self.mac: str | None = None
        self.ip: str | None = None
        self.prefixLen: int | None = None
        self.params: dict[str, Any] = {}
        # Mininet would move the interface into the node; it is there.
        node.addIntf(self, moveIntfFn=lambda *_: None)

    def updateIP(self) -> str | None:
        """The address: the prompt puts it where a command names a node."""
        return self.ip

    def updateMAC(self) -> str | None:
        """The MAC, which only `dump` and few others ask for."""
        self.mac = run(["cat", f"/sys/class/net/{self.name}/address"], netns=self.node.netns).strip()
        return self.mac

    def isUp(self, setUp: bool = False) -> bool:  # noqa: ARG002
        """For `links`."""
        return True


class Attached:
    """A Mininet link that the CNI plugin makes: nothing to make here, but `net` and `links` can show it."""

    def __init__(self, node1: Any, node2: Any, **_: Any) -> None:
        self.intf1 = node1.defaultIntf()
        self.intf1.link = self
        self.intf2 = Port(node2, node1.name, self)

    def __str__(self) -> str:
        return f"{self.intf1.node.name}<->{self.intf2.node.name}"

    def status(self) -> str:
        """For `links`."""
        return "(OK OK)"

    def stop(self) -> None:
        """The lab removes it."""

    delete = stop


class View(Host):  # type: ignore[misc]
    """A Mininet host whose namespace the lab has made: a shell in it, and its eth0 as it is."""

    netns = ""

    def __init__(self, name: str, **params: Any) -> None:
        super().__init__(name, **{**params, "inNamespace": True})
        Port(self, "eth0")

    def startShell(self, mnopts: str | None = None) -> None:
        """Nothing: the namespace may not exist yet when Mininet constructs its nodes; join() starts the shell."""

    def join(self, netns: str, addresses: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start the shell in the namespace, and know the address."""
        self.netns = netns
        # With inNamespace mnexec would make a namespace; _popen enters the one that exists.
        self.inNamespace = False
        super().startShell()
        self.inNamespace = True
        for key, value in (environment or {}).items():
            self.cmd(f"export {key}='{value}'")
        self.intfs[min(self.intfs)].ip = next(iter(addresses), None)

    def _popen(self, cmd: list[str], **params: Any) -> Any:
        # The shell is the one process that starts outside; later ones attach to it (mnexec -a).
        inside = [] if self.shell else [tool("nsenter"), f"--net=/run/netns/{self.netns}", "--"]
        return super()._popen([*inside, *cmd], **params)

    def config(self, **_: Any) -> dict[str, Any]:
        """Nothing: addresses and routes are the CNI plugin's work."""
        return {}


class NodeView(View, Switch):  # type: ignore[misc]
    """A node of the lab as Mininet's switch. In a topology the first that starts brings the whole lab up."""

    def __init__(self, name: str, *, session: Session | None = None, **params: Any) -> None:
        # Mininet takes the datapath id from the digits of the name and fails without any; it is the agent's business.
        super().__init__(name, **{"dpid": "1", **params})
        self.session = session

    def start(self, _controllers: Sequence[Any]) -> None:
        """Bring the lab up with all pods of the topology, once; then start the shells here."""
        if self.session is not None:
            self.session.start()
            self.session.show(self)

    def connected(self) -> bool:
        """A node's shell starts when its agent has installed everything."""
        return self.shell is not None

    def stop(self, deleteIntfs: bool = True) -> None:  # noqa: ARG002
        """Take the lab down with the first node that stops."""
        if self.session is not None:
            self.session.stop()


class Session:
    """A lab that a topology describes and Mininet starts: `mn --custom`, or a script of one's own."""

    def __init__(self, lab: Lab, pods: Sequence[PodSpec]) -> None:
        self.lab = lab
        self.pods = [pod for pod in pods if not pod.host_network]
        self._views: list[Any] = []

    def start(self) -> None:
        """Bring up what is not up."""
        if not self.lab.is_up:
            # Mininet's own stop() is not reached when something fails.
            atexit.register(self.lab.down)
            self.lab.up()
            self.lab.attach(self.pods)

    def stop(self) -> None:
        """End the shells, which would hold up the removal of their namespaces, then the lab."""
        for view in self._views:
            view.terminate()
        self.lab.down()

    def show(self, view: NodeView) -> None:
        """Start the shells of a node, its pods and the outside host."""
        for each in (view, *(intf.link.intf1.node for intf in view.intfList() if intf.link)):
            _join(self.lab, each)
            self._views.append(each)


class NetpolTopo(Topo):  # type: ignore[misc]
    """Nodes as switches, their pods as hosts (pod.namespace), and one host outside of the cluster."""

    def build(self, *, session: Session) -> None:
        """Called by Topo's constructor with its arguments."""
        self.session = session
        nodes = {spec.name: self.addSwitch(spec.name, cls=NodeView, session=session) for spec in session.lab.specs}
        for pod in session.pods:
            self.addLink(self.addHost(pod.word, cls=View, key=pod.key), nodes[pod.node], cls=Attached)
        self.addLink(self.addHost("outside", cls=View), next(iter(nodes.values())), cls=Attached)


class Prompt(CLI):  # type: ignore[misc]
    """Mininet's prompt, for names with dots and dashes, where a dropped ping is an ordinary answer."""

    prompt = "netpol> "
    identchars = CLI.identchars + ".-"

    def do_pingall(self, line: str) -> None:
        """Ping between all hosts, waiting 1 s for each answer. Usage: pingall [seconds]"""
        self.mn.pingAll(line or "1")


class _Net(Mininet):  # type: ignore[misc]
    """A network that is up already: Mininet only looks at it."""

    def __init__(self, lab: Lab) -> None:
        # Or Mininet raises limits of the whole machine, which this use of it does not need.
        Mininet.inited = True
        super().__init__(build=False)
        nodes = {name: self.addSwitch(name, cls=NodeView) for name in lab.nodes}
        hosts = [(pod.spec.word, nodes[pod.node.name]) for pod in lab.pods.values() if not pod.spec.host_network]
        for word, node in [*hosts, ("outside", next(iter(nodes.values())))]:
            self.addLink(self.addHost(word, cls=View), node, cls=Attached)
        for view in self.values():
            _join(lab, view)


def _join(lab: Lab, view: View) -> None:
    """Start a view's shell where its name says."""
    if view.name in lab.nodes:
        node = lab.node(view.name)
        view.join(node.netns, node.spec.addresses, node.ovs.env)
    elif view.name == "outside":
        view.join(lab.underlay.outside_netns, OUTSIDE_ADDRESSES)
    else:
        pod = next(pod for pod in lab.pods.values() if pod.spec.word == view.name)
        view.join(pod.netns, pod.addresses)


def run_prompt(lab: Lab, script: Path | None = None) -> None:
    """Mininet's prompt on a lab that is up, or a file of commands; the lab stays up."""
    setLogLevel("info")
    net = _Net(lab)
    try:
        if script is None:
            Prompt(net)
        else:
            # Mininet hands the standard input to the commands that run. A script's commands get one that never says
            # anything: an open pipe; at an end of file Mininet would spin.
            reading, writing = os.pipe()
            with os.fdopen(reading) as silence, os.fdopen(writing, "w"):
                Prompt(net, stdin=silence, script=str(script))
    finally:
        for view in net.values():
            view.terminate()
