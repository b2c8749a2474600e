#!/usr/bin/env python3
"""Stands in for `ryu-netpol agent` where the lab itself is under test: everything passes but what a file drops.

It keeps the promises that the lab relies on (bridge, gateway port with the first two addresses, netpol-synced, the
answer to the CNI plugin's wait), with a NORMAL bridge and the node's kernel as router. MANIFESTS/drops.txt may hold
flows in ovs-ofctl syntax.
"""

import argparse
import ipaddress
import json
import subprocess
import time
from pathlib import Path


def sh(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["agent"])
    for name in ("--bridge", "--node", "--ovsdb"):
        parser.add_argument(name, required=True)
    parser.add_argument("--manifests", required=True, type=Path)
    parser.add_argument("--pod-cidr", action="append", default=[])
    parser.add_argument("--datapath-type")
    args = parser.parse_args()
    vsctl = ("ovs-vsctl", f"--db={args.ovsdb}", "--timeout=10")

    sh(
        *(*vsctl, "--may-exist", "add-br", args.bridge),
        *("--", "set", "Bridge", args.bridge, "datapath_type=netdev", "fail_mode=secure"),
        *("--", "--may-exist", "add-port", args.bridge, "np-gw0"),
        *("--", "set", "Interface", "np-gw0", "type=internal"),
    )
    sh("ip", "link", "set", "np-gw0", "up")
    for cidr in args.pod_cidr:
        network = ipaddress.ip_network(cidr)
        for host in (1, 2):
            nodad = ["nodad"] if network.version == 6 else []
            sh("ip", "addr", "replace", f"{network[host]}/{network.prefixlen}", "dev", "np-gw0", *nodad)
    sh("ip", "addr", "replace", "169.254.1.1/32", "dev", "np-gw0")
    sh("ip", "addr", "replace", "fe80::1/64", "dev", "np-gw0", "nodad")
    sh("sysctl", "-qw", "net.ipv4.conf.np-gw0.send_redirects=0")
    flows = ["priority=0,actions=NORMAL"]
    drops = args.manifests / "drops.txt"
    if drops.exists():
        flows += drops.read_text().split("\n")
    subprocess.run(
        ["ovs-ofctl", "-O", "OpenFlow14", "replace-flows", args.bridge, "-"],
        input="\n".join(flows),
        text=True,
        check=True,
    )
    sh(*vsctl, "set", "Bridge", args.bridge, 'external_ids:netpol-synced="true"')
    print("synced", flush=True)
    while True:
        rows = json.loads(sh(*vsctl, "--format=json", "--columns=name,external_ids", "list", "Interface"))["data"]
        for name, (_, pairs) in rows:
            ids = dict(pairs)
            if "container-id" in ids and "netpol-ready" not in ids:
                sh(*vsctl, "set", "Interface", name, f'external_ids:netpol-ready="{ids["container-id"]}"')
        time.sleep(0.05)


if __name__ == "__main__":
    main()
