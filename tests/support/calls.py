"""Calls of the program that are wrong."""

from __future__ import annotations

import pytest

from ryu_netpol.cli.main import main


def complaint(call: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The last line that a wrong call prints; it must end with status 2."""
    try:
        code = main(call)
    except SystemExit as ended:  # argparse
        code = int(ended.code or 0)
    assert code == 2
    return capsys.readouterr().err.splitlines()[-1]
