"""Programs that are measured: how they ended, what they took, and that they end with the context."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ryu_netpol.bench.bench import BenchError
from ryu_netpol.bench.process import resident, started_program, timed


@pytest.mark.parametrize("code", [0, 3], ids=["well", "badly"])
def test_how_it_ended(tmp_path: Path, code: int) -> None:
    """Its exit code, time and memory; its output is in the file."""
    program = f"print('said'); raise SystemExit({code})"
    ended = timed([sys.executable, "-c", program], output=tmp_path / "out")

    assert ended.code == code
    assert ended.seconds > 0
    assert ended.peak > 1
    assert (tmp_path / "out").read_text() == "said\n"


def test_memory_is_limited(tmp_path: Path) -> None:
    """A program that wants the whole machine fails instead."""
    ended = timed([sys.executable, "-c", "b = bytearray(16 << 30)"], output=tmp_path / "out")

    assert ended.code == 1
    assert ended.peak < 1000


def test_a_program_ends_with_its_context() -> None:
    """Also one that would run for ever; then its memory cannot be asked for any more."""
    with started_program(["sleep", "infinity"], output=subprocess.DEVNULL) as process:
        assert resident(process.pid) > 0
    assert process.returncode is not None
    with pytest.raises(BenchError, match="has ended"):
        resident(process.pid)
