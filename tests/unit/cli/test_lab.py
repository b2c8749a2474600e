"""`ryu-netpol lab`: what it refuses, in one sentence, before it makes anything."""

import os
from pathlib import Path

import pytest

from ryu_netpol.cli.main import main
from ryu_netpol.lab import process

POD = "{{apiVersion: v1, kind: Pod, metadata: {{name: {0}, namespace: d}}, spec: {{nodeName: {1}}}}}\n---\n"


@pytest.mark.parametrize("words", [["status"], ["down"], ["down", "--all"], ["probe"], ["cli"]], ids=" ".join)
def test_without_root_one_sentence(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2: the environment is wrong."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert main(["lab", *words]) == 2
    assert capsys.readouterr().err == "ryu-netpol lab: The lab needs root: run it with sudo.\n"


def test_up_needs_root_and_tools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The Debian package is named that brings what is missing; nothing is left of the attempt."""
    (tmp_path / "pods.yaml").write_text(POD.format("a", "n1"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["lab", "up", "-f", str(tmp_path)]) == 2
    assert "needs root" in capsys.readouterr().err

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(process, "SEARCH_PATH", str(tmp_path))
    assert main(["lab", "up", "-f", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.endswith("is not installed (Debian package iproute2).\n")
    assert error.count("\n") == 1


def test_a_folder_is_needed_that_agents_can_follow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No folder, no pod in it, an error in it: three sentences; the error has its place."""
    assert main(["lab", "up", "-f", str(tmp_path / "none")]) == 2
    assert "is not a folder" in capsys.readouterr().err

    assert main(["lab", "up", "-f", str(tmp_path)]) == 2
    assert "there is no pod in" in capsys.readouterr().err

    (tmp_path / "bad.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: A, namespace: d}\nspec: {}\n")
    assert main(["lab", "up", "-f", str(tmp_path)]) == 1
    assert "bad.yaml:3: Pod d/A: metadata.name: " in capsys.readouterr().err


def test_pods_of_several_nodes_need_addresses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By which the other nodes' agents know them: the folder stands for a cluster's status."""
    (tmp_path / "pods.yaml").write_text(POD.format("a", "n1") + POD.format("b", "n2"))

    assert main(["lab", "up", "-f", str(tmp_path)]) == 2
    assert "d/a has none" in capsys.readouterr().err


def test_all_or_one(capsys: pytest.CaptureFixture[str]) -> None:
    """`down` does not guess which was meant."""
    assert main(["lab", "down", "--all", "--lab", "abcd"]) == 2
    assert "exclude each other" in capsys.readouterr().err
