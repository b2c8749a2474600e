"""The plugin is installed on a node: by its own Python, whole, and the network configuration last."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from cni import install
from cni.config import parse

OLD = '{"name": "of somebody else"}'
IPV4, IPV6 = "10.244.1.0/24", "fd00:10:244:1::/64"


class Node:
    """The folders that a node has for plugins; everything else is this machine's."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.conf, self.options = folder / "bin", folder / "net.d", folder / "options"
        self.bin.mkdir()
        self.conf.mkdir()
        (self.bin / install.IPAM).touch()
        self.plugin, self.configuration = self.bin / "ryu-netpol", self.conf / install.CONFIGURATION

    def install(self, *more: str, cidrs: tuple[str, ...] = (IPV4, IPV6)) -> int:
        """Run the installer; returns its exit status."""
        asked = [word for cidr in cidrs for word in ("--pod-cidr", cidr)]
        places = ["--bin", str(self.bin), "--conf", str(self.conf), "--agent-options", str(self.options)]
        return install.main(["--node", "node1", *places, *asked, *more])


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """A node without the plugin."""
    return Node(tmp_path)


def python(path: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the node's only Python be this script."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr(install, "PYTHONS", (str(path),))


def test_what_is_installed_runs(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    """A runtime can call it, with nothing of ours around: no PYTHONPATH, another folder."""
    status = node.install()
    done = subprocess.run([node.plugin], input="{}", env={"CNI_COMMAND": "VERSION"}, capture_output=True, text=True)

    assert status == 0, capsys.readouterr().err
    assert "1.0.0" in json.loads(done.stdout)["supportedVersions"]
    assert node.plugin.stat().st_mode & 0o777 == 0o755
    assert b"cni/install.py" not in node.plugin.read_bytes()


def test_the_configuration_is_one_that_the_plugin_takes(node: Node) -> None:
    """Both blocks, without the addresses of the gateway port; readable by root alone."""
    node.install("--mtu", "1400", "--bridge", "br0")
    whole = json.loads(node.configuration.read_text())
    conf = parse({"cniVersion": whole["cniVersion"], "name": whole["name"], **whole["plugins"][0]})

    assert (conf.mtu, conf.bridge, conf.ipam_type) == (1400, "br0", "host-local")
    assert conf.raw["ipam"]["ranges"] == [
        [{"subnet": IPV4, "rangeStart": "10.244.1.3", "gateway": "10.244.1.1"}],
        [{"subnet": IPV6, "rangeStart": "fd00:10:244:1::3", "gateway": "fd00:10:244:1::1"}],
    ]
    assert node.configuration.stat().st_mode & 0o777 == 0o600


def test_the_agent_is_told_the_same(node: Node) -> None:
    """The options that agent and plugin must have in common."""
    node.install("--bridge", "br0")

    assert f"--pod-cidr {IPV4} --pod-cidr {IPV6} --bridge br0\n" == node.options.read_text()


def test_files_are_replaced_in_one_step(node: Node) -> None:
    """Who has the old one open reads all of it; nothing else is left in the folders; again is no error."""
    node.configuration.write_text(OLD)
    with node.configuration.open() as reader:
        statuses = [node.install(), node.install()]

        assert statuses == [0, 0]
        assert reader.read() == OLD
    assert [node.configuration.name] == os.listdir(node.conf)
    assert sorted(os.listdir(node.bin)) == ["host-local", "ryu-netpol"]


@pytest.mark.parametrize("before", [None, OLD], ids=["first time", "again"])
@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--root", "{empty}"], "the node has no Python 3.9 or later at /usr/bin/python3 or /usr/local/bin/python3, "),
        (["--pod-cidr", "10.244.1.1/24"], "'10.244.1.1/24' is no block of pod addresses: "),
        (["--pod-cidr", "10.244.1.0/31"], "'10.244.1.0/31' is no block of pod addresses: "),
        (["--mtu", "100"], "the network configuration is invalid: mtu must be "),
        (["--agent-options", "{empty}/none/options"], "[Errno 2] No such file or directory: "),
    ],
    ids=["no Python", "host bits", "too small", "mtu", "no place for the options"],
)
def test_a_failure_leaves_the_configuration_as_it_was(
    node: Node, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], sentence: str, before: str | None
) -> None:
    """One sentence, status 1; whatever fails before, even after the plugin is there, no configuration is written."""
    (tmp_path / "empty").mkdir()
    if before:
        node.configuration.write_text(before)
    status = node.install(*(word.format(empty=tmp_path / "empty") for word in more))
    told = capsys.readouterr()

    assert status == 1
    assert told.err.startswith(f"cni.install: {sentence}")
    assert [told.out, told.err.count("\n")] == ["", 1]
    assert before == (node.configuration.read_text() if node.configuration.exists() else None)
    assert set(os.listdir(node.conf)) <= {install.CONFIGURATION}


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("exit 1", "the node has no Python 3.9 or later at "),
        (
            '[ $# -gt 3 ] && { echo "ModuleNotFoundError: no json" >&2; exit 1; } || exit 0',
            "cannot run the plugin: Mod",
        ),
    ],
    ids=["too old", "incomplete"],
)
def test_a_python_that_cannot_run_the_plugin_is_refused(
    node: Node, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], script: str, sentence: str
) -> None:
    """A plugin that works stays; nothing of the new one is left."""
    node.install()
    old = node.plugin.read_bytes()
    python(node.conf.parent / "python", script, monkeypatch)
    status = node.install()

    assert status == 1
    assert sentence in capsys.readouterr().err
    assert old == node.plugin.read_bytes()
    assert sorted(os.listdir(node.bin)) == ["host-local", "ryu-netpol"]


def test_without_an_ipam_plugin_nothing_is_installed(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    """Every pod would fail: it is told here."""
    (node.bin / install.IPAM).unlink()

    assert node.install() == 1
    assert f"{node.bin} of the node has no host-local, " in capsys.readouterr().err
    assert os.listdir(node.conf) == []


def test_outside_of_a_cluster_nobody_can_be_asked(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the pod's environment the blocks must be given."""
    assert node.install(cidrs=()) == 1
    assert (
        "this is no pod of a cluster (KUBERNETES_SERVICE_HOST is not set): say --pod-cidr." in capsys.readouterr().err
    )
