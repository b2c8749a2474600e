"""Level P: real packets do what the tables say, between real pods on two nodes, and with nodes and outsiders."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ryu_netpol.lab.lab import Lab, tear_down
from ryu_netpol.lab.probe import Outcome, Result
from ryu_netpol.lab.state import LabState
from tests.e2e.rules_lab import NODES, RulesLab
from tests.rules import cases
from tests.rules.cases import Asked, Case, asked, every_question
from tests.rules.registry import CASES
from tests.support.build import policy

LABS = 4
"""Most of the time is waiting for what does not come, so that several labs share one processor well."""

SHOWN = [case for case in CASES if not case.no_packets]


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RulesLab]]:
    """Labs that are up, without policies and pods."""
    base = Path("/run", f"npl-rules-{os.getpid()}")
    with contextlib.ExitStack() as stack:
        made = []
        for number in range(LABS):
            folder = tmp_path_factory.mktemp(f"manifests-{number}")
            made.append(RulesLab(stack.enter_context(Lab(folder, NODES, base=base)), folder))
        yield made
    for state in LabState.all(base):
        tear_down(state)


@pytest.fixture(scope="module")
def results(labs: list[RulesLab], request: pytest.FixtureRequest) -> Mapping[str, Result]:
    """What became of every question of the cases that this run selects, found out by all labs at once."""
    here = [item for item in request.session.items if item.path == request.path and isinstance(item, pytest.Function)]
    params = [item.callspec.params.get("asked") for item in here if hasattr(item, "callspec")]
    selected = {id(one.case): one.case for one in params if isinstance(one, Asked)}
    shares = shared(list(selected.values()), len(labs))
    with ThreadPoolExecutor(len(labs)) as pool:
        return {question: result for found in pool.map(play, labs, shares) for question, result in found.items()}


def play(lab: RulesLab, wanted: Iterable[Case]) -> dict[str, Result]:
    """Every stage of these cases, in their order."""
    found: dict[str, Result] = {}
    for case in wanted:
        for stage in case.stages:
            answers = lab.ask(stage)
            found |= {str(one): answers[one.question] for one in asked([case]) if one.stage is stage}
    return found


def shared(wanted: Sequence[Case], parts: int) -> list[list[Case]]:
    """Parts with about as many stages each; neighbours stay together, since their pods are the same."""
    shares: list[list[Case]] = [[] for _ in range(parts)]
    total, before = sum(len(case.stages) for case in wanted), 0
    for case in wanted:
        shares[before * parts // total].append(case)
        before += len(case.stages)
    return shares


@every_question(SHOWN)
def test_the_packets(results: Mapping[str, Result], asked: Asked) -> None:
    """A question of the tables, put to a real agent, plugin and switch by real packets."""
    result = results[str(asked)]

    assert (Outcome.ALLOWED if asked.expected else Outcome.DENIED) is result.outcome, result.reason


def test_packets_can_contradict(labs: list[RulesLab]) -> None:
    """P10: where the tables are wrong, packets say so."""
    wrong = cases.case(
        "NP-1 upside down",
        policy("red/p", "app=web"),
        allowed=["red/b > red/a TCP/80", "blue/b > red/a ICMP v6"],
        denied=["red/a > red/b TCP/80", "blue/b > blue/a SCTP/9"],
    )
    answers = labs[0].ask(wrong.stages[0])

    assert {one.question: not one.expected for one in asked([wrong])} == {
        question: result.allowed for question, result in answers.items()
    }
    assert Outcome.ERROR not in {result.outcome for result in answers.values()}
