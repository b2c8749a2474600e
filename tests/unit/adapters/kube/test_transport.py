"""Bytes to lines, errors to sentences, and connections that do not hang."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ryu_netpol.adapters.kube import access, transport
from ryu_netpol.adapters.kube.transport import Client, ConnectionLost
from tests.unit.adapters.kube import server as wrong
from tests.unit.adapters.kube.server import Server, serving, wait, write_kubeconfig
from tests.unit.adapters.kube.world import Reply, World, pod, refuse

POD = "Pod"
PODS = "/api/v1/pods"


@pytest.fixture
def server() -> Iterator[Server]:
    """A server with one pod."""
    world = World()
    world.put(pod("shop/web"))
    with serving(world) as one:
        yield one


@pytest.fixture
def client(server: Server, tmp_path: Path) -> Client:
    """Somebody who asks it."""
    return Client(access.kubeconfig(write_kubeconfig(tmp_path / "config", server.url)))


def test_an_answer(client: Client, server: Server) -> None:
    """Status and body; the query and the token arrive."""
    with client.get(PODS, (("limit", "1"),), silence=5.0) as response:
        assert response.status == 200
        assert b"web" in bytes(response.body())

    assert server.asked[-1] == (PODS, {"limit": "1"}, "Bearer t")


def test_an_error_is_an_answer(client: Client, server: Server) -> None:
    """With its status, its body and Retry-After; what is no number of seconds does not count."""
    server.fail(POD, wrong.instead(lambda: refuse(429, "busy", header="7")))
    server.fail(POD, wrong.instead(lambda: refuse(503, "no", header="Wed, 21 Oct 2026 07:28:00 GMT")))
    for code, seconds in ((429, 7.0), (503, 0.0)):
        with client.get(PODS, silence=5.0) as response:
            assert (code, seconds) == (response.status, response.retry_after)
            assert bytes(response.body()).startswith(b'{"kind": "Status"')


def read(client: Client) -> list[bytes]:
    """All lines of an answer."""
    with client.get(PODS, silence=5.0) as response:
        return list(response.lines())


def test_lines(client: Client, server: Server) -> None:
    """However they are cut into chunks; empty ones are none."""
    server.fail(POD, wrong.instead(lambda: Reply(200, iter([b"on", b"e\ntwo\n\nthr", b"ee", b"\n"]))))

    assert read(client) == [b"one", b"two", b"three"]


def test_what_is_cut_off_is_no_line(client: Client, server: Server) -> None:
    """Half an event is never handed on, however the answer ends."""
    server.fail(POD, wrong.instead(lambda: Reply(200, iter([b'one\n{"type": "ADD']))))
    lines = []
    with pytest.raises(ConnectionLost, match="middle of a line"), client.get(PODS, silence=5.0) as response:
        lines += list(response.lines())

    assert lines == []


FAULTS = {
    "no answer": (wrong.drop, False),
    "a hung server": (wrong.hang(5.0), True),
    "a hung answer": (wrong.silent(5.0), True),
    "a broken body": (wrong.cut_after(1, part=0.5), False),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_broken_connections(client: Client, server: Server, fault: str) -> None:
    """Each is a sentence, and silence is told apart; the next request works."""
    act, silent = FAULTS[fault]
    server.fail(POD, act)
    with pytest.raises(ConnectionLost) as lost, client.get(PODS, silence=0.3) as response:
        response.body()
    assert silent == lost.value.silent
    assert str(lost.value)

    with client.get(PODS, silence=5.0) as response:
        assert b"web" in bytes(response.body())


def test_nobody_listens(tmp_path: Path) -> None:
    """The sentence has no object of Python in it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    client = Client(access.kubeconfig(write_kubeconfig(tmp_path / "config", url)))
    with pytest.raises(ConnectionLost) as lost, client.get(PODS, silence=5.0):
        pass

    assert str(lost.value) == "Failed to establish a new connection: [Errno 111] Connection refused"


def test_a_server_that_nobody_vouches_for(tmp_path: Path) -> None:
    """TLS: a certificate that the kubeconfig's authority did not sign is refused."""
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    server = Server(World())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.start()
    config = write_kubeconfig(tmp_path / "config", server.url.replace("http:", "https:"))
    config.write_text(config.read_text().replace('"unused"', f'"{certificate}"'))
    trusting = Client(access.kubeconfig(config))
    with trusting.get(PODS, silence=5.0) as response:
        assert response.status == 200
    config.write_text(config.read_text().replace(f'"certificate-authority": "{certificate}"', '"a": "b"'))
    wary = Client(access.kubeconfig(config))

    with pytest.raises(ConnectionLost, match="certificate"), wary.get(PODS, silence=5.0):
        pass
    server.end()


def test_dead_peers_are_noticed(client: Client) -> None:
    """TCP asks a silent peer whether it is there, after some seconds: the kernel says no where there is none."""
    with client.get(PODS, silence=5.0) as response:
        sock = response._raw.connection.sock  # type: ignore[attr-defined]

        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 15


def test_patience(client: Client, server: Server) -> None:
    """An answer that has become a watch may be silent for longer."""
    server.world.streams = "yes"
    query = (("watch", "true"), ("sendInitialEvents", "true"))
    began = time.monotonic()
    with client.get(PODS, query, silence=0.2) as response:
        lines = response.lines()
        next(lines)
        response.patience(1.0)
        with pytest.raises(ConnectionLost):
            list(lines)

    assert time.monotonic() - began > 0.9


def test_an_answer_must_begin_soon(client: Client, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a watch, which may be silent for longer once it has begun."""
    monkeypatch.setattr(transport, "BEGIN", 0.2)
    server.fail(POD, wrong.hang(20.0))
    began = time.monotonic()
    with pytest.raises(ConnectionLost) as lost, client.get(PODS, silence=20.0):
        pass
    assert lost.value.silent
    assert time.monotonic() - began < 5.0

    server.fail(POD, wrong.silent(20.0))
    began = time.monotonic()
    with pytest.raises(ConnectionLost), client.get(PODS, silence=1.0) as response:
        response.body()
    assert time.monotonic() - began > 0.9


def test_a_body_says_that_it_comes(client: Client, server: Server) -> None:
    """Each time that some of it has come, however long all of it takes."""
    parts = [b"x" * 100_000, b"y", b"z" * 10]
    server.fail(POD, wrong.instead(lambda: Reply(200, iter(parts))))
    came: list[int] = []
    with client.get(PODS, silence=5.0) as response:
        assert b"".join(parts) == bytes(response.body(lambda: came.append(1)))

    assert len(came) >= len(parts)


def test_stop_ends_a_read(client: Client, server: Server) -> None:
    """From another thread, at once; and nothing is asked afterwards."""
    server.fail(POD, wrong.silent(20.0))
    ended: list[float] = []

    def reader() -> None:
        with pytest.raises(ConnectionLost), client.get(PODS, silence=20.0) as response:
            response.body()
        ended.append(time.monotonic())

    thread = threading.Thread(target=reader)
    thread.start()
    assert wait(lambda: bool(server.asked))
    assert wait(lambda: client._raw is not None)
    began = time.monotonic()
    client.stop()
    thread.join(5.0)

    assert ended[0] - began < 0.5
    with pytest.raises(ConnectionLost, match="not wanted any more"), client.get(PODS, silence=5.0):
        pass
