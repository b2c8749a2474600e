"""The whole: real agent, real plugin, real packets, compared with the model (tests/unit/oracle proves the model)."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ryu_netpol.adapters.files import load
from ryu_netpol.lab import commands
from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.probe import Outcome
from ryu_netpol.lab.specs import node_specs, pod_specs
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.probe import Probe, decode_probe, default_probes, resolve
from ryu_netpol.oracle.evaluate import evaluate
from tests.e2e.conftest import FAKE_AGENT

CLUSTER = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: lab, labels: {team: lab}}
---
apiVersion: v1
kind: Node
metadata: {name: node1}
status: {addresses: [{type: InternalIP, address: 192.168.50.1}, {type: InternalIP, address: "fd00:50::1"}]}
"""
POD = """
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}, uid: uid-{name}, labels: {{app: {name}}}}}
spec:
  nodeName: node1
  containers: [{{name: c, image: i, ports: [{{containerPort: 80}}, {{containerPort: 53, protocol: UDP}}]}}]
status: {{phase: Running, podIP: 10.244.1.{n}, podIPs: [{{ip: 10.244.1.{n}}}, {{ip: "fd00:10:244:1::{n}"}}]}}
"""
PODS = (("shop", "web", 20), ("shop", "db", 21), ("shop", "cache", 22), ("lab", "probe", 23))
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: web}}}]
    ports: [{port: 80}]
  - from: [{namespaceSelector: {matchLabels: {team: lab}}}]
    ports: [{port: 53, protocol: UDP}]
  - from: [{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.128/25]}}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: cache, namespace: shop}
spec:
  podSelector: {matchLabels: {app: cache}}
  policyTypes: [Egress]
  egress:
  - to: [{podSelector: {}}]
    ports: [{port: 8000, endPort: 8009}, {port: 80, protocol: SCTP}]
"""
OTHERS = (
    ("203.0.113.7", "shop/db", "TCP", 80),
    ("203.0.113.200", "shop/db", "TCP", 80),
    ("203.0.113.7", "shop/db", "ICMP", None),
    ("2001:db8::7", "shop/db", "TCP", 80),
    ("192.168.50.1", "shop/db", "TCP", 80),
    ("node/node1", "shop/db", "TCP", 80),
    ("node/node1", "shop/cache", "UDP", 53),
    ("shop/db", "shop/db", "TCP", 80),
    ("shop/cache", "shop/web", "TCP", 8005),
    ("shop/cache", "shop/web", "TCP", 8010),
    ("shop/cache", "shop/web", "SCTP", 80),
    ("shop/cache", "shop/db", "SCTP", 80),
    ("shop/cache", "shop/web", "ICMP", None),
    ("shop/cache", "8.8.8.8", "TCP", 8005),
    ("shop/web", "8.8.8.8", "UDP", 53),
    ("shop/web", "node/node1", "TCP", 8080),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Manifests of four pods and two policies; tests edit them."""
    made = tmp_path / "manifests"
    made.mkdir()
    pods = (POD.format(namespace=namespace, name=name, n=n) for namespace, name, n in PODS)
    (made / "cluster.yaml").write_text(CLUSTER + "".join(pods))
    (made / "policy.yaml").write_text(POLICY)
    return made


@pytest.fixture
def shop(base: Path, folder: Path) -> Iterator[Lab]:
    """The lab with these manifests, all pods attached."""
    found = cluster(folder)
    with Lab(folder, node_specs(found), base=base) as lab:
        lab.attach(pod_specs(found))
        yield lab


def cluster(folder: Path) -> Cluster:
    loaded = load([str(folder)])
    assert loaded.problems == ()
    return Cluster.of(*loaded.objects)


def probe(source: str, destination: str, protocol: str, port: int | None) -> Probe:
    return decode_probe({"from": source, "to": destination, "protocol": protocol, "port": port})


def disagreements(lab: Lab, folder: Path) -> list[str]:
    """Every probe of which packets and model say different things."""
    found = cluster(folder)
    probes = [*default_probes(found), *(probe(*entry) for entry in OTHERS)]
    results = lab.probe(probes)
    lines = []
    for asked, result in zip(probes, results, strict=True):
        verdict = evaluate(found, resolve(found, asked))
        expected = Outcome.ALLOWED if verdict.allowed else Outcome.DENIED
        if result.outcome is not expected:
            lines.append(f"{asked}: {result.outcome.value} ({result.reason}), but {verdict.reason}")
    return lines


