"""Values as the API server takes them in statuses and Events."""

from __future__ import annotations

import re
from datetime import UTC, datetime

Json = dict[str, object]

_VERSION = re.compile(r"[0-9]{1,20}", re.ASCII)


def trimmed(text: str, most: int) -> str:
    """The text in at most so many bytes of UTF-8, which is how Events count; never in more characters either."""
    data = text.encode(errors="replace")
    return text if len(data) <= most else f"{data[: most - 3].decode(errors='ignore')}..."


def time(seconds: float) -> str:
    """A moment, in seconds since 1970, in RFC 3339 with microseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def is_version(text: str) -> bool:
    """Whether this is a resourceVersion by which objects can be compared."""
    return _VERSION.fullmatch(text) is not None
