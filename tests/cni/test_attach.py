"""ADD, CHECK and DEL against a real switch: what a pod gets, and that CHECK sees what is wrong."""

from __future__ import annotations

import json
import os
import time

import pytest

from cni.contract import PortIdentity, host_device_name
from tests.cni.conftest import NOTHING, Namespace, Node, Plugin

pytestmark = pytest.mark.usefixtures("agent")
HOST = host_device_name("c1", "eth0")


def test_a_pod_gets_its_addresses_and_one_next_hop_per_family(plugin: Plugin, pod: Namespace) -> None:
    """Whatever prefix the IPAM plugin gives, the pod is alone in its network."""
    plugin.add("c1", pod.path)

    (link,) = pod.json("address", "show", "dev", "eth0")
    addresses = {
        (info["local"], info["prefixlen"], info.get("nodad", False), info.get("tentative", False))
        for info in link["addr_info"]
        if info["scope"] == "global"
    }
    assert {("10.9.0.10", 32, False, False), ("fd00:9::2", 128, True, False)} == addresses
    assert int(link["address"][:2], 16) & 3 == 2, "locally administered, unicast"
    v4 = {(route["dst"], route.get("gateway"), route["dev"]) for route in pod.json("-4", "route", "show")}
    assert {("default", "169.254.1.1", "eth0"), ("169.254.1.1", None, "eth0")} == v4
    assert ("default", "fe80::1") in {(r["dst"], r.get("gateway")) for r in pod.json("-6", "route", "show")}
    assert "tx-checksumming: off" in pod.run("ethtool", "-k", "eth0").stdout
    plugin.delete("c1", pod.path)


def test_the_link_local_address_follows_from_the_mac(plugin: Plugin, pod: Namespace) -> None:
    """The bridge can know it without being told, and it needs no duplicate address detection."""
    mac = plugin.add("c1", pod.path)["interfaces"][1]["mac"]

    (link,) = pod.json("address", "show", "dev", "eth0")
    (local,) = [info for info in link["addr_info"] if info["scope"] == "link"]
    octets = [int(octet, 16) for octet in mac.split(":")]
    octets[0] ^= 2
    words = [*octets[:3], 0xFF, 0xFE, *octets[3:]]
    expected = "fe80::" + ":".join(f"{words[i] << 8 | words[i + 1]:x}" for i in range(0, 8, 2))
    assert expected == local["local"]
    assert "tentative" not in local
    plugin.delete("c1", pod.path)


def test_the_result_describes_what_was_made(plugin: Plugin, pod: Namespace) -> None:
    """Interfaces, addresses with their index and gateway, routes, and the name servers of the IPAM plugin."""
    resolv = plugin.leases.parent / "resolv.conf"
    resolv.write_text("nameserver 10.0.0.53\n")
    config = plugin.config()
    config["ipam"]["resolvConf"] = str(resolv)

    result = plugin.add("c1", pod.path, config=config)

    (host,) = plugin.node.namespace.json("link", "show", "dev", HOST)
    (link,) = pod.json("link", "show", "dev", "eth0")
    assert {
        "cniVersion": "1.0.0",
        "interfaces": [
            {"name": HOST, "mac": host["address"]},
            {"name": "eth0", "mac": link["address"], "sandbox": pod.path},
        ],
        "ips": [
            {"interface": 1, "address": "10.9.0.10/32", "gateway": "169.254.1.1"},
            {"interface": 1, "address": "fd00:9::2/128", "gateway": "fe80::1"},
        ],
        "routes": [{"dst": "0.0.0.0/0", "gw": "169.254.1.1"}, {"dst": "::/0", "gw": "fe80::1"}],
        "dns": {"nameservers": ["10.0.0.53"]},
    } == result
    plugin.delete("c1", pod.path)


@pytest.mark.parametrize("version", ["0.3.0", "0.3.1", "0.4.0"])
def test_an_older_runtime_gets_its_own_form(plugin: Plugin, pod: Namespace, version: str) -> None:
    """Before 1.0.0 each address tells its family; the IPAM plugin speaks that version too."""
    config = plugin.config(cniVersion=version)

    result = plugin.add("c1", pod.path, config=config)

    assert version == result["cniVersion"]
    assert [entry["version"] for entry in result["ips"]] == ["4", "6"]
    plugin.delete("c1", pod.path, config=config)


@pytest.mark.parametrize(
    ("subnet", "families"), [("10.9.0.0/24", {"inet"}), ("fd00:9::/64", {"inet6"})], ids=["IPv4", "IPv6"]
)
def test_a_pod_of_one_family_gets_no_route_of_the_other(
    plugin: Plugin, pod: Namespace, subnet: str, families: set[str]
) -> None:
    """A default route without an address would only make errors slower."""
    config = plugin.config()
    config["ipam"]["ranges"] = [[{"subnet": subnet}]]

    result = plugin.add("c1", pod.path, config=config)

    assert [subnet.count(":") > 0] == [":" in route["dst"] for route in result["routes"]]
    defaults = {family for family in ("inet", "inet6") if pod.json("-f", family, "route", "show", "default")}
    assert families == defaults
    plugin.delete("c1", pod.path, config=config)


