"""The house rules that a program can check (docs/contributing.md has all of them).

Where something is exempt, it stands here by name with its reason; what is merely overdue stands in OVERDUE, which only
ever gets shorter.
"""

from __future__ import annotations

import ast
import configparser
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import LEVELS, complaint

ROOT = Path(__file__).resolve().parents[2]
CORE = ("model", "oracle", "policy", "flows", "agent")
LONGEST, LONGEST_TEST = 300, 500

OVERDUE = {
    "tests/unit/cni/test_main.py",
    "tests/unit/cni/test_config.py",
    "tests/unit/cni/test_portable.py",
    "tests/unit/cni/test_ovsdb.py",
    "tests/unit/cni/test_result.py",
}
"""Known breaches: files with tests without a docstring."""

IMPURE_MODULES = {
    "builtins", "ctypes", "datetime", "fcntl", "http", "importlib", "io", "multiprocessing", "os", "pathlib", "queue",
    "random", "sched", "secrets", "select", "selectors", "shutil", "signal", "socket", "subprocess", "sys", "tempfile",
    "threading", "time", "urllib", "uuid", "warnings",
}  # fmt: skip
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "compile", "breakpoint", "globals", "__import__"}

PROGRAMS = {"ryu_netpol/flows/document.py"}
"""`python -m` prints a generated document: a program beside the core, imported by nobody."""

BLANKET = {
    "cni/main.py": "the specification wants an error document, whatever happened: it is told in `details`",
    "ryu_netpol/adapters/kube/follower.py": "reported, and everything of that kind is listed again",
    "ryu_netpol/adapters/kube/tell/teller.py": "reported, and the agent is asked again",
    "ryu_netpol/adapters/ovsdb.py": "reported, and the replica is made anew",
    "ryu_netpol/runtime.py": "a question's defect is raised again where it was asked",
    "ryu_netpol/adapters/ryu_compat/server.py": "the connection is closed: the application hears of it, and it returns",
}
"""The files that may catch every exception, and what becomes of it there."""

DISTRIBUTIONS = {"os_ken": "os-ken", "yaml": "PyYAML"}
"""Packages whose distribution has another name."""
ELSEWHERE = {"mininet"}
"""Imported from Debian's package, not from an index."""
DEVELOPMENT = {"dev"}
"""Extras with tools for us; any other extra has packages that the program imports where they are installed."""


def files(*folders: str) -> list[Path]:
    """Every Python file below these folders."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name(path: Path) -> str:
    """The path in the checkout."""
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text(), filename=str(path))


PRODUCT = files("ryu_netpol", "cni")
TESTS = files("tests")


def imports(path: Path) -> Iterator[str]:
    """Top-level packages that a file imports."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("path", files(*(f"ryu_netpol/{room}" for room in CORE)), ids=name)
