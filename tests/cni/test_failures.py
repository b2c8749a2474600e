"""Every way in which ADD can fail, and that nothing is left of it; and DEL while OVSDB is away."""

from __future__ import annotations

import json
import os
import pathlib
import signal

import pytest

from cni.contract import host_device_name
from tests.cni.conftest import CNI_PATH, NOTHING, PYTHON, FakeAgent, Namespace, Node, Plugin, wait_for

HOST = host_device_name("c1", "eth0")


def refused(plugin: Plugin, netns: str, **options) -> dict:
    """Return the error of an ADD, after which nothing may be left."""
    status, document = plugin.call("ADD", "c1", netns, **options)
    assert status == 1, document
    assert document["cniVersion"] == "1.0.0"
    assert plugin.traces() == NOTHING
    assert "undoing" not in document.get("details", "")
    return document


def test_without_an_agent_the_pod_does_not_start(plugin: Plugin, pod: Namespace) -> None:
    """Nobody says that the policy is in force: try again later, and what to look at."""
    error = refused(plugin, pod.path, config=plugin.config(readyTimeout=0.3))

    assert error["code"] == 11
    assert "shop/web-1" in error["msg"]
    assert "is the ryu-netpol agent running" in error["msg"]
    assert [link["ifname"] for link in pod.json("link", "show")] == ["lo"]


def test_a_word_for_another_container_does_not_count(plugin: Plugin, pod: Namespace) -> None:
    """The agent says ready for a container id, and only this one is waited for."""
    process = plugin.start("ADD", "c1", pod.path, plugin.config(readyTimeout=1.5))
    process.stdin.close()
    process.stdin = None
    wait_for(lambda: plugin.traces()["rows"], "the Interface row")
    plugin.node.vsctl("set", "Interface", HOST, "external_ids:netpol-ready=c0")

    out, _ = process.communicate(timeout=30)

    assert process.returncode == 1
    assert '"code": 11' in out


def test_a_missing_bridge_is_named(plugin: Plugin, pod: Namespace) -> None:
    """Nothing is added to a bridge that is not there."""
    error = refused(plugin, pod.path, config=plugin.config(bridge="br-none"))

    assert error["code"] == 102
    assert "br-none" in error["msg"]


@pytest.mark.parametrize("path", ["/var/run/netns/never-was", "/etc/hostname", "relative", "/tmp/a b", ""])
def test_a_namespace_that_is_none(plugin: Plugin, path: str) -> None:
    """The variable is named, and no address is taken."""
    error = refused(plugin, path)

    assert error["code"] == 4
    assert "CNI_NETNS" in error["msg"]


def test_the_nodes_own_namespace_is_refused(plugin: Plugin, node: Node) -> None:
    """A pod of the host's network must never get here; if it does, the node keeps its addresses."""
    error = refused(plugin, node.namespace.path)

    assert error["code"] == 4
    assert "the node's own network namespace" in error["msg"]


def test_an_interface_that_is_there_already(plugin: Plugin, pod: Namespace, agent: FakeAgent) -> None:
    """The pair cannot be made; the lease is given back, and the interface that was there stays."""
    pod.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "other")

    error = refused(plugin, pod.path)

    assert error["code"] == 101
    assert "File exists" in error["msg"]
    assert {"eth0", "other"} == {link["ifname"] for link in pod.json("link", "show", "type", "veth")}


def test_a_second_add_leaves_the_first_alone(plugin: Plugin, pod: Namespace, agent: FakeAgent) -> None:
    """An ADD that finds itself already done fails and undoes nothing of the first one."""
    result = plugin.add("c1", pod.path)

    status, document = plugin.call("ADD", "c1", pod.path)

    assert status == 1, document
    assert plugin.call("CHECK", "c1", pod.path, config=plugin.config(prevResult=result)) == (0, {})
    plugin.delete("c1", pod.path)


