"""Events in one line each."""

from __future__ import annotations

import pytest

from ryu_netpol.agent.describe import describe
from ryu_netpol.agent.events import Committed, Deleted, Event, Kind, Relisted, Replaced, Together, Upserted
from tests.support import build

PODS = frozenset(build.pod(f"default/p{n}") for n in range(1000))


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Upserted(build.pod("default/a")), "upserted Pod default/a"),
        (Deleted(build.namespace("red")), "deleted Namespace red"),
        (Relisted(Kind.POD, PODS), "relisted Pod: 1000"),
        (Replaced(PODS), "replaced everything: 1000 objects"),
        (Together(tuple(map(Upserted, sorted(PODS, key=lambda pod: pod.key)))),
         "1000 changes together: upserted Pod default/p0, upserted Pod default/p1, upserted Pod default/p10, "
         "upserted Pod default/p100, upserted Pod default/p101"),
        (Committed(7), "Committed(generation=7)"),
    ],
    ids=["upserted", "deleted", "relisted", "replaced", "together", "committed"],
)  # fmt: skip
def test_events_in_words(event: Event, words: str) -> None:
    """Named, however many objects they bring, without what may be long."""
    assert describe(event) == words
