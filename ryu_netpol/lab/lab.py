"""The lab as a whole: nodes, pods, an outside host; up, probe, prompt, down.

    with Lab(Path("examples/shop"), nodes=1) as lab:
        lab.attach(pods)
        results = lab.probe([Probe(...)])

Callers: `ryu-netpol lab`, `demo`, `reach --via packets`, the end-to-end tests, the topologies for `mn --custom`. Pods
come as plain values: reading manifests is the caller's. A lab belongs to the process that made it and goes with it,
unless leave_running() says otherwise; then Lab.open() finds it again. Everything that was made is in LabState.

Needs root. Several labs may be up at once.
"""

from __future__ import annotations

import contextlib
import socket
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ryu_netpol.lab import cni, namespace
from ryu_netpol.lab.drops import dropped
from ryu_netpol.lab.ends import Ends
from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.fate import Fates
from ryu_netpol.lab.node import LabNode, NodeSpec
from ryu_netpol.lab.pods import LabPod, PodSpec
from ryu_netpol.lab.probe import TIMEOUT, Result, ask, turns
from ryu_netpol.lab.process import need_root
from ryu_netpol.lab.proof import Prover
from ryu_netpol.lab.shoot import send_first
from ryu_netpol.lab.signals import deferred, ending_in_order, undisturbed
from ryu_netpol.lab.state import BASE, LabState
from ryu_netpol.lab.switch import PrivateOvs
from ryu_netpol.lab.underlay import Underlay, routes
from ryu_netpol.model.probe import Probe

# ADD waits for the agent, not for the processor: some at once, as a kubelet does.
PARALLEL_ADDS = 8


