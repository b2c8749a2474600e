"""B8: the agent as a process: from its start to the first full installation, and its memory."""

from __future__ import annotations

import subprocess
from pathlib import Path
from time import perf_counter

from cni.contract import PortIdentity
from ryu_netpol.bench.b3 import counted
from ryu_netpol.bench.bench import Bench, BenchError
from ryu_netpol.bench.clusters.mixed import Mixed
from ryu_netpol.bench.clusters.scene import FIRST_PORT, HERE, POD_CIDR, POD_MAC, Scene
from ryu_netpol.bench.manifests import write
from ryu_netpol.bench.process import network, resident, settled, started_program
from ryu_netpol.bench.results import Target
from ryu_netpol.bench.switch import BRIDGE, flow_count
from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.node import agent_program
from ryu_netpol.lab.process import in_netns
from ryu_netpol.lab.process import run as run_tool
from ryu_netpol.lab.switch import PrivateOvs

_PATIENCE = 100
"""Seconds."""
_SYNCED = "external_ids:netpol-synced=true"


def run(bench: Bench) -> None:
    """On a switch with packets, in a network of its own; the pods are attached already."""
    scene = Mixed(namespaces=bench.size(100)).scene()
    limit = Target(3, "s")
    bench.begin("from the start of the process to everything installed", limit)
    with network() as netns, PrivateOvs(datapath="netdev", netns=netns) as ovs:
        write(scene, ovs.run_dir / "manifests")
        attach(ovs, scene)
        argv = [*in_netns(netns), *agent_program(), "agent", "--node", HERE, "--pod-cidr", str(POD_CIDR)]
        argv += ["--manifests", str(ovs.run_dir / "manifests"), "--ovsdb", ovs.ovsdb, "--bridge", BRIDGE]
        argv += ["--datapath-type", "netdev"]
        log = ovs.run_dir / "agent.log"
        started = perf_counter()
        with (
            log.open("wb") as file,
            started_program(argv, output=subprocess.DEVNULL, errors=file.fileno(), env=ovs.env) as agent,
        ):
            wait_synced(ovs, log)
            seconds = perf_counter() - started
            what = f"from the start of the process to everything installed, {counted(scene)}"
            bench.result(f"{what}, {flow_count(ovs):,} flows", seconds, "s", target=limit)
            bench.result("memory (RSS) of the agent when settled", settled(agent.pid), "MiB", target=Target(120, "MiB"))
            bench.result("peak memory (RSS) of the agent", resident(agent.pid, "VmHWM"), "MiB")


def attach(ovs: PrivateOvs, scene: Scene) -> None:
    """Make the bridge with a port for each pod of this node, declared as the plugin does (docs/cni.md)."""
    ovs.add_bridge(BRIDGE)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    for number, pod in enumerate(scene.local, FIRST_PORT):
        mac = ":".join(f"{octet:02x}" for octet in (POD_MAC + number).to_bytes(6, "big"))
        identity = PortIdentity(
            pod.key.namespace, pod.key.name, pod.uid, f"c{number}", "eth0", mac, tuple(map(str, pod.addresses)), boot,
            number, f"/run/netns/c{number}",
        )  # fmt: skip
        ids = [f'external_ids:{key}="{value}"' for key, value in identity.to_external_ids().items()]
        port = f"np{number}"
        ovs.vsctl("add-port", BRIDGE, port, "--", "set", "Interface", port, "type=internal", *ids)


def wait_synced(ovs: PrivateOvs, log: Path) -> None:
    """Wait until the agent says on the bridge that everything is installed."""
    wait = ["ovs-vsctl", f"--db={ovs.ovsdb}", f"--timeout={_PATIENCE}", "wait-until", "Bridge", BRIDGE, _SYNCED]
    try:
        run_tool(wait, env=ovs.env, timeout=_PATIENCE + 10)
    except LabError as error:
        said = log.read_text(errors="replace").strip().splitlines()
        raise BenchError(f"the agent was not ready: {said[-1] if said else 'it said nothing'}") from error
