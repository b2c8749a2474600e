"""The agent needs no more than deploy/ leaves it: one capability, and no file system to write to but Open vSwitch's."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cni.conftest import Node, stop, wait_for
from tests.support.deploy import objects

# What a runtime makes of readOnlyRootFilesystem and capabilities, and of /proc/sys in every container.
CONTAINER = """
set -e
mount --rbind / "$1"; mount -o remount,bind,ro "$1"
mount --bind /proc/sys "$1/proc/sys"; mount -o remount,bind,ro "$1/proc/sys"
mount --bind "$2" "$1$2"
capabilities="-all$3"
exec_in=$1; shift 3
exec chroot "$exec_in" setpriv --no-new-privs --bounding-set="$capabilities" --inh-caps="$capabilities" "$@"
"""


def start(node: Node, root: pathlib.Path, capabilities: str) -> subprocess.Popen[str]:
    """The agent of a node with an IPv4 block, as in a container."""
    (node.folder / "manifests").mkdir(exist_ok=True)
    agent = [sys.executable, "-B", "-m", "ryu_netpol.cli.main", "agent", "--node", "node1"]
    places = ["--manifests", node.folder / "manifests", "--ovsdb", f"unix:{node.socket}"]
    places += ["--openflow", node.folder / "agent.sock", "--pod-cidr", "10.244.1.0/24", "--datapath-type", "netdev"]
    inner = ["sh", "-c", CONTAINER, "sh", root, node.folder, capabilities, *agent, *places]
    with (node.folder / "agent.log").open("w") as log:
        return node.namespace.start("unshare", "--mount", *map(str, inner), stdout=log, stderr=log)


@pytest.fixture
def own_node(tmp_path: pathlib.Path) -> Iterator[Node]:
    """A node of this test alone, because an agent leaves its port behind; it forwards, as nodes do."""
    node = Node(tmp_path)
    try:
        node.start()
        node.namespace.run("sysctl", "-w", "net.ipv4.ip_forward=1")
        yield node
    finally:
        node.stop()


@pytest.fixture
def root(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Where the container's file system is seen."""
    return tmp_path_factory.mktemp("root")


def test_the_agent_of_the_daemon_set_works(own_node: Node, root: pathlib.Path) -> None:
    """With its capabilities it installs everything, and the gateway port has its addresses and its rules."""
    (daemon_set,) = objects("DaemonSet")
    context = daemon_set["spec"]["template"]["spec"]["containers"][0]["securityContext"]
    added = "".join(f",+{name.lower()}" for name in context["capabilities"]["add"])
    agent = start(own_node, root, added)
    try:
        wait_for(lambda: "true" in own_node.vsctl("--if-exists", "get", "Bridge", "br-int", "external_ids"), "synced")
        addresses = [
            a["local"] for link in own_node.namespace.json("address", "show", "np-gw0") for a in link["addr_info"]
        ]
        rules = own_node.namespace.run("nft", "list", "ruleset").stdout
    finally:
        stop(agent)
    log = (own_node.folder / "agent.log").read_text()

    assert {"10.244.1.1", "10.244.1.2"} <= set(addresses), log
    assert "ryu_netpol_node" in rules
    assert "WARNING gateway:" not in log


def test_without_the_capability_it_does_not(own_node: Node, root: pathlib.Path) -> None:
    """P10: what the test above takes away is really gone."""
    agent = start(own_node, root, "")
    try:
        wait_for(lambda: "WARNING gateway: " in (own_node.folder / "agent.log").read_text(), "a complaint")
    finally:
        stop(agent)

    assert "Operation not permitted" in (own_node.folder / "agent.log").read_text()