def test_an_ipam_plugin_that_is_not_there(plugin: Plugin, pod: Namespace) -> None:
    """The field and the name are told."""
    error = refused(plugin, pod.path, config=plugin.config(ipam={"type": "nobody"}))

    assert error["code"] == 7
    assert "'nobody'" in error["msg"]


def test_the_error_of_the_ipam_plugin_is_passed_through(plugin: Plugin, pod: Namespace, agent: FakeAgent) -> None:
    """A range of one address is used up by the first pod; the second one learns it in host-local's own words."""
    config = plugin.config()
    config["ipam"]["ranges"] = [[{"subnet": "10.9.0.0/24", "rangeStart": "10.9.0.9", "rangeEnd": "10.9.0.9"}]]
    plugin.add("c0", pod.path, config=config)

    status, document = plugin.call("ADD", "c1", pod.path, config=config, CNI_IFNAME="eth1")

    assert status == 1
    assert "no IP addresses available" in document["msg"]
    plugin.delete("c0", pod.path, config=config)


@pytest.mark.parametrize(
    ("script", "word"),
    [
        ("echo oops; exit 1", "without a CNI error"),
        ("echo not json", "cannot be read"),
        ("echo '{\"ips\": []}'", "gave no address"),
        ('echo \'{"ips": [{"address": "10.0.0.300/24"}]}\'', "cannot be read"),
    ],
    ids=["fails", "no JSON", "no address", "no such address"],
)
def test_an_ipam_plugin_that_misbehaves(
    plugin: Plugin, pod: Namespace, tmp_path: pathlib.Path, script: str, word: str
) -> None:
    """What it did is undone by its own DEL, unless it said itself that it failed."""
    program = tmp_path / "odd-ipam"
    calls = tmp_path / "calls"
    program.write_text(f"#!/bin/sh\necho $CNI_COMMAND >> {calls}\n[ $CNI_COMMAND = DEL ] && exit 0\n{script}\n")
    program.chmod(0o755)

    error = refused(plugin, pod.path, config=plugin.config(ipam={"type": "odd-ipam"}), CNI_PATH=str(tmp_path))

    assert error["code"] == 105
    assert word in error["msg"]
    assert (["ADD"] if "exit 1" in script else ["ADD", "DEL"]) == calls.read_text().split()


def test_a_missing_tool_is_named_before_anything_is_touched(
    plugin: Plugin, pod: Namespace, tmp_path: pathlib.Path
) -> None:
    """The programs are looked for in the system's folders; a mount namespace hides ethtool from them."""
    environment = plugin.environment("ADD", "c1", pod.path)
    hide = " && ".join(
        f"mount --bind /dev/null {folder}/ethtool"
        for folder in ("/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin")
        if os.path.exists(f"{folder}/ethtool")
    )
    done = plugin.node.namespace.run(
        "unshare", "--mount", "sh", "-c", f"{hide} && exec {PYTHON} -m cni",
        env=environment, input=json.dumps(plugin.config()), check=False,
    )  # fmt: skip

    error = json.loads(done.stdout)
    assert (done.returncode, error["code"]) == (1, 100)
    assert "ethtool is not installed" in error["msg"]
    assert plugin.traces() == NOTHING


def test_a_step_in_the_middle(plugin: Plugin, pod: Namespace) -> None:
    """A default route that is there already: ip's own words reach the runtime, and what came before is undone."""
    pod.run("ip", "link", "add", "one", "type", "veth", "peer", "name", "other")
    pod.run("ip", "link", "set", "one", "up")
    pod.run("ip", "route", "add", "default", "dev", "one")

    error = refused(plugin, pod.path)

    assert error["code"] == 101
    assert "setting up eth0 in the pod failed" in error["msg"]
    assert "File exists" in error["msg"]


