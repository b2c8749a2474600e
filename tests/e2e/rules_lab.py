"""The world of the tables in a lab: two nodes, its pods, and one stage after the other in force."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ryu_netpol.lab import namespace
from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.lab import PARALLEL_ADDS, Lab
from ryu_netpol.lab.node import BRIDGE, NodeSpec
from ryu_netpol.lab.pods import LabPod, PodSpec
from ryu_netpol.lab.probe import Outcome, Result
from ryu_netpol.lab.specs import pod_specs
from ryu_netpol.lab.underlay import host_length
from ryu_netpol.model.names import PodKey
from ryu_netpol.model.objects import Cluster, Object
from ryu_netpol.oracle.claims import claims
from tests.rules.cases import Stage, probe
from tests.support import manifests
from tests.support.build import block, pod, policy, rule

NODES = (
    NodeSpec("node1", ("10.244.1.0/24", "fd00:10:244:1::/64"), ("192.168.0.1", "fd00:192:168::1")),
    NodeSpec("node2", ("10.244.2.0/24", "fd00:10:244:2::/64"), ("192.168.0.2", "fd00:192:168::2")),
)
MARKED = (pod("marker/one", "10.244.1.250"), pod("marker/two", "10.244.2.250", node="node2"))
"""A pod on each node, for a policy of which no table speaks: a node that has its newest rule has the rest as well."""

TIMEOUTS = (0.35, 1.0, 2.0)
"""Seconds, for the first attempt and those after it. Short ones are safe: without a drop that was counted, or without
its controls, silence is no answer, and what shows nothing, as on a busy machine, is asked again.
"""
PATIENCE = 20.0


class RulesLab:
    """A lab that becomes what a stage says."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        """The lab is up, without pods, and follows the folder."""
        self._lab = lab
        self._folder = folder
        self._marks = itertools.count(1)

    def ask(self, stage: Stage) -> dict[str, Result]:
        """Every question of a stage, all at once."""
        try:
            self._become(stage)
            left = [question for question, _ in stage.expected]
            found: dict[str, Result] = {}
            for timeout in TIMEOUTS:
                results = self._lab.probe([probe(question) for question in left], timeout=timeout)
                found |= zip(left, results, strict=True)
                left = [question for question in left if found[question].outcome is Outcome.ERROR]
                if not left:
                    break
        except LabError as error:
            return {question: Result(Outcome.ERROR, str(error)) for question, _ in stage.expected}
        return found

    def _become(self, stage: Stage) -> None:
        """Pods go, manifests change, pods come, and every node has it in force."""
        specs = {spec.key: spec for spec in plugged(stage.cluster)}
        self._detach([pod for key, pod in self._lab.pods.items() if specs.get(key) != pod.spec])
        mark = self._write(stage)
        self._lab.attach(spec for key, spec in specs.items() if key not in self._lab.pods)
        self._wait_for(mark)

    def _detach(self, pods: list[LabPod]) -> None:
        """The lab leads everybody to addresses that are outside of the nodes' networks; now somebody else has them."""
        strays = [address for pod in pods for address in pod.stray_addresses]
        with ThreadPoolExecutor(PARALLEL_ADDS) as pool:
            list(pool.map(LabPod.detach, pods))
        self._lab.detach(*(pod.spec.key for pod in pods))
        for address in strays:
            for netns in (self._lab.underlay.outside_netns, *(node.netns for node in self._lab.nodes.values())):
                namespace.ip(netns, [f"route del {host_length(address)}"])

    def _write(self, stage: Stage) -> str:
        """The manifests as they are, then the rest in one file, with a rule that nobody has seen; returns its address.

        A folder is read in the order of changes: who has read the second file has read the first one.
        """
        number = next(self._marks)
        mark = f"100.64.{number >> 8}.{number & 0xFF}"
        raw = self._folder / "raw.yaml"
        if stage.manifests:
            raw.write_text(stage.manifests)
        else:
            raw.unlink(missing_ok=True)
        values: list[Object] = [item for item in stage.cluster.objects() if item not in stage.written]
        values += [*MARKED, policy("marker/newest", ingress=[rule(block(f"{mark}/32"))])]
        manifests.write(values, self._folder)
        return mark

    def _wait_for(self, mark: str) -> None:
        deadline = time.monotonic() + PATIENCE
        for node in self._lab.nodes.values():
            while f"nw_src={mark}" not in node.ovs.ofctl("dump-flows", BRIDGE, f"ip,nw_src={mark}"):
                if time.monotonic() > deadline:
                    raise LabError(f"{node.name} has not heard of the newest policy within {PATIENCE:.0f} s.")
                time.sleep(0.05)
            # Acknowledged is not quite in force: the datapath may still use what it has cached.
            node.ovs.appctl("revalidator/purge")


def plugged(cluster: Cluster) -> list[PodSpec]:
    """Pods that have an address, of several that claim it the one that has it; of equal ones the first."""
    found = claims((*cluster.pods.values(), *MARKED))
    owners = {pod.key for pod in found.owners.values()} | {pods[0].key for pods in found.disputed.values()}
    everybody = pod_specs(Cluster.of(*cluster.objects(), *MARKED))
    return [spec for spec in everybody if spec.host_network or PodKey(spec.namespace, spec.name) in owners]
