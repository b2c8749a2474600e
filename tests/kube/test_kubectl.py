"""What a user types: the seed's text line by line, and deploy/ with its components, by kubectl."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kube.binaries import find
from tests.kube.client import reference
from tests.kube.server import Server
from tests.support.deploy import DEPLOY, objects

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "seed"
# The command of the text that introduced the API, with the name of a namespace put in.
ANNOTATE = r'annotate ns %s "net.beta.kubernetes.io/network-policy={\"ingress\": {\"isolation\": \"DefaultDeny\"}}"'
POLICY = ROOT / "examples/seed/2-policy.yaml"


class Shell:
    """Runs lines as a user does, with kubectl and ryu-netpol of this checkout in PATH."""

    def __init__(self, server: Server, folder: Path) -> None:
        (folder / "kubectl").symlink_to(find().kubectl)
        (folder / "ryu-netpol").symlink_to(Path(sys.executable).parent / "ryu-netpol")
        path = os.pathsep.join([str(folder), os.environ["PATH"]])
        self._environment = {**os.environ, "KUBECONFIG": str(server.admin_kubeconfig()), "PATH": path}

    def __call__(self, line: str) -> subprocess.CompletedProcess[str]:
        """The line's output and status."""
        return subprocess.run(
            line, shell=True, env=self._environment, cwd=ROOT, capture_output=True, text=True, check=False
        )

    def said(self, line: str) -> str:
        """What a line prints that must succeed."""
        done = self(line)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def shell(deployed: Server, tmp_path: Path) -> Iterator[Shell]:
    """A user's shell, and a namespace for it."""
    namespace = reference("v1", "Namespace", NAMESPACE)
    deployed.admin.create(namespace)
    yield Shell(deployed, tmp_path)
    deployed.admin.delete(namespace)


def test_the_first_text_on_a_server_of_today(shell: Shell, tmp_path: Path) -> None:
    """Its annotation by its own command; its policy is refused, and taken after `convert`, with what it meant."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY.read_text().replace("namespace: default", f"namespace: {NAMESPACE}"))
    shell.said("kubectl " + ANNOTATE % NAMESPACE)
    before = shell(f"kubectl create -f {policy}")
    shell.said(f"kubectl get ns -o yaml | ryu-netpol convert -f {policy} - | kubectl apply -f -")
    stored = yaml.safe_load(shell.said(f"kubectl get networkpolicies -n {NAMESPACE} -o yaml"))["items"]

    assert before.returncode == 1
    assert 'no matches for kind "NetworkPolicy" in version "extensions/v1beta1"' in before.stderr
    assert {"default-deny-ingress", "test-network-policy"} == {value["metadata"]["name"] for value in stored}
    assert {"matchLabels": {"role": "db"}} in [value["spec"]["podSelector"] for value in stored]
    said = shell(f"kubectl get ns,networkpolicies -A -o yaml | ryu-netpol convert -f {policy} -")
    assert said.stdout == ""
    assert said.stderr.count("is there already, as NetworkPolicy ") == 2


def test_the_command_that_takes_the_annotation_away(shell: Shell) -> None:
    """What `convert` tells to type is right."""
    shell.said("kubectl " + ANNOTATE % NAMESPACE)
    told = shell(f"kubectl get ns {NAMESPACE} -o yaml | ryu-netpol convert -f -").stderr
    command = told.partition("when that is applied, ")[2].partition(" takes it away")[0]
    shell.said(command)

    assert command.startswith("kubectl annotate ")
    assert "annotations" not in yaml.safe_load(shell.said(f"kubectl get ns {NAMESPACE} -o yaml"))["metadata"]


def test_the_base_is_the_one_file(shell: Shell) -> None:
    """kubectl makes the same objects of both."""

    def by_kind(values: Any) -> list[Any]:
        return sorted(values, key=lambda value: str(value["kind"]))

    assert by_kind(objects()) == by_kind(yaml.safe_load_all(shell.said(f"kubectl kustomize {DEPLOY}/base")))


@pytest.mark.parametrize("component", ["monitoring", "dual-stack"])
def test_components_can_be_added(shell: Shell, tmp_path: Path, component: str) -> None:
    """With base and component a server takes the DaemonSet, which has what the component is for."""
    # kustomize wants paths that are relative.
    deploy = os.path.relpath(DEPLOY, tmp_path.resolve())
    (tmp_path / "kustomization.yaml").write_text(
        f"resources: [{deploy}/base]\ncomponents: [{deploy}/components/{component}]\n"
    )
    made = list(yaml.safe_load_all(shell.said(f"kubectl kustomize --load-restrictor=LoadRestrictionsNone {tmp_path}")))
    (daemon_set,) = [value for value in made if value["kind"] == "DaemonSet"]
    (tmp_path / "daemonset.yaml").write_text(yaml.safe_dump(daemon_set))
    shell.said(f"kubectl apply --dry-run=server --validate=strict -f {tmp_path}/daemonset.yaml")
    (agent,) = daemon_set["spec"]["template"]["spec"]["containers"]

    if component == "monitoring":
        assert agent["ports"] == [{"name": "metrics", "containerPort": 9464}]
        assert "PodMonitor" in {value["kind"] for value in made}
    else:
        assert agent["securityContext"]["privileged"]


def test_deploy_is_applied_as_documented(shell: Shell) -> None:
    """One line, every object, checked by the server."""
    said = shell.said(f"kubectl apply --dry-run=server --validate=strict -f {DEPLOY}/ryu-netpol.yaml")

    assert len(list(objects())) == said.count("(server dry run)")
