"""docs/semantics.md has every rule, and says truly where it is proven: by which tables and tests, at which levels."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.rules.cases import asked
from tests.rules.registry import CASES, TABLES

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs/semantics.md"
LEVELS = {
    "M": "tests/unit/oracle/test_rules.py",
    "F": "tests/sim/test_rules.py",
    "T": "tests/ovs/test_rules.py",
    "P": "tests/e2e/test_rules.py",
}
"""Where the tables are judged."""

NUMBERS = {
    "NP": [
        *(*range(1, 7), *range(10, 16), *range(20, 28), *range(30, 39), *range(40, 54)),
        *(60, 61, *range(70, 74), 75, 76, *range(80, 85), *range(90, 95)),
    ],
    "LG": [*range(1, 14)],
    "VA": [*range(1, 11)],
    "UR": [*range(1, 4)],
}
RULES = {f"{group}-{number}" for group, numbers in NUMBERS.items() for number in numbers}

ELSEWHERE = {"LG-13": "it is about which objects are read, before any of them means anything"}
"""Rules of NP and LG that no level can judge."""
NO_TABLE = {"NP-84": "a connection is opened, it has no fragments", "NP-94": "a connection that is open already"}
"""Rules of NP and LG that a table cannot ask about: each has a test for every level instead."""
NOBODY = "nobody yet"

ROW = re.compile(r"^\| ((?:NP|LG|VA|UR)-\d+(?:, (?:NP|LG|VA|UR)-\d+)*) \| (.+) \| (.+) \|$", re.MULTILINE)


def proofs(document: str) -> dict[str, list[str]]:
    """What the last column says about each rule."""
    rows = ROW.findall(document)
    return {rule: proven.split("<br>") for rules, _, proven in rows for rule in rules.split(", ")}


PROVEN = proofs(DOCUMENT.read_text())


def truth(rule: str) -> set[str]:
    """The tables that have cases of a rule, and the levels at which some of them are judged."""
    of_rule = {name: [case for case in table if case.number == rule] for name, table in TABLES.items()}
    return {
        f"{name} {''.join(level for level in LEVELS if level != 'P' or not all(case.no_packets for case in cases))}"
        for name, cases in of_rule.items()
        if cases
    }


def missing(node: str) -> Iterator[str]:
    """What of a test's name, `folder/file.py::Class::function`, is not there."""
    file, *names = node.split("::")
    path = ROOT / "tests" / file
    if not path.is_file():
        yield file
    elif not names or ".".join(names) not in functions_in(path):
        yield node


@cache
def functions_in(path: Path) -> frozenset[str]:
    """The names of the tests in a file, those in classes with the class before them."""
    body = ast.parse(path.read_text()).body
    functions = [(part.name, part) for part in body if isinstance(part, ast.FunctionDef)]
    for part in body:
        if isinstance(part, ast.ClassDef):
            functions += [
                (f"{part.name}.{inner.name}", inner) for inner in part.body if isinstance(inner, ast.FunctionDef)
            ]
    return frozenset(name for name, function in functions if function.name.startswith("test_"))


def test_every_rule_is_there() -> None:
    """Each rule has a row with a reading and a proof, and there is no other."""
    assert set(PROVEN) == RULES
    assert [rule for rule, proven in PROVEN.items() if NOBODY in proven] == []


@pytest.mark.parametrize("rule", sorted(RULES))
def test_the_proof_is_what_it_says(rule: str) -> None:
    """Tables and letters are those of the registry, and every test exists."""
    tests = [item.strip("`") for item in PROVEN[rule] if item.startswith("`")]
    tables = {item for item in PROVEN[rule] if not item.startswith("`")}

    assert truth(rule) == tables
    assert [name for test in tests for name in missing(test)] == []


@pytest.mark.parametrize("rule", sorted(rule for rule in RULES if rule[:2] in ("NP", "LG")))
def test_rules_are_in_a_table_or_at_every_level(rule: str) -> None:
    """A rule of the API has cases, and packets show some of them, or a test for each level that packets reach."""
    folders = {item.strip("`").partition("/")[0] for item in PROVEN[rule] if item.startswith("`")}

    if rule in NO_TABLE:
        assert {"sim", "ovs", "e2e"} <= folders
    elif rule not in ELSEWHERE:
        assert [found[-4:] for found in truth(rule)] == ["MFTP"] * len(truth(rule)) != []


def test_tables_and_levels_exist() -> None:
    """The words and letters of the document stand for files, and each level asks the whole registry."""
    assert [name for name in TABLES if not (ROOT / f"tests/rules/{name}.py").is_file()] == []
    for letter, path in LEVELS.items():
        assert f"| {letter} | " in DOCUMENT.read_text()
        assert f"| `{path}` |" in DOCUMENT.read_text()
        assert "every_question(" in (ROOT / path).read_text()


def test_wrong_documents_are_noticed() -> None:
    """P10: a letter too many, a test that is gone, a rule without a row."""
    document = DOCUMENT.read_text()

    assert proofs(document.replace("| isolation MFTP |", "| isolation MF |", 1))["NP-1"] == ["isolation MF"]
    assert truth("NP-1") == {"isolation MFTP"}
    assert list(missing("sim/test_rules.py::test_nothing")) == ["sim/test_rules.py::test_nothing"]
    assert list(missing("sim/nowhere.py::test_fragments")) == ["sim/nowhere.py"]
    assert "NP-1" not in proofs(document.replace("| NP-1 |", "| NP |"))


@pytest.mark.parametrize("rule", sorted({case.number for case in CASES}))
def test_a_rule_decides(rule: str) -> None:
    """Whoever says yes to everything fails at every rule, and so does whoever says no."""
    answers = {one.expected for one in asked(case for case in CASES if case.number == rule)}

    assert answers == {True, False}


def test_questions_have_names_of_their_own() -> None:
    """No two questions are called the same, and every case names a rule and asks something at each stage."""
    names = [str(one) for one in asked(CASES)]

    assert sorted(set(names)) == sorted(names)
    assert {case.number for case in CASES} <= RULES
    assert [case.rule for case in CASES if not all(any(stage.expected) for stage in case.stages)] == []


def test_excuses_are_sentences() -> None:
    """Few cases are not for packets, and each says why."""
    excused = [case for case in CASES if case.no_packets]

    assert len(excused) < len(CASES) / 20
    assert [case.rule for case in excused if len(case.no_packets.split()) < 5] == []
