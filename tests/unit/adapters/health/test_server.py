"""The pages over HTTP."""

from __future__ import annotations

import http.client
import json
import logging
import socket
from collections.abc import Iterator

import pytest

from ryu_netpol.adapters.health.health import About, Health, Questions
from ryu_netpol.adapters.health.pages import Answer
from ryu_netpol.adapters.health.server import AddressError, HealthServer, is_local
from tests.support.fake import World
from tests.unit.agent.test_glance import started

ABOUT = About("node1", "1.2.3", "os-ken 4", "folder x", 0.0)


class Listening:
    """An agent that is asked in this process."""

    def __init__(self, world: World) -> None:
        self.health = Health(ABOUT)
        questions = Questions(world.agent.glance, world.agent.tables, frozenset)
        self.server = self.health.listen("127.0.0.1", 0, questions=questions, do=lambda errand: errand())
        self.server.start()

    def get(self, path: str, method: str = "GET") -> tuple[int, str, str]:
        """Code, type and text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        connection.request(method, path)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, response.headers.get("Content-Type", ""), text


@pytest.fixture
def ready() -> Iterator[Listening]:
    """An agent that has installed everything."""
    made = Listening(started())
    yield made
    made.server.stop()


@pytest.fixture
def starting() -> Iterator[Listening]:
    """An agent that knows nothing yet."""
    made = Listening(World())
    yield made
    made.server.stop()


def test_alive_is_not_ready(starting: Listening) -> None:
    """An agent that waits for its lists is alive; what it lacks is told, one line per check."""
    code, kind, text = starting.get("/readyz")

    assert starting.get("/livez") == (200, "text/plain; charset=utf-8", "[+] agent: its thread answers\n")
    assert (code, kind) == (503, "text/plain; charset=utf-8")
    assert len(text.splitlines()) == 4


def test_ready(ready: Listening) -> None:
    """All checks hold."""
    code, _, text = ready.get("/readyz?verbose")

    assert code == 200
    assert {line[:4] for line in text.splitlines()} == {"[+] "}


def test_metrics(ready: Listening) -> None:
    """In the text format, and with this agent's version."""
    code, kind, text = ready.get("/metrics")

    assert (code, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert 'ryu_netpol_build_info{stack="os-ken 4",version="1.2.3"} 1.0' in text.splitlines()


def test_status(ready: Listening) -> None:
    """Everything, as JSON."""
    ready.health.record.reported("closed_endpoint", "it is closed")
    code, kind, text = ready.get("/status")
    said = json.loads(text)

    assert (code, kind) == (200, "application/json")
    assert (said["node"], said["started"], said["ready"]) == ("node1", "1970-01-01T00:00:00.000Z", True)
    assert said["feed"]["objects"]["Pod"] == 2
    assert said["feed"]["source"] == "folder x"
    assert [endpoint["state"] for endpoint in said["endpoints"]] == ["ready", "ready"]
    assert [(report["what"], report["message"]) for report in said["reports"]] == [("closed_endpoint", "it is closed")]


def test_other_pages(ready: Listening) -> None:
    """There are none, and nothing can be changed from here."""
    assert ready.get("/") == (404, "text/plain; charset=utf-8", "there is /metrics, /livez, /readyz, /status\n")
    assert ready.get("/status", "PUT")[0] == 501


def test_a_defect_is_told_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The next answer is as good as if nothing had been."""

    def answer(path: str, *, local: bool) -> Answer:
        assert local
        return Answer(200, {"/good": b"good"}[path])

    server = HealthServer("127.0.0.1", 0, answer)
    server.start()
    try:
        for path, expected in (("/bad", b""), ("/good", b"good")):
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
                connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
                heard = b"".join(iter(lambda: connection.recv(4096), b""))
            assert heard.rpartition(b"\r\n")[2] == expected
    finally:
        server.stop()

    assert [record.levelno for record in caplog.records if "no answer" in record.message] == [logging.ERROR]


def test_an_address_that_is_taken(ready: Listening) -> None:
    """One sentence."""
    with pytest.raises(AddressError, match=rf"^--metrics-bind 127.0.0.1:{ready.server.port}: Address already in use$"):
        HealthServer("127.0.0.1", ready.server.port, lambda path, *, local: Answer(200, b""))


def test_ipv6() -> None:
    """It can listen there, too, and knows its loopback."""
    asked = []

    def answer(path: str, *, local: bool) -> Answer:
        asked.append(local)
        return Answer(200, path.encode())

    server = HealthServer("::1", 0, answer)
    server.start()
    connection = http.client.HTTPConnection("::1", server.port, timeout=10)
    connection.request("GET", "/x")
    assert connection.getresponse().read() == b"/x"
    connection.close()
    server.stop()

    assert asked == [True]


@pytest.mark.parametrize(
    ("address", "local"),
    [("127.0.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.0.0.1", False), ("fe80::1%eth0", False),
     ("::ffff:10.0.0.1", False)],
    ids=str,
)  # fmt: skip
def test_who_is_on_this_node(address: str, local: bool) -> None:
    """By the loopback address, in whatever form."""
    assert is_local(address) is local


def test_names_are_for_this_node_only() -> None:
    """Others get metrics and probes, but not the names of pods."""
    health = Health(ABOUT)
    world = started()
    pages = []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ryu_netpol.adapters.health.health.HealthServer", lambda host, port, made: pages.append(made))
        health.listen(
            "0.0.0.0", 0, questions=Questions(world.agent.glance, world.agent.tables, frozenset), do=lambda errand: None
        )
    (page,) = pages

    assert page("/status", local=False) == Answer(403, b"only this node itself may ask for it\n")
    assert page("/status", local=True).code == page("/readyz", local=False).code == 200
    assert page("/metrics", local=False).code == 200
