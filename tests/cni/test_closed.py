"""A pod without flows reaches nobody, not even the node's own stack, and nobody reaches it.

With the userspace datapath the node's stack sees every packet that the pod sends into its pair. Each "does not arrive"
has its control: the same datagram does arrive once the one thing that keeps it back is taken away.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from cni.contract import host_device_name
from tests.cni.conftest import FakeAgent, Namespace, Node, Plugin

PORT = 5353
RECEIVE = """
import socket, sys
address, patience = sys.argv[1], float(sys.argv[2])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM) as sock:
    sock.bind((address, 5353)); sock.settimeout(patience)
    print("ready", flush=True)
    try:
        print(sock.recv(100).decode())
    except TimeoutError:
        print("nothing")
"""
SEND = """
import socket, sys, time
address = sys.argv[1]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM) as sock:
    for _ in range(20):
        try:
            sock.sendto(b"arrived", (address, 5353))
        except OSError:
            pass
        time.sleep(0.05)
"""


def arrives(source: Namespace, destination: Namespace, address: str) -> bool:
    """Tell whether one of twenty datagrams that are sent within a second arrives."""
    pipe = subprocess.PIPE
    receiver = destination.start(sys.executable, "-c", RECEIVE, address, "1.5", stdout=pipe, stderr=pipe)
    sender = None
    try:
        assert receiver.stdout
        assert receiver.stdout.readline() == "ready\n"
        sender = source.start(sys.executable, "-c", SEND, address)
        word, problems = receiver.communicate(timeout=20)
        assert problems == ""
        return word.strip() == "arrived"
    finally:
        for process in (sender, receiver):
            if process:
                process.kill()
                process.communicate()


@pytest.fixture
def routed(node: Node) -> Iterator[Namespace]:
    """The node as an eager router: it forwards, and it has every address that pods ask for."""
    for command in (
        "ip link set br-int up",
        "ip address add 169.254.1.1/32 dev br-int",
        "ip address add 10.9.0.1/24 dev br-int",
        "ip address add fd00:9::1/64 dev br-int nodad",
        "ip address add fe80::1/64 dev br-int nodad",
        "echo 1 > /proc/sys/net/ipv4/ip_forward",
        "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding",
        "echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter",
        "echo 0 > /proc/sys/net/ipv4/conf/default/rp_filter",
    ):
        node.namespace.run("sh", "-c", command)
    yield node.namespace
    node.namespace.run("ip", "address", "flush", "dev", "br-int")
    node.ofctl("del-flows", f"unix:{node.folder}/br-int.mgmt")


def paths(node: Namespace, one: Namespace, other: Namespace) -> dict[str, bool]:
    """Return who reaches whom, both families, all tried at the same time."""
    ways = {
        "pod to node": (one, node, "10.9.0.1"),
        "pod to node, IPv6": (one, node, "fd00:9::1"),
        "pod to pod": (one, other, "10.9.0.11"),
        "pod to pod, IPv6": (one, other, "fd00:9::3"),
        "node to pod": (node, one, "10.9.0.10"),
        "node to pod, IPv6": (node, one, "fd00:9::2"),
    }
    with ThreadPoolExecutor(len(ways)) as pool:
        return dict(zip(ways, pool.map(lambda way: arrives(*way), ways.values()), strict=True))


def test_a_pod_without_flows_reaches_nobody_and_is_not_reached(
    plugin: Plugin, agent: FakeAgent, routed: Namespace, pods: list[Namespace]
) -> None:
    """No flows: nothing arrives anywhere. Control: with a bridge that forwards, the same datagrams arrive."""
    one, other = pods
    config = plugin.config()
    config["ipam"]["ranges"][1][0]["rangeStart"] = "fd00:9::2"
    plugin.add("one", one.path, config=config)
    plugin.add("other", other.path, config=config)

    closed = paths(routed, one, other)
    plugin.node.ofctl("add-flow", f"unix:{plugin.node.folder}/br-int.mgmt", "actions=NORMAL")
    opened = paths(routed, one, other)
    plugin.node.ofctl("del-flows", f"unix:{plugin.node.folder}/br-int.mgmt")
    closed_again = paths(routed, one, other)

    assert dict.fromkeys(closed, False) == closed
    assert dict.fromkeys(opened, True) == opened
    assert dict.fromkeys(closed_again, False) == closed_again
    plugin.delete("one", one.path)
    plugin.delete("other", other.path)


def test_it_is_the_chain_that_closes_the_host_end(
    plugin: Plugin, agent: FakeAgent, routed: Namespace, pod: Namespace
) -> None:
    """Without the nftables chain the node's stack answers the pod's ARP and takes its packets, past the bridge."""
    plugin.add("one", pod.path)
    host = host_device_name("one", "eth0")
    chain = f"netdev ryu_netpol {host} {{ type filter hook ingress device {host} priority -500; policy drop; }}"

    closed = arrives(pod, routed, "10.9.0.1")
    routed.run("nft", "delete", "chain", "netdev", "ryu_netpol", host)
    opened = arrives(pod, routed, "10.9.0.1")
    routed.run("nft", "add", "chain", *chain.split())
    closed_again = arrives(pod, routed, "10.9.0.1")

    assert (closed, opened, closed_again) == (False, True, False)
    plugin.delete("one", pod.path)
