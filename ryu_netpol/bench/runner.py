"""Runs a workload in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from ryu_netpol.bench.registry import BUDGET
from ryu_netpol.bench.results import Result, Target, unpacked

COMMAND = (sys.executable, "-m", "ryu_netpol.bench")
_GRACE = 30.0
"""Seconds that a workload has to end what it started."""


def measured(workload: str, *, quick: bool, seconds: float = BUDGET) -> Iterator[Result]:
    """The results of a workload, as they come; one that breaks off has a last one that says so."""
    command = [*COMMAND, workload, str(seconds), *(["quick"] if quick else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout or ():
            yield unpacked(json.loads(line))
        code = process.wait(_GRACE)
    finally:
        _end(process)
    if code:
        yield Result(workload, f"ended with exit code {code}", None, "", None, Target(0))


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout:
        process.stdout.close()
