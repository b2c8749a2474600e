"""The parameters of requests (Kubernetes documentation, "API concepts": resource versions, watch, streaming lists)."""

from __future__ import annotations

from ryu_netpol.adapters.kube.protocol import Mode, Query

LIMIT = 500
"""Objects in a page."""
WATCH_SECONDS = 300
"""A watch is ended by the server after this time, or up to twice as long, by chance: so do other clients."""

NO_STREAMS = frozenset({400, 422, 500})
"""What servers say to a streaming list that they do not have: 500 is for an etcd that is too old for it."""

SILENCE = {Mode.WATCH: 150.0, Mode.STREAM: 10.0}
"""Seconds without a byte after which an answer is given up. On a watch bookmarks come every minute or so, where there
are any. On a streaming list something always comes, but from old servers, which take it for an ordinary watch."""
USUAL_SILENCE = 30.0
"""For all other answers."""


def stream(version: str, chance: float) -> Query:
    """A streaming list, not older than the version; of the newest there is without one."""
    since = (("resourceVersion", version), ("resourceVersionMatch", "NotOlderThan"))
    return (*_watching(chance), ("sendInitialEvents", "true"), *since)


def cache(version: str) -> Query:
    """A list out of the server's memory. It waits until that is not older than the version, or refuses."""
    if not version:
        return (("resourceVersion", "0"),)
    return (("resourceVersion", version), ("resourceVersionMatch", "NotOlderThan"))


def page(more: str, *, whole: bool) -> Query:
    """A page of what etcd has, the first without a token; or all of it at once."""
    if whole:
        return ()
    return (("limit", str(LIMIT)), *((("continue", more),) if more else ()))


def check() -> Query:
    """As little as possible of the newest there is: what matters is its version."""
    return (("limit", "1"),)


def watch(version: str, chance: float) -> Query:
    """What happens after the version."""
    return (*_watching(chance), ("resourceVersion", version))


def _watching(chance: float) -> Query:
    seconds = int(WATCH_SECONDS * (1 + chance))
    return (("watch", "true"), ("allowWatchBookmarks", "true"), ("timeoutSeconds", str(seconds)))
