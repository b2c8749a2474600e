"""How long is waited after failures, and what is told of them."""

from __future__ import annotations

import pytest

from ryu_netpol.adapters.kube.backoff import FIRST, LAST, LONGEST_REQUESTED, Trouble
from ryu_netpol.adapters.kube.protocol import Tell


@pytest.mark.parametrize("times", [1.0, 5.0], ids=["feed", "teller"])
def test_waiting(times: float) -> None:
    """Doubled from failure to failure, never without an end, with up to as much again by chance, and once each."""
    trouble, unlucky = Trouble(lambda: 0.0, times=times), Trouble(lambda: 1.0, times=times)
    delays = []
    for _ in range(30):
        for one in (trouble, unlucky):
            list(one.failed("kind", "reason"))
        delays.append(trouble.take_delay())
        assert unlucky.take_delay() == 2 * delays[-1]

    assert delays[:3] == pytest.approx([FIRST * times, 2 * FIRST * times, 4 * FIRST * times])
    assert delays[-1] == LAST * times
    assert trouble.take_delay() == 0.0
    trouble.over()
    list(trouble.failed("kind", "reason"))
    assert trouble.take_delay() == pytest.approx(FIRST * times)


def test_a_failure_of_another_kind_is_no_longer_wait() -> None:
    """After minutes without a server, what it refuses first is asked again soon; then it is doubled as before."""
    trouble = Trouble(lambda: 0.0)
    for _ in range(20):
        list(trouble.failed("unreachable", "reason"))
    list(trouble.tell("gone", "reason"))
    list(trouble.failed("gone", "reason"))
    first = trouble.take_delay()
    list(trouble.failed("gone", "reason"))

    assert first == pytest.approx(8 * FIRST)
    assert trouble.take_delay() == pytest.approx(2 * first)


def test_two_kinds_of_failures_in_turn_back_off() -> None:
    """It is made easier once: a server that is away and refuses in turn is not asked every second for ever."""
    trouble, waited = Trouble(lambda: 0.0), 0.0
    for number in range(60):
        list(trouble.failed(("unreachable", "error")[number % 2], "reason"))
        waited += trouble.take_delay()

    assert waited > 45 * LAST


def test_what_the_server_asks_for() -> None:
    """It is waited for longer, but not for ever."""
    trouble = Trouble(lambda: 0.0)
    for asked, expected in ((7.0, 7.0), (1e6, LONGEST_REQUESTED)):
        list(trouble.failed("kind", "reason", at_least=asked))
        assert trouble.take_delay() == expected


def test_what_is_told() -> None:
    """What is new, and what comes again after it worked."""
    trouble = Trouble(lambda: 0.0)
    told = [list(trouble.failed("kind", reason)) for reason in ("a", "a", "b", "a")]
    trouble.over()

    assert told == [[Tell("kind", "a")], [], [Tell("kind", "b")], [Tell("kind", "a")]]
    assert list(trouble.failed("kind", "a")) == [Tell("kind", "a")]
