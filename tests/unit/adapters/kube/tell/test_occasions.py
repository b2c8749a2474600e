"""Events: one for each thing that is wrong, whoever sees it, once an hour."""

from __future__ import annotations

from dataclasses import replace

from ryu_netpol.adapters.kube.tell.occasions import BURST, EVERY, LASTS, MOST, REPEAT, SPREAD, Board, event, name, path
from ryu_netpol.agent.standing import Concern
from tests.unit.adapters.kube.tell.samples import SINCE, concern


def none() -> float:
    """No chance: everything as early as it can be."""
    return 0.0


def test_everything() -> None:
    """Each field, as an API server wants it."""
    assert event(concern(), node="node1", now=SINCE) == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name(concern()), "namespace": "shop"},
        "type": "Warning",
        "reason": "CannotDecode",
        "action": "Enforcing",
        "note": "it has no sense",
        "regarding": {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "namespace": "shop",
            "name": "deny",
            "uid": "uid-deny",
            "resourceVersion": "1230",
        },
        "eventTime": "2026-01-02T03:04:05.500000Z",
        "reportingController": "netpol.ryu-netpol.io/agent",
        "reportingInstance": "node1",
    }


def test_what_is_in_no_namespace() -> None:
    """Its Events are in `default`; what is not known of it is left out."""
    found = event(Concern("Namespace", "v1", "", "shop", "CannotDecode", "m"), node="n" * 253, now=SINCE)

    assert path(Concern("Namespace", "v1", "", "shop", "R", "m")) == "/apis/events.k8s.io/v1/namespaces/default/events"
    assert found["metadata"]["namespace"] == "default"  # type: ignore[index]
    assert found["regarding"] == {"apiVersion": "v1", "kind": "Namespace", "name": "shop"}
    assert len(found["reportingInstance"]) == 128  # type: ignore[arg-type]


def test_names() -> None:
    """The same for the same; another for another object, reason or message, and not for another version or node."""
    others = [concern(uid="u"), concern(reason="Other"), concern(message="other"), concern("other", uid="")]

    assert name(concern(version="7", since=1.0)) == name(concern())
    assert len({name(concern()), *map(name, others)}) == 5
    assert name(concern("other", uid="")) != name(concern(uid=""))


def told(board: Board, *, until: float) -> list[tuple[float, str]]:
    """What is told up to a moment, and when."""
    found = []
    while (due := board.next_at) is not None and due <= until:
        now = max(due, 0.0)
        one = board.take(now=now)
        assert one is not None
        board.told(one, now=now)
        found.append((now, one.name))
    return found


def test_once_an_hour_while_it_lasts() -> None:
    """Within seconds at first, spread over the nodes by chance."""
    board = Board(lambda: 0.5)
    board.show([concern()], now=0.0)
    assert board.take(now=0.0) is None
    assert told(board, until=10_000.0) == [
        (LASTS + SPREAD / 2, "deny"),
        (LASTS + SPREAD / 2 + REPEAT * 17 / 16, "deny"),
        (LASTS + SPREAD / 2 + 2 * REPEAT * 17 / 16, "deny"),
    ]
    board.show([], now=10_000.0)
    assert board.next_at is None


def test_what_comes_and_goes_is_told_once() -> None:
    """Within an hour: a policy that is broken again and again in the same way."""
    board = Board(none)
    found = []
    for minute in range(100):
        board.show([concern()], now=60.0 * minute)
        found += told(board, until=60.0 * minute + 30)
        board.show([], now=60.0 * minute + 30)
    assert [when for when, _ in found] == [LASTS, LASTS + REPEAT]
    board.show([concern(message="other")], now=6000.0)
    assert len(told(board, until=6010.0)) == 1


def test_what_passes_by_itself_is_not_told() -> None:
    """Neither at once nor when it comes back: it must last."""
    board = Board(none)
    for second in range(20):
        board.show([concern()] if second % 2 else [], now=float(second))
        assert told(board, until=second + 0.99) == []


def test_many_at_once() -> None:
    """Some at once, then slowly, and no more than a hundred in all."""
    board = Board(none)
    board.show([concern(f"p{n}") for n in range(10_000)], now=0.0)
    found = told(board, until=3000.0)

    assert [when for when, _ in found[: BURST + 2]] == [*[LASTS] * BURST, LASTS + EVERY, LASTS + 2 * EVERY]
    assert len({name for _, name in found}) == len(found) == MOST


def test_a_failure_lets_others_go_first() -> None:
    """After the time that it takes; one that a server never takes does not keep the others from being told."""
    board = Board(none)
    board.show([concern("a"), concern("b")], now=0.0)
    first = board.take(now=LASTS)
    assert first is not None
    board.failed(first, now=4.0, delay=10.0)
    assert board.take(now=13.0) is None
    second = board.take(now=14.0)

    assert second == replace(concern("b"))
    board.told(concern("b"), now=14.0)
    assert board.take(now=14.0) == first
