"""`reach --via all`: model, flows, trace and real packets say the same. One lab for each cluster."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import yaml

from ryu_netpol.adapters.files import load
from ryu_netpol.cli.judges import manifests
from ryu_netpol.cli.main import main
from ryu_netpol.cli.offline import completed
from ryu_netpol.cli.reach import WAYS
from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.node import BRIDGE
from ryu_netpol.lab.pods import PodSpec
from ryu_netpol.lab.state import BASE, LabState
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.probe import default_probes, encode_probe
from tests.e2e.reach_probes import odd_probes

Out = pytest.CaptureFixture[str]

# Two nodes, and everything that examples do not have: a workload, pods of one family, the node's own network, an
# address that the manifest gives, one outside of the node's network, named ports, blocks, every protocol.
TWO_NODES = """
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Node, metadata: {name: a-node}}
- {apiVersion: v1, kind: Node, metadata: {name: b-node}}
- {apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: shop}}}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: web, namespace: shop}
  spec:
    selector: {matchLabels: {app: web}}
    template:
      metadata: {labels: {app: web}}
      spec: {containers: [{name: c, image: i, ports: [{name: http, containerPort: 8080}]}]}
- apiVersion: v1
  kind: Pod
  metadata: {name: db, namespace: shop, labels: {app: db}}
  spec: {nodeName: b-node, containers: [{name: c, image: i, ports: [{name: sql, containerPort: 5432}]}]}
- apiVersion: v1
  kind: Pod
  metadata: {name: old, namespace: shop, labels: {app: db}}
  spec: {nodeName: b-node, containers: [{name: c, image: i, ports: [{name: sql, containerPort: 5433}]}]}
  status: {podIP: 10.99.0.7, podIPs: [{ip: 10.99.0.7}]}
- apiVersion: v1
  kind: Pod
  metadata: {name: six, labels: {app: web}}
  spec: {nodeName: a-node, containers: [{name: c, image: i, ports: [{containerPort: 53, protocol: UDP}]}]}
  status: {podIPs: [{ip: "fd00:10:244:1::99"}]}
- apiVersion: v1
  kind: Pod
  metadata: {name: agent, labels: {app: web}}
  spec: {nodeName: b-node, hostNetwork: true, containers: [{name: c, image: i}]}
"""
POLICIES = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - {from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: sql}, {protocol: SCTP, port: 9999}]}
  - {from: [{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.128/25]}}], ports: [{protocol: UDP}]}
  - {from: [{ipBlock: {cidr: 192.168.50.1/32}}, {ipBlock: {cidr: "fd00:50::1/128"}}], ports: [{protocol: SCTP}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress:
  - {to: [{namespaceSelector: {matchLabels: {team: shop}}, podSelector: {}}], ports: [{port: sql}]}
  - {to: [{ipBlock: {cidr: "::/0"}}], ports: [{port: 9990, endPort: 9999}]}
"""
OTHERS = (
    {"from": "203.0.113.200", "to": "shop/db", "protocol": "UDP", "port": 9999},
    {"from": "default/agent", "to": "shop/db", "protocol": "TCP", "port": 5432},
    {"from": "default/agent", "to": "shop/web", "protocol": "TCP", "port": 8080, "ip": 6},
    {"from": "shop/web", "to": "default/agent", "protocol": "TCP", "port": 9995, "ip": 6},
    {"from": "shop/web", "to": "default/agent", "protocol": "TCP", "port": 9995, "ip": 4},
    {"from": "node/a-node", "to": "node/b-node", "protocol": "TCP", "port": 80},
    # What a-node and b-node forward under their names; the pod is on b-node, and speaks to a-node as well.
    *(
        {"from": address, "to": "shop/db", "protocol": "SCTP", "port": 7777}
        for address in ("192.168.50.1", "192.168.50.2", "fd00:50::1", "fd00:50::2")
    ),
    {"from": "shop/db", "to": "node/a-node", "protocol": "SCTP", "port": 7777, "ip": 6},
)


