"""A large cluster on a real API server, whose agent lists it in pages; a few of its pods are in the lab.

`python -m tests.kube.large [PODS]` (10,000, and a policy for ten of them) prints the figures of docs/performance.md.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

from ryu_netpol.bench.clusters.mixed import Mixed
from ryu_netpol.bench.clusters.scene import HERE, POD_CIDR
from ryu_netpol.bench.manifests import document
from ryu_netpol.bench.process import resident
from ryu_netpol.lab.node import BRIDGE, NodeSpec
from ryu_netpol.model.labels import Labels
from ryu_netpol.model.names import Direction, NodeName, Protocol
from ryu_netpol.model.net import Address, PortRange
from ryu_netpol.model.objects import BlockPeer, Cluster, Node, Object, Pod, Policy
from ryu_netpol.model.probe import End, Probe, resolve
from ryu_netpol.oracle.evaluate import Oracle
from tests.kube.binaries import find
from tests.kube.scene import Json, Scene, deploy, following
from tests.kube.server import Server, started

PODS = 10_000
ATTACHED = 8
"""Of a hundred pods that the server has on the lab's node."""
NODES = 100
ON = NodeSpec(HERE, (str(POD_CIDR), "fd00:10::/64"), ("192.168.50.1", "fd00:50::1"))
PAGED = (
    *(sys.executable, "-c"),
    "import sys; from ryu_netpol.adapters.kube import questions; "
    "questions.stream = questions.cache = lambda *_: (('limit', 'no number'),); "
    "from ryu_netpol.cli.main import main; sys.exit(main(sys.argv[1:]))",
)
"""An agent to which the server refuses every list but those in pages."""
_PLACES = {"Pod": "pods", "Namespace": "namespaces", "Node": "minions", "NetworkPolicy": "networkpolicies"}
_TIME = "2026-01-02T03:04:05Z"


def objects(pods: int) -> list[Object]:
    """The cluster of benchmark B3 on many nodes, with a pod of each namespace on ours."""
    scene = Mixed(namespaces=pods // 100).scene()
    others = [replace(pod, node=NodeName(f"node{2 + number % NODES}")) for number, pod in enumerate(scene.pods)]
    spread = [pod if pod.node == HERE else other for pod, other in zip(scene.pods, others, strict=True)]
    nodes = [Node(NodeName(f"node{number}"), Labels({}), ()) for number in range(2, 2 + NODES)]
    here = Node(HERE, Labels({}), tuple(map(Address.parse, ON.addresses)))
    return [here, *nodes, *scene.namespaces, *spread, *scene.policies]


def stored(value: Object) -> tuple[str, Json]:
    """An object as a server stores it, and where; a pod has 4 KB, of which most means nothing to policies."""
    written: Json = document(value)
    metadata = written["metadata"]
    metadata |= {"uid": metadata.get("uid") or f"{written['kind']}-{metadata['name']}", "creationTimestamp": _TIME}
    if written["kind"] == "Pod":
        written["spec"] |= {
            "restartPolicy": "Always",
            "dnsPolicy": "ClusterFirst",
            "schedulerName": "default-scheduler",
        }
        container = written["spec"]["containers"][0]
        container |= {"env": [{"name": f"SETTING_{n}", "value": "x" * 80} for n in range(16)]}
        container |= {"terminationMessagePath": "/dev/termination-log", "imagePullPolicy": "IfNotPresent"}
        fields = {f'k:{{"uid":"{n}"}}': {".": {}, "f:name": {}, "f:value": {}} for n in range(24)}
        managed = {"manager": "kubelet", "operation": "Update", "apiVersion": "v1", "time": _TIME}
        metadata |= {"managedFields": [{**managed, "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": fields}}]}
    place = [_PLACES[written["kind"]], *([metadata["namespace"]] if "namespace" in metadata else []), metadata["name"]]
    return "/".join(place), written


