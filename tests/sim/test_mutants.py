"""P10 for the compiler as a whole: each of a list of defects is found by the tests that are there to find it."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.mutants.listed import MUTANTS
from tests.mutants.mutant import Mutant

PATIENCE = 600
"""Seconds; a defect that hangs is not one that was found."""


def _kill(mutant: Mutant) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.mutants.kill", mutant.name]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.fixture(scope="module")
def killed() -> dict[str, Future[subprocess.CompletedProcess[str]]]:
    """All of them at work, two at a time."""
    pool = ThreadPoolExecutor(2)
    return {mutant.name: pool.submit(_kill, mutant) for mutant in MUTANTS}


@pytest.mark.parametrize("name", [mutant.name for mutant in MUTANTS], ids=str)
def test_is_found(name: str, killed: dict[str, Future[subprocess.CompletedProcess[str]]]) -> None:
    """A compiler with this defect does not pass."""
    done = killed[name].result()

    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def test_there_are_enough() -> None:
    """At least forty, each with a name of its own."""
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 40


def test_a_change_without_meaning_is_not_found() -> None:
    """P10: what finds defects does not find one where there is none."""
    from tests.mutants.kill import KILLERS, found_by

    assert found_by(KILLERS["errors"]) is None
