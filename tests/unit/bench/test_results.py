"""Results: ratios, targets, and how they are written."""

from __future__ import annotations

import json

import pytest

from ryu_netpol.bench.results import Result, Target, as_json, number, packed, percentile, unpacked

FASTER = Target(1.3, least=True, of_ratio=True)
QUICK = Target(10, "ms")


def result(value: float | None = 12.0, peer: float | None = None, target: Target | None = None) -> Result:
    return Result("B0", "something", value, "ms", peer, target)


@pytest.mark.parametrize(
    ("value", "peer", "target", "met"),
    [
        pytest.param(10, None, QUICK, True, id="at the limit"),
        pytest.param(10.1, None, QUICK, False, id="above it"),
        pytest.param(13, 10, FASTER, True, id="the ratio that is wanted"),
        pytest.param(12, 10, FASTER, False, id="a smaller one"),
        pytest.param(13, None, FASTER, False, id="no peer"),
        pytest.param(None, 10, FASTER, False, id="no value"),
        pytest.param(12, 10, None, None, id="no target"),
    ],
)
def test_targets(value: float | None, peer: float | None, target: Target | None, met: bool | None) -> None:
    """A target is met at its limit, and never by what was not measured."""
    assert result(value, peer, target).met is met


@pytest.mark.parametrize(
    ("found", "fails"),
    [
        pytest.param(result(99, None, QUICK), False, id="an absolute target far away"),
        pytest.param(result(1.0, 1, FASTER), False, id="a ratio just missed"),
        pytest.param(result(0.8, 1, FASTER), True, id="a ratio missed by far"),
        pytest.param(result(2, None, Target(1.0, of_ratio=True)), False, id="a peer that is not installed"),
        pytest.param(result(None, None, QUICK), True, id="not completed"),
        pytest.param(result(99), False, id="without a target"),
    ],
)
def test_quick_runs_fail_on_ratios_only(found: Result, fails: bool) -> None:
    """With room for noise; what broke off fails, too."""
    assert found.fails_quick is fails


def test_json() -> None:
    """The shape that programs read: every key always there, null for what there is not."""
    document = json.loads(json.dumps(as_json([result(15, 10, FASTER), result(None)])))

    assert document == {
        "results": [
            {
                "id": "B0",
                "measure": "something",
                "value": 15,
                "unit": "ms",
                "peer": 10,
                "ratio": 1.5,
                "target": "at least 1.3 x peer",
                "met": True,
            },
            {
                "id": "B0",
                "measure": "something",
                "value": None,
                "unit": "ms",
                "peer": None,
                "ratio": None,
                "target": None,
                "met": None,
            },
        ]
    }


def test_rows() -> None:
    """What people read: a dash where there is nothing."""
    assert result(12.345, None, QUICK).row() == ("B0", "something", "12.3", "ms", "-", "-", "at most 10 ms", "no")


@pytest.mark.parametrize("target", [None, QUICK, FASTER], ids=str)
def test_results_travel_between_processes(target: Target | None) -> None:
    """What a workload's process writes is read as what it was."""
    sent = result(1.5, 3.0, target)

    assert unpacked(json.loads(json.dumps(packed(sent)))) == sent


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0"), (0.01234, "0.0123"), (1.5, "1.50"), (123.4, "123"), (1234567.8, "1,234,568"), (7, "7")],
    ids=str,
)
def test_numbers_have_three_digits(value: float | None, text: str) -> None:
    """Three significant digits, whole numbers as they are."""
    assert number(value) == text


def test_percentiles() -> None:
    """The nearest rank: always one of the samples."""
    samples = [float(n) for n in range(200, 0, -1)]

    assert percentile(samples, 50) == 100
    assert percentile(samples, 99) == 198
    assert percentile([7.0], 99) == 7.0
