"""Where the follower of one kind stands, and what it asks next from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ryu_netpol.adapters.kube import questions
from ryu_netpol.adapters.kube.backoff import Trouble
from ryu_netpol.adapters.kube.protocol import Ask, Do, Mode, Query, Step

_NEXT = {Mode.STREAM: Mode.CACHE, Mode.CACHE: Mode.PAGES}


class Position:
    """What is known. `chance` returns a number from 0 to 1; `find` asks for the API version first."""

    def __init__(self, *, chance: Callable[[], float], find: bool = False) -> None:
        self._chance = chance
        self.trouble = Trouble(chance)
        self.mode = Mode.FIND if find else Mode.STREAM
        self.find = find
        self.version = ""
        """Of the last thing that was delivered."""
        self.newest = False
        """The next list must be the newest there is, whatever its version: not one out of a cache."""
        self.doubted = False
        """All others know already that the store may be an older one."""
        self.streams = True
        """The server may have streaming lists."""
        self.whole = False
        """A token for more pages has expired: etcd is asked for everything at once."""
        self.more = self.first = ""
        """The token of the next page, and the version of the first one."""
        self.gap = True
        """Something may have happened that was not delivered."""
        self.bad_watches = self.lists = 0
        """Watches in a row that the server could not give, and lists since a watch worked last."""
        self.events, self.opened, self.heard, self.bookmarks = 0, False, False, False
        """Of the request that is under way: events so far, and whether there was an answer, an event, a bookmark."""

    def next(self) -> Ask:
        """The next request."""
        self.events, self.opened, self.heard, self.bookmarks = 0, False, False, False
        silence = questions.SILENCE.get(self.mode, questions.USUAL_SILENCE)
        return Ask(self.mode, self._query(), silence, self.trouble.take_delay())

    def _query(self) -> Query:
        at_least = "" if self.newest else self.version
        match self.mode:
            case Mode.STREAM:
                return questions.stream(at_least, self._chance())
            case Mode.CACHE:
                return questions.cache(at_least)
            case Mode.PAGES:
                return questions.page(self.more, whole=self.whole)
            case Mode.CHECK:
                return questions.check()
            case Mode.WATCH:
                return questions.watch(self.version, self._chance())
            case Mode.FIND:
                return ()

    def top(self) -> None:
        """List, in the best way that the server may have."""
        self.mode = Mode.STREAM if self.streams else Mode.CACHE

    def other_way(self) -> None:
        """List in the next way; after the last one in the first again."""
        if self.mode in _NEXT:
            self.mode = _NEXT[self.mode]
        else:
            self.top()
        if self.newest and self.mode is Mode.CACHE:
            self.mode = Mode.PAGES

    def no_streams(self) -> Iterator[Step]:
        """The server has no streaming lists."""
        self.streams, self.mode = False, Mode.PAGES if self.newest else Mode.CACHE
        yield from self.drop()

    def answered(self) -> Iterator[Step]:
        """The server has begun to answer. A watch after a gap tells first what was missed."""
        self.opened = True
        if self.mode is Mode.WATCH and self.gap:
            self.gap = False
            yield Do.RESUMED

    def drop(self) -> Iterator[Step]:
        """What was read of a list is worth nothing."""
        self.more = self.first = ""
        yield Do.DROP

    def behind(self) -> Iterator[Step]:
        """From now on things may happen that are not heard of."""
        self.gap = True
        yield Do.BEHIND

    def again(self) -> Iterator[Step]:
        """Nothing is sure: everything is listed again."""
        yield from self.behind()
        yield from self.drop()
        if self.mode is not Mode.FIND:
            self.top()

    def well(self) -> None:
        """The watch works."""
        self.bad_watches = self.lists = 0
        self.trouble.over()
