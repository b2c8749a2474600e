"""Level M: the oracle says what the tables say."""

from __future__ import annotations

import pytest

from tests.rules.cases import Asked, every_question
from tests.rules.judge import InTurn, by_model
from tests.rules.registry import CASES


@pytest.fixture(scope="module")
def answer() -> InTurn:
    """The oracle, which keeps what it knows about a stage."""
    return InTurn(by_model)


@every_question(CASES)
def test_the_model(answer: InTurn, asked: Asked) -> None:
    """A question of the tables, put to the oracle."""
    assert asked.expected is answer(asked)
