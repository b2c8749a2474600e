"""The cluster of the end-to-end tests, a shop with four pods and two policies, and how to compare it with the model."""

import time
from collections.abc import Callable
from pathlib import Path

from ryu_netpol.adapters.files import load
from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.probe import Outcome
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.probe import Probe, decode_probe, default_probes, resolve
from ryu_netpol.oracle.evaluate import evaluate

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
    ("shop/web", "shop/cache", "SCTP", 81),
    ("shop/cache", "shop/web", "SCTP", 81),
    ("shop/cache", "shop/db", "SCTP", 80),
    ("shop/cache", "shop/web", "ICMP", None),
    ("shop/cache", "8.8.8.8", "TCP", 8005),
    ("shop/web", "8.8.8.8", "UDP", 53),
    ("shop/web", "node/node1", "TCP", 8080),
)


def cluster(folder: Path) -> Cluster:
    loaded = load([str(folder)])
    assert loaded.problems == ()
    return Cluster.of(*loaded.objects)


def probe(source: str, destination: str, protocol: str, port: int | None) -> Probe:
    return decode_probe({"from": source, "to": destination, "protocol": protocol, "port": port})


def disagreements(lab: Lab, folder: Path, found: Cluster | None = None) -> list[str]:
    """Every probe of which packets and model, of the folder or of another cluster, say different things."""
    found = found or cluster(folder)
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
