"""The story: before the policy, after it, why, and what the change of a label does. Returns the facts it has found."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from ryu_netpol.cli.demo.matrix import Matrix, send
from ryu_netpol.cli.demo.scenes import Scenes
from ryu_netpol.cli.demo.tell import Step, Teller, named, picture
from ryu_netpol.cli.judges.evidence import grown, passage, running
from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.measure import Line
from ryu_netpol.lab.node import LabNode
from ryu_netpol.lab.probe import Outcome
from ryu_netpol.lab.signals import deferred, ending_in_order, undisturbed
from ryu_netpol.lab.specs import node_specs, pod_specs
from ryu_netpol.model.names import PodKey
from ryu_netpol.model.probe import Probe, resolve

DB, FRONTEND, STRANGER = (PodKey("default", name) for name in ("db", "frontend", "stranger"))
PORT = 6379

Facts = dict[str, object]


class Story:
    """One telling. Every scene adds to the facts; what differs from the model is among them."""

    def __init__(self, lab: Lab, scenes: Scenes, teller: Teller) -> None:
        self._lab = lab
        self._scenes = scenes
        self._teller = teller
        self.facts: Facts = {}
        self.disagreements: list[str] = []

    @property
    def _node(self) -> LabNode:
        return next(iter(self._lab.nodes.values()))

    def start(self) -> None:
        """A node with a switch and an agent, then its pods."""
        with self._teller.step("A node: a network namespace with its own Open vSwitch and agent") as step:
            self._lab.up()
            version = self._node.ovs.vsctl("--version").splitlines()[0].rpartition(" ")[2]
            agent = self._node.agent
            step.say(f"Open vSwitch {version}, userspace datapath")
            step.say(f"agent {agent.pid if agent else '?'}: {self._node.agent_says}")
        with self._teller.step("Its pods, attached by the CNI plugin as a kubelet does it") as step:
            self._lab.attach(pod_specs(self._scenes.cluster()))
            for key, pod in sorted(self._scenes.cluster().pods.items()):
                addresses = " and ".join(self._lab.pod(str(key)).addresses)
                labels = ", ".join(f"{name}={value}" for name, value in pod.labels.items())
                step.say(f"{key!s:20} {addresses:34} {labels}".rstrip())

    def before(self) -> Matrix:
        """Nobody is isolated."""
        with self._teller.step("Without a policy: everybody opens TCP connections to everybody") as step:
            return self._send("before", step)

    def policy(self, before: Matrix) -> Matrix:
        """The annotation and the policy of Kubernetes 1.3."""
        with self._teller.step("DefaultDeny on namespace default, and NetworkPolicy test-network-policy") as step:
            step.say("tcp/6379 of pods with role=db is for pods with role=frontend, and for namespaces with")
            step.say("project=myproject; otherwise nobody reaches a pod of this namespace but its own node.")
            with Line(self._lab, str(STRANGER), str(DB), PORT) as line:
                written = self._scenes.policies()
                took = line.until_silent() - written
            self.facts["policy_in_force_ms"] = _ms(took)
            step.say(f"In force {_ms(took)} ms after the file was written. The same connections again:")
            return self._send("after", step, before)

    def why(self, matrix: Matrix) -> None:
        """A denied cell and an allowed one: verdict, rule, flow, counter."""
        explained = [self._explain(source, matrix) for source in (STRANGER, FRONTEND)]
        self.facts["explained"] = explained

    def _explain(self, source: PodKey, matrix: Matrix) -> Facts:
        asked = next(p for p in matrix.answers if (p.source, p.destination, p.port) == (source, DB, PORT))
        verdict = matrix.answers[asked].verdict
        word = "may" if verdict.allowed else "may not"
        cluster = self._scenes.cluster()
        with self._teller.step(f"Why {source} {word} reach {DB}:{PORT}") as step:
            connection = resolve(cluster, Probe(source, DB, port=PORT, ip=4))
            decided = passage(self._node, running(self._node, cluster), connection).decisions[-1]
            with Line(self._lab, str(source), str(DB), PORT) as line:
                count, after = grown(self._node, decided, line.knock)
            judged = verdict.judgements[-1]
            step.say(f"model: {verdict.reason}")
            step.say(f"flow:  {decided.flow}", style="cyan")
            step.say(f"       in table {decided.table_name}; {count} packets; one connection more: {after}")
        if after == count:
            self.disagreements.append(f"{source} to {DB}: the counter of the flow that decided did not grow")
        return {
            "from": str(source),
            "to": f"{DB}:{PORT}",
            "allowed": verdict.allowed,
            "reason": verdict.reason,
            "policy": None if judged.policy is None else str(judged.policy),
            "rule": judged.rule,
            "table": decided.table_name,
            "flow": decided.flow,
            "packets_before": count,
            "packets_after": after,
        }

    def label(self, matrix: Matrix) -> None:
        """The stranger becomes a frontend, and a stranger again."""
        key = str(STRANGER)
        with Line(self._lab, key, str(DB), PORT) as line:
            with self._teller.step(f"The label role=frontend for {key}, by an edit of its manifest") as step:
                written = self._scenes.label(STRANGER.namespace, STRANGER.name, {"role": "frontend"})
                took = line.until_answered() - written
                self.facts["label_in_force_ms"] = _ms(took)
                step.say(f"The first connection to {DB}:{PORT} that was let in began {_ms(took)} ms after the edit.")
            with self._teller.step("The label is taken away while that pod has a connection open") as step:
                with line.talk() as until_cut:
                    written = self._scenes.label(STRANGER.namespace, STRANGER.name, {})
                    cut = until_cut(10.0) - written
                line.until_silent()
                self.facts["connection_cut_ms"] = _ms(cut)
                step.say(f"The open connection was cut {_ms(cut)} ms after the edit; new ones get no answer either.")
        with self._teller.step("All connections once more: as before the edits") as step:
            again = self._send("again", step, matrix, table=False)
            for source, place in again.changed(matrix):
                self.disagreements.append(f"{named(source)} to {place[0]}:{place[1]} is not what it was before")

    def _send(self, name: str, step: Step, before: Matrix | None = None, *, table: bool = True) -> Matrix:
        matrix = send(self._lab, self._scenes.cluster())
        self.facts[name] = matrix.facts()
        self.disagreements += matrix.disagreements
        if table:
            step.show(picture(matrix, before))
        words = f"{len(matrix.answers)} connections by IPv4 and IPv6: {matrix.count(Outcome.ALLOWED)} work, "
        words += f"{matrix.count(Outcome.DENIED)} get no answer"
        if before is not None:
            words += f"; {len(matrix.changed(before))} cells changed{' (*)' if table else ''}"
        step.say(f"{words}. The model says the same." if not matrix.disagreements else f"{words}.")
        for line in matrix.disagreements:
            step.say(f"NOT WHAT THE MODEL SAYS: {line}", style="bold red")
        return matrix


def play(example: Path, teller: Teller) -> Facts:
    """Tell it all, remove everything, sum up. Raises LabError, SceneError."""
    start = time.monotonic()
    with ending_in_order():
        with deferred():
            folder = Path(tempfile.mkdtemp(prefix="netpol-demo-"))
        # At most one signal interrupts (ending_in_order): where it hits the first removal, the second is the one.
        try:
            try:
                return _play(example, folder, teller, start)
            finally:
                _remove(folder)
        finally:
            _remove(folder)


def _play(example: Path, folder: Path, teller: Teller, start: float) -> Facts:
    scenes = Scenes(example, folder)
    lab = Lab(folder, node_specs(scenes.cluster()))
    story = Story(lab, scenes, teller)
    teller.say("Network policies on real packets: nothing is simulated, nothing stays.")
    try:
        try:
            story.start()
            before = story.before()
            after = story.policy(before)
            story.why(after)
            story.label(after)
            with teller.step("Everything is removed again"):
                lab.down()
        finally:
            lab.down()
    finally:
        lab.down()
    facts = story.facts
    seconds = time.monotonic() - start
    facts["disagreements"] = story.disagreements
    facts["ok"] = not story.disagreements
    facts["steps"] = [{"title": step.title, "seconds": round(step.seconds, 2)} for step in teller.steps]
    facts["seconds"] = round(seconds, 2)
    teller.say("")
    if story.disagreements:
        for line in story.disagreements:
            teller.say(f"NOT AS IT SHOULD BE: {line}", style="bold red")
    else:
        teller.say(f"Every packet did what the model says. {seconds:.1f} s in all.", style="bold green")
        teller.say("Next: sudo ryu-netpol lab up -f examples/quickstart")
    return facts


def _remove(folder: Path) -> None:
    with undisturbed():
        shutil.rmtree(folder, ignore_errors=True)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
