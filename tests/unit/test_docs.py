"""The documents say what is there: generated ones, links, commands, reports, and numbers that code and tests cite."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ryu_netpol.adapters.health.gauges import Gauges
from ryu_netpol.adapters.health.health import About, Health
from ryu_netpol.adapters.health.proven import policy_gauges
from ryu_netpol.agent.events import Kind, Reached, Said, Upserted
from ryu_netpol.agent.standing import Concern, PolicyStanding
from ryu_netpol.cli.main import COMMANDS, main
from ryu_netpol.flows.document import document
from ryu_netpol.model.names import Api, PolicyKey
from tests.support import build
from tests.support.questions import questions
from tests.unit.agent.test_glance import started

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "mininet").glob("*.md")])
CODE = sorted(path for folder in ("ryu_netpol", "cni", "mininet") for path in (ROOT / folder).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
OVERDUE = {"docs/pipeline.md", "docs/lab.md", "mininet/README.md"}
"""Documents without the line that says when to change them."""
OVERDUE_EXAMPLES = {"examples/shop"}
"""Folders that a docstring names and that are not there."""

KIND = re.compile(r"[a-z]+([_-][a-z]+)*")


def name(path: Path) -> str:
    """The path in the checkout."""
    return path.relative_to(ROOT).as_posix()


def without_code(text: str) -> str:
    """The document's prose: what stands in fences is quoted."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """Where a link can lead to in a document, as GitHub names it."""
    headings = re.findall(r"^#+ (.*)$", without_code(path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(path: Path, text: str) -> Iterator[str]:
    """Links to files that are not there, or to headings that they do not have."""
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(text)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = path.parent / file if file else path
        if not there.exists() or (anchor and anchor not in anchors(there)):
            yield target


def cited(pattern: str, paths: list[Path]) -> set[str]:
    """Everything in these files that looks like such a number."""
    return {found for path in paths for found in re.findall(pattern, path.read_text())}


def test_the_pipeline_document_is_current() -> None:
    """docs/pipeline.md is what the generator writes now: `make docs`."""
    assert (DOCS / "pipeline.md").read_text() == document()


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_lead_somewhere(path: Path) -> None:
    """Links between documents, and to headings in them, resolve."""
    assert list(broken_links(path, path.read_text())) == []


@pytest.mark.parametrize("link", ["[a](nowhere.md)", "[a](testing.md#nothing)", "[a](#nothing)"])
def test_broken_links_are_found(link: str) -> None:
    """P10: a link that leads nowhere is told."""
    assert list(broken_links(DOCS / "testing.md", link))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_documents_say_when_to_change_them(path: Path) -> None:
    """The last paragraph is a line "Keep in sync", before which somebody thinks of it."""
    last = path.read_text().strip().split("\n\n")[-1]
    if name(path) not in OVERDUE:
        assert last.startswith("Keep in sync")


def test_commands_are_those_of_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    """README lists every command that `ryu-netpol --help` lists, and no other."""
    listed = set(re.findall(r"^\| `ryu-netpol ([a-z]+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    with pytest.raises(SystemExit):
        main(["--help"])
    told = set(re.findall(r"^    ([a-z]+) ", capsys.readouterr().out, re.MULTILINE))

    assert set(COMMANDS) == listed
    assert set(COMMANDS) == told


def test_examples_that_are_named_exist() -> None:
    """A folder of examples that a document, a command or a topology names is there."""
    named = cited(r"examples/[a-z][a-z-]*", [*DOCUMENTS, *CODE]) - OVERDUE_EXAMPLES

    assert [folder for folder in sorted(named) if not (ROOT / folder).is_dir()] == []


def report_kinds() -> set[str]:
    """What problems are counted under, from the calls of report and the problems that the core collects."""
    kinds: set[str] = set()
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args:
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if called in ("report", "_report", "Report", "Problem"):
                    kinds |= texts(node.args[0])
            elif path.parent.name == "kube" and isinstance(node, ast.Constant):
                kinds |= {text for text in texts(node) if text.startswith(("kube_", "object_"))}
    return {kind for kind in kinds if KIND.fullmatch(kind)}


def texts(node: ast.expr) -> set[str]:
    """The string constants in an expression."""
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def test_reports_are_those_of_the_code() -> None:
    """docs/operations.md explains every kind of report that there is, and no other."""
    section = (DOCS / "operations.md").read_text().partition("## Reports")[2].partition("\n## ")[0]

    assert report_kinds() == set(re.findall(r"^\| `([a-z_-]+)`", section, re.MULTILINE))


def test_options_are_those_of_the_agent(capsys: pytest.CaptureFixture[str]) -> None:
    """docs/operations.md explains every option of `ryu-netpol agent`."""
    with pytest.raises(SystemExit):
        main(["agent", "--help"])
    there = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}

    assert there == set(re.findall(r"^\| `(--[a-z-]+)`", (DOCS / "operations.md").read_text(), re.MULTILINE))


def test_metrics_are_those_of_the_agent() -> None:
    """docs/operations.md explains every metric of ours, with its labels, and no other."""
    world = started()
    health = Health(About("node1", "1", "os-ken", "folder", 0.0))
    health.record.reported("gateway", "it is gone")
    broken = Said("u", "7", 1, ("spec: it is wrong",))
    for event in (Upserted(build.pod("a/b")), Reached(Kind.POLICY, Api.V1, "7", {PolicyKey("a", "b"): broken})):
        health.handled(event, (), delivered=0.0, took=0.0, progress=world.agent.progress)
    asked = questions(world, health.proven)
    hint = Concern("NetworkPolicy", Api.V1, "a", "b", "PortNotFound", "no port")
    policy = PolicyStanding(PolicyKey("a", "b"), 1, "7", 1, 0.0, 0.0, 1)
    standing = replace(asked.ask(asked.standing), hints=(hint,), policies=(policy,))
    health.record.told("status", "written")
    health.registry.register(Gauges(asked._replace(standing=lambda _: standing), health.record))
    found: dict[str, set[str]] = {}
    for family in [*health.registry.collect(), *policy_gauges(standing)]:
        for sample in family.samples:
            if sample.name.startswith("ryu_netpol_") and not sample.name.endswith("_created"):
                found.setdefault(re.sub(r"_(bucket|sum|count)$", "", sample.name), set()).update(sample.labels)
    section = (DOCS / "operations.md").read_text().partition("## Metrics")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`ryu_netpol_\w+`(?:, `\w+`)*) \| ([^|]*)\|", section, re.MULTILINE)
    told = {name: set(re.findall(r"\w+", labels)) for names, labels in rows for name in re.findall(r"\w+", names)}

    assert found == told


@pytest.mark.parametrize(
    ("pattern", "document_name"),
    [
        (r"\b(?:NP|LG|VA|UR)-\d+\b", "semantics.md"),
        (r"\bR\d{1,2}\b(?=[):,]| P\d)", "contributing.md"),
        (r"\bP\d{1,2}\b(?=[):, ])", "testing.md"),
    ],
    ids=["rules of the API", "house rules", "properties"],
)
def test_numbers_that_are_cited_exist(pattern: str, document_name: str) -> None:
    """Whoever meets a number in code or tests finds it in the document that has them."""
    explained = cited(pattern.partition("(?=")[0], [DOCS / document_name])

    assert sorted(cited(pattern, [*CODE, *TESTS]) - explained) == []
