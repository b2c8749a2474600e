"""What is asked of an API server, and what becomes of its answers (`answers`): the words of the state machine."""

from __future__ import annotations

import enum
from dataclasses import dataclass

Query = tuple[tuple[str, str], ...]


class Mode(enum.StrEnum):
    """What is asked."""

    FIND = "discovery"
    """Which API versions the server has."""
    STREAM = "streaming list"
    """A watch that begins with everything there is."""
    CACHE = "list"
    """One list, out of the server's memory."""
    PAGES = "list in pages"
    """A list out of etcd."""
    CHECK = "check"
    """How new the server's store is, after a gap."""
    WATCH = "watch"
    """What happens from a version on."""

    @property
    def lists(self) -> bool:
        """Whether the answer becomes a complete list."""
        return self in (Mode.STREAM, Mode.CACHE, Mode.PAGES)


@dataclass(frozen=True, slots=True)
class Ask:
    """The next request."""

    mode: Mode
    query: Query = ()
    silence: float = 30.0
    """Seconds without a byte after which the connection is given up."""
    delay: float = 0.0
    """Seconds to wait before."""


class Do(enum.Enum):
    """What to do with what has come."""

    KEEP = enum.auto()
    """Put it to the list that is being read."""
    DROP = enum.auto()
    """Forget the list that is being read."""
    ADOPT = enum.auto()
    """The list that is being read is complete: it replaces what was there."""
    STAY = enum.auto()
    """The answer goes on as a watch."""
    APPLY = enum.auto()
    """Take the event in."""
    REACHED = enum.auto()
    """Nothing has happened up to this version."""
    OLDER = enum.auto()
    """The store is an older one than before: everybody must list again."""
    BEHIND = enum.auto()
    """From now on things may happen that are not heard of."""
    RESUMED = enum.auto()
    """The watch goes on where it ended: what has happened meanwhile comes now."""
    RENEW = enum.auto()
    """Read the credentials again."""
    CLOSE = enum.auto()
    """Read no further."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Something an operator must know: counted under `what`."""

    what: str
    reason: str


Step = Do | Tell


def number(version: str) -> int | None:
    """A resourceVersion as a number, by which versions of one resource can be compared (KEP-5504); None if it is none.

    Only aggregated API servers have ever had others.
    """
    return int(version) if version.isascii() and version.isdigit() else None


def older(version: str, than: str) -> bool:
    """Whether a version is known to be older than another one."""
    one, other = number(version), number(than)
    return one is not None and other is not None and one < other
