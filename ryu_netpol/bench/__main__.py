"""One workload in a process of its own, so that its peak of memory means something: results as lines of JSON.

`python -m ryu_netpol.bench ID SECONDS [quick]`; started by `runner`.
"""

from __future__ import annotations

import json
import signal
import sys
from types import FrameType

from ryu_netpol.bench.bench import Bench, BenchError, OverBudget
from ryu_netpol.bench.registry import run
from ryu_netpol.bench.results import Result, packed
from ryu_netpol.lab.errors import LabError
from ryu_netpol.runtime import spare_collections


def main(workload: str, seconds: str, *words: str) -> None:
    """Run it until its time is over."""
    spare_collections()  # As the agent does.
    bench = Bench(workload, "quick" in words, _print)
    signal.signal(signal.SIGALRM, _over)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.setitimer(signal.ITIMER_REAL, float(seconds))
    try:
        run(bench)
    except OverBudget:
        bench.stopped("its time is over")
    except (BenchError, LabError, TimeoutError) as error:
        bench.stopped(str(error).rstrip("."))


def _over(_number: int, _frame: FrameType | None) -> None:
    raise OverBudget


def _print(result: Result) -> None:
    print(json.dumps(packed(result)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
