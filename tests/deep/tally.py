"""What a run has seen so far, and the levels that runs have."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums of one cluster or of many."""

    clusters: int = 0
    allowed: int = 0
    """Probes that both sides allow; those they differ about are in neither number."""
    denied: int = 0
    differences: tuple[str, ...] = ()
    """A sentence each, with the seed."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.clusters + other.clusters,
            self.allowed + other.allowed,
            self.denied + other.denied,
            self.differences + other.differences,
        )

    def __str__(self) -> str:
        probes = f"{self.allowed + self.denied} probes ({self.allowed} allowed, {self.denied} denied)"
        return f"{self.clusters} clusters, {probes}, {len(self.differences)} differences"


Check = Callable[[int], Tally]
"""Compares two sides on the cluster of one seed."""


@dataclass(frozen=True, slots=True)
class Level:
    """One way of comparing."""

    name: str
    chunk: int
    """Seeds that one worker takes at once: what a crash loses."""
    opened: Callable[[], AbstractContextManager[Check]]
    """Set up what a chunk of seeds shares, such as a switch. Must be a function of a module, for other processes."""
