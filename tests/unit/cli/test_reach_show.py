"""What `ryu-netpol reach` prints for people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from ryu_netpol.cli.judges import show
from ryu_netpol.cli.judges.answer import Answer
from ryu_netpol.cli.main import main
from ryu_netpol.model.names import PodKey, Protocol
from ryu_netpol.model.probe import Probe

Out = pytest.CaptureFixture[str]
YES, NO = Answer(True, "r"), Answer(False, "r")


@pytest.fixture(autouse=True)
def unknown_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody says how wide the screen is."""
    monkeypatch.delenv("COLUMNS", raising=False)


def pair(source: str, destination: str, port: int, ip: int | None = None) -> Probe:
    """A probe between two pods of one namespace."""
    return Probe(PodKey("ns", source), PodKey("ns", destination), Protocol.TCP, port, ip)  # type: ignore[arg-type]


def test_matrix(capsys: Out) -> None:
    """Sources down, destinations with their ports across, in order; a pod is not asked about itself."""
    assert main(["reach", "-f", "examples/default-deny"]) == 0

    assert capsys.readouterr().out == (
        "               closed    closed    open      open\n"
        "               client    server    client    server\n"
        "FROM           TCP/8080  TCP/8080  TCP/8080  TCP/8080\n"
        "closed/client  -         no        no        no\n"
        "closed/server  no        -         no        no\n"
        "open/client    no        no        -         yes\n"
        "open/server    no        no        yes       -\n"
        "\n"
        "24 probes: 4 allowed, 20 denied (by model)\n"
    )


def test_families_that_differ(capsys: Out) -> None:
    """A cell speaks for both families, and says so where they differ or one is not known."""
    probes = [pair("a", to, 80, ip) for to in "bcde" for ip in (4, 6)]
    show.matrix(probes, [YES, YES, NO, NO, YES, NO, YES, Answer(None, "")], line=show.Line())

    assert capsys.readouterr().out.splitlines()[3].split() == ["ns/a", "yes", "no", "IPv4", "only", "?"]


@pytest.mark.parametrize("columns", [None, "40", "300"])
def test_wide_matrices_do_not_break(columns: str | None, capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns that do not fit go into further blocks, each with all sources; no line is longer, no name is cut."""
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    names = [f"pod-{n:02}" for n in range(40)]
    probes = [pair(a, b, 8000) for a in names for b in names if a != b]
    show.matrix(probes, [YES] * len(probes), line=show.Line())

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= int(columns or 120)
    for name in names:
        assert sum(line.split()[1:].count(name) + line.split()[:1].count(name) for line in lines) == 1
    blocks = sum(line.startswith("FROM") for line in lines)
    assert sum(line.startswith("ns/pod-07 ") for line in lines) == blocks > 1


def test_list(tmp_path: Path, capsys: Out) -> None:
    """A line per probe with verdict and reason, however long, and no escape sequences in a pipe."""
    file = tmp_path / "probes.json"
    file.write_text(json.dumps([
        {"from": "closed/client", "to": "open/client", "protocol": "UDP", "port": 53, "ip": 6},
        {"from": "203.0.113.7", "to": "open/client", "protocol": "ICMP"},
    ]))  # fmt: skip
    assert main(["reach", "-f", "examples/default-deny", "--probes", str(file)]) == 0

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert out.splitlines() == [
        "FROM           TO           PORT    IP  VERDICT  REASON",
        "closed/client  open/client  UDP/53  6   denied   egress: closed/client is isolated by closed/default-deny and "
        "no rule allows it",
        "203.0.113.7    open/client  ICMP        allowed  ingress: open/client is not isolated",
        "",
        "2 probes: 1 allowed, 1 denied (by model)",
    ]


def test_markup_in_names_is_text(capsys: Out) -> None:
    """Whatever a reason contains, it is shown as it is."""
    show.rows([pair("a", "b", 80)], [Answer(False, "[red]x[/red] {y}")], line=show.Line())

    assert "[red]x[/red] {y}" in capsys.readouterr().out


def test_nothing_to_probe(capsys: Out) -> None:
    """No pods, no matrix."""
    show.matrix([], [], line=show.Line())
    show.summary([], ["model"], line=show.Line())

    assert capsys.readouterr().out == "0 probes: 0 allowed, 0 denied (by model)\n"


def test_colours_on_a_terminal(capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal verdicts are coloured, and a list is folded at its width."""
    line = show.Line()
    monkeypatch.setattr(
        line, "_console", Console(force_terminal=True, width=60, color_system="standard", soft_wrap=True)
    )
    show.rows([pair("a", "b", 80)], [Answer(False, "because " * 20)], line=line)

    out = capsys.readouterr().out
    assert "\x1b[31mdenied" in out
    assert len(out.splitlines()) > 4
