"""Where the decisions of a generator come from: a seed, or Hypothesis."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol as TypingProtocol
from typing import TypeVar

from hypothesis import strategies as st

from tests.support.strategies.alphabet import Feature

T = TypeVar("T")


class Choices(TypingProtocol):
    """Where decisions come from."""

    def number(self, first: int, last: int) -> int:
        """A number, both ends included."""
        ...

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        ...


class RandomChoices:
    """Decisions of a seeded generator."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def number(self, first: int, last: int) -> int:
        return self._rng.randint(first, last)

    def pick(self, options: Sequence[T]) -> T:
        return self._rng.choice(options)


class Draw(TypingProtocol):
    """What Hypothesis hands to a composite strategy."""

    def __call__(self, strategy: st.SearchStrategy[T]) -> T:
        """Draw a value."""
        ...


class DrawnChoices:
    """Decisions of Hypothesis, which shrinks them towards the first option."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw

    def number(self, first: int, last: int) -> int:
        return self._draw(st.integers(first, last))

    def pick(self, options: Sequence[T]) -> T:
        return self._draw(st.sampled_from(options))


@dataclass(frozen=True)
class Dice:
    """Decisions, and which features they may decide for."""

    choices: Choices
    features: frozenset[Feature]

    def has(self, feature: Feature) -> bool:
        """Whether it may occur."""
        return feature in self.features

    def chance(self, percent: int) -> bool:
        """Whether it does occur, in so many cases of a hundred."""
        return self.choices.number(1, 100) > 100 - percent

    def number(self, first: int, last: int) -> int:
        """A number, both ends included."""
        return self.choices.number(first, last)

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        return self.choices.pick(options)

    def several(self, least: int, most: int, make: Callable[[], T]) -> tuple[T, ...]:
        """So many of them."""
        return tuple(make() for _ in range(self.number(least, most)))
