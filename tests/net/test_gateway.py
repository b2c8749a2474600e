"""Who arrives at a pod from which address: the gateway port's rule, with packets, IPv4 and IPv6.

A pair of devices stands in for the bridge: one end is the gateway port, the other one the pod's.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ryu_netpol.adapters.gateway import TABLE, Gateway, GatewayError
from ryu_netpol.lab.namespace import inside, open_socket
from ryu_netpol.lab.process import run
from ryu_netpol.model.net import Cidr

GATEWAY = "np-gw0"
CIDRS = (Cidr.parse("10.1.2.0/24"), Cidr.parse("fd00:1::/64"))
PORT = 8080
NODE_PORT = 30080


@dataclass(frozen=True)
class Family:
    """The addresses of the scene, in one family."""

    version: int
    first: str
    second: str
    pod: str
    uplink: str
    outside: str
    socket: socket.AddressFamily


V4 = Family(4, "10.1.2.1", "10.1.2.2", "10.1.2.9", "192.0.2.1", "192.0.2.9", socket.AF_INET)
V6 = Family(6, "fd00:1::1", "fd00:1::2", "fd00:1::9", "fd00:9::1", "fd00:9::9", socket.AF_INET6)
BOTH = pytest.mark.parametrize("family", [V4, V6], ids=["IPv4", "IPv6"])


class Scene:
    """A node with a gateway port and an uplink, one pod, and somebody outside."""

    def __init__(self, make_netns: Callable[[str], str]) -> None:
        self.node, self.pod, self.outside = (make_netns(name) for name in ("node", "pod", "out"))
        self.reports: list[str] = []
        self.gateway = Gateway(GATEWAY, CIDRS, report=lambda what, message: self.reports.append(message))
        run(["ip", "-n", self.node, "link", "add", GATEWAY, "type", "veth", "peer", "eth0", "netns", self.pod])
        run(["ip", "-n", self.node, "link", "add", "up0", "type", "veth", "peer", "eth0", "netns", self.outside])
        self.sysctl(
            self.node, "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.up0.rp_filter=1"
        )
        for netns, device, addresses in (
            (self.node, "up0", (f"{V4.uplink}/24", f"{V6.uplink}/64")),
            (self.pod, "eth0", (f"{V4.pod}/24", f"{V6.pod}/64")),
            (self.outside, "eth0", (f"{V4.outside}/24", f"{V6.outside}/64")),
        ):
            for address in addresses:
                nodad = ["nodad"] if ":" in address else []
                run(["ip", "-n", netns, "address", "add", address, "dev", device, *nodad])
            run(["ip", "-n", netns, "link", "set", device, "up"])
        for family in (V4, V6):
            via = ["ip", f"-{family.version}", "-n"]
            run([*via, self.pod, "route", "add", "default", "via", family.first])
            run([*via, self.outside, "route", "add", "default", "via", family.uplink])

    @staticmethod
    def sysctl(netns: str, *words: str) -> None:
        """Set kernel parameters."""
        run(["sysctl", "-q", "-w", *words], netns=netns)

    def configure(self) -> tuple[str, ...]:
        """What the agent does, in the node."""
        with inside(self.node):
            return self.gateway.configure()

    def masquerade_node_port(self) -> None:
        """What kube-proxy does for a NodePort: translate, and masquerade after our rule."""
        rules = f"""
        table inet proxy {{
          chain pre {{ type nat hook prerouting priority dstnat;
            meta nfproto ipv4 iifname up0 tcp dport {NODE_PORT} dnat ip to {V4.pod}:{PORT}
            meta nfproto ipv6 iifname up0 tcp dport {NODE_PORT} dnat ip6 to [{V6.pod}]:{PORT}
          }}
          chain post {{ type nat hook postrouting priority srcnat;
            oifname {GATEWAY} ct status dnat masquerade
            oifname {GATEWAY} fib saddr type local masquerade
          }}
        }}"""
        run(["nft", "-f", "-"], netns=self.node, stdin=rules)

    @contextlib.contextmanager
    def server(self, family: Family) -> Iterator[socket.socket]:
        """A listener in the pod."""
        with open_socket(self.pod, family.socket, socket.SOCK_STREAM) as listener:
            listener.settimeout(3)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((family.pod, PORT))
            listener.listen()
            yield listener

    def source(self, family: Family, netns: str, *, to: str = "", port: int = PORT, bind: str = "") -> str:
        """The address that the pod sees when somebody connects."""
        with self.server(family) as listener, open_socket(netns, family.socket, socket.SOCK_STREAM) as client:
            client.settimeout(3)
            if bind:
                client.bind((bind, 0))
            client.connect((to or family.pod, port))
            connection, peer = listener.accept()
            connection.close()
            return str(peer[0])

    def speaks_from_second(self, family: Family) -> bool:
        """Whether the node soon speaks to pods from its second address: the kernel takes a moment for new ones."""
        end = time.monotonic() + 3
        while self.source(family, self.node) != family.second:
            if time.monotonic() > end:
                return False
        return True

    def addresses(self) -> dict[str, dict[str, object]]:
        """What is set on the gateway port."""
        (link,) = json.loads(run(["ip", "-n", self.node, "-j", "address", "show", "dev", GATEWAY]))
        return {info["local"]: info for info in link["addr_info"]}


@pytest.fixture
def scene(make_netns: Callable[[str], str]) -> Scene:
    """The scene, its gateway port not yet configured."""
    return Scene(make_netns)


@BOTH
@pytest.mark.parametrize("strict", [0, 1], ids=["", "strict rp_filter"])
def test_node_processes_speak_from_second(scene: Scene, family: Family, strict: int) -> None:
    """Whatever address of the node they are bound to, and whatever others would masquerade."""
    Scene.sysctl(scene.node, f"net.ipv4.conf.all.rp_filter={strict}", f"net.ipv4.conf.{GATEWAY}.rp_filter={strict}")
    scene.masquerade_node_port()

    assert scene.configure() == ()

    assert scene.speaks_from_second(family)
    assert scene.source(family, scene.node, bind=family.first) == family.second
    assert scene.source(family, scene.node, bind=family.uplink) == family.second
    assert scene.source(family, scene.node, bind=family.second) == family.second


@BOTH
@pytest.mark.parametrize("strict", [0, 1], ids=["", "strict rp_filter"])
def test_forwarded_traffic_never_has_second(scene: Scene, family: Family, strict: int) -> None:
    """Masqueraded it has the first address, routed its own."""
    Scene.sysctl(scene.node, f"net.ipv4.conf.all.rp_filter={strict}", f"net.ipv4.conf.{GATEWAY}.rp_filter={strict}")
    scene.masquerade_node_port()
    scene.configure()

    assert scene.source(family, scene.outside, to=family.uplink, port=NODE_PORT) == family.first
    assert scene.source(family, scene.outside) == family.outside


@BOTH
def test_masquerading_without_the_first_address_fails_closed(scene: Scene, family: Family) -> None:
    """Somebody removes FIRST: SECOND may not take its place for what is forwarded, or it would pass every policy."""
    scene.masquerade_node_port()
    scene.configure()
    prefix = scene.addresses()[family.first]["prefixlen"]
    run(["ip", "-n", scene.node, "address", "del", f"{family.first}/{prefix}", "dev", GATEWAY])
    run(["ip", "-n", scene.node, "route", "replace", f"{family.pod}", "dev", GATEWAY])
    # No other address may serve instead.
    Scene.sysctl(scene.node, f"net.ipv6.conf.{GATEWAY}.use_oif_addrs_only=1")

    # Nothing arrives, or with another address.
    with contextlib.suppress(OSError):
        assert scene.source(family, scene.outside, to=family.uplink, port=NODE_PORT) != family.second
    with inside(scene.node):
        scene.gateway.repair()
    assert scene.source(family, scene.outside, to=family.uplink, port=NODE_PORT) == family.first


@BOTH
def test_second_cannot_be_spoofed_from_outside(scene: Scene, family: Family) -> None:
    """A datagram from outside with SECOND as its source does not reach the pod; the same one with another does."""
    scene.configure()
    for address in (family.second, other := family.outside[:-1] + "8"):
        nodad = ["nodad"] if family.version == 6 else []
        run(["ip", "-n", scene.outside, "address", "add", address, "dev", "eth0", *nodad])
    with open_socket(scene.pod, family.socket, socket.SOCK_DGRAM) as pod:
        pod.bind((family.pod, PORT))
        pod.settimeout(3)
        for source in (other, family.second, family.outside):
            with open_socket(scene.outside, family.socket, socket.SOCK_DGRAM) as sender:
                sender.bind((source, 0))
                sender.sendto(source.encode(), (family.pod, PORT))

        arrived = [pod.recv(100).decode() for _ in range(2)]

    assert arrived == [other, family.outside]


def test_addresses_are_set_and_repaired(scene: Scene) -> None:
    """Removed or altered, they come back as they were; nothing else is touched."""
    scene.configure()
    right = scene.addresses()
    assert {V4.first, V4.second, V6.first, V6.second} <= set(right)
    assert right[V4.second]["scope"] == "host"
    assert right[V6.second]["preferred_life_time"] == 0
    assert not any(info.get("tentative") for info in right.values())
    run(["ip", "-n", scene.node, "address", "add", "198.51.100.7/32", "dev", GATEWAY])
    run(["ip", "-n", scene.node, "address", "del", f"{V4.first}/24", "dev", GATEWAY])
    run(["ip", "-n", scene.node, "address", "change", f"{V6.second}/128", "dev", GATEWAY, "preferred_lft", "forever"])
    run(["ip", "-n", scene.node, "link", "set", GATEWAY, "down"])

    scene.configure()

    repaired = scene.addresses()
    assert {*right, "198.51.100.7"} == set(repaired)
    for address in (V4.first, V4.second, V6.first, V6.second):
        assert repaired[address]["prefixlen"] == right[address]["prefixlen"]
    assert repaired[V6.second]["preferred_life_time"] == 0
    assert scene.speaks_from_second(V6)


def test_ipv6_is_switched_on_without_router_advertisements(scene: Scene) -> None:
    """Also where the node's default is off."""
    Scene.sysctl(scene.node, f"net.ipv6.conf.{GATEWAY}.disable_ipv6=1")

    scene.configure()

    names = ("disable_ipv6", "accept_ra", "accept_dad", "dad_transmits")
    with inside(scene.node):
        values = [Path("/proc/sys/net/ipv6/conf", GATEWAY, name).read_text().strip() for name in names]
    assert values == ["0", "0", "0", "0"]
    assert scene.speaks_from_second(V6)


