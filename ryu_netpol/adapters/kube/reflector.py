"""What every answer means to one who follows one kind of objects: a pure state machine.

    [FIND ->] STREAM -> WATCH          a server with streaming lists
              CACHE  -> WATCH          one without
              PAGES  -> WATCH          where its memory cannot answer, or knows less than was seen already
    WATCH, broken -> CHECK -> WATCH    from the last version on, unless the store has become an older one
    WATCH, 410    -> STREAM ...        everything again
    an older store for anybody -> PAGES for everybody

Versions grow within one store, so nothing is adopted that is older than what was seen, with one exception: the store
itself, asked for the newest it has, answers with an older version. Then a backup was put back, and it is the truth now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ryu_netpol.adapters.kube import answers, questions
from ryu_netpol.adapters.kube.position import Position
from ryu_netpol.adapters.kube.protocol import Ask, Do, Mode, Step, Tell, older

STREAM_EVENTS = 1_000_000
"""A streaming list without an end after so many events has none."""
SHORT = 1.0
"""A watch that ends within so many seconds, with nothing said, is a failure."""
ATTEMPTS = 3
"""Watches in a row that the server cannot give before everything is listed again."""
_WHOEVER_ASKS = {401: "kube_denied", 403: "kube_denied", 404: "kube_unserved", 429: "kube_busy"}
"""Refusals that would be the same whichever way the question is put."""


class Reflector:
    """Follows one kind of objects. `chance` returns a number from 0 to 1; `find` asks for the API version first."""

    def __init__(self, *, chance: Callable[[], float], find: bool = False) -> None:
        self._at = Position(chance=chance, find=find)

    @property
    def version(self) -> str:
        """Of the last thing that was taken in."""
        return self._at.version

    def next(self) -> Ask:
        """The next request."""
        return self._at.next()

    def take(self, answer: answers.Answer) -> Iterator[Step]:
        """Take an answer in; what to do now, in this order."""
        at = self._at
        match answer:
            case answers.Opened():
                yield from at.answered()
            case answers.Found(True):
                at.top()
            case answers.Found(False):
                yield from at.trouble.failed("kube_unserved", "the server has no API version of them")
            case answers.Page():
                yield from self._page(answer)
            case answers.Seen() if at.mode is Mode.STREAM:
                yield from self._streamed(answer)
            case answers.Seen():
                yield from self._event(answer)
            case answers.Over(lived):
                yield from self._over(lived)
            case answers.Lost():
                yield from self._lost(answer)
            case answers.Malformed(reason):
                yield from self._unusable("kube_malformed", reason)
            case answers.Refused():
                yield from self._refused(answer)
            case answers.Failed(reason):
                yield from at.again()
                yield from at.trouble.failed("kube_failed", reason)

    def _page(self, page: answers.Page) -> Iterator[Step]:
        at = self._at
        stale = older(page.version, at.version)
        if at.mode is Mode.CHECK and stale:
            yield from self._older_store(page.version)
        elif at.mode is Mode.CHECK:
            at.mode = Mode.WATCH
        elif at.mode is Mode.CACHE and stale:
            yield from at.drop()
            yield Tell("kube_stale", f"the server is at version {page.version}, and {at.version} was seen already")
            at.mode = Mode.PAGES
        else:
            at.first, at.more = at.first or page.version, page.more
            yield Do.KEEP
            if not page.more:
                yield from self._adopt(at.first)

    def _streamed(self, seen: answers.Seen) -> Iterator[Step]:
        at = self._at
        at.events += 1
        if seen.end and older(seen.version, at.version) and not at.newest:
            yield Do.CLOSE
            yield from self._unusable("kube_stale", f"the server is at version {seen.version}")
        elif seen.end:
            yield from self._adopt(seen.version)
            yield Do.STAY
            at.heard = at.bookmarks = True
        elif at.events > STREAM_EVENTS:
            yield Do.CLOSE
            yield from at.no_streams()
        elif not seen.bookmark:
            yield Do.KEEP

    def _adopt(self, version: str) -> Iterator[Step]:
        """The list is complete."""
        at = self._at
        if older(version, at.version):
            yield from self._tell_others()
            yield Tell("kube_older_store", f"the store went back from version {at.version} to {version}")
        at.version, at.newest, at.doubted, at.mode = version, False, False, Mode.WATCH
        at.more, at.first, at.whole, at.gap = "", "", False, False
        at.lists += 1
        yield Do.ADOPT

    def _event(self, seen: answers.Seen) -> Iterator[Step]:
        at = self._at
        if older(seen.version, at.version):
            yield Do.CLOSE
            yield from self._older_store(seen.version)
            return
        at.heard, at.version = True, seen.version
        at.bookmarks |= seen.bookmark
        at.well()
        yield Do.REACHED if seen.bookmark else Do.APPLY

    def doubt(self) -> Iterator[Step]:
        """Another kind says that the store is an older one: versions prove nothing, so everything is listed again."""
        at = self._at
        at.doubted = True
        yield from at.behind()
        yield from at.drop()
        at.newest = True
        if at.mode is not Mode.FIND:
            at.mode = Mode.PAGES

    def _tell_others(self) -> Iterator[Step]:
        if not self._at.doubted:
            self._at.doubted = True
            yield Do.OLDER

    def _older_store(self, version: str) -> Iterator[Step]:
        at = self._at
        yield from at.behind()
        yield from self._tell_others()
        yield from at.trouble.failed("kube_older_store", f"the store went back from version {at.version} to {version}")
        at.newest, at.mode = True, Mode.PAGES

    def _over(self, lived: float) -> Iterator[Step]:
        at = self._at
        if at.mode is Mode.STREAM:
            yield from self._unusable("kube_malformed", "the list ended too early")
        elif at.mode is Mode.WATCH and not at.heard and lived < SHORT:
            yield from self._unusable("kube_error", "the watch ended at once")
        elif at.mode is Mode.WATCH:
            at.well()

    def _lost(self, lost: answers.Lost) -> Iterator[Step]:
        at = self._at
        if at.mode is Mode.STREAM and lost.silent and at.opened:
            yield from at.no_streams()
            return
        harmless = lost.silent and at.opened and not at.bookmarks
        if at.mode is Mode.WATCH:
            if lost.lived > SHORT:
                at.well()
            at.mode = Mode.CHECK
            yield from at.behind()
            if harmless:
                return  # Nothing has happened, or the connection is dead: asking is cheap, and tells.
        yield from at.drop()
        yield from at.trouble.failed("kube_unreachable", lost.reason)

    def _refused(self, refused: answers.Refused) -> Iterator[Step]:
        at, code = self._at, refused.code
        if code == 410 or refused.too_new:
            yield from self._gone(refused)
        elif at.mode is Mode.STREAM and code in questions.NO_STREAMS:
            yield from at.no_streams()
        elif code in _WHOEVER_ASKS and (code != 404 or at.find):
            yield from at.behind()
            yield from at.drop()
            if code == 401:
                yield Do.RENEW
            if code == 404:
                at.mode = Mode.FIND
            yield from at.trouble.failed(_WHOEVER_ASKS[code], refused.reason, at_least=refused.retry_after)
        else:
            yield from self._unusable("kube_error", refused.reason, wait=refused.retry_after)

    def _gone(self, refused: answers.Refused) -> Iterator[Step]:
        """What was asked for is too old by now, or newer than anything that the server has."""
        at = self._at
        yield from at.behind()
        if at.mode is Mode.WATCH and not refused.too_new and not at.lists:
            at.top()
            yield from at.trouble.tell("kube_gone", refused.reason)
            return
        # A list did not help, or was refused itself: the server's memory is behind.
        if at.mode is Mode.PAGES:
            at.whole = bool(at.more)
        else:
            at.newest, at.mode = True, Mode.PAGES
        yield from at.drop()
        yield from at.trouble.failed("kube_gone", refused.reason)

    def _unusable(self, what: str, reason: str, *, wait: float = 0.0) -> Iterator[Step]:
        """The server is there, and does not give what was asked for: another way of asking may help."""
        at = self._at
        yield from at.drop()
        if at.mode is Mode.WATCH:
            yield from at.behind()
            at.bad_watches += 1
            if at.bad_watches >= ATTEMPTS:
                at.bad_watches = 0
                at.top()
        elif at.mode.lists:
            at.other_way()
        yield from at.trouble.failed(what, reason, at_least=wait)
