"""What a workload measures: values with targets and peers, as rows and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

COLUMNS = ("id", "measure", "value", "unit", "peer", "ratio", "target", "met")
ROOM = 1.5
"""In a quick run, a ratio may miss its target by this factor: a tenth of the work on a busy machine."""


@dataclass(frozen=True, slots=True)
class Target:
    """A limit for the value, or for its ratio to the peer's."""

    limit: float
    unit: str = ""
    least: bool = False
    """The limit is the least that is wanted, not the most."""
    of_ratio: bool = False

    def met(self, value: float | None, ratio: float | None, *, room: float = 1.0) -> bool:
        """Whether it is reached; a value or peer that is missing reaches nothing. `room` widens the limit."""
        measured = ratio if self.of_ratio else value
        if measured is None:
            return False
        return measured * room >= self.limit if self.least else measured <= self.limit * room

    def __str__(self) -> str:
        what = " x peer" if self.of_ratio else f" {self.unit}" if self.unit else ""
        return f"{'at least' if self.least else 'at most'} {self.limit:,g}{what}"


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement."""

    id: str
    measure: str
    """What was measured; where there is a peer, it names it."""
    value: float | None
    """None: it could not be measured; `measure` says why."""
    unit: str
    peer: float | None = None
    """What the peer reached in the same run."""
    target: Target | None = None
    """None: reported only."""

    @property
    def ratio(self) -> float | None:
        """Value by peer."""
        return self.value / self.peer if self.value is not None and self.peer else None

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None: there is none."""
        return None if self.target is None else self.target.met(self.value, self.ratio)

    @property
    def fails_quick(self) -> bool:
        """Whether it is bad enough for a quick run: what broke off, and ratios; these with room for noise."""
        if self.target is None or self.value is None:
            return self.target is not None
        ratio = self.ratio
        return self.target.of_ratio and ratio is not None and not self.target.met(self.value, ratio, room=ROOM)

    def row(self) -> tuple[str, ...]:
        """Its columns as people read them."""
        met = "" if self.met is None else "yes" if self.met else "no"
        target = str(self.target or "")
        return (
            self.id,
            self.measure,
            number(self.value),
            self.unit,
            number(self.peer),
            number(self.ratio),
            target,
            met,
        )

    def as_json(self) -> dict[str, Any]:
        """Its columns as programs read them."""
        target = str(self.target) if self.target else None
        values = (self.id, self.measure, self.value, self.unit, self.peer, self.ratio, target, self.met)
        return dict(zip(COLUMNS, values, strict=True))


def number(value: float | None) -> str:
    """Three significant digits, thousands grouped; `-` for none."""
    if value is None:
        return "-"
    digits = 0 if value == 0 or abs(value) >= 100 else 2 - math.floor(math.log10(abs(value)))
    return f"{value:,.{min(max(digits, 0), 6)}f}" if value != int(value) else f"{int(value):,}"


def as_json(results: Iterable[Result]) -> dict[str, Any]:
    """The document that `-o json` prints."""
    return {"results": [result.as_json() for result in results]}


def packed(result: Result) -> dict[str, Any]:
    """A result for `unpacked`, in another process."""
    return asdict(result)


def unpacked(values: dict[str, Any]) -> Result:
    """A result from another process. Raises TypeError for anything else."""
    target = values.pop("target")
    return Result(**values, target=Target(**target) if target else None)


def percentile(samples: Sequence[float], percent: float) -> float:
    """The sample that so many percent do not exceed (nearest rank)."""
    return sorted(samples)[max(math.ceil(len(samples) * percent / 100), 1) - 1]
