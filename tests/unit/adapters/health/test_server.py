"""The pages over HTTP."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import CollectorRegistry

from ryu_netpol.adapters.health import server as server_module
from ryu_netpol.adapters.health.health import About, Health, Questions
from ryu_netpol.adapters.health.pages import Answer
from ryu_netpol.adapters.health.proven import Proven
from ryu_netpol.adapters.health.server import HealthServer, is_local
from ryu_netpol.agent.core import Agent
from tests.support.fake import World
from tests.support.questions import busy, questions
from tests.unit.adapters.kube.server import wait
from tests.unit.agent.test_glance import started

ABOUT = About("node1", "1.2.3", "os-ken 4", "folder x", 0.0)


def unheard(what: str, message: str) -> None:
    """Nothing is told in these tests."""
    raise AssertionError(f"{what}: {message}")


class Listening:
    """An agent that is asked in this process."""

    def __init__(self, world: World, asked: Questions | None = None) -> None:
        self.health = Health(ABOUT)
        asked = asked or questions(world, self.health.proven)
        self.server = self.health.listen("127.0.0.1", 0, questions=asked, do=lambda errand: errand(), report=unheard)
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


@pytest.mark.parametrize("path", ["/status", "/readyz", "/metrics"])
@pytest.mark.parametrize("answers", [True, False], ids=["answers", "busy"])
def test_an_agent_is_asked_once(path: str, answers: bool) -> None:
    """A page is there after 3 s at most, the patience of one question, whether or not it was answered."""
    world, asked = started(), []
    found = questions(world, Proven(CollectorRegistry(), "node1")) if answers else busy()

    def count(question: Callable[[Agent], object]) -> object:
        asked.append(path)
        return found.ask(question)

    agent = Listening(world, found._replace(ask=count))  # type: ignore[arg-type]
    code, *_ = agent.get(path)
    agent.server.stop()

    assert code == (503 if path == "/readyz" and not answers else 200)
    assert asked == [path]


def test_other_pages(ready: Listening) -> None:
    """There are none, and nothing can be changed from here."""
    assert ready.get("/") == (
        404,
        "text/plain; charset=utf-8",
        "there is /metrics, /livez, /readyz, /status, /policies, /metrics/policies\n",
    )
    assert ready.get("/status", "PUT")[0] == 501


def test_a_defect_is_told_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The next answer is as good as if nothing had been."""

    def answer(path: str, *, local: bool) -> Answer:
        assert local
        return Answer(200, {"/good": b"good"}[path])

    server = HealthServer("127.0.0.1", 0, answer, report=unheard)
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


def test_an_address_that_is_taken(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """It is told once, in one sentence, and tried until it can be had."""
    monkeypatch.setattr(server_module, "AGAIN", 0.02)
    caplog.set_level(logging.INFO, "ryu_netpol")
    told: list[tuple[str, str]] = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = HealthServer(
            "127.0.0.1", port, lambda path, *, local: Answer(200, b"x"), report=lambda *one: told.append(one)
        )
        server.start()
        assert not wait(lambda: server.port is not None, seconds=0.2)

    assert wait(lambda: server.port == port)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"x"
    connection.close()
    server.stop()
    sentence = f"no probes, metrics and status: --metrics-bind 127.0.0.1:{port}: Address already in use; tried again"
    assert told == [("health_unavailable", f"{sentence} every 0.02 s")]
    assert [record.message for record in caplog.records] == ["probes, metrics and status are there now"]


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_an_address_of_another_host(host: str) -> None:
    """It may become one of this host's: told and tried in the same way; the end comes at once all the same."""
    told: list[str] = []
    server = HealthServer(host, 1, lambda path, *, local: Answer(200, b""), report=lambda what, _: told.append(what))
    server.start()
    began = time.monotonic()
    server.stop()

    assert told == ["health_unavailable"]
    assert server.port is None
    assert time.monotonic() - began < 1.0


def test_an_end_before_the_start(ready: Listening) -> None:
    """Nothing hangs, and nobody listens afterwards; twice does no harm."""
    server = HealthServer("127.0.0.1", 0, lambda path, *, local: Answer(200, b""), report=unheard)
    server.stop()
    ready.server.stop()
    ready.server.stop()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", ready.server.port or 0))


def test_ipv6() -> None:
    """It can listen there, too, and knows its loopback."""
    asked = []

    def answer(path: str, *, local: bool) -> Answer:
        asked.append(local)
        return Answer(200, path.encode())

    server = HealthServer("::1", 0, answer, report=unheard)
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
        patch.setattr(
            "ryu_netpol.adapters.health.health.HealthServer", lambda host, port, made, report: pages.append(made)
        )
        health.listen("0.0.0.0", 0, questions=questions(world, health.proven), do=lambda errand: None, report=unheard)
    (page,) = pages

    for path in ("/status", "/policies"):
        assert page(path, local=False) == Answer(403, b"only this node itself may ask for it\n")
        assert page(path, local=True).code == 200
    assert page("/readyz", local=False).code == page("/metrics/policies", local=False).code == 200
    assert page("/metrics", local=False).code == 200