# Nine pods, as the conformance tests of the community have them: a, b and c in each of x, y and z, with two ports of
# each protocol.
NINE = [f"{namespace}/{pod}" for namespace in "xyz" for pod in "abc"]
SIX_PORTS = [(protocol, port) for protocol in ("TCP", "UDP", "SCTP") for port in (80, 81)]
NINE_POLICIES = """
- metadata: {name: nobody, namespace: 'y'}
  spec: {podSelector: {}, policyTypes: [Ingress]}
- metadata: {name: to-a, namespace: x}
  spec:
    podSelector: {matchLabels: {pod: a}}
    ingress:
    - from: [{namespaceSelector: {matchLabels: {ns: 'y'}}}, {podSelector: {matchLabels: {pod: b}}}]
      ports: [{port: serve-tcp-80}, {protocol: SCTP, port: 81}]
    - from: [{namespaceSelector: {}, podSelector: {matchLabels: {pod: c}}}]
      ports: [{protocol: UDP, port: 80, endPort: 81}]
- metadata: {name: from-b, namespace: z}
  spec:
    podSelector: {matchLabels: {pod: b}}
    policyTypes: [Egress]
    egress: [{to: [{namespaceSelector: {matchLabels: {ns: x}}}], ports: [{port: 80}, {protocol: SCTP, port: 80}]}]
- metadata: {name: both, namespace: 'y'}
  spec:
    podSelector: {matchLabels: {pod: a}}
    policyTypes: [Ingress, Egress]
    ingress: [{from: [{namespaceSelector: {matchLabels: {ns: z}}}], ports: [{protocol: SCTP, port: 80}]}]
    egress: [{ports: [{protocol: TCP}, {protocol: SCTP, port: 81}]}]
"""


def nine_pods() -> str:
    """Their manifests."""
    objects: list[dict[str, object]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"ns": name}}} for name in "xyz"
    ]
    ports = [
        {"name": f"serve-{protocol.lower()}-{port}", "protocol": protocol, "containerPort": port}
        for protocol, port in SIX_PORTS
    ]
    spec = {"containers": [{"name": "c", "image": "i", "ports": ports}]}
    for key in NINE:
        namespace, _, name = key.partition("/")
        metadata = {"name": name, "namespace": namespace, "labels": {"pod": name}}
        objects.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    objects += [{**kind, **policy} for policy in yaml.safe_load(NINE_POLICIES)]
    # Not as YAML, where a bare y means true to some.
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def asked(cluster: Cluster) -> list[dict[str, object]]:
    """Every probe that there is a reason for."""
    return [dict(encode_probe(probe)) for probe in (*default_probes(cluster), *odd_probes(cluster))]


def agreed(capsys: Out, folder: Path, entries: list[dict[str, object]], *paths: str) -> list[dict[str, object]]:
    """The answers of all four ways; a failure shows where they disagree. No lab is left."""
    file = folder / "probes.json"
    file.write_text(json.dumps(entries))
    status = main(["reach", "-f", *paths, "--probes", str(file), "--via", "all", "-o", "json"])
    printed = capsys.readouterr()
    assert status == 0, printed.err
    # Others may have labs on this machine.
    assert [s.lab_id for s in LabState.all(BASE) if s.owner is not None and s.owner.pid == os.getpid()] == []
    found = json.loads(printed.out)["probes"]
    assert [{key: entry[key] for key in given} for given, entry in zip(entries, found, strict=True)] == entries
    assert {tuple(entry["via"]) for entry in found} == {WAYS}
    assert {entry["allowed"] for entry in found} == {True, False}
    return list(found)


@pytest.mark.parametrize("example", ["seed", "default-deny", "two-way"])
def test_four_ways_agree(example: str, tmp_path: Path, capsys: Out) -> None:
    """Every pair of pods, the node, the outside, oneself; TCP, UDP, SCTP, ICMP; ports nobody mentions; IPv4, IPv6."""
    folder = f"examples/{example}"
    entries = asked(completed(load([folder])))

    assert len(agreed(capsys, tmp_path, entries, folder)) > 250


