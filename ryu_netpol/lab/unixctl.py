"""Questions to the daemons of the lab: thousands of `ofproto/trace` must not start a program each."""

from __future__ import annotations

from pathlib import Path

from ryu_netpol.lab.errors import LabError
from ryu_netpol.unixctl import ControlError, Question


def call(path: Path, method: str, *params: str, timeout: float = 30.0) -> str:
    """Run one command on the daemon that listens at `path` and return its text; its refusal is a LabError."""
    try:
        with Question(path, method, *params) as question:
            text = question.answer(timeout)
    except ControlError as error:
        raise LabError(str(error)) from error
    if text is None:
        raise LabError(f"The switch does not answer at {path}: timed out.")
    return text