def eventually(check: Callable[[], bool], *, within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def allowed(lab: Lab, asked: Probe) -> bool:
    (result,) = lab.probe([asked])
    assert result.outcome is not Outcome.ERROR, result.reason
    return result.allowed


def test_packets_agree_with_the_model(shop: Lab, folder: Path) -> None:
    """Every pair of pods in both families, and the node, the outside, port ranges, excepts, SCTP, ICMP."""
    assert disagreements(shop, folder) == []


def test_the_comparison_can_fail(base: Path, folder: Path) -> None:
    """With an agent that enforces nothing, exactly what should be denied disagrees (P10)."""
    found = cluster(folder)
    with Lab(folder, node_specs(found), program=FAKE_AGENT, base=base) as lab:
        lab.attach(pod_specs(found))
        lines = disagreements(lab, folder)

    asked = [*default_probes(found), *(probe(*entry) for entry in OTHERS)]
    denied = [str(each) for each in asked if not evaluate(found, resolve(found, each)).allowed]
    assert denied == [line.partition(": ")[0] for line in lines]
    assert len(denied) > 10


def test_the_commands(base: Path, folder: Path) -> None:
    """`lab up` leaves the lab, `lab probe` finds it, `lab down` removes it and says so when there is none."""
    asked = probe("shop/web", "shop/db", "TCP", 80)
    lab_id = commands.up(folder, cluster(folder), program=FAKE_AGENT, base=base)

    assert [result.outcome for result in commands.probe([asked], base=base)] == [Outcome.ALLOWED]
    assert commands.down(base=base) == lab_id
    with pytest.raises(LabError, match="No lab is up: start one"):
        commands.down(base=base)


def test_an_edited_policy_is_followed(shop: Lab, folder: Path) -> None:
    """Wider, then gone: the folder is watched, and everything still agrees."""
    asked = probe("shop/cache", "shop/db", "SCTP", 80)
    assert not allowed(shop, asked)

    (folder / "policy.yaml").write_text(
        POLICY.replace("{app: web}", "{app: cache}").replace("port: 80}]", "port: 80, protocol: SCTP}]")
    )
    eventually(lambda: allowed(shop, asked))
    assert disagreements(shop, folder) == []

    (folder / "policy.yaml").unlink()
    eventually(lambda: allowed(shop, probe("lab/probe", "shop/db", "TCP", 81)))
    assert disagreements(shop, folder) == []


def test_a_revoked_connection_stops_and_another_goes_on(shop: Lab, folder: Path) -> None:
    """Established connections are judged again when policy becomes narrower (DESIGN, section 6)."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(shop.socket("shop/db", socket.AF_INET, socket.SOCK_STREAM))
        server.bind(("10.244.1.21", 80))
        server.listen()
        pairs = []
        for source in ("shop/web", "node/node1"):
            client = stack.enter_context(shop.socket(source, socket.AF_INET, socket.SOCK_STREAM))
            client.settimeout(2)
            client.connect(("10.244.1.21", 80))
            served = stack.enter_context(server.accept()[0])
            served.settimeout(2)
            pairs.append((client, served))
        (revoked, served), (kept, served_kept) = pairs
        revoked.sendall(b"1")
        assert served.recv(1) == b"1"

        (folder / "policy.yaml").write_text(POLICY.replace("{app: web}", "{app: nobody}"))
        eventually(lambda: not allowed(shop, probe("shop/web", "shop/db", "TCP", 80)))
        revoked.sendall(b"2")
        kept.sendall(b"3")

        assert served_kept.recv(1) == b"3"
        with pytest.raises(TimeoutError):
            served.recv(1)


def test_without_its_agent_a_node_keeps_its_policy(shop: Lab, folder: Path) -> None:
    """fail_mode=secure: the last installed policy stays in force, and the next agent finds everything again."""
    node = shop.node("node1")
    node.stop_agent(patience=0)
    assert disagreements(shop, folder) == []

    node.start_agent(folder)
    node.wait_synced()
    assert disagreements(shop, folder) == []


def test_a_restarted_switch_is_filled_again(shop: Lab, folder: Path) -> None:
    """All flows are lost with ovs-vswitchd; the agent brings them back."""
    shop.node("node1").ovs.restart_vswitchd()

    eventually(lambda: disagreements(shop, folder) == [], within=30)


def test_a_pod_that_leaves_and_comes_back(shop: Lab, folder: Path) -> None:
    """A new sandbox, the same policy."""
    shop.detach("shop/db")
    shop.attach([spec for spec in pod_specs(cluster(folder)) if spec.name == "db"])

    assert disagreements(shop, folder) == []
