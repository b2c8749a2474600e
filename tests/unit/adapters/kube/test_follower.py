"""One kind's follower with a scripted server: what it keeps of a list, and who is woken when."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ryu_netpol.adapters.kube import access
from ryu_netpol.adapters.kube.follower import Follower
from ryu_netpol.adapters.kube.resources import RESOURCES
from ryu_netpol.adapters.kube.transport import Client, ConnectionLost
from ryu_netpol.agent.events import Deleted, Kind, Reached, Relisted, Upserted
from ryu_netpol.model.names import PodKey
from tests.unit.adapters.kube.server import serving, wait, write_kubeconfig
from tests.unit.adapters.kube.world import World, pod

PODS = next(resource for resource in RESOURCES if resource.kind is Kind.POD)
END = {"resourceVersion": "20", "annotations": {"k8s.io/initial-events-end": "true"}}
Lines = list[tuple[str, dict[str, Any]]]


class Scripted:
    """A client, and one answer to whatever is asked: a refusal, or lines after which the connection is lost."""

    def __init__(self, status: int, lines: Lines = (), *, lost: bool = False) -> None:  # type: ignore[assignment]
        self.status, self.retry_after, self._lines, self._lost = status, 0.0, lines, lost

    broken = False

    def go_on(self) -> bool:
        return False

    @contextlib.contextmanager
    def get(self, _path: str, _query: object = (), *, silence: float) -> Iterator[Scripted]:
        assert silence > 0
        yield self

    def lines(self) -> Iterator[bytes]:
        for what, value in self._lines:
            yield json.dumps({"type": what, "object": value}).encode()
        if self._lost:
            raise ConnectionLost("reset", silent=False)

    def body(self, _came: object = None) -> bytes:
        return b"no upstream"

    def patience(self, seconds: float) -> None:
        assert seconds > 0

    def renew(self) -> None:
        """Nothing to read again."""


class Hub:
    """Who the follower tells."""

    def __init__(self) -> None:
        self.delivered: list[Relisted | Upserted | Deleted | Reached] = []
        self.woken = 0

    def changed(self, *changes: Relisted | Upserted | Deleted | Reached, caught_up: Kind | None = None) -> None:
        assert caught_up in (None, Kind.POD)
        self.delivered += changes

    def reached(self, _kind: Kind) -> None:
        self.woken += 1

    def __getattr__(self, _name: str) -> Any:
        return lambda *_: None


def followed(client: Scripted, hub: Hub | None = None) -> Follower:
    return Follower(PODS, client, hub or Hub(), chance=lambda: 0.5)  # type: ignore[arg-type]


def versioned(number: int) -> dict[str, Any]:
    value = pod("shop/web")
    return {**value, "metadata": {**value["metadata"], "resourceVersion": str(number)}}


@pytest.mark.parametrize(
    ("words", "there"),
    [
        pytest.param(["ADDED", "DELETED"], False, id="deleted"),
        pytest.param(["ADDED", "DELETED", "ADDED"], True, id="made again"),
        pytest.param(["ADDED", "MODIFIED"], True, id="changed"),
    ],
)
def test_a_streaming_list_may_tell_of_changes_before_its_end(words: list[str], there: bool) -> None:
    """The last word about an object counts: servers have been seen to do this, whatever is documented."""
    hub = Hub()
    lines = [(what, versioned(10 + number)) for number, what in enumerate(words)]
    followed(Scripted(200, [*lines, ("BOOKMARK", {"metadata": END})]), hub).step()

    (first, *_) = hub.delivered
    assert isinstance(first, Relisted)
    assert [PodKey("shop", "web")] * there == [item.key for item in first.objects]  # type: ignore[union-attr]


@pytest.mark.parametrize(("status", "woken"), [(503, True), (500, True), (403, False), (429, False)], ids=str)
def test_who_waits_for_the_server_is_woken(status: int, woken: bool) -> None:
    """One that it could not answer tries again when another kind is answered; one that was refused waits."""
    follower = followed(Scripted(status))
    follower.step()

    follower.wake()

    assert follower._wake.is_set() is woken


def test_an_answer_that_breaks_off_wakes_nobody() -> None:
    """Or two kinds whose answers break would wake each other without end."""
    hub = Hub()
    follower = followed(Scripted(200, lost=True), hub)
    for _ in range(3):
        follower._ask(follower._reflector.next())
    assert hub.woken == 0

    follower._client = Scripted(200, [("BOOKMARK", {"metadata": END})])  # type: ignore[assignment]
    follower._ask(follower._reflector.next())

    assert hub.woken == 1


def test_who_is_doubted_at_any_time_lists_again(tmp_path: Path) -> None:
    """Before, while and after it asks; twice at once; and then it goes on."""
    with serving(World()) as server:
        config = write_kubeconfig(tmp_path / "kubeconfig", server.url)
        hub = Hub()
        follower = Follower(PODS, Client(access.kubeconfig(config)), hub, chance=lambda: 0.5)  # type: ignore[arg-type]
        follower.doubt()
        follower.step()
        assert isinstance(hub.delivered[0], Relisted)

        follower.doubt()
        follower.doubt()
        follower.step()
        assert sum(isinstance(event, Relisted) for event in hub.delivered) == 2

        thread = threading.Thread(target=follower.step)
        thread.start()  # a watch
        assert wait(lambda: follower._client._raw is not None)
        follower.doubt()
        thread.join()
        follower.step()
        assert sum(isinstance(event, Relisted) for event in hub.delivered) == 3
        assert [query.get("limit") for _, query, _ in server.asked if "watch" not in query] == ["500"] * 3
