"""deploy/ agrees with itself, and with the program that it starts. tests/kube has it judged by an API server."""

from __future__ import annotations

import argparse
import re
import shlex
from typing import Any

import pytest
import yaml

from cni import install
from ryu_netpol import __version__
from ryu_netpol.cli import agent
from ryu_netpol.config import listen_address
from ryu_netpol.runtime import PATIENCE
from tests.support import deploy
from tests.support.deploy import DEPLOY, ONE_FILE, objects, one_file

(DAEMON_SET,) = objects("DaemonSet")
POD: dict[str, Any] = DAEMON_SET["spec"]["template"]["spec"]
AGENT, INSTALLER = POD["containers"][0], POD["initContainers"][0]


def component(name: str) -> dict[str, Any]:
    """The only document of a file of a component."""
    return dict(yaml.safe_load((DEPLOY / "components" / name).read_text()))


def test_the_one_file_is_the_base() -> None:
    """`make manifest` was not forgotten."""
    assert one_file() == ONE_FILE.read_text()


def test_a_base_that_does_more_than_listing_is_refused(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: patches in the base would be missing in the one file."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base/kustomization.yaml").write_text("resources: []\npatches: []\n")
    monkeypatch.setattr(deploy, "DEPLOY", tmp_path)

    with pytest.raises(ValueError, match="has patches, which is not done here"):
        one_file()


def test_the_agent_understands_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the manifest, and those that the installer writes for it."""
    parser = argparse.ArgumentParser()
    agent.add_parser(parser.add_subparsers())
    patch = component("monitoring/port.yaml")["spec"]["template"]["spec"]["containers"][0]
    written = {
        "$(cat /run/ryu-netpol/agent-options)": "--pod-cidr 10.244.1.0/24 --bridge br0",
        "$NODE_NAME": "node1",
        "$AGENT_OPTIONS": patch["env"][0]["value"],
    }
    line = AGENT["args"][0]
    for variable, value in written.items():
        line = line.replace(variable, value)
    words = shlex.split(line)
    args = parser.parse_args(words[2:])

    assert words[:2] == ["exec", "ryu-netpol"]
    assert (args.node, args.pod_cidrs, args.bridge) == ("node1", ["10.244.1.0/24"], "br0")
    assert listen_address(args.metrics_bind) == ("0.0.0.0", patch["ports"][0]["containerPort"])


@pytest.mark.parametrize(
    ("probe", "page"), [("livenessProbe", "/livez"), ("readinessProbe", "/readyz")], ids=["alive", "ready"]
)
def test_probes_ask_where_the_agent_listens(probe: str, page: str) -> None:
    """By the loopback address of the node's network, which the agent shares, and as long as it may take to answer."""
    parser = argparse.ArgumentParser()
    agent.add_parser(parser.add_subparsers())
    args = parser.parse_args(["agent", "--node", "n"])
    asked = AGENT[probe]["httpGet"]

    assert POD["hostNetwork"]
    assert (asked["host"], asked["port"]) == listen_address(args.metrics_bind)
    assert asked["path"] == page
    assert AGENT[probe]["timeoutSeconds"] > PATIENCE


def test_the_installer_finds_its_folders() -> None:
    """What it writes to is mounted where it looks for it, and what it runs is below its root."""
    mounts = {mount["mountPath"]: mount["name"] for mount in INSTALLER["volumeMounts"]}
    volumes = {volume["name"]: volume.get("hostPath", {}).get("path") for volume in POD["volumes"]}

    assert ["python3", "-m", install.__name__] == INSTALLER["command"]
    assert volumes[mounts["/host/opt/cni/bin"]] == "/opt/cni/bin"
    assert volumes[mounts["/host/etc/cni/net.d"]] == "/etc/cni/net.d"
    assert volumes[mounts["/host"]] == "/"


def test_the_image_is_of_this_version() -> None:
    """Both containers run the image that the Dockerfile's first line names."""
    image = f"ryu-netpol:{__version__}"

    assert [image, image] == [AGENT["image"], INSTALLER["image"]]
    assert f"-t {image} " in (DEPLOY / "Dockerfile").read_text().splitlines()[0]


def test_the_image_gets_all_that_setup_names() -> None:
    """What .dockerignore lets through is what a wheel is built of."""
    let_through = re.findall(r"^!(.+)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE)

    assert {"LICENSE", "README.md", "cni", "examples/seed", "pyproject.toml", "ryu_netpol", "setup.cfg"} == {
        *let_through
    }
    assert all((DEPLOY.parent / name).exists() for name in let_through)


@pytest.mark.parametrize("container", [AGENT, INSTALLER], ids=lambda container: container["name"])
def test_containers_have_no_more_than_they_need(container: dict[str, Any]) -> None:
    """One capability each, a root file system that nobody writes to, and what they ask for is said."""
    context = container["securityContext"]

    assert [context["capabilities"]["drop"], len(context["capabilities"]["add"])] == [["ALL"], 1]
    assert context["readOnlyRootFilesystem"]
    assert not context["allowPrivilegeEscalation"]
    assert {"cpu", "memory"} == set(container["resources"]["requests"])


def test_no_rule_has_a_wildcard() -> None:
    """What the account may do is listed word by word."""
    (role,) = objects("ClusterRole")

    assert "*" not in {word for rule in role["rules"] for words in rule.values() for word in words}


def test_the_monitor_finds_the_pods_and_their_port() -> None:
    """Its labels are those of the DaemonSet's pods, its port is the one that the component adds to the agent."""
    monitor, patch = component("monitoring/podmonitor.yaml"), component("monitoring/port.yaml")
    (container,) = patch["spec"]["template"]["spec"]["containers"]

    assert DAEMON_SET["spec"]["template"]["metadata"]["labels"] == monitor["spec"]["selector"]["matchLabels"]
    assert DAEMON_SET["metadata"]["namespace"] == monitor["metadata"]["namespace"]
    assert monitor["spec"]["podMetricsEndpoints"][0]["port"] == container["ports"][0]["name"]


@pytest.mark.parametrize("name", ["monitoring/port.yaml", "dual-stack/privileged.yaml"])
def test_patches_are_of_an_agent_that_is_there(name: str) -> None:
    """A strategic merge patch of a container with another name would add one."""
    patch = component(name)

    assert (DAEMON_SET["kind"], DAEMON_SET["metadata"]["name"]) == (patch["kind"], patch["metadata"]["name"])
    assert [AGENT["name"]] == [one["name"] for one in patch["spec"]["template"]["spec"]["containers"]]
