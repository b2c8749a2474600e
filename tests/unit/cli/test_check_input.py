"""`ryu-netpol check -f -`: what kustomize, helm and kubectl print, and a file in which everything is wrong."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.unit.cli.test_check import run

HELM = """\
---
# Source: shop/templates/configmap.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data: {a: "b"}
---
# Source: shop/templates/nothing.yaml
---
# Source: shop/crds/crd.yaml
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec: {versions: [{name: v1}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80, targetPort: http}]}
---
# Source: shop/templates/migrate.yaml
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations: {"helm.sh/hook": pre-install}
spec:
  template:
    metadata: {labels: {app: migrate}}
    spec: {containers: [{name: m}], restartPolicy: Never}
---
# Source: shop/templates/web.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: w, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: List
items:
- apiVersion: networking.k8s.io/v1
  kind: NetworkPolicy
  metadata: {name: web}
  spec:
    podSelector: {matchLabels: {app: web}}
    ingress:
    - from: [{podSelector: {matchLabels: {app: migrate}}}]
      ports: [{port: http}, {port: https}]
---
"""


def answer(text: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Exit status and output for this standard input."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    status = run("-f", "-")
    return status, capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    "text",
    [HELM.encode(), HELM.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + HELM.encode(), HELM.rstrip("-\n").encode()],
    ids=["LF", "CRLF", "byte-order-mark", "no-end-of-line"],
)
def test_helm(text: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Comments, empty documents, lists and other kinds do no harm, hooks are workloads, and lines are right."""
    status, lines = answer(text, monkeypatch, capsys)

    assert status == 0
    assert lines == [
        "<stdin>:53: warning: NetworkPolicy default/web: spec.ingress[0].ports[1].port: "
        "no pod that the policy selects declares a TCP port https: they have http [undeclared-port]",
        "3 objects, 0 errors, 1 warning",
    ]


def test_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`kubectl get -o json` prints one list in JSON."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "status": {"podIP": "10.1.2.3.4"}}
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [pod]}, indent=4)
    status, lines = answer(text.encode(), monkeypatch, capsys)

    assert status == 1
    assert lines == [
        '<stdin>:12: Pod default/a: status.podIP: "10.1.2.3.4" is not an IP address',
        "0 objects, 1 error, 0 warnings",
    ]


AWFUL = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: Bad_Name
spec:
  podSelektor: {}
  policyTypes: [Ingress, ingress]
  ingress:
    - from:
        - {}
        - ipBlock: {cidr: 10.0.0.0}
        - ipBlock: {cidr: 10.0.0.0/8, except: [192.168.0.0/16]}
        - podSelector: {matchLabels: {app: 5}}
      ports:
        - port: "80"
        - port: 0
        - port: 90
          endPort: 80
        - endPort: 10
        - protocol: tcp
  egress:
    - to:
        - podSelector:
            matchExpressions:
              - {key: a, operator: In}
              - {key: a, operator: Exists, values: [x]}
              - {key: a, operator: Foo}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  selector: {matchLabels: {app: a}}
  template: {metadata: {labels: {app: b}}}
---
kind: NetworkPolicies
apiVersion: networking.k8s.io/v1
---
apiVersion: v1
kind: Namespace
metadata: {name: x
---
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {"a b": c}}
status: {podIP: 300.1.1.1}
"""
FIELDS = {
    4: "metadata.name",
    6: "spec.podSelektor",
    7: "spec.policyTypes[1]",
    10: "spec.ingress[0].from[0]",
    11: "spec.ingress[0].from[1].ipBlock.cidr",
    12: "spec.ingress[0].from[2].ipBlock.except[0]",
    13: "spec.ingress[0].from[3].podSelector.matchLabels.app",
    15: "spec.ingress[0].ports[0].port",
    16: "spec.ingress[0].ports[1].port",
    18: "spec.ingress[0].ports[2].endPort",
    19: "spec.ingress[0].ports[3].endPort",
    20: "spec.ingress[0].ports[4].protocol",
    25: "spec.egress[0].to[0].podSelector.matchExpressions[0].values",
    26: "spec.egress[0].to[0].podSelector.matchExpressions[1].values",
    27: "spec.egress[0].to[0].podSelector.matchExpressions[2].operator",
    33: "spec.selector",
    36: "kind",
    42: "cannot be read",
    45: 'metadata.labels["a b"]',
    46: "status.podIP",
}


def test_awful(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Every error of a file in one run, each with its line, sorted; a syntax error hides nothing behind it."""
    monkeypatch.chdir(tmp_path)
    Path("awful.yaml").write_text(AWFUL)

    assert run("-f", "awful.yaml") == 1
    *lines, summary = capsys.readouterr().out.splitlines()
    found = [line.split(": ", 3)[:3] for line in lines]
    assert [(int(place.partition(":")[2]), field) for place, _, field in found] == list(FIELDS.items())
    assert summary == "1 object, 20 errors, 0 warnings"
