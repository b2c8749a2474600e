"""The OVSDB protocol against a server that is played by the test: framing, echo, refusals, silence."""

from __future__ import annotations

import json
import pathlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from cni.errors import CniError
from cni.ovsdb import Database, Refused

Play = Callable[[socket.socket], None]


@pytest.fixture
def serve(tmp_path: pathlib.Path) -> Iterator[Callable[[Play], str]]:
    """Return a function that plays a server's part for one connection and returns its path."""
    path = str(tmp_path / "db.sock")
    threads = []

    def start(play: Play) -> str:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()

        def work() -> None:
            with listener, listener.accept()[0] as connection:
                play(connection)

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        return path

    yield start
    for thread in threads:
        thread.join(10)


def request(connection: socket.socket) -> dict:
    return json.loads(connection.recv(65536))


def test_replies_in_pieces_with_an_echo_before(serve: Callable[[Play], str]) -> None:
    """Messages have no separator, may arrive byte by byte, and the server may ask whether we are alive."""
    echoed = []

    def play(connection: socket.socket) -> None:
        asked = request(connection)
        connection.sendall(b'{"method":"update","params":[],"id":null} {"method":"echo","params":[7],"id":"echo"}')
        echoed.append(request(connection))
        reply = json.dumps({"id": asked["id"], "error": None, "result": [{"é": 1}]}, ensure_ascii=False)
        for byte in reply.encode():
            connection.sendall(bytes([byte]))
            time.sleep(0.0002)

    with Database(serve(play)) as database:
        results = database.transact({"op": "comment"})

    assert results == [{"é": 1}]
    assert echoed == [{"id": "echo", "result": [7], "error": None}]


def test_a_refusal_names_the_operation(serve: Callable[[Play], str]) -> None:
    """A failed operation is followed by nulls (RFC 7047, section 4.1.3)."""

    def play(connection: socket.socket) -> None:
        asked = request(connection)
        result = [{}, {"error": "constraint violation", "details": "two of them"}, None]
        connection.sendall(json.dumps({"id": asked["id"], "error": None, "result": result}).encode())

    with Database(serve(play)) as database, pytest.raises(Refused, match="constraint violation") as caught:
        database.transact({"op": "comment"})

    assert (caught.value.index, caught.value.code, caught.value.details) == (1, 106, "two of them")


@pytest.mark.parametrize("answer", [b"", b"\xff\xff", b"[]"], ids=["hangs up", "no UTF-8", "no message"])
def test_a_server_that_is_none(serve: Callable[[Play], str], answer: bytes) -> None:
    """Try again later, whatever it was."""

    def play(connection: socket.socket) -> None:
        request(connection)
        connection.sendall(answer)

    with Database(serve(play)) as database, pytest.raises(CniError, match="OVSDB does not answer") as caught:
        database.transact({"op": "comment"})

    assert caught.value.code == 11


def test_nobody_there(tmp_path: pathlib.Path) -> None:
    with pytest.raises(CniError, match="is ovsdb-server running") as caught:
        Database(str(tmp_path / "db.sock"))

    assert caught.value.code == 11


def test_a_path_too_long_for_a_socket() -> None:
    """The kernel's limit is 107 characters; the error is the same as for any path that is wrong."""
    with pytest.raises(CniError, match="OVSDB does not answer"):
        Database("/" + "x" * 200)
