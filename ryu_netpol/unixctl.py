"""The control socket of Open vSwitch daemons, without a process per question.

`ovs-appctl` is a JSON-RPC call over a Unix socket (ovs-appctl(8)). Speaking it directly costs a fraction of a
millisecond instead of the start of a program. Callers: the agent (`adapters.settle`) and the lab (`lab.unixctl`).
"""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

CONNECT_PATIENCE = 1.0
"""Seconds."""


class ControlError(Exception):
    """The daemon cannot be asked, or refuses; one sentence."""


def control_socket(run_dir: Path, daemon: str) -> Path:
    """Where a daemon listens that was not told another place: its number is in the name. Raises ControlError."""
    try:
        number = int((run_dir / f"{daemon}.pid").read_text())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no number in it"
        raise ControlError(f"{daemon} cannot be found by {run_dir}/{daemon}.pid: {why}.") from error
    return run_dir / f"{daemon}.{number}.ctl"


class Question:
    """One command to a daemon, sent when it is made; a context manager. Every failure is a ControlError."""

    def __init__(self, path: Path, method: str, *params: str) -> None:
        self._path, self._command = path, " ".join((method, *params))
        self._text = b""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # A daemon that stands still takes no more connections when its queue is full.
        self._socket.settimeout(CONNECT_PATIENCE)
        try:
            self._socket.connect(str(path))
            self._socket.sendall(json.dumps({"id": 0, "method": method, "params": list(params)}).encode())
        except OSError as error:
            self._socket.close()
            raise self._unanswered(error.strerror or "no connection") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    def answer(self, timeout: float) -> str | None:
        """The daemon's text; None if nothing came for so many seconds, and then it may be asked for again."""
        self._socket.settimeout(timeout)
        try:
            while chunk := self._socket.recv(1 << 16):
                self._text += chunk
                reply = self._reply()
                if reply is not None:
                    return reply
        except TimeoutError:
            return None
        except OSError as error:
            raise self._unanswered(os.strerror(error.errno or 0)) from error
        raise ControlError(f"The switch at {self._path} ended without an answer to '{self._command}'.")

    def _reply(self) -> str | None:
        # The reply has no length and no end mark. It is over when it parses, and it can only parse at a brace.
        if not self._text.rstrip().endswith(b"}"):
            return None
        try:
            reply = json.loads(self._text)
        except ValueError:
            return None
        if reply["error"] is not None:
            raise ControlError(f"'{self._command}' failed: {str(reply['error']).strip()}")
        return str(reply["result"])

    def _unanswered(self, why: str) -> ControlError:
        return ControlError(f"The switch does not answer at {self._path}: {why}.")
