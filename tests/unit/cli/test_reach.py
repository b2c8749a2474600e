"""`ryu-netpol reach`: formats, verdicts without a switch, exit codes, and every sentence that a user may meet."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from ryu_netpol.cli import reach
from ryu_netpol.cli.judges import flows
from ryu_netpol.cli.judges.answer import Answer, Question
from ryu_netpol.cli.main import main
from ryu_netpol.lab import process

SEED = "examples/seed"
EXAMPLES = ("seed", "default-deny", "two-way")
DB = {"from": "default/frontend", "to": "default/db", "protocol": "TCP", "port": 6379}
OUTSIDE = {"from": "203.0.113.7", "to": "default/db", "protocol": "TCP", "port": 6379, "ip": 4}

Out = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody says how wide the screen is."""
    monkeypatch.delenv("COLUMNS", raising=False)


def probes(folder: Path, *entries: object) -> str:
    """A file of probes."""
    file = folder / "probes.json"
    file.write_text(json.dumps(entries))
    return str(file)


def answered(capsys: Out, *args: str) -> list[dict[str, object]]:
    """What `-o json` prints."""
    assert main(["reach", *args, "-o", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["probes"]
    return list(found["probes"])


def complaint(capsys: Out, *args: str) -> str:
    """The one sentence of a call that is wrong, without the warnings about the manifests."""
    assert main(["reach", *args]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = [line for line in printed.err.splitlines() if not line.startswith("warning: ")]
    assert line.startswith("ryu-netpol reach: ")
    return line.removeprefix("ryu-netpol reach: ")


def test_json_has_the_entries_as_they_were(tmp_path: Path, capsys: Out) -> None:
    """Same entries, same order, each with verdict and reason; answers may be asked again."""
    asked: list[dict[str, object]] = [DB, OUTSIDE, {**OUTSIDE, "allowed": True}, {**DB, "protocol": "ICMP", "ip": None}]
    found = answered(capsys, "-f", SEED, "--probes", probes(tmp_path, *asked))

    assert [{key: entry[key] for key in given} for given, entry in zip(asked, found, strict=True)] == [
        {**given, **({"allowed": False} if "allowed" in given else {})} for given in asked
    ]
    assert [entry["allowed"] for entry in found] == [True, False, False, False]
    assert (
        found[0]["reason"]
        == "egress: default/frontend is not isolated; ingress: default/test-network-policy rule 0 allows it"
    )
    assert {*found[0]} == {*DB, "allowed", "reason"}


def test_json_without_probes(capsys: Out) -> None:
    """Every pair of pods, in both families, as entries that `--probes` would read."""
    found = answered(capsys, "-f", SEED)

    assert len(found) == 48
    assert found[0] == {
        "from": "default/db", "to": "default/frontend", "protocol": "TCP", "port": 80, "ip": 4, "allowed": False,
        "reason": "ingress: default/frontend is isolated by the annotation of its namespace and no rule allows it",
    }  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES)
def test_flows_agree_with_the_model(example: str, capsys: Out) -> None:
    """Both ways on every pair of pods, and both are in the answer."""
    found = answered(capsys, "-f", f"examples/{example}", "--via", "model", "--via", "flows")

    assert all(list(entry["via"]) == ["model", "flows"] for entry in found)  # type: ignore[call-overload]


def test_flows_say_which_flow_and_why(tmp_path: Path, capsys: Out) -> None:
    """The reason names node, table, identity and policy."""
    found = answered(capsys, "-f", "examples/two-way", "--via", "flows", "--probes", probes(
        tmp_path,
        {"from": "frontend/web", "to": "backend/api", "protocol": "TCP", "port": 8080},
        {"from": "frontend/web", "to": "backend/api", "protocol": "TCP", "port": 9090},
        {"from": "frontend/batch", "to": "203.0.113.7", "protocol": "TCP", "port": 80},
        {"from": "203.0.113.8", "to": "203.0.113.7", "protocol": "TCP", "port": 80},
    ))  # fmt: skip

    assert [entry["reason"] for entry in found] == [
        "node1: egress allowed by a rule of frontend/call-the-api and ingress allowed by a rule of backend/api",
        "node1: EGRESS drops it: identity 5, frontend/{app=web}, is isolated by frontend/call-the-api and no rule "
        "allows it",
        "node1: no policy isolates it",
        "no bridge sees it: no end is a pod",
    ]


def test_disagreement(tmp_path: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: ways that disagree are named, probe by probe, and the exit code is 1."""

    def wrong(_: object, questions: Sequence[Question]) -> list[Answer]:
        return [Answer(n == 0, "so") for n, _ in enumerate(questions)]

    monkeypatch.setattr(flows, "judge", wrong)
    file = probes(tmp_path, DB, {**OUTSIDE, "from": "myproject/worker"})
    assert main(["reach", "-f", SEED, "--probes", file, "--via", "flows", "--via", "model"]) == 1

    err = capsys.readouterr().err
    assert "probes[0]" not in err
    assert "probes[1]: myproject/worker to default/db TCP/6379 (IPv4): model says allowed (" in err
    assert "flows says denied (so)" in err
    assert err.endswith("ryu-netpol reach: 1 of 2 probes are without an agreed verdict\n")


def test_no_verdict(tmp_path: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    """What packets could not show is neither allowed nor denied, and makes the exit code 1."""
    monkeypatch.setattr(reach, "by_model", lambda *_: [Answer(None, "no answer, nor had the control")])

    assert main(["reach", "-f", SEED, "--probes", probes(tmp_path, DB), "-o", "json"]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["probes"][0]["allowed"] is None
    assert printed.err.endswith("ryu-netpol reach: 1 of 1 probes are without a verdict\n")


BAD_PROBES: dict[str, tuple[list[object], str]] = {
    "port": ([DB, {**DB, "port": 0}], "probes[1].port: 0 is not a number from 1 to 65535"),
    "protocol": ([{**DB, "protocol": "tcp"}], "probes[0].protocol: 'tcp' is not one of ICMP, TCP, UDP, SCTP"),
    "no source": ([{"to": "default/db", "protocol": "ICMP"}], "probes[0].from: is missing"),
    "pod": ([{**DB, "to": "default/nobody"}], "probes[0]: there is no pod default/nobody"),
    "node": ([{**DB, "from": "node/n9"}], "probes[0]: there is no node n9"),
    "family": ([{**OUTSIDE, "ip": 6}], "probes[0]: 203.0.113.7 has no IPv6 address"),
    "multicast": ([{**DB, "to": "224.0.0.1"}], "probes[0]: to: nothing is routed to or from 224.0.0.1"),
    "gateway": (
        [{**DB, "from": "10.244.1.2"}],
        'probes[0]: from: 10.244.1.2 belongs to the gateway port of a node: write "node/NAME"',
    ),
}


@pytest.mark.parametrize(("entries", "sentence"), BAD_PROBES.values(), ids=BAD_PROBES)
def test_bad_probes(tmp_path: Path, capsys: Out, entries: list[object], sentence: str) -> None:
    """One sentence with file, index and field; nothing is judged."""
    said = complaint(capsys, "-f", SEED, "--probes", probes(tmp_path, *entries))

    assert said.endswith(sentence)


def test_unreadable_probes(tmp_path: Path, capsys: Out) -> None:
    """A missing file, and one that is no JSON."""
    (tmp_path / "no.json").write_text("[")

    assert complaint(capsys, "-f", SEED, "--probes", "nowhere") == "cannot read nowhere: No such file or directory"
    said = complaint(capsys, "-f", SEED, "--probes", str(tmp_path / "no.json"))
    assert said.startswith(f"{tmp_path}/no.json: probes: not JSON: ")
    assert complaint(capsys, "-f", "nowhere") == "cannot read nowhere: No such file or directory"


def test_errors_in_manifests(tmp_path: Path, capsys: Out) -> None:
    """Every problem is told, and nothing is judged."""
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: a_b}\n")

    assert main(["reach", "-f", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "a.yaml:3: Pod " in printed.err
    assert printed.err.endswith("ryu-netpol reach: 1 error in the manifests\n")


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: Out) -> None:
    """Either the manifests or the probes, not both."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps([DB]).encode())))
    assert [entry["allowed"] for entry in answered(capsys, "-f", SEED, "--probes", "-")] == [True]

    text = b"".join(file.read_bytes() + b"---\n" for file in sorted(Path(SEED).iterdir()))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert len(answered(capsys, "-f", "-")) == 48
    assert complaint(capsys, "-f", "-", "--probes", "-") == "only one of -f and --probes can be standard input"


def test_packets_need_root(monkeypatch: pytest.MonkeyPatch, capsys: Out) -> None:
    """Said at once, before anything is read."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    said = complaint(capsys, "-f", SEED, "--via", "packets")
    assert said == "The lab (--via packets) needs root: run it with sudo."


def test_trace_needs_open_vswitch(monkeypatch: pytest.MonkeyPatch, capsys: Out) -> None:
    """The sentence names the package."""
    monkeypatch.setattr(process, "SEARCH_PATH", "/nowhere")

    said = complaint(capsys, "-f", SEED, "--via", "trace")
    assert said == "The program ovsdb-tool is not installed (Debian package openvswitch-switch)."


def test_packets_refuse_rivals(tmp_path: Path, capsys: Out) -> None:
    """Two pods with one address: which of them has it, a lab cannot show."""
    pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {}}}\nstatus: {{podIP: 10.1.0.1}}\n"
    (tmp_path / "a.yaml").write_text(pod.format("a") + pod.format("b"))

    if os.geteuid() == 0:
        said = complaint(capsys, "-f", str(tmp_path), "--via", "packets")
        assert said == "default/a and default/b both have the address 10.1.0.1: take one of them out"