@contextlib.contextmanager
def crowd(server: Server, pods: int) -> Iterator[Scene]:
    """The lab of a server that has as many pods, a few of them attached."""
    deploy(server)
    there = objects(pods)
    server.fill(map(stored, there))
    here = [value for value in there if isinstance(value, Pod) and value.node == HERE]
    chosen = [document(pod) for pod in here[:: max(1, len(here) // ATTACHED)][:ATTACHED]]
    with following(server, chosen, on=ON, program=PAGED) as scene:
        yield scene


def start_anew(scene: Scene) -> float:
    """Start the agent on a switch without flows; returns after how many seconds everything was installed."""
    scene.node.stop_agent()
    scene.node.ovs.ofctl("del-flows", BRIDGE)
    began = time.monotonic()
    scene.start_agent()
    scene.node.wait_synced()
    return time.monotonic() - began


def sample(cluster: Cluster, scene: Scene, chance: Random, *, of_each: int = 30) -> dict[Probe, bool]:
    """Connections of attached pods, as many that are allowed as denied; the other end is judged on its own node."""
    oracle = Oracle(cluster)
    found: dict[bool, list[Probe]] = {True: [], False: []}
    for probe, direction in _candidates(cluster, scene, chance):
        found[oracle.judge(direction, resolve(cluster, probe)).allowed].append(probe)
    return {
        probe: allowed
        for allowed, probes in found.items()
        for probe in chance.sample(list(dict.fromkeys(probes)), min(of_each, len(set(probes))))
    }


def _candidates(cluster: Cluster, scene: Scene, chance: Random) -> Iterator[tuple[Probe, Direction]]:
    elsewhere = [pod for pod in cluster.pods.values() if pod.node != HERE and pod.addresses]
    for pod in (pod for key, pod in cluster.pods.items() if str(key) in scene.lab.pods):
        neighbours = [other for other in elsewhere if other.key.namespace == pod.key.namespace]
        callers = chance.sample(neighbours, 40) + chance.sample(elsewhere, 60)
        for policy in (one for one in cluster.policies.values() if one.key.namespace == pod.key.namespace):
            if policy.subject.matches(pod.labels):
                yield from _tries(policy, pod, [caller.addresses[0] for caller in callers])


def _tries(policy: Policy, pod: Pod, others: list[Address]) -> Iterator[tuple[Probe, Direction]]:
    """At the first port of each rule, to or from others and the first address of each block."""
    for direction in Direction:
        for rule in policy.rules(direction):
            blocks = [peer.cidr.address(1) for peer in rule.peers or () if isinstance(peer, BlockPeer)]
            for spec in rule.ports or ():
                assert isinstance(spec.port, PortRange)
                for other in (*blocks, *others):
                    yield _probe(direction, pod, other, spec.protocol, spec.port.first), direction


def _probe(direction: Direction, pod: Pod, other: Address, protocol: Protocol, port: int) -> Probe:
    ends: tuple[End, End] = (other, pod.key) if direction is Direction.INGRESS else (pod.key, other)
    return Probe(*ends, protocol, port)


def processor_time(pid: int) -> float:
    """Seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(pods: int) -> None:
    """Print how long it takes, and what the agent needs."""
    with tempfile.TemporaryDirectory(prefix="npkube-") as folder, started(Path(folder), find()) as server:
        began = time.monotonic()
        with crowd(server, pods) as scene:
            print(f"{pods:,} pods, {pods // 10:,} policies on the server, {ATTACHED} pods attached: "
                  f"{time.monotonic() - began:.1f} s")  # fmt: skip
            for _ in range(3):
                seconds = start_anew(scene)
                agent = scene.node.agent
                assert agent is not None
                print(f"from the start of the agent to everything installed: {seconds:.2f} s, of which processor "
                      f"{processor_time(agent.pid):.2f} s; memory {resident(agent.pid):.0f} MiB, "
                      f"at its peak {resident(agent.pid, 'VmHWM'):.0f} MiB")  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PODS)