def test_four_ways_agree_on_two_nodes(tmp_path: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file and standard input together; agents know the pods of the other node, whose addresses nobody wrote down."""
    policies = tmp_path / "policies.yaml"
    policies.write_text(POLICIES)
    pods = tmp_path / "pods.yaml"
    pods.write_text(TWO_NODES)
    entries = asked(completed(load([str(policies), str(pods)]))) + [dict(entry) for entry in OTHERS]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TWO_NODES.encode())))

    found = agreed(capsys, tmp_path, entries, str(policies), "-")
    crossing = [e for e in found if (e["from"], e["to"]) == ("shop/web", "shop/db") and e.get("ip") == 4]
    assert {entry["port"]: entry["allowed"] for entry in crossing if entry["protocol"] == "TCP"} == {
        5432: True,
        9999: False,
    }


def test_four_ways_agree_on_81_pairs_at_six_ports(tmp_path: Path, capsys: Out) -> None:
    """Both directions of every pair by every protocol, SCTP too; each denial by a drop that an isolated pod counted."""
    file = tmp_path / "nine.json"
    file.write_text(nine_pods())
    entries: list[dict[str, object]] = [
        {"from": source, "to": to, "protocol": protocol, "port": port}
        for source in NINE
        for to in NINE
        for protocol, port in SIX_PORTS
    ]

    found = agreed(capsys, tmp_path, entries, str(file))
    reasons = {str(entry["via"]["packets"]["reason"]) for entry in found if not entry["allowed"]}  # type: ignore[index]
    assert len(found) == 486
    assert {
        word in reason for reason in reasons for word in ("while its node reaches it; ISOLATED/", "counted it")
    } == {True}


def drops_in_the_switch(lab: Lab) -> None:
    """A flow that no policy made drops what x/b sends by TCP."""
    flow = f"table=20,priority=65000,tcp,nw_src={lab.pod('x/b').place(4).address},actions=drop"
    lab.node("node1").ovs.ofctl("add-flow", BRIDGE, flow)


def drops_at_home(lab: Lab) -> None:
    """What x/b sends by TCP never leaves it."""
    lab.pod("x/b").run("nft", "add table ip t; add chain ip t c { type filter hook postrouting priority 0; }")
    lab.pod("x/b").run("nft", "add rule ip t c meta l4proto tcp ct direction original drop")


def is_not_forwarded(lab: Lab) -> None:
    """Nothing is led to x/c and to y/b any more."""
    for key in ("x/c", "y/b"):
        flow = f"table=70,ip,nw_dst={lab.pod(key).place(4).address}"
        lab.node("node1").ovs.ofctl("del-flows", BRIDGE, flow)


@pytest.mark.parametrize(
    ("defect", "says"),
    [
        (drops_in_the_switch, "no answer, but no policy's drop counted it (the switch would drop it by cookie 0x0 in"),
        (drops_at_home, "no answer, but no policy's drop counted it (the switch would"),
        (is_not_forwarded, "no answer, but neither had the control connection before it"),
    ],
    ids=["another flow drops it", "it never leaves its pod", "nothing is forwarded"],
)
def test_a_drop_that_is_no_policy_s_is_not_a_denial(
    defect: Callable[[Lab], None], says: str, tmp_path: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P10: silence where policy allows, and where it denies but something else was first, has no verdict."""
    attach = Lab.attach

    def spoilt(lab: Lab, pods: Iterable[PodSpec]) -> None:
        attach(lab, pods)
        defect(lab)

    monkeypatch.setattr(Lab, "attach", spoilt)
    (tmp_path / "nine.json").write_text(nine_pods())
    tcp = {"protocol": "TCP", "port": 80, "ip": 4}
    entries = [
        {"from": "x/b", "to": "x/c", **tcp},
        {"from": "x/b", "to": "y/b", **tcp},
        {"from": "z/b", "to": "y/c", **tcp},
        {"from": "z/a", "to": "x/b", **tcp, "protocol": "UDP"},
    ]
    (tmp_path / "probes.json").write_text(json.dumps(entries))

    argv = ["-f", str(tmp_path / "nine.json"), "--probes", str(tmp_path / "probes.json"), "--via", "packets"]
    assert main(["reach", *argv, "-o", "json"]) == 1
    printed = capsys.readouterr()
    found = json.loads(printed.out)["probes"]
    assert [entry["allowed"] for entry in found] == [None, None, False, True]
    assert [says in entry["reason"] for entry in found[:2]] == [True, True]
    assert printed.err.splitlines()[-1] == "ryu-netpol reach: 2 of 4 probes are without a verdict"


def test_packets_that_say_something_else_are_noticed(
    tmp_path: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P10: agents that were given no policy let everything through, and every probe that they should deny is named."""
    write = manifests.write

    def forgetful(folder: Path, cluster: Cluster, paths: list[str], *, stdin: bytes = b"") -> None:
        write(folder, cluster, paths, stdin=stdin)
        file = folder / "unchanged.json"
        file.write_text(file.read_text().replace('"NetworkPolicy"', '"ConfigMap"'))

    monkeypatch.setattr(manifests, "write", forgetful)
    assert main(["reach", "-f", "examples/default-deny", "--via", "model", "--via", "packets"]) == 1

    err = capsys.readouterr().err.splitlines()
    assert err[-1] == "ryu-netpol reach: 20 of 24 probes are without an agreed verdict"
    assert sum("model says denied" in line and "packets says allowed" in line for line in err) == 20
