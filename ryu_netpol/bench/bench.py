"""What a workload is given: its size, and where its results go."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from ryu_netpol.bench.results import Result, Target, number, percentile


class BenchError(Exception):
    """A workload cannot be measured; one sentence."""


class OverBudget(Exception):
    """The time of a workload is over."""


@dataclass(slots=True)
class Bench:
    """One run of one workload."""

    id: str
    quick: bool
    emit: Callable[[Result], None]
    _stage: str = "start"
    _target: Target | None = None
    _since: float = field(default_factory=perf_counter)
    _samples: list[float] = field(default_factory=list)

    def size(self, full: int, quick: int | None = None) -> int:
        """A size: a tenth in a quick run, if nothing else is said."""
        if not self.quick:
            return full
        return quick if quick is not None else max(full // 10, 1)

    def begin(self, stage: str, target: Target | None = None) -> None:
        """Say what is measured next, for the case that time runs out."""
        self._stage, self._target, self._since, self._samples = stage, target, perf_counter(), []

    def result(
        self, measure: str, value: float | None, unit: str, *, peer: float | None = None, target: Target | None = None
    ) -> None:
        """Hand in a measurement."""
        self.emit(Result(self.id, measure, value, unit, peer, target))

    def latencies(
        self,
        measure: str,
        seconds: Iterable[float],
        *,
        p99: float,
        p50: float | None = None,
        peer: Sequence[float] = (),
    ) -> None:
        """Hand in two percentiles of how long events took, which are measured meanwhile; targets are milliseconds."""
        self.begin(measure, Target(p99, "ms"))
        for spent in seconds:
            self._samples.append(spent)
        for percent, limit in ((50, p50), (99, p99)):
            target = None if limit is None else Target(limit, "ms")
            value, beside = (1000 * percentile(some, percent) if some else None for some in (self._samples, peer))
            self.result(f"p{percent} of {len(self._samples)}: {measure}", value, "ms", peer=beside, target=target)

    def stopped(self, why: str) -> None:
        """Hand in that the stage was not completed: a missed target, with what was reached."""
        target = Target(0, "s") if self._target is None else self._target
        what = f"{self._stage}: not completed, {why}, after {perf_counter() - self._since:.1f} s"
        if self._samples:
            what += f" and {len(self._samples)} events, median {number(1000 * percentile(self._samples, 50))} ms"
        self.emit(Result(self.id, what, None, "", None, target))

    def memory(self, target: Target | None = None) -> None:
        """Hand in the peak of this process's memory; each workload has a process of its own."""
        self.result(
            "peak memory (RSS)", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MiB", target=target
        )