def test_ipv6_is_enabled_where_the_runtime_disabled_it(plugin: Plugin, pod: Namespace) -> None:
    """Some runtimes hand over namespaces with IPv6 off by default."""
    for name in ("all", "default"):
        pod.run("sh", "-c", f"echo 1 > /proc/sys/net/ipv6/conf/{name}/disable_ipv6")

    plugin.add("c1", pod.path)

    assert "fd00:9::2" in pod.run("ip", "-6", "address", "show", "dev", "eth0").stdout
    plugin.delete("c1", pod.path)


def test_the_row_names_the_pod(plugin: Plugin, pod: Namespace) -> None:
    """The agent reads back exactly what the plugin knew, and the host end is the port."""
    before = time.time_ns()

    result = plugin.add("c1", pod.path)

    ids = json.loads(plugin.node.vsctl("--format=json", "--columns=external_ids", "list", "Interface", HOST))
    identity = PortIdentity.from_external_ids(dict(ids["data"][0][0][1]))
    assert identity
    assert before < identity.created < time.time_ns()
    with open("/proc/sys/kernel/random/boot_id") as file:
        boot_id = file.read().strip()
    assert identity == PortIdentity(
        namespace="shop",
        pod="web-1",
        uid="7f-1",
        container_id="c1",
        ifname="eth0",
        mac=result["interfaces"][1]["mac"],
        addresses=("10.9.0.10", "fd00:9::2"),
        boot_id=boot_id,
        created=identity.created,
        netns=pod.path,
    )
    assert plugin.node.vsctl("port-to-br", HOST) == "br-int"
    plugin.delete("c1", pod.path)


def test_the_host_end_has_no_ipv6(plugin: Plugin, pod: Namespace) -> None:
    """The node's own stack must not speak to the pod behind the bridge's back."""
    plugin.add("c1", pod.path)

    (link,) = plugin.node.namespace.json("address", "show", "dev", HOST)
    assert link["addr_info"] == []
    plugin.delete("c1", pod.path)


def test_a_proc_path_is_a_namespace_too(plugin: Plugin, pod: Namespace) -> None:
    """Docker and podman name the namespace by the sandbox's process."""
    process = pod.start("sleep", "60")
    path = f"/proc/{process.pid}/ns/net"
    try:
        # nsenter needs a moment before it is in the namespace.
        while os.stat(path).st_ino != os.stat(pod.path).st_ino:
            time.sleep(0.001)
        result = plugin.add("c1", path)
        assert path == result["interfaces"][1]["sandbox"]
        plugin.delete("c1", path)
    finally:
        process.kill()
        process.wait()


def test_two_sandboxes_of_one_pod_live_side_by_side(plugin: Plugin, pods: list[Namespace]) -> None:
    """A runtime may make the new sandbox before it removes the old one; the old one's DEL leaves the new one alone."""
    old, new = pods
    plugin.add("old", old.path)
    result = plugin.add("new", new.path)
    assert len(plugin.traces()["ports"]) == 2

    plugin.delete("old", old.path)

    assert [host_device_name("new", "eth0")] == plugin.traces()["ports"]
    assert plugin.call("CHECK", "new", new.path, config=plugin.config(prevResult=result)) == (0, {})
    plugin.delete("new", new.path)


def test_many_pods_at_once(plugin: Plugin) -> None:
    """The kubelet starts pods in parallel; nothing here takes a lock that is not the kernel's or OVSDB's."""
    namespaces = [Namespace("pod") for _ in range(8)]
    try:
        for command in ("ADD", "DEL"):
            processes = [
                plugin.start(command, f"c{number}", namespace.path, plugin.config())
                for number, namespace in enumerate(namespaces)
            ]
            outputs = [process.communicate(timeout=60) for process in processes]
            assert [process.returncode for process in processes] == [0] * 8, outputs
            assert (8 if command == "ADD" else 0) == len(plugin.traces()["ports"])
    finally:
        for namespace in namespaces:
            namespace.remove()


def test_check_is_content_with_what_add_made(plugin: Plugin, pod: Namespace) -> None:
    """CHECK after ADD succeeds and changes nothing."""
    result = plugin.add("c1", pod.path)
    before = plugin.traces()

    answer = plugin.call("CHECK", "c1", pod.path, config=plugin.config(prevResult=result))

    assert answer == (0, {})
    assert before == plugin.traces()
    plugin.delete("c1", pod.path)


