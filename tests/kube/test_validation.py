"""What `check` says of thousands of mutated manifests, a real API server says now; and it stores what we decode."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ryu_netpol.model.decode import decode
from ryu_netpol.model.load import read
from ryu_netpol.model.objects import Namespace, Object
from tests.corpus.cases import Case, policies
from tests.corpus.others import namespaces, pods
from tests.corpus.record import NO_ADMISSION, asked, entry, generated
from tests.corpus.replay import deliberate, difference
from tests.kube.binaries import find
from tests.kube.client import Answer
from tests.kube.server import started

MUTANTS = 5000
SEED = 11
"""Another one than that of the recorded corpus."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[Case, Answer]]]:
    """Every case with what the server says to it, which stores nothing."""
    every = (*policies(), *pods(), *namespaces(), *generated(MUTANTS, seed=SEED))
    with started(tmp_path_factory.mktemp("validation"), find(), no_admission=NO_ADMISSION) as server:
        yield [(case, asked(server.admin, case)) for case in every]


def test_check_and_the_server_agree(answers: list[tuple[Case, Answer]]) -> None:
    """On every one: taken or refused, and which fields are wrong; but for the few deliberate differences."""
    entries = [entry(case, answer) for case, answer in answers]
    wrong = [f"{one.name}: {why}: {one.text}" for one in entries if (why := difference(one)) and not deliberate(one)]

    assert wrong == []
    assert len(entries) > MUTANTS + 1000


def test_what_the_server_stores_means_what_the_file_says(answers: list[tuple[Case, Answer]]) -> None:
    """With every default that it fills in; but for what we refuse deliberately."""
    taken = [(c, answer.body) for c, answer in answers if answer.code < 300 and not deliberate(entry(c, answer))]
    wrong = []
    for case, body in taken:
        items = read(case.text, file="f").items
        stored = decode({**body}).object
        if len(items) != 1 or stored is None or _meaning(items[0].object, stored) != _meaning(stored, stored):
            wrong.append(f"{case.name}: {case.text}: {stored}")

    assert wrong == []
    assert len(taken) > MUTANTS // 5


def _meaning(value: Object, stored: Object) -> Object:
    """Without what only a server gives out: uid, generated name, namespace of the request."""
    if isinstance(value, Namespace) or not hasattr(value, "uid"):
        return value
    return replace(value, uid="", key=stored.key)  # type: ignore[union-attr,call-arg]
