"""The whole way: what somebody applies, an agent enforces and proves, the API server shows, and `wait` waits for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ryu_netpol.cli.main import main
from ryu_netpol.lab.measure import Line
from ryu_netpol.lab.node import agent_program
from tests.kube.client import Client, reference
from tests.kube.scene import NODE, STATUSES, Scene, following, namespace, node, pod, policy, put, until
from tests.kube.server import Server

SPACE = "proof"
PORT = 5432
DB = {"matchLabels": {"app": "db"}}
DENY = policy(SPACE, "deny", podSelector=DB)
Out = pytest.CaptureFixture[str]
HASTY = """
import sys
from ryu_netpol.adapters.kube.tell import occasions, pace
from ryu_netpol.cli.main import main
pace.EVERY, occasions.SPREAD = 0.5, 0.1
sys.exit(main(sys.argv[1:]))
"""
"""An agent that may tell something twice a second, not every ten seconds."""


class Shown:
    """A lab whose agent follows a real API server, and who may look at everything there."""

    def __init__(self, scene: Scene, line: Line) -> None:
        self.scene, self.line = scene, line
        self.admin: Client = scene.server.admin
        self._config = str(scene.server.admin_kubeconfig())

    def wait(self, name: str, *words: str) -> int:
        """`ryu-netpol wait`."""
        return main(["wait", f"{SPACE}/{name}", "--kubeconfig", self._config, *words])

    def store(self, name: str, value: Mapping[str, Any]) -> None:
        """Write a policy behind the server's back, which looks at nothing but its types then."""
        self.scene.server.fill([(f"networkpolicies/{SPACE}/{name}", value)])

    def status(self) -> dict[str, Any]:
        """What the agent has told of itself."""
        found = self.admin.request("GET", f"{STATUSES}/{NODE.name}")
        return dict(found.body.get("status", {})) if found.code == 200 else {}

    def failures(self, name: str) -> list[str]:
        """The reasons why a policy fails there."""
        found = [one for one in self.status()["failures"] if one["kind"] == "NetworkPolicy" and one["name"] == name]
        return [one["reason"] for one in found]

    def reasons(self, name: str) -> set[str]:
        """The reasons of the Events on a policy."""
        found = self.admin.ask("GET", f"/apis/events.k8s.io/v1/namespaces/{SPACE}/events")["items"]
        return {one["reason"] for one in found if one["regarding"]["name"] == name}

    def policies(self) -> dict[str, dict[str, Any]]:
        """What `ryu-netpol status --policies` says on the node."""
        said = json.loads(self.scene.node.run(*agent_program(), "status", "--policies", "-o", "json"))
        return {one["name"]: one for one in said}


@pytest.fixture(scope="module")
def shown(deployed: Server) -> Iterator[Shown]:
    """Two pods, one of which calls the other."""
    for value in (namespace(SPACE), node()):
        put(deployed.admin, value)
    pods = (("web", "10.244.1.20"), ("db", "10.244.1.21"))
    made = [put(deployed.admin, pod(SPACE, name, address, port=PORT, app=name)) for name, address in pods]
    ends = (f"{SPACE}/web", f"{SPACE}/db", PORT)
    with following(deployed, made, program=[sys.executable, "-c", HASTY]) as scene, Line(scene.lab, *ends) as line:
        yield Shown(scene, line)


