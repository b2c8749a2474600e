"""`make fuzz`: examine texts for FUZZ_SECONDS (600), beginning with the chance FUZZ_SEED (the time)."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz import closed, fuzzer
from tests.fuzz.fuzzer import Finding

TEXTS = 0.8
"""How much of the time goes to texts; the rest is for policies with an entry that nobody can read."""


def main() -> int:
    """Run, and say how it went. Exit status 1 with the text that was read wrongly."""
    seconds = float(os.environ.get("FUZZ_SECONDS", "600"))
    seed = int(os.environ.get("FUZZ_SEED", time.time_ns() % 1_000_000))
    begin = time.monotonic()
    print(f"seed {seed}, {seconds:.0f} s", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            counts = fuzzer.run(
                seed=seed, folder=Path(folder), go_on=lambda _: time.monotonic() < begin + TEXTS * seconds
            )
            counts["broken policies"] = closed.run(seed=seed, go_on=lambda _: time.monotonic() < begin + seconds)
        except Finding as finding:
            print(finding)
            return 1
    print(", ".join(f"{number} {what}" for what, number in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
