"""Runs a level on many seeds, in chunks, on several processors, and goes on where an earlier run was ended."""

from __future__ import annotations

import json
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing import active_children, get_context
from pathlib import Path

from ryu_netpol.lab.signals import ending_in_order
from tests.deep.tally import Check, Level, Tally

Report = Callable[[Tally, Tally], None]
"""Told after every chunk: everything so far, and what the chunk had."""


def run(level: Level, seeds: range, *, jobs: int, journal: Path | None = None, report: Report) -> Tally:
    """Check all seeds. What the journal knows of earlier runs counts and is not done again."""
    known = _read(journal, level)
    total = Tally()
    waiting = []
    for chunk in (seeds[at : at + level.chunk] for at in range(0, len(seeds), level.chunk)):
        if chunk in known:
            total += known[chunk]
        else:
            waiting.append(chunk)
    report(total, total)
    # Not forked: whatever calls may have threads, or eventlet, which warns of forks.
    workers = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_until_told)
    with workers as pool, _ended_with(pool):
        futures = {pool.submit(_work, level, chunk): chunk for chunk in waiting}
        for future in as_completed(futures):
            tally = future.result()
            _write(journal, level, futures[future], tally)
            total += tally
            report(total, tally)
    return total


@contextmanager
def _ended_with(pool: ProcessPoolExecutor) -> Iterator[None]:
    """Whoever ends the run ends its workers, which take down what they have set up, and waits for no other chunk."""
    try:
        with ending_in_order():
            yield
    except BaseException:
        for worker in active_children():
            worker.terminate()
        pool.shutdown(cancel_futures=True)
        raise


def _until_told() -> None:
    """Between two chunks a worker has nothing to take down. Ctrl-C reaches it by way of whoever runs it.

    A handler that raises, as Python's own for Ctrl-C, would make the executor pass that on as an answer.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _work(level: Level, seeds: range) -> Tally:
    try:
        return check_chunk(level, seeds)
    except (KeyboardInterrupt, SystemExit):
        os._exit(1)  # Told to the executor, it would be an answer, and the next chunk would come.


def check_chunk(level: Level, seeds: range) -> Tally:
    """Check some seeds with what they share."""
    with ending_in_order(), level.opened() as check:
        return sum((_safely(check, seed) for seed in seeds), Tally())


def _safely(check: Check, seed: int) -> Tally:
    """A check that breaks is a difference like any other: the run goes on, the seed is not lost."""
    try:
        return check(seed)
    except Exception:
        return Tally(1, differences=(f"seed {seed}: {traceback.format_exc()}",))


def _read(journal: Path | None, level: Level) -> dict[range, Tally]:
    if journal is None or not journal.exists():
        return {}
    return {chunk: tally for name, chunk, tally in _entries(journal) if name == level.name}


def _entries(journal: Path) -> Iterator[tuple[str, range, Tally]]:
    for line in journal.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        name, first, end = entry.pop("level"), entry.pop("first"), entry.pop("end")
        yield name, range(first, end), Tally(**{**entry, "differences": tuple(entry["differences"])})


def _write(journal: Path | None, level: Level, chunk: range, tally: Tally) -> None:
    if journal is not None:
        entry = {"level": level.name, "first": chunk.start, "end": chunk.stop, **asdict(tally)}
        with journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