class Lab:
    """One lab; a context manager that brings it up and takes it down."""

    def __init__(
        self,
        manifests: Path,
        nodes: int | Sequence[NodeSpec] = 1,
        *,
        program: Sequence[str] | None = None,
        base: Path = BASE,
    ) -> None:
        """`manifests` is the folder that every agent follows; `program` replaces `ryu-netpol` (tests)."""
        self.manifests = manifests
        self.nodes: dict[str, LabNode] = {}
        self.pods: dict[str, LabPod] = {}
        self.specs = [NodeSpec.numbered(n + 1) for n in range(nodes)] if isinstance(nodes, int) else list(nodes)
        self._program = program
        self._base = base
        self._state: LabState | None = None
        self._signals = contextlib.ExitStack()

    # --- life ---------------------------------------------------------------------------------------------------

    def __enter__(self) -> Lab:
        self._signals.enter_context(ending_in_order())
        try:
            self.up()
        except BaseException:
            self._signals.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._down_if_ours()
        finally:
            # A signal that hits the first attempt cannot hit this one (ending_in_order).
            self._down_if_ours()
            self._signals.close()

    def _down_if_ours(self) -> None:
        if self._state is not None and self._state.owner is not None:
            self.down()

    def up(self, *, timeout: float = 30.0) -> None:
        """Make everything and wait until every agent has installed its policies; on failure nothing is left."""
        need_root("The lab")
        if not self.manifests.exists():
            raise LabError(f"There is no {self.manifests}.")
        sweep(self._base)
        try:
            with deferred():
                self._bind(LabState.create(self._base))
            cni.write_plugin(self.state.directory / "bin")
            self.underlay.build()
            for node in self.nodes.values():
                node.start(self.underlay, [spec for spec in self.specs if spec != node.spec])
                node.start_agent(self.manifests)
            for node in self.nodes.values():
                node.wait_synced(timeout)
            self._save()
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """Remove everything that was made, attached or not; no error when it is gone already."""
        if self._state is not None:
            tear_down(self._state)
            self._state = None
            self.nodes.clear()
            self.pods.clear()

    def leave_running(self) -> str:
        """Let the lab outlive this process; returns its id, for Lab.open()."""
        self.state.set_owner(None)
        return self.state.lab_id

    @classmethod
    def open(cls, lab_id: str | None = None, *, base: Path = BASE) -> Lab:
        """The lab that another process left running; without an id, the only one."""
        need_root("The lab")
        state = find(lab_id, base=base)
        settings = state.settings
        if not settings:
            raise LabError(f"The lab {state.lab_id} is not up yet.")
        specs = [NodeSpec(n["name"], tuple(n["pod_cidrs"]), tuple(n["addresses"])) for n in settings["nodes"]]
        lab = cls(Path(settings["manifests"]), specs, program=settings["program"], base=base)
        lab._bind(state)
        for entry in settings["pods"]:
            spec = PodSpec(**{**entry["spec"], "addresses": tuple(entry["spec"]["addresses"])})
            pod = LabPod(state, spec, lab.node(spec.node))
            pod.restore(entry["record"])
            lab.pods[spec.key] = pod
        return lab

    def _bind(self, state: LabState) -> None:
        self._state = state
        self.underlay = Underlay(state)
        self.nodes = {
            spec.name: LabNode(state, spec, index=index, program=self._program)
            for index, spec in enumerate(self.specs, start=1)
        }

    @property
    def is_up(self) -> bool:
        """Whether there is something to take down."""
        return self._state is not None

    @property
    def state(self) -> LabState:
        """The record on disk."""
        if self._state is None:
            raise LabError("The lab is not up.")
        return self._state

    # --- pods ---------------------------------------------------------------------------------------------------

    def attach(self, pods: Iterable[PodSpec], *, ready_timeout: float = 20.0) -> None:
        """Attach pods that are not attached yet, several at once; returns when all are ready, fails if one is not."""
        new = []
        for spec in pods:
            if spec.key not in self.pods:
                self.pods[spec.key] = LabPod(self.state, spec, self.node(spec.node))
            new.append(self.pods[spec.key])
        try:
            # Pods with given addresses first, or IPAM could give one of these to a pod without.
            for batch in ([p for p in new if p.spec.addresses], [p for p in new if not p.spec.addresses]):
                with ThreadPoolExecutor(PARALLEL_ADDS) as pool:
                    # list() raises the first failure, after all have ended.
                    list(pool.map(lambda pod: pod.attach(ready_timeout=ready_timeout), batch))
            for pod in new:
                self._lead_to(pod)
        finally:
            self._save()

    def _lead_to(self, pod: LabPod) -> None:
        """Routes of everybody else to addresses of a pod that its node's networks do not cover."""
        if pod.stray_addresses:
            others = [node.netns for node in self.nodes.values() if node is not pod.node]
            for netns in (self.underlay.outside_netns, *others):
                namespace.ip(netns, routes(pod.stray_addresses, via=pod.node.spec.addresses))

    def detach(self, *keys: str) -> None:
        """Detach pods ("namespace/pod") as a kubelet does when they are deleted."""
        try:
            for key in keys:
                self.pod(key).detach()
                del self.pods[key]
        finally:
            self._save()

    def pod(self, key: str) -> LabPod:
        """The pod "namespace/pod"."""
        if key not in self.pods:
            raise LabError(f"There is no pod {key} in the lab.")
        return self.pods[key]

    def node(self, name: str) -> LabNode:
        """The node of that name."""
        if name not in self.nodes:
            raise LabError(f"There is no node {name} in the lab, which has {', '.join(self.nodes)}.")
        return self.nodes[name]

    def _save(self) -> None:
        nodes = [asdict(spec) for spec in self.specs]
        pods: list[dict[str, Any]] = [{"spec": asdict(p.spec), "record": p.record()} for p in self.pods.values()]
        program = None if self._program is None else list(self._program)
        settings = {"manifests": str(self.manifests.resolve()), "program": program, "nodes": nodes, "pods": pods}
        self.state.set_settings(settings)

    # --- packets ------------------------------------------------------------------------------------------------

    def probe(self, probes: Sequence[Probe], *, timeout: float = TIMEOUT, parallel: int = 200) -> list[Result]:
        """Try connections with real packets, many at once; results in the order of the probes."""
        ends = Ends(self.nodes, self.pods, self.underlay)
        questions = [ends.question(probe) for probe in probes]
        found: dict[int, Result] = {}
        for turn in turns(questions):
            if any(questions[index].shot.protocol == "SCTP" for index in turn):
                for node in self.nodes.values():
                    node.ovs.appctl("dpctl/flush-conntrack", "ct_nw_proto=132")
            results = ask(
                [questions[n] for n in turn], prove=self._prover(ends).prove, timeout=timeout, parallel=parallel
            )
            found.update(zip(turn, results, strict=True))
        return [found[index] for index in range(len(questions))]

    def _prover(self, ends: Ends) -> Prover:
        return Prover(
            fate=Fates(ends.entries).of,
            dropped=lambda: sum((dropped(node) for node in self.nodes.values()), Counter()),
            send=send_first,
        )

    def socket(self, end: str, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """An ordinary socket of this process that lives in a pod ("namespace/pod"), a node ("node/NAME") or "outside".

        For tests that probe() does not cover: long connections, floods, odd packets.
        """
        return namespace.open_socket(self.netns(end), family, kind, protocol)

    def netns(self, end: str) -> str:
        """The name of an end's network namespace."""
        if end == "outside":
            return self.underlay.outside_netns
        prefix, _, name = end.partition("/")
        return self.node(name).netns if prefix == "node" else self.pod(end).netns

    def cli(self, script: Path | None = None) -> None:
        """The Mininet prompt, with nodes and pods by name (pod.namespace); or a file of its commands."""
        # Only here: the rest of the lab works without the Mininet library.
        from ryu_netpol.lab.mn import run_prompt

        run_prompt(self, script)


def find(lab_id: str | None = None, *, base: Path = BASE) -> LabState:
    """The record of a lab; without an id there must be exactly one."""
    labs = LabState.all(base)
    chosen = [state for state in labs if lab_id in (None, state.lab_id)]
    if len(chosen) == 1:
        return chosen[0]
    if lab_id is not None:
        raise LabError(f"There is no lab {lab_id}.")
    if not labs:
        raise LabError("No lab is up: start one with 'ryu-netpol lab up'.")
    raise LabError(f"Several labs are up: say which one of {', '.join(state.lab_id for state in labs)}.")


def sweep(base: Path = BASE) -> None:
    """Remove labs whose owner died without removing them (a crash, a kill -9)."""
    for state in LabState.all(base):
        if state.orphaned:
            tear_down(state)


def tear_down(state: LabState) -> None:
    """Remove a lab by its record alone, whoever made it and however far it came."""
    with undisturbed():
        for process in reversed(state.processes):
            process.end()
            state.forget(process)
        for run_dir in sorted(state.directory.glob("n*/ovs")):
            PrivateOvs(run_dir).stop()
        # Interfaces, addresses, routes and nftables rules go with their namespaces: all of them were made inside.
        for name in reversed(state.netns_names):
            namespace.remove(state, name)
        state.remove()
