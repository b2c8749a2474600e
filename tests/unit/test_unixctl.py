"""unixctl: questions to a daemon's control socket, and every way in which there is no answer."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ryu_netpol.unixctl import ControlError, Question, control_socket
from tests.support.daemon import Daemon


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon in tmp_path."""
    made = Daemon(tmp_path)
    yield made
    made.close()


def test_the_socket_is_found_by_the_pid(daemon: Daemon, tmp_path: Path) -> None:
    """Open vSwitch names it after the daemon and its pid."""
    assert control_socket(tmp_path, "ovs-vswitchd") == daemon.path


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(None, "No such file or directory", id="no pid file"),
        pytest.param("x", "no number in it", id="text"),
    ],
)
def test_a_daemon_that_is_not_there(tmp_path: Path, content: str | None, why: str) -> None:
    """The sentence names the file that should say where it is."""
    if content is not None:
        (tmp_path / "ovs-vswitchd.pid").write_text(content)
    with pytest.raises(ControlError) as raised:
        control_socket(tmp_path, "ovs-vswitchd")

    assert str(raised.value) == f"ovs-vswitchd cannot be found by {tmp_path}/ovs-vswitchd.pid: {why}."


def test_an_answer_in_pieces(daemon: Daemon) -> None:
    """The reply has no length: it is over when it parses, also where a piece ends in a brace."""
    with Question(daemon.path, "ofproto/trace", "br0", "ip") as question:
        command, connection = daemon.next()
        connection.sendall(b'{"id": 0, "error": null, "result": "{a}')
        early = question.answer(0.05)
        connection.sendall(b' b"}')

        assert (command, early, question.answer(5)) == ("ofproto/trace br0 ip", None, "{a} b")


def test_refusals(daemon: Daemon, tmp_path: Path) -> None:
    """The daemon's own words; a sentence where it ends, or where nobody listens."""
    with Question(daemon.path, "no/such") as question:
        daemon.answer(error='"no/such" is not a valid command\n')
        with pytest.raises(ControlError, match="'no/such' failed: \"no/such\" is not a valid command"):
            question.answer(5)
    with Question(daemon.path, "exit") as question:
        daemon.next()[1].close()
        with pytest.raises(ControlError, match="ended without an answer to 'exit'"):
            question.answer(5)
    with pytest.raises(ControlError, match=r"does not answer at .*/nobody: No such"):
        Question(tmp_path / "nobody", "version")


def test_a_daemon_that_accepts_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that stands still, and whose queue is full, does not hold up whoever asks."""
    monkeypatch.setattr("ryu_netpol.unixctl.CONNECT_PATIENCE", 0.05)
    path = tmp_path / "frozen.ctl"
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        listening.bind(str(path))
        listening.listen(0)
        stack.enter_context(Question(path, "version"))
        with pytest.raises(ControlError, match=r"The switch does not answer at .*frozen\.ctl: "):
            Question(path, "version")
