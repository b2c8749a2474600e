"""The judge of the stream tests finds what is wrong, and nothing else; the story it judges is what it should be."""

from __future__ import annotations

from array import array

import pytest

from tests.e2e.stream_judge import Span, arrived_between, faults, quantiles
from tests.e2e.stream_story import FEWEST, MOST, Story
from tests.e2e.traffic import Kind, Track

SENT = [1.0, 2.0, 3.0, 4.0, 5.0]


def track(*received: float, stream: int = 7) -> Track:
    """Five packets, sent a second apart."""
    return Track(stream, array("d", SENT), array("d", received))


@pytest.mark.parametrize(
    ("allowed", "received", "found"),
    [
        pytest.param(True, (1.1, 2.1, 3.1, 4.1, 5.1), [], id="allowed, all arrive"),
        pytest.param(True, (0, 2.1, 3.1, 4.1, 0), [], id="allowed, lost outside"),
        pytest.param(True, (1.1, 2.1, 0, 4.1, 5.1), ["1 of 3 allowed packets were lost, sent from 1.500 s"], id="lost"),
        pytest.param(False, (1.1, 0, 0, 0, 5.1), [], id="denied, none arrive"),
        pytest.param(
            False, (1.1, 0, 0, 9.9, 5.1), ["1 of 3 denied packets arrived, sent from 2.500 s"], id="arrived late"
        ),
    ],
)
def test_faults(allowed: bool, received: tuple[float, ...], found: list[str]) -> None:
    """Packets count by the time at which they were sent, however late they arrive; other streams do not count."""
    span = Span(7, allowed, 1.5, 4.5, "edit red/n1")
    said = list(faults([span], [track(*received), track(0, 0, 0, 0, 0, stream=8)]))

    assert len(said) == len(found)
    assert all(part in sentence and "edit red/n1" in sentence for part, sentence in zip(found, said, strict=True))


def test_statistics() -> None:
    """Packets that arrived, of those sent in a time; quantiles of times."""
    tracks = [track(1.1, 2.1, 0, 4.1, 5.1), track(1.1, 2.1, 3.1, 4.1, 5.1, stream=8)]

    assert arrived_between([7], tracks, 1.5, 4.0) == 2
    assert quantiles([0.003, 0.001, 0.002]) == "p50 2.0, p95 2.0, max 3.0 ms"


def test_the_story() -> None:
    """The same for the same seed; every kind of change and of stream is in it, and neither verdict is rare."""
    story, again = Story(3, 50), Story(3, 50)
    changes = [story.next() for _ in range(200)]
    shares = [len(story.allowed(change.cluster)) / 50 for change in changes]

    assert [change.what for change in changes] == [again.next().what for _ in range(200)]
    words = {change.what.partition(" ")[0] for change in changes if change.leaves is None}
    assert words == {"add", "edit", "remove", "label", "annotate"}
    assert sum(change.leaves is not None for change in changes) >= 3
    assert {stream.kind for stream in story.streams} == set(Kind)
    assert {story.local(stream) for stream in story.streams} == {True, False}
    assert min(shares) >= FEWEST - 0.1
    assert max(shares) <= MOST + 0.1
