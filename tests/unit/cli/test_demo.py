"""`ryu-netpol demo` without a lab: its manifests, its matrix, its refusals."""

import io
import os
import shutil
from pathlib import Path

import pytest
from rich.console import Console

import ryu_netpol
from ryu_netpol.adapters.files import load
from ryu_netpol.cli.demo import find_example
from ryu_netpol.cli.demo.matrix import Answer, Matrix, probes
from ryu_netpol.cli.demo.scenes import SceneError, Scenes
from ryu_netpol.cli.demo.tell import Teller, picture
from ryu_netpol.cli.main import main
from ryu_netpol.lab import process
from ryu_netpol.lab.probe import Outcome, Result
from ryu_netpol.model.names import PodKey
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.packet import Verdict
from ryu_netpol.model.probe import Probe, resolve
from ryu_netpol.oracle.evaluate import evaluate

EXAMPLE = Path(__file__).parents[3] / "examples" / "seed"
DB, STRANGER = PodKey("default", "db"), PodKey("default", "stranger")


def allowed(scenes: Scenes) -> bool:
    return evaluate(scenes.cluster(), resolve(scenes.cluster(), Probe(STRANGER, DB, port=6379))).allowed


def matrix(**outcomes: Outcome) -> Matrix:
    """A matrix of one cell with both IP versions."""
    asked = {name: Probe(STRANGER, DB, port=6379, ip=4 if name == "v4" else 6) for name in outcomes}
    return Matrix({asked[n]: Answer(Result(o, "because"), Verdict(True, "no rule")) for n, o in outcomes.items()})


def test_the_scenes_change_what_the_model_says(tmp_path: Path) -> None:
    """Open, closed by the policy, open by the label, closed again; the last files are those of the example."""
    scenes = Scenes(EXAMPLE, tmp_path)
    told = [allowed(scenes)]
    scenes.policies()
    told.append(allowed(scenes))
    scenes.label("default", "stranger", {"role": "frontend"})
    told.append(allowed(scenes))
    scenes.label("default", "stranger", {})
    told.append(allowed(scenes))

    assert told == [True, False, True, False]
    assert set(load([str(tmp_path)]).objects) == set(load([str(EXAMPLE)]).objects)


def test_another_folder_is_refused(tmp_path: Path) -> None:
    """A file or a pod of the story that is missing, and a file with an error, are one sentence."""
    with pytest.raises(SceneError, match=r"it has no 1-namespaces\.yaml"):
        Scenes(tmp_path, tmp_path)
    copy = Path(shutil.copytree(EXAMPLE, tmp_path / "seed"))
    pods = (copy / "3-pods.yaml").read_text()
    (copy / "3-pods.yaml").write_text(pods.replace("name: stranger", "name: someone"))
    with pytest.raises(SceneError, match="it has no pod default/stranger"):
        Scenes(copy, tmp_path)
    (copy / "3-pods.yaml").write_text(pods.replace("containerPort: 6379", "containerPort: 0"))
    with pytest.raises(SceneError, match=r"3-pods.yaml:14: Pod default/db: "):
        Scenes(copy, tmp_path)


def test_everybody_is_asked(tmp_path: Path) -> None:
    """Pods among themselves by both IP versions, the node, and an outsider."""
    asked = probes(Scenes(EXAMPLE, tmp_path).cluster())

    sources = {str(probe.source) for probe in asked}
    assert len(asked) == len(set(asked)) == 66
    assert {"default/db", "node/node1", "203.0.113.7"} <= sources
    assert len(sources) == 7


def test_a_cell_speaks_for_both_ip_versions() -> None:
    """Where they differ, or one showed nothing, that is an error; what changed is found."""
    yes, no = matrix(v4=Outcome.ALLOWED, v6=Outcome.ALLOWED), matrix(v4=Outcome.DENIED, v6=Outcome.DENIED)
    cell = (STRANGER, (DB, 6379))

    assert (yes.cell(*cell), no.cell(*cell)) == ("yes", "no")
    assert matrix(v4=Outcome.ALLOWED, v6=Outcome.DENIED).cell(*cell) == "error"
    assert matrix(v4=Outcome.ERROR).cell(*cell) == "error"
    assert yes.cell(DB, (STRANGER, 80)) == ""
    assert no.changed(yes) == [cell]
    assert yes.changed(yes) == []


def test_packets_that_differ_from_the_model_are_told() -> None:
    """P10: a denied packet that the model allows, and an error, each with both sides' words."""
    assert matrix(v4=Outcome.ALLOWED).disagreements == []
    (line,) = matrix(v4=Outcome.DENIED).disagreements
    assert line == "default/stranger to default/db TCP/6379 (IPv4): denied (because), but the model says: no rule"
    assert len(matrix(v4=Outcome.ERROR).disagreements) == 1


def test_the_picture_marks_what_changed() -> None:
    """Plain text where nobody has colours."""
    out = io.StringIO()
    before, after = matrix(v4=Outcome.ALLOWED), matrix(v4=Outcome.DENIED)
    Console(file=out, width=100).print(picture(after, before))

    assert "no*" in out.getvalue()
    assert "default/stranger" in out.getvalue()


def test_a_step_is_told_with_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    """Numbered, in plain text in a pipe; silent where only the facts are wanted."""
    for silent in (False, True):
        teller = Teller(silent=silent)
        with teller.step("Something happens") as step:
            step.say("and this came of it")
        assert [step.title for step in teller.steps] == ["Something happens"]

    shown = capsys.readouterr().out
    assert shown.count("1  Something happens") == 1
    assert "\n   and this came of it\n" in shown
    assert " 0.0 s" in shown


def test_without_root_or_tools_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and nothing was made."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["demo", "-o", "json"]) == 2
    assert capsys.readouterr().err == "ryu-netpol demo: The lab needs root: run it with sudo.\n"

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(process, "SEARCH_PATH", str(tmp_path))
    assert main(["demo", "-o", "json"]) == 2
    assert capsys.readouterr().err.endswith("is not installed (Debian package iproute2).\n")


def test_where_the_example_is_missing_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An installation without the checkout says what to do; the checkout finds its own."""
    assert find_example() == EXAMPLE

    monkeypatch.setattr(ryu_netpol, "__file__", str(tmp_path / "ryu_netpol" / "__init__.py"))
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert main(["demo"]) == 2
    assert "say with -f where it is" in capsys.readouterr().err


def test_the_cluster_of_the_story_has_addresses(tmp_path: Path) -> None:
    """Those that the pods of the lab get, so that packets and model speak about the same."""
    cluster: Cluster = Scenes(EXAMPLE, tmp_path).cluster()

    assert all(len(pod.addresses) == 2 and pod.node == "node1" for pod in cluster.pods.values())