def test_the_table_is_replaced_only_when_it_is_not_ours_any_more(scene: Scene) -> None:
    """Configured twice, it is one table, untouched; flushed, it is back; others' tables stay."""
    run(["nft", "add", "table", "inet", "theirs"], netns=scene.node)
    scene.configure()

    def handles() -> str:
        return run(["nft", "-a", "list", "table", "inet", TABLE], netns=scene.node)

    before = handles()
    scene.configure()
    assert handles() == before
    run(["nft", "flush", "chain", "inet", TABLE, "speak_from_second"], netns=scene.node)
    scene.configure()
    assert handles().count("snat ") == before.count("snat ") == 2
    run(["nft", "delete", "table", "inet", TABLE], netns=scene.node)
    scene.configure()
    assert handles().count("snat ") == 2
    assert "inet theirs" in run(["nft", "list", "tables"], netns=scene.node)


def test_a_new_agent_takes_over_the_table(scene: Scene) -> None:
    """A restart replaces the rules of the earlier run, it does not add to them."""
    scene.configure()
    again = Gateway(GATEWAY, CIDRS[:1], report=lambda what, message: None)

    with inside(scene.node):
        again.configure()

    table = run(["nft", "list", "table", "inet", TABLE], netns=scene.node)
    assert table.count("snat ") == 1


def test_a_node_that_does_not_forward_is_told(scene: Scene) -> None:
    """One sentence per family, once; forwarding itself is the node's business and left alone."""
    Scene.sysctl(scene.node, "net.ipv4.ip_forward=0")

    with inside(scene.node):
        scene.gateway.repair()
        scene.gateway.repair()
        assert Path("/proc/sys/net/ipv4/ip_forward").read_text().strip() == "0"

    assert scene.reports == [
        "The node does not forward IPv4 (net.ipv4.ip_forward is 0): its pods reach nothing outside the node."
    ]


def test_a_port_that_does_not_exist(scene: Scene) -> None:
    """The sentence names the port; nothing is left behind."""
    run(["ip", "-n", scene.node, "link", "del", GATEWAY])

    with pytest.raises(GatewayError, match=f"{GATEWAY}.*does not exist"):
        scene.configure()
    assert TABLE not in run(["nft", "list", "tables"], netns=scene.node)