def test_the_core_is_pure(path: Path) -> None:
    """R1: neither clock nor chance nor I/O; more modules than the import contract names, and calls, too."""
    if name(path) in PROGRAMS:
        return
    called = {n.func.id for n in ast.walk(tree(path)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    changed = [node.lineno for node in ast.walk(tree(path)) if isinstance(node, ast.Global)]

    assert set() == set(imports(path)) & IMPURE_MODULES
    assert set() == called & IMPURE_CALLS
    assert changed == []


@pytest.mark.parametrize("path", PRODUCT, ids=name)
def test_nothing_is_validated_by_assert(path: Path) -> None:
    """An assert is gone under `python -O`, and says nothing to a user."""
    assert [node.lineno for node in ast.walk(tree(path)) if isinstance(node, ast.Assert)] == []


@pytest.mark.parametrize("path", PRODUCT, ids=name)
def test_defaults_are_values(path: Path) -> None:
    """R13: a default is made once, so it must not be something that can change."""
    assert list(mutable_defaults(tree(path))) == []


def mutable_defaults(module: ast.Module) -> Iterator[int]:
    """Lines of defaults that every call would share."""
    displays = ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for default in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
                made = isinstance(default, ast.Call) and isinstance(default.func, ast.Name)
                if isinstance(default, displays) or (made and default.func.id in ("list", "dict", "set")):
                    yield default.lineno


@pytest.mark.parametrize("path", PRODUCT, ids=name)
def test_no_exception_is_swallowed(path: Path) -> None:
    """R11: whoever catches everything raises it again, or says above what else becomes of it."""
    if name(path) not in BLANKET:
        assert list(blanket_handlers(tree(path))) == []


def blanket_handlers(module: ast.Module) -> Iterator[int]:
    """Lines of handlers that catch every exception and do not raise it again."""
    for node in ast.walk(module):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type
            everything = caught is None or (
                isinstance(caught, ast.Name) and caught.id in ("Exception", "BaseException")
            )
            raised = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
            if everything and not raised:
                yield node.lineno


def test_every_exemption_is_needed() -> None:
    """Nobody is allowed what he does not do."""
    for exempt in BLANKET:
        assert list(blanket_handlers(tree(ROOT / exempt))), exempt


@pytest.mark.parametrize("path", PRODUCT + TESTS, ids=name)
def test_modules_say_what_they_are_for(path: Path) -> None:
    """R15: a docstring at the top; an empty file needs none."""
    assert not path.read_text().strip() or ast.get_docstring(tree(path))


@pytest.mark.parametrize("path", PRODUCT + TESTS, ids=name)
def test_files_stay_short(path: Path) -> None:
    """A file that needs scrolling for ever is two files."""
    limit = LONGEST if path in PRODUCT else LONGEST_TEST
    if name(path) not in OVERDUE:
        assert len(path.read_text().splitlines()) <= limit


@pytest.mark.parametrize("path", TESTS, ids=name)
def test_tests_say_what_they_show(path: Path) -> None:
    """Every test has a docstring: the behaviour, in a sentence."""
    tests = [n for n in ast.walk(tree(path)) if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")]
    if name(path) not in OVERDUE:
        assert [test.name for test in tests if not ast.get_docstring(test)] == []


def test_unit_tests_mirror_the_packages() -> None:
    """Who looks for the unit tests of a package finds them in the folder of its name."""
    here = ROOT / "tests/unit"
    folders = {path.parent.relative_to(here).as_posix() for path in here.rglob("test_*.py")} - {"."}
    packages = {p.relative_to(ROOT / "ryu_netpol").as_posix() for p in (ROOT / "ryu_netpol").rglob("*") if p.is_dir()}

    assert set() == folders - packages - {"cni", "support"}


def test_dependencies_are_those_that_are_imported() -> None:
    """setup.cfg names what the program imports, nothing more and nothing less."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = {extra: text for extra, text in setup["options.extras_require"].items() if extra not in DEVELOPMENT}
    lines = "\n".join([setup["options"]["install_requires"], *extras.values()]).split("\n")
    declared = {re.split(r"[^A-Za-z0-9_.-]", line.strip())[0] for line in lines if line.strip()}
    used = {package for path in PRODUCT for package in imports(path)}
    used -= {*sys.stdlib_module_names, "ryu_netpol", "cni", *ELSEWHERE}
    needed = {DISTRIBUTIONS.get(package, package) for package in used}

    assert set() == needed - declared
    assert set() == declared - needed - OVERDUE


@pytest.mark.parametrize("level", [level for level in LEVELS if "root" in LEVELS[level]])
def test_missing_tools_are_named_in_one_sentence(level: str) -> None:
    """The sentence names the folder, root and the Debian packages; with everything there, there is none."""
    sentence = complaint(["unit", level], lambda _: False)

    assert sentence.startswith(f"tests/{level} cannot run here, they lack root, ")
    assert "openvswitch-switch" in sentence
    assert complaint(["unit", "sim"], lambda _: False) == ""
    assert complaint(LEVELS, lambda _: True) == ""


def test_a_missing_environment_is_named_in_one_sentence() -> None:
    """The end-to-end tests run agents of both stacks: the sentence says which command makes what is not there."""
    assert complaint(["e2e"], lambda need: need != ".venv-classic") == (
        "tests/e2e cannot run here, they lack .venv-classic (`make setup STACK=classic` makes it): "
        "run `make setup` and the tests as root, or `make test-unit`."
    )
    assert "lack .venv (`make setup` makes it):" in complaint(["e2e"], lambda need: need != ".venv")


def test_a_missing_control_plane_is_named_in_one_sentence() -> None:
    """It needs no root, and the sentence says where each program comes from."""
    assert complaint(["kube"], lambda _: False) == (
        "tests/kube cannot run here, they lack etcd (`make test-kube` builds it where there is Go), "
        "kube-apiserver (`make test-kube` builds it where there is Go), "
        "kubectl (`make test-kube` builds it where there is Go), "
        "openssl (Debian package openssl): run `make setup` and the tests as root, or `make test-unit`."
    )


DEFECTS = {
    "def f(a=[]): pass": mutable_defaults,
    "def f(*, a=dict()): pass": mutable_defaults,
    "try:\n  f()\nexcept Exception:\n  pass": blanket_handlers,
    "try:\n  f()\nexcept:\n  log()": blanket_handlers,
}


@pytest.mark.parametrize("source", DEFECTS, ids=repr)
def test_the_checkers_catch(source: str) -> None:
    """P10: a file with this defect does not pass."""
    assert list(DEFECTS[source](ast.parse(source)))
