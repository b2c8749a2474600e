"""The plugin runs on whatever Python from 3.9 on a node has, with nothing installed."""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
MODULES = sorted((ROOT / "cni").glob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_the_grammar_is_that_of_python_3_9(path: pathlib.Path) -> None:
    """A later one is a syntax error there; an empty file would be none."""
    assert ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9)).body


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_only_the_standard_library_and_itself_are_imported(path: pathlib.Path) -> None:
    """Also nothing that came after 3.9, and no slots in dataclasses, which the grammar does not show."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    allowed = (sys.stdlib_module_names | {"cni"}) - {"tomllib"}

    assert {name.partition(".")[0] for name in names} <= allowed
    assert "slots" not in {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_files_stay_small(path: pathlib.Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 250


def test_it_starts_without_site_packages() -> None:
    """As the zipapp does: isolated, no site module."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); import cni.add, cni.check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
