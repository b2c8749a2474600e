"""What a real API server said to recorded objects, and what we say to them (VA-1 to VA-9)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.corpus.replay import ACCEPTED, DELIBERATE, INVALID, Entry, corpus, deliberate, difference

GROUPS = sorted({entry.name.split()[0] for entry in corpus()})


@pytest.mark.parametrize("group", GROUPS)
def test_we_answer_as_the_server(group: str) -> None:
    """VA: what it accepts we accept, what it refuses we refuse, and the same fields are named."""
    entries = [entry for entry in corpus() if entry.name.split()[0] == group]
    differing = {entry.name: difference(entry) for entry in entries if not deliberate(entry)}

    assert entries
    assert {name: why for name, why in differing.items() if why} == {}


def test_the_corpus_covers_the_rules() -> None:
    """VA-1 to VA-9 are all there, each with objects of both kinds: accepted and refused."""
    rules = {entry.name.split()[0] for entry in corpus() if entry.verdict == ACCEPTED}
    refused = {entry.name.split()[0] for entry in corpus() if entry.verdict == INVALID}

    assert {f"VA-{number}" for number in range(1, 10)} <= rules & refused


@pytest.mark.parametrize("name", DELIBERATE)
def test_a_deliberate_difference_is_one(name: str) -> None:
    """What is listed as a difference is recorded and differs: the list does not outlive its reasons."""
    entry = next(entry for entry in corpus() if entry.name == name)

    assert deliberate(entry)
    assert difference(entry)


def test_we_are_laxer_only_where_listed() -> None:
    """Of what the server refuses, we accept what means nothing to policies, and nothing else that is not listed."""
    lax = {entry.name for entry in corpus() if entry.verdict != ACCEPTED and difference(entry)}
    listed = {entry.name for entry in corpus() if entry.name in DELIBERATE}

    assert {"VA-9 JSON trailing comma", "VA-9 YAML merge over", "VA-9 YAML merge of merges"} == lax & listed


SAMPLE = next(entry for entry in corpus() if entry.name == "VA-3 80 to 79")
DEFECTS = {
    "verdict": replace(SAMPLE, verdict=ACCEPTED),
    "missing": replace(SAMPLE, fields=(*SAMPLE.fields, "spec.podSelector")),
    "more": replace(SAMPLE, fields=()),
    "accepted": Entry("x", SAMPLE.text.replace("79", "81"), yaml=False, verdict=INVALID),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_the_checker_catches(defect: str) -> None:
    """P10: another verdict, and fields that only one of both names, are differences."""
    assert not difference(SAMPLE)
    assert difference(DEFECTS[defect])
