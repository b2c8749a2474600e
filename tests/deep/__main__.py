"""`python -m tests.deep`: the command behind `make test-deep`."""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.conftest import complaint
from tests.deep import flows, packets, trace
from tests.deep.runner import Report, check_chunk, run
from tests.deep.tally import Level, Tally
from tests.support import manifests
from tests.support.strategies import random_cluster

LEVELS = {level.name: level for level in (flows.LEVEL, trace.LEVEL, packets.LEVEL)}
CLUSTERS = {"flows": 100_000, "trace": 2_000, "packets": 50}
NEEDS = {"trace": "ovs", "packets": "e2e"}
"""The folders of tests that need the same tools."""
FIRST_SEED = 1_000_000
"""Far from the seeds of `make test`."""
EVERY = 10.0
"""Seconds between two lines of progress."""


def main() -> int:
    """Run the levels that were asked for, one after the other; 1 where anything differs, 2 where a tool is missing."""
    args = parser().parse_args()
    names = args.level or list(LEVELS)
    if sentence := complaint(NEEDS[name] for name in names if name in NEEDS):
        print(sentence, file=sys.stderr)
        return 2
    if args.seed is not None:
        return max([show(LEVELS[name], args.seed) for name in names])
    found = 0
    for name in names:
        seeds = range(args.first, args.first + getattr(args, name))
        total = run(LEVELS[name], seeds, jobs=args.jobs, journal=args.journal, report=progress(name, len(seeds)))
        print(f"{name}: {total}", flush=True)
        found += len(total.differences)
    return 1 if found else 0


def parser() -> argparse.ArgumentParser:
    """The settings."""
    parser = argparse.ArgumentParser(prog="python -m tests.deep", description="Long runs on random clusters.")
    parser.add_argument("level", nargs="*", help=f"of {', '.join(LEVELS)}; all where none is named")
    for name in LEVELS:
        clusters = CLUSTERS.get(name, 0)
        parser.add_argument(f"--{name}", type=int, default=clusters, metavar="N", help=f"clusters, {clusters}")
    parser.add_argument("--first", type=int, default=FIRST_SEED, metavar="SEED", help="the first cluster's seed")
    parser.add_argument("--seed", type=int, help="only this one, with its manifests")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="how many at once")
    parser.add_argument("--journal", type=Path, metavar="FILE", help="keep what is done there, and go on from there")
    return parser


def show(level: Level, seed: int) -> int:
    """Check one cluster and print it, with what differs."""
    print(manifests.text(random_cluster(random.Random(seed)).objects()))
    tally = check_chunk(level, range(seed, seed + 1))
    print("\n".join((*tally.differences, f"{level.name}, seed {seed}: {tally}")))
    return 1 if tally.differences else 0


def progress(name: str, count: int, clock: Callable[[], float] = time.monotonic) -> Report:
    """Print every difference at once, and now and then how far it is."""
    begun: float = clock()
    said, known = 0.0, 0

    def report(total: Tally, chunk: Tally) -> None:
        nonlocal said, known
        print("".join(f"{name}: {difference}\n" for difference in chunk.differences), end="", flush=True)
        if chunk is total:
            known = total.clusters  # of an earlier run
        elif clock() - said > EVERY:
            said = clock()
            speed = (total.clusters - known) / (said - begun) * 60
            left = (count - total.clusters) / speed
            print(f"{name}: {total}; {speed:.0f} clusters a minute, {left:.0f} min left", flush=True)

    return report


if __name__ == "__main__":
    sys.exit(main())
