"""Lines of the log."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

import pytest

from ryu_netpol.adapters.health.logs import OURS, JsonLines, change_level, fields, level, rfc3339


def line(message: str, *args: object, **extra: object) -> dict[str, Any]:
    """What a line of one object holds."""
    record = logging.getLogger("ryu_netpol.test").makeRecord(
        "ryu_netpol.test", logging.WARNING, "f.py", 1, message, args, None, extra=extra
    )
    record.created = 0.25
    text = JsonLines().format(record)
    assert "\n" not in text
    return dict(json.loads(text))


def test_keys_are_always_the_same() -> None:
    """Whoever says it, and however little he says."""
    assert line("so %s", "it is") == {
        "ts": "1970-01-01T00:00:00.250Z",
        "level": "warning",
        "logger": "ryu_netpol.test",
        "what": "log",
        "message": "so it is",
    }


def test_what_a_line_is_about() -> None:
    """Objects and numbers stand beside the sentence."""
    said = line("generation 5 is in force", **fields("in_force", generation=5))

    assert (said["what"], said["generation"]) == ("in_force", 5)


def test_a_sentence_without_its_kind() -> None:
    """The text form has the kind of a report before the sentence; here it has its own key."""
    said = line("closed_endpoint: it is closed", **fields("closed_endpoint", "it is closed"))

    assert (said["what"], said["message"]) == ("closed_endpoint", "it is closed")


def test_one_line_whatever_is_in_it() -> None:
    """Line ends and quotes of somebody else's sentence stay inside."""
    assert line('a\n"b"\x00é')["message"] == 'a\n"b"\x00é'


def test_exceptions_are_in_the_line() -> None:
    """With their traceback."""
    try:
        raise ValueError("torn")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f.py", 1, "failed", (), sys.exc_info())

    assert json.loads(JsonLines().format(record))["exception"].endswith("ValueError: torn")


def test_times_are_utc() -> None:
    """RFC 3339 with milliseconds, whole seconds too."""
    assert rfc3339(1_700_000_000) == "2023-11-14T22:13:20.000Z"


def test_the_level_changes(caplog: pytest.LogCaptureFixture) -> None:
    """And the log says so, also at a level at which little is said."""
    before = logging.getLogger(OURS).level
    try:
        change_level("warning")
        assert level() == "warning"
        change_level("debug")
        assert level() == "debug"
    finally:
        logging.getLogger(OURS).setLevel(before)

    assert [record.getMessage() for record in caplog.records] == [
        "the log level is now warning", "the log level is now debug"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("form", "expected"),
    [("text", r" WARNING kind: sentence"), ("json", r'"what": "kind", "message": "sentence"}')],
    ids=["text", "json"],
)
def test_a_process_that_is_set_up(form: str, expected: str) -> None:
    """Its log goes to standard error, in either form; libraries say warnings only."""
    program = (
        "import logging, sys; from ryu_netpol.adapters.health.logs import fields, set_up; set_up(form=sys.argv[1], "
        "level='info'); logging.getLogger('ryu_netpol').warning('kind: sentence', extra=fields('kind', 'sentence')); "
        "logging.getLogger('ryu_netpol').debug('no'); logging.getLogger('urllib3').info('no')"
    )
    done = subprocess.run([sys.executable, "-c", program, form], capture_output=True, text=True, check=True)

    assert done.stderr.endswith(f"{expected}\n")
    assert len(done.stderr.splitlines()) == 1