def _break_address(node: Node, pod: Namespace) -> None:
    pod.run("ip", "address", "delete", "10.9.0.10/32", "dev", "eth0")


def _break_v6_address(node: Node, pod: Namespace) -> None:
    pod.run("ip", "address", "delete", "fd00:9::2/128", "dev", "eth0")


def _break_route(node: Node, pod: Namespace) -> None:
    pod.run("ip", "-6", "route", "delete", "default")


def _break_mac(node: Node, pod: Namespace) -> None:
    pod.run("ip", "link", "set", "eth0", "address", "02:00:00:00:00:77")


def _break_interface(node: Node, pod: Namespace) -> None:
    pod.run("ip", "link", "set", "eth0", "name", "eth9")


def _break_chain(node: Node, pod: Namespace) -> None:
    node.namespace.run("nft", "delete", "chain", "netdev", "ryu_netpol", HOST)


def _break_port(node: Node, pod: Namespace) -> None:
    node.vsctl("del-port", "br-int", HOST)


def _break_row(node: Node, pod: Namespace) -> None:
    node.vsctl("set", "Interface", HOST, "external_ids:attached-mac=02:00:00:00:00:77")


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (_break_address, "does not have the address 10.9.0.10/32"),
        (_break_v6_address, "does not have the address fd00:9::2/128"),
        (_break_route, "no route to ::/0 by fe80::1"),
        (_break_mac, "MAC address of eth0"),
        (_break_interface, "eth0"),
        (_break_chain, "nftables chain"),
        (_break_port, "0 Interface rows"),
        (_break_row, "does not have the MAC address and the addresses"),
    ],
    ids=["address", "IPv6 address", "route", "MAC", "interface", "chain", "port", "row"],
)
def test_check_names_what_is_wrong(plugin: Plugin, pod: Namespace, damage, word: str) -> None:
    """One thing is broken at a time, and the sentence names it."""
    result = plugin.add("c1", pod.path)
    damage(plugin.node, pod)

    status, document = plugin.call("CHECK", "c1", pod.path, config=plugin.config(prevResult=result))

    assert (status, document["code"]) == (1, 104)
    assert word in document["msg"]
    plugin.delete("c1", pod.path)


def test_check_passes_on_what_the_ipam_plugin_finds(plugin: Plugin, pod: Namespace) -> None:
    """A lease that is gone is the IPAM plugin's to report."""
    result = plugin.add("c1", pod.path)
    for path in (plugin.leases / "pods").glob("10.*"):
        path.unlink()
    for path in (plugin.leases / "pods").glob("fd*"):
        path.unlink()

    status, document = plugin.call("CHECK", "c1", pod.path, config=plugin.config(prevResult=result))

    assert status == 1
    assert "host-local" in document["msg"]
    plugin.delete("c1", pod.path)


def test_delete_is_idempotent(plugin: Plugin, pod: Namespace) -> None:
    """The runtime may ask twice, and after the namespace is gone, and without naming it."""
    plugin.add("c1", pod.path)

    plugin.delete("c1", pod.path)
    assert plugin.traces() == NOTHING
    plugin.delete("c1", pod.path)
    plugin.delete("c1", "/var/run/netns/never-was")
    plugin.delete("c1", "")


def test_delete_of_what_was_never_added(plugin: Plugin) -> None:
    """A DEL without an ADD succeeds, also without any CNI_ARGS."""
    before = plugin.traces()
    plugin.delete("stranger", "", CNI_ARGS="")

    assert plugin.traces() == before


def test_delete_after_the_namespace_is_gone(plugin: Plugin, pod: Namespace) -> None:
    """The kernel has removed the pair with the namespace; the rest is still there to be removed."""
    plugin.add("c1", pod.path)
    pod.remove()
    plugin.node.namespace.run("ip", "link", "delete", HOST, check=False)
    assert plugin.traces()["rows"]

    plugin.delete("c1", pod.path)


def test_delete_finds_a_port_by_its_iface_id(plugin: Plugin, pod: Namespace) -> None:
    """An attachment whose port has another name, as another version of the plugin may have named it, goes too."""
    vsctl = plugin.node.vsctl
    vsctl("--no-wait", "add-port", "br-int", "np-older", "--", "set", "Interface", "np-older",
          "external_ids:iface-id=c1/eth0")  # fmt: skip
    assert plugin.traces()["ports"] == ["np-older"]

    plugin.delete("c1", pod.path)

    assert plugin.traces()["ports"] == []


def test_delete_works_while_ovs_vswitchd_is_silent(plugin: Plugin, pod: Namespace) -> None:
    """DEL needs the database alone."""
    plugin.add("c1", pod.path)
    vswitchd = plugin.node.processes[1]
    vswitchd.send_signal(19)
    try:
        plugin.delete("c1", pod.path)

        assert plugin.traces()["rows"] == []
    finally:
        vswitchd.send_signal(18)
