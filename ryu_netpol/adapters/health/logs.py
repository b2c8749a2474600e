"""The log's lines: text for people, or JSON, one object per line with the same keys in every release.

ts       RFC 3339, UTC, milliseconds
level    debug, info, warning, error, critical
logger   who says it
what     what it is about: a kind of report (docs/operations.md), or of thing done; `log` where nobody says
message  the sentence
...      objects and numbers, where they are known: generation, port, container, exception
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

OURS = "ryu_netpol"
LEVELS = ("debug", "info", "warning")
FORMATS = ("text", "json")
_TEXT = "%(asctime)s %(levelname)s %(message)s"


def fields(what: str, sentence: str | None = None, /, **more: str | float) -> dict[str, object]:
    """What a line is about, as logging's `extra`; `sentence` where the text form says more than the sentence."""
    return {"what": what, "sentence": sentence, "more": more}


def rfc3339(at: float) -> str:
    """A time, given in seconds since 1970: UTC, with milliseconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


class JsonLines(logging.Formatter):
    """A line as a JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """The object, in one line."""
        said = {
            "ts": rfc3339(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "what": getattr(record, "what", "log"),
            "message": getattr(record, "sentence", None) or record.getMessage(),
            **getattr(record, "more", {}),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False, default=str)


def set_up(*, form: str, level: str) -> None:
    """Have this process log to standard error; libraries only their warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger(OURS).setLevel(level.upper())


def level() -> str:
    """The level at which we log now."""
    return logging.getLevelName(logging.getLogger(OURS).level).lower()


def change_level(wanted: str) -> None:
    """Log at this level from now on, and say so at a level that shows."""
    logger = logging.getLogger(OURS)
    logger.setLevel(wanted.upper())
    logger.log(max(logging.INFO, logger.level), "the log level is now %s", wanted, extra=fields("log_level"))