def test_wait_ends_when_packets_are_dropped(shown: Shown, capsys: Out) -> None:
    """When it says so they are, at once; and it says so of the generation that is there now."""
    assert shown.line.knock()

    shown.admin.apply(DENY)
    assert shown.wait("deny") == 0
    assert not shown.line.knock()
    assert f"{SPACE}/deny, generation 1, is in force on 1 node, after" in capsys.readouterr().out

    to_web = [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}]
    changed = shown.admin.apply(policy(SPACE, "deny", podSelector=DB, ingress=to_web))
    assert shown.wait("deny", "-o", "json") == 0
    assert shown.line.knock()
    (there,) = json.loads(capsys.readouterr().out)["nodes"]
    assert (there["node"], there["state"]) == (NODE.name, "in force")

    told = shown.policies()["deny"]
    assert told["generation_seen"] == told["generation_in_force"] == changed["metadata"]["generation"] == 2
    assert told["resource_version"] == changed["metadata"]["resourceVersion"]
    assert 0 < told["seconds"] < 10
    assert (told["endpoints"], told["failures"]) == (1, [])
    shown.admin.delete(policy(SPACE, "deny"))
    shown.line.until_answered()


def test_the_status_of_the_node(shown: Shown) -> None:
    """What is in force, by version; endpoints; the Node owns it."""
    put(shown.admin, policy(SPACE, "status", podSelector=DB))
    assert shown.wait("status") == 0
    found = shown.admin.get(reference("netpol.ryu-netpol.io/v1alpha1", "NodePolicyStatus", NODE.name))
    version = shown.admin.get(policy(SPACE, "status"))["metadata"]["resourceVersion"]
    seen = {one["kind"]: int(one["resourceVersion"]) for one in found["status"]["inForce"]["seen"]}

    assert set(seen) == {"Pod", "Namespace", "Node", "NetworkPolicy"}
    assert seen["NetworkPolicy"] >= int(version)
    assert found["status"]["endpoints"] == {"ready": 2, "closed": 0}
    assert [owner["kind"] for owner in found["metadata"]["ownerReferences"]] == ["Node"]
    shown.admin.delete(policy(SPACE, "status"))


def test_a_port_name_that_nobody_has(shown: Shown) -> None:
    """It is in force as it is written, and an Event on the policy says that the name means nothing."""
    shown.admin.apply(policy(SPACE, "named", podSelector=DB, ingress=[{"ports": [{"port": "postgres"}]}]))

    assert shown.wait("named") == 0
    until(lambda: "PortNotFound" in shown.reasons("named"), "an Event says so")
    assert shown.policies()["named"]["failures"] == []
    assert len(shown.policies()["named"]["hints"]) == 1
    shown.admin.delete(policy(SPACE, "named"))


def test_a_policy_that_cannot_be_decoded(shown: Shown, capsys: Out) -> None:
    """No API server would take it today: a future one may. What it said before stays, everybody is told, and who
    waits for it waits no longer."""
    shown.admin.apply(policy(SPACE, "odd", podSelector=DB))
    assert shown.wait("odd") == 0
    assert not shown.line.knock()

    made = shown.admin.get(policy(SPACE, "odd"))
    strange = {**made["spec"], "ingress": [{"ports": [{"protocol": "QUIC", "port": 1}]}]}
    shown.store("odd", {**made, "spec": strange})
    capsys.readouterr()
    assert shown.wait("odd") == 1
    assert "does not come in force as it is written" in capsys.readouterr().err
    assert not shown.line.knock()
    until(lambda: "CannotDecode" in shown.reasons("odd"), "an Event says so")
    assert shown.failures("odd") == ["CannotDecode"]

    shown.store("odd", made)
    assert shown.wait("odd") == 0
    assert shown.failures("odd") == []
    shown.admin.delete(policy(SPACE, "odd"))


def test_a_new_agent_goes_on(shown: Shown) -> None:
    """What the one before told stays while the next one starts, and moves on then."""
    put(shown.admin, policy(SPACE, "late", podSelector=DB))
    assert shown.wait("late") == 0
    before = shown.status()
    shown.scene.node.stop_agent()
    assert shown.status() == before

    shown.admin.apply(policy(SPACE, "late", podSelector=DB, policyTypes=["Ingress", "Egress"]))
    assert shown.wait("late", "--timeout", "0") == 1
    shown.scene.start_agent()
    assert shown.wait("late") == 0
    shown.admin.delete(policy(SPACE, "late"))
