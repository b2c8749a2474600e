"""Processes that are measured, and a network of their own to run in; ended by their pids."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from ryu_netpol.bench.bench import BenchError
from ryu_netpol.lab.process import need_root, run, tool

_MEMORY = 8 << 30
"""Bytes that a program may have: one that needs more would take the machine with it."""
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended."""

    code: int
    seconds: float
    """From its start to its end."""
    peak: float
    """Of its memory (RSS), MiB."""


def timed(argv: Sequence[str], *, output: Path) -> Ended:
    """Run a program to its end, its standard output into a file."""
    started = perf_counter()
    with output.open("wb") as file, started_program(argv, output=file.fileno()) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return Ended(process.returncode, perf_counter() - started, usage.ru_maxrss / 1024)


@contextlib.contextmanager
def started_program(
    argv: Sequence[str],
    *,
    output: int,
    feed: int = subprocess.DEVNULL,
    errors: int | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs for the time of the context: where output, input and errors go; `errors` None: to ours."""
    environment = {**os.environ, **(env or {})}
    process = subprocess.Popen(argv, stdin=feed, stdout=output, stderr=errors, env=environment)
    # From outside, since to fork with a hook is not for programs that have threads.
    resource.prlimit(process.pid, resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pipe in filter(None, (process.stdin, process.stdout)):
            pipe.close()


def resident(pid: int, what: str = "VmRSS") -> float:
    """A process's memory in MiB: now, or its peak (VmHWM). Raises BenchError when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError as error:
        raise BenchError(f"process {pid} has ended") from error
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{what}:"))


def settled(pid: int, *, patience: float = 15.0) -> float:
    """A process's memory in MiB when it has not changed by more than a hundredth for a second."""
    before = resident(pid)
    end = time.monotonic() + patience
    while time.monotonic() < end:
        time.sleep(1)
        now = resident(pid)
        if abs(now - before) <= before / 100:
            return now
        before = now
    return before


@contextlib.contextmanager
def network() -> Iterator[int]:
    """A network of its own, with a loopback, named by the process that holds it. Raises LabError."""
    need_root("A network of its own")
    with started_program([tool("unshare"), "--net", tool("sleep"), "infinity"], output=subprocess.DEVNULL) as holder:
        end = time.monotonic() + _PATIENCE
        ours = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{holder.pid}/ns/net") == ours:
            if time.monotonic() > end or holder.poll() is not None:
                raise BenchError("no network namespace could be made")
            time.sleep(0.01)
        run(["ip", "link", "set", "lo", "up"], netns=holder.pid)
        yield holder.pid
