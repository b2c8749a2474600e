"""What an API server answers, without the objects in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Opened:
    """The server has begun to answer, with 200."""


@dataclass(frozen=True, slots=True)
class Found:
    """Discovery: the policies' API version, if there is any."""

    served: bool


@dataclass(frozen=True, slots=True)
class Page:
    """A list, or a page of one."""

    version: str
    more: str = ""
    """The token by which to ask for the next page."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An event of a watch: an object, or only a version (a bookmark)."""

    version: str
    bookmark: bool = False
    end: bool = False
    """The bookmark that ends the list at the beginning of a stream."""


@dataclass(frozen=True, slots=True)
class Over:
    """The server has ended its answer in order."""

    lived: float
    """Seconds that the request took."""


@dataclass(frozen=True, slots=True)
class Lost:
    """No connection, or it broke."""

    reason: str
    lived: float = 0.0
    silent: bool = False
    """Nothing came for as long as the request allowed."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """What came is not what was asked for."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The server said no: by its status, or by an ERROR event within a watch."""

    code: int
    reason: str
    retry_after: float = 0.0
    too_new: bool = False
    """The version that was asked for is newer than anything this server has."""


@dataclass(frozen=True, slots=True)
class Failed:
    """What came could not be taken in, and nobody knows how much of it was."""

    reason: str


Answer = Opened | Found | Page | Seen | Over | Lost | Malformed | Refused | Failed
