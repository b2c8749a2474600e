"""Calling the CNI plugin exactly as a kubelet's runtime does: environment, JSON on standard input, JSON back.

The plugin is the real one, a process in the node's network; what it does there is its own business. IPAM is host-local,
as the plugin delegates it, with its files in the lab's directory.
"""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.process import in_netns

PLUGIN_TYPE = "ryu-netpol"
IPAM_FOLDER = "/usr/lib/cni"
FIRST_POD = 10
"""Pods get .10 and later; .1 and .2 of every network are the gateway's."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """One sandbox of a pod, as the runtime names it."""

    container_id: str
    netns: str
    namespace: str
    pod: str
    uid: str

    def environment(self, command: str, folder: Path) -> dict[str, str]:
        """The CNI_* variables for a command."""
        args = {
            "IgnoreUnknown": "1",
            "K8S_POD_NAMESPACE": self.namespace,
            "K8S_POD_NAME": self.pod,
            "K8S_POD_INFRA_CONTAINER_ID": self.container_id,
            "K8S_POD_UID": self.uid,
        }
        return {
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": self.container_id,
            "CNI_NETNS": f"/run/netns/{self.netns}",
            "CNI_IFNAME": "eth0",
            "CNI_ARGS": ";".join(f"{key}={value}" for key, value in args.items()),
            "CNI_PATH": f"{folder}{os.pathsep}{IPAM_FOLDER}",
        }


def ranges(pod_cidrs: Sequence[str], addresses: Sequence[str]) -> list[list[dict[str, str]]]:
    """host-local's ranges: per family the node's network, and a network around every wanted address outside of it.

    A manifest may name any addresses; host-local gives only what lies in its ranges. Without wanted addresses a pod
    gets one of each family.
    """
    wanted = [ipaddress.ip_address(address) for address in addresses]
    sets: dict[int, list[dict[str, str]]] = {}
    for cidr in pod_cidrs:
        network = ipaddress.ip_network(cidr)
        if wanted and all(address.version != network.version for address in wanted):
            continue
        sets.setdefault(network.version, []).append(_range(network, first=FIRST_POD))
    for address in wanted:
        if not any(address in ipaddress.ip_network(entry["subnet"]) for entry in sets.get(address.version, [])):
            around = ipaddress.ip_network((address, 24 if address.version == 4 else 64), strict=False)
            sets.setdefault(address.version, []).append(_range(around, first=FIRST_POD))
    # A wanted address below FIRST_POD opens its range: the manifest knows better.
    for entry in (entry for entries in sets.values() for entry in entries):
        network = ipaddress.ip_network(entry["subnet"])
        inside = [int(address) for address in wanted if address in network]
        lowest = min([*inside, int(network[FIRST_POD])])
        entry["rangeStart"] = str(network[lowest - int(network.network_address)])
    return list(sets.values())


def _range(network: ipaddress.IPv4Network | ipaddress.IPv6Network, *, first: int) -> dict[str, str]:
    return {"subnet": str(network), "rangeStart": str(network[first]), "gateway": str(network[1])}


def network_configuration(
    *,
    bridge: str,
    ovsdb: str,
    pod_cidrs: Sequence[str],
    data_dir: Path,
    addresses: Sequence[str] = (),
    ready_timeout: float = 20.0,
) -> dict[str, Any]:
    """The plugin's configuration for one pod."""
    configuration: dict[str, Any] = {
        "cniVersion": "1.0.0",
        "name": "ryu-netpol",
        "type": PLUGIN_TYPE,
        "bridge": bridge,
        "ovsdb": ovsdb,
        "readyTimeout": ready_timeout,
        "ipam": {"type": "host-local", "ranges": ranges(pod_cidrs, addresses), "dataDir": str(data_dir)},
    }
    if addresses:
        configuration["args"] = {"cni": {"ips": list(addresses)}}
    return configuration


def write_plugin(folder: Path) -> None:
    """Make the folder where a runtime finds the plugin: a script that runs package `cni` of this installation."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / PLUGIN_TYPE
    # Beside ryu_netpol, in a checkout as well as in an installation; a runtime runs plugins with any working directory.
    home = Path(__file__).resolve().parents[2]
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{home}" exec "{sys.executable}" -m cni "$@"\n')
    script.chmod(0o755)


def call(
    command: str,
    attachment: Attachment,
    configuration: Mapping[str, Any],
    *,
    folder: Path,
    node_netns: str,
    timeout: float = 60.0,
) -> dict[str, Any]:
    """Run the plugin and return its result; its error object becomes a LabError with its own sentence."""
    try:
        done = subprocess.run(
            [*in_netns(node_netns), str(folder / PLUGIN_TYPE)],
            input=json.dumps(configuration),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd="/",
            env={**os.environ, **attachment.environment(command, folder)},
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(
            f"CNI {command} of {attachment.namespace}/{attachment.pod} took over {timeout:.0f} s."
        ) from error
    try:
        answer = json.loads(done.stdout) if done.stdout.strip() else {}
    except ValueError:
        answer = {"msg": done.stdout.strip()}
    if done.returncode == 0 and isinstance(answer, dict):
        return answer
    words = ": ".join(filter(None, (str(answer.get("msg", "")), str(answer.get("details", "")))))
    words = words or done.stderr.strip() or f"exit code {done.returncode}"
    raise LabError(f"CNI {command} of {attachment.namespace}/{attachment.pod} failed: {words}")
