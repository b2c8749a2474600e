"""`ryu-netpol lab` as a person uses it, with the folder that the documentation names."""

import contextlib
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ryu_netpol.cli.main import main
from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.measure import Line
from ryu_netpol.lab.state import LabState

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the example, to edit."""
    return Path(shutil.copytree(QUICKSTART, tmp_path / "quickstart"))


@pytest.fixture
def lab_id(folder: Path) -> Iterator[str]:
    """A lab that `lab up` has left running; `lab down` takes it away."""
    with contextlib.redirect_stdout(io.StringIO()) as told:
        assert main(["lab", "up", "-f", str(folder)]) == 0
    shown = told.getvalue()
    found = re.match(r"The lab (\w+) is up", shown)
    assert found
    assert "ryu-netpol lab probe" in shown
    yield found[1]
    assert main(["lab", "down", "--lab", found[1]]) == 0
    assert found[1] not in [state.lab_id for state in LabState.all()]


def test_probe_edit_probe(lab_id: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table first; after an edit, which is in force at once, JSON for some probes of a file."""
    assert main(["lab", "probe", "--lab", lab_id]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"shop/report +no +- +yes", shown)
    assert "12 probes: 10 allowed, 2 denied (by packets)" in shown

    policies = folder / "policies.yaml"
    with Line(Lab.open(lab_id), "shop/report", "shop/db", 5432) as line:
        policies.write_text(policies.read_text().replace("app: web", "app: report"))
        line.until_answered(within=2)
    asked = [
        {"from": "shop/web", "to": "shop/db", "protocol": "TCP", "port": 5432, "ip": 4},
        {"from": "shop/report", "to": "shop/db", "protocol": "ICMP"},
        {"from": "node/node1", "to": "shop/db", "protocol": "UDP", "port": 53, "ip": 6},
        {"from": "203.0.113.7", "to": "shop/db", "protocol": "TCP", "port": 5432},
    ]
    (folder / "probes").write_text(json.dumps(asked))
    assert main(["lab", "probe", "--lab", lab_id, "--probes", str(folder / "probes"), "-o", "json"]) == 0

    answers = json.loads(capsys.readouterr().out)["probes"]
    assert [answer["allowed"] for answer in answers] == [False, True, True, False]
    assert [{name: answer[name] for name in entry} for answer, entry in zip(answers, asked, strict=True)] == asked


def test_a_probe_that_disagrees_with_the_policies_is_named(lab_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody drops by hand what policies allow: exit code 1, and the probe with both verdicts (P10)."""
    node = Lab.open(lab_id).node("node1")
    web, outside = Lab.open(lab_id).pod("shop/web").addresses[0], "203.0.113.7"
    node.ovs.ofctl("add-flow", "br-int", f"priority=65535,tcp,nw_src={outside},nw_dst={web},tp_dst=80,actions=drop")
    probes = node.directory / "probes"
    probes.write_text(json.dumps([{"from": outside, "to": "shop/web", "protocol": "TCP", "port": 80}]))

    assert main(["lab", "probe", "--lab", lab_id, "--probes", str(probes)]) == 1

    errors = capsys.readouterr().err
    assert "203.0.113.7 to shop/web TCP/80: packets say error (no answer, but no policy's drop counted it" in errors
    assert "the policies mean allowed" in errors


def test_status_and_the_prompt(lab_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is up, and whether its agent runs; then the same lab at the Mininet prompt."""
    script = tmp_path / "script"
    script.write_text("pingall\nnode1 ovs-vsctl list-br\n")

    assert main(["lab", "status", "--lab", lab_id]) == 0
    assert re.search(
        r"node1 +192.168.50.1, fd00:50::1; agent \d+ \(ryu-netpol \S+ on [^)]+\), Open vSwitch \d+",
        capsys.readouterr().out,
    )
    # A process of its own, since Mininet's log stays with the output that it has met first.
    words = [sys.executable, "-m", "ryu_netpol.cli.main", "lab", "cli", str(script), "--lab", lab_id]
    shown = subprocess.run(words, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    assert "report.shop -> X web.shop outside" in shown
    assert "\nbr-int\n" in shown

    Lab.open(lab_id).node("node1").stop_agent()
    assert main(["lab", "status", "--lab", lab_id]) == 0
    assert "NO AGENT RUNS" in capsys.readouterr().out


def test_a_pod_that_is_new_in_the_folder_is_told_of(
    lab_id: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lab attaches pods when it comes up; a later one is not probed, and that is said."""
    (folder / "new.yaml").write_text("{apiVersion: v1, kind: Pod, metadata: {name: late, namespace: shop}, spec: {}}\n")

    code = main(["lab", "probe", "--lab", lab_id])

    assert "shop/late is not in the lab" in capsys.readouterr().err
    assert code == 0
