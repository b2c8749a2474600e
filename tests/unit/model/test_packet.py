"""What a judgement says to people."""

from __future__ import annotations

import pytest

from ryu_netpol.model.names import Direction, PodKey, PolicyKey
from ryu_netpol.model.packet import Judgement

POD = PodKey("red", "a")
POLICY = PolicyKey("red", "p")


@pytest.mark.parametrize(
    ("judgement", "words"),
    [
        (Judgement(Direction.INGRESS, POD, True), "ingress: red/a is not isolated"),
        (
            Judgement(Direction.EGRESS, POD, True, (POLICY,), True, POLICY, 2),
            "egress: red/p rule 2 allows it",
        ),
        (
            Judgement(Direction.INGRESS, POD, False, (POLICY,), True),
            "ingress: red/a is isolated by red/p and no rule allows it",
        ),
        (
            Judgement(Direction.INGRESS, POD, False, (), True),
            "ingress: red/a is isolated by the annotation of its namespace and no rule allows it",
        ),
        (
            Judgement(Direction.INGRESS, POD, True, (POLICY,), True),
            "ingress: no policy comes between red/a and its own node",
        ),
    ],
    ids=["not isolated", "rule", "policy", "annotation", "node"],
)
def test_words(judgement: Judgement, words: str) -> None:
    """Every case has a sentence of its own."""
    assert str(judgement) == words
