"""`ryu-netpol check`: what is printed, and the exit status."""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path

import pytest

from ryu_netpol.cli import check

GOOD = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"
WARNING = GOOD.replace("name: a", "name: b, annotations: {net.beta.kubernetes.io/network-policy: deny}")
BAD = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x}\nspec:\n  podSelektor: {}\n"


def run(*args: str) -> int:
    parser = argparse.ArgumentParser()
    check.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["check", *args])
    status = parsed.run(parsed)
    assert isinstance(status, int)
    return status


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_good(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Manifests without problems give one line and status 0."""
    (folder / "a.yaml").write_text(GOOD)

    assert run("-f", "a.yaml") == 0
    assert capsys.readouterr().out == "1 object, 0 errors, 0 warnings\n"


def test_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An error is printed with file, line, object, field and reason, and makes the status 1."""
    (folder / "a.yaml").write_text(GOOD + "---\n" + BAD)

    assert run("-f", ".") == 1
    assert capsys.readouterr().out == (
        "a.yaml:9: NetworkPolicy default/x: spec.podSelektor: unknown field; did you mean podSelector?\n"
        "2 objects, 1 error, 0 warnings\n"
    )


def test_warning(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A warning is marked, and status 0 remains."""
    (folder / "a.yaml").write_text(WARNING)

    assert run("-f", "a.yaml") == 0
    out = capsys.readouterr().out
    assert out.startswith("a.yaml:3: warning: Namespace b: metadata.annotations")
    assert out.endswith("1 object, 0 errors, 1 warning\n")


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same as JSON."""
    (folder / "a.yaml").write_text(BAD)

    assert run("-f", "a.yaml", "-o", "json") == 1
    assert json.loads(capsys.readouterr().out) == {
        "problems": [
            {
                "file": "a.yaml",
                "line": 5,
                "object": "NetworkPolicy default/x",
                "field": "spec.podSelektor",
                "reason": "unknown field; did you mean podSelector?",
                "severity": "error",
                "name": "",
            }
        ],
        "objects": 1,
        "errors": 1,
        "warnings": 0,
    }


LINT = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: x}
spec:
  egress: [{}]
"""


def test_surely_not_meant(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is legal but surely not meant is a warning with a name, among the others by file and line."""
    (folder / "b.yaml").write_text(LINT)
    (folder / "a.yaml").write_text(WARNING)

    assert run("-f", "b.yaml", "a.yaml") == 0
    first, second, third, last = capsys.readouterr().out.splitlines()
    assert first.startswith("a.yaml:3: warning: Namespace b: ")
    assert second.startswith("b.yaml:3: warning: NetworkPolicy default/x: metadata.namespace: ")
    assert third.startswith("b.yaml:4: warning: NetworkPolicy default/x: spec.policyTypes: is missing: ")
    assert third.endswith(" [egress-cuts-ingress]")
    assert last == "2 objects, 0 errors, 3 warnings"


def test_surely_not_meant_in_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Programs get the name in a field of its own."""
    (folder / "a.yaml").write_text(LINT)

    assert run("-f", "a.yaml", "-o", "json") == 0
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["name"], problem["severity"], problem["line"]) == ("egress-cuts-ingress", "warning", 4)
    assert problem["reason"].endswith("write [Egress] if not meant")


def test_strict(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --strict a warning makes the status 1, of either sort; without one it stays 0."""
    (folder / "good.yaml").write_text(GOOD)
    (folder / "warning.yaml").write_text(WARNING)
    (folder / "lint.yaml").write_text(LINT)

    assert [run("--strict", "-f", f"{name}.yaml") for name in ("good", "warning", "lint")] == [0, 1, 1]


def test_nothing_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Manifests without any object are warned of: a wrong path or an empty pipe must not pass for good news."""
    (folder / "empty").mkdir()

    assert (run("-f", "empty"), run("--strict", "-f", "empty")) == (0, 1)
    assert capsys.readouterr().out.startswith("empty: warning: there is no object in it that means anything here\n")


def test_standard_input_twice(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It can be read only once, so that naming it twice is a mistake."""
    assert run("-f", "-", "-f", "-") == 2
    assert capsys.readouterr().err == "ryu-netpol check: standard input can be read only once: name - once\n"


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`-` reads standard input."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))

    assert run("-f", "-") == 1
    assert capsys.readouterr().out.startswith("<stdin>:5: NetworkPolicy default/x: ")


def test_missing_path(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path that cannot be read is one sentence and status 2."""
    assert run("-f", "nowhere.yaml") == 2
    assert capsys.readouterr() == ("", "ryu-netpol check: cannot read nowhere.yaml: No such file or directory\n")


def test_several_paths(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Paths may follow one -f or several; an object in two of them is an error that names both places."""
    (folder / "a.yaml").write_text(GOOD)
    (folder / "b.yaml").write_text(GOOD)

    assert run("-f", "a.yaml", "b.yaml") == run("-f", "a.yaml", "-f", "b.yaml") == 1
    assert capsys.readouterr().out.startswith("b.yaml:3: Namespace a: is already in a.yaml:3\n")


def test_no_colours_in_a_pipe(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is in the names, only a terminal gets escape sequences, and long lines are not folded."""
    (folder / "a.yaml").write_text(BAD.replace("{name: x}", '{name: "\\e[31m[bold]x[/bold]' + 300 * "y" + '"}'))

    run("-f", "a.yaml")

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert len(out.splitlines()) == 3
