"""The gateway port on a real userspace switch: made by OVSDB, configured, and back when somebody removes it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from ryu_netpol.adapters.gateway import Gateway, port_addresses
from ryu_netpol.adapters.hostaddr import HostAddresses
from ryu_netpol.adapters.ovsdb import OvsdbAdapter
from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.namespace import inside
from ryu_netpol.lab.process import run
from ryu_netpol.lab.switch import PrivateOvs
from ryu_netpol.model.net import Cidr

GATEWAY = "np-gw0"
CIDRS = (Cidr.parse("10.1.2.0/24"), Cidr.parse("fd00:1::/64"))
PATIENT = 10.0


def port(netns: str) -> dict[str, Any]:
    """The port as `ip` shows it; nothing while it does not exist."""
    try:
        (link,) = json.loads(run(["ip", "-n", netns, "-j", "address", "show", "dev", GATEWAY]))
    except LabError:
        return {}
    return dict(link)


def wait_configured(netns: str) -> dict[str, Any]:
    """Wait until the port is up and has everything."""
    expected = {str(wanted.address) for wanted in port_addresses(CIDRS)}
    end = time.monotonic() + PATIENT
    while True:
        link = port(netns)
        found = {info["local"] for info in link.get("addr_info", ())}
        if expected <= found and "UP" in link["flags"]:
            return link
        assert time.monotonic() < end, link
        time.sleep(0.02)


def wait_listed(ovs: PrivateOvs) -> None:
    """Wait until the database has the port again; the switch may never have noticed that it had gone."""
    end = time.monotonic() + PATIENT
    while GATEWAY not in ovs.vsctl("--no-wait", "list-ports", "br-int").split():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_the_port_is_made_configured_and_made_again(make_netns: Callable[[str], str]) -> None:
    """A restart of ovs-vswitchd leaves it alone; removed, it comes back with the same MAC and addresses."""
    netns = make_netns("ovs")
    reports: list[tuple[str, str]] = []

    def report(what: str, message: str) -> None:
        reports.append((what, message))

    run(["sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"], netns=netns)
    gateway = Gateway(GATEWAY, CIDRS, report=report)
    follower = HostAddresses(deliver=lambda event: None, report=report, changed=gateway.repair)
    with PrivateOvs(datapath="netdev", netns=netns) as ovs:
        adapter = OvsdbAdapter(
            remote=ovs.ovsdb,
            controller=f"unix:{ovs.run_dir}/c.sock",
            datapath_type="netdev",
            deliver=lambda event: None,
            report=report,
        )
        adapter.start()
        with inside(netns):
            follower.start()
        try:
            before = wait_configured(netns)
            ovs.restart_vswitchd()
            restarted = wait_configured(netns)
            ovs.vsctl("--no-wait", "del-port", GATEWAY)
            wait_listed(ovs)
            after = wait_configured(netns)
        finally:
            follower.stop()
            adapter.stop()

    assert restarted["ifindex"] == before["ifindex"]
    assert before["address"] == restarted["address"] == after["address"]
    # While the device was not there, that was said.
    assert {what for what, _ in reports} <= {"bridge_repaired", "gateway"}