def test_a_port_that_open_vswitch_refuses(plugin: Plugin, pod: Namespace) -> None:
    """The switch's own reason is told: here the type of the interface is none that it knows."""
    # The row is broken while ovs-vswitchd sleeps, so that it never sees it whole.
    vswitchd = plugin.node.processes[1]
    vswitchd.send_signal(signal.SIGSTOP)
    try:
        process = plugin.start("ADD", "c1", pod.path, plugin.config(readyTimeout=5))
        process.stdin.close()
        process.stdin = None
        wait_for(lambda: plugin.traces()["rows"], "the Interface row")
        plugin.node.vsctl("--no-wait", "set", "Interface", HOST, "type=no-such-type")
    finally:
        vswitchd.send_signal(signal.SIGCONT)

    out, _ = process.communicate(timeout=30)

    assert process.returncode == 1
    assert '"code": 103' in out
    assert f"could not open network device {HOST}" in out


def test_a_switch_that_is_not_running(plugin: Plugin, pod: Namespace) -> None:
    """No port number comes: another sentence than that for a missing agent."""
    vswitchd = plugin.node.processes[1]
    vswitchd.send_signal(signal.SIGSTOP)
    try:
        error = refused(plugin, pod.path, config=plugin.config(readyTimeout=0.3))
    finally:
        vswitchd.send_signal(signal.SIGCONT)

    assert error["code"] == 11
    assert "is ovs-vswitchd running" in error["msg"]


def test_ovsdb_that_is_not_running(plugin: Plugin, pod: Namespace) -> None:
    """ADD fails before it takes an address."""
    error = refused(plugin, pod.path, config=plugin.config(ovsdb="/nowhere/db.sock"))

    assert error["code"] == 11
    assert "/nowhere/db.sock" in error["msg"]


def test_ovsdb_that_goes_away_while_add_waits(plugin: Plugin, pod: Namespace) -> None:
    """What can be undone is; that the port cannot be removed is told, and the runtime's DEL does it later."""
    process = plugin.start("ADD", "c1", pod.path, plugin.config(readyTimeout=20))
    process.stdin.close()
    process.stdin = None
    wait_for(lambda: plugin.traces()["rows"], "the Interface row")
    plugin.node.stop_database()
    try:
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 1
        assert '"code": 11' in out
        assert "undoing failed as well" in out
    finally:
        plugin.node.start_database()
    traces = plugin.traces()
    assert traces.pop("ports") == [HOST]
    assert traces.pop("rows") == [HOST]
    assert traces == {"devices": [], "chains": [], "leases": []}

    plugin.delete("c1", pod.path)


def test_delete_without_ovsdb_removes_the_rest_and_asks_to_be_called_again(
    plugin: Plugin, pod: Namespace, agent: FakeAgent
) -> None:
    """The one case in which DEL fails: a row that stayed would claim its address for ever."""
    plugin.add("c1", pod.path)

    status, document = plugin.call("DEL", "c1", pod.path, config=plugin.config(ovsdb="/nowhere/db.sock"))

    assert (status, document["code"]) == (1, 11)
    traces = plugin.traces()
    assert traces["rows"] == [HOST]
    assert [] == traces["devices"] == traces["chains"] == traces["leases"]
    plugin.delete("c1", pod.path)


def test_an_impatient_runtime_is_cleaned_up_after(plugin: Plugin, pod: Namespace) -> None:
    """SIGTERM while ADD waits undoes everything."""
    process = plugin.start("ADD", "c1", pod.path, plugin.config(readyTimeout=20))
    process.stdin.close()
    process.stdin = None
    wait_for(lambda: plugin.traces()["rows"], "the Interface row")

    process.terminate()
    out, _ = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "told to stop" in out


def test_the_pod_must_be_named(plugin: Plugin, pod: Namespace) -> None:
    """Without its name the agent could never tell whose port it is."""
    error = refused(plugin, pod.path, CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE=shop")

    assert error["code"] == 4
    assert "K8S_POD_NAME" in error["msg"]


def test_host_local_is_where_debian_puts_it() -> None:
    """The tests rest on it; say so in one sentence where it is missing."""
    assert os.access(f"{CNI_PATH}/host-local", os.X_OK), "install containernetworking-plugins"
