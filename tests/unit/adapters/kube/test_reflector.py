"""What is asked next after each kind of answer: the state machine by itself."""

from __future__ import annotations

import pytest

from ryu_netpol.adapters.kube import answers, reflector
from ryu_netpol.adapters.kube.protocol import Do, Mode, Step, Tell, older
from ryu_netpol.adapters.kube.reflector import Reflector

GONE = answers.Refused(410, "410 too old")
TOO_NEW = answers.Refused(504, "504 Too large resource version", too_new=True)
END = answers.Seen("7", bookmark=True, end=True)
LOST = answers.Lost("reset")


def fresh(*, find: bool = False) -> Reflector:
    """One that has asked nothing yet."""
    return Reflector(chance=lambda: 0.5, find=find)


def tell(one: Reflector, *given: answers.Answer) -> list[Step]:
    """Ask, and give these answers; everything that is to be done."""
    one.next()
    return [step for answer in given for step in one.take(answer)]


def watching(version: str = "7", *, streams: bool = True) -> Reflector:
    """One that watches from a version on; watches have worked."""
    one = fresh()
    if streams:
        tell(one, answers.Opened(), answers.Seen(version, bookmark=True, end=True))
    else:
        tell(one, answers.Refused(422, "422"))
        tell(one, answers.Opened(), answers.Page(version))
    tell(one, answers.Opened(), answers.Seen(version), answers.Over(300.0))
    return one


def asks(one: Reflector) -> tuple[Mode, dict[str, str]]:
    """What it asks."""
    ask = one.next()
    return ask.mode, dict(ask.query)


def test_a_streaming_list_comes_first() -> None:
    """Of the newest there is, with bookmarks, ended by the server after some minutes."""
    wanted = {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "450",
        "sendInitialEvents": "true",
        "resourceVersion": "",
        "resourceVersionMatch": "NotOlderThan",
    }

    assert (Mode.STREAM, wanted) == asks(fresh())


def test_a_stream_is_complete_at_its_end() -> None:
    """What comes before the bookmark with the annotation is kept, what comes after it is applied."""
    one = fresh()
    object_, bookmark = answers.Seen("5"), answers.Seen("6", bookmark=True)

    assert tell(one, answers.Opened(), object_, bookmark) == [Do.KEEP]
    assert [s for a in (END, answers.Seen("8")) for s in one.take(a)] == [Do.ADOPT, Do.STAY, Do.APPLY]
    assert asks(one)[0] is Mode.WATCH


@pytest.mark.parametrize("code", [400, 422, 500])
def test_servers_without_streams(code: int) -> None:
    """They are asked for a list out of memory at once, and not for a stream again."""
    one = fresh()
    assert tell(one, answers.Refused(code, "no")) == [Do.DROP]
    ask = one.next()
    assert (ask.mode, ask.query, ask.delay) == (Mode.CACHE, (("resourceVersion", "0"),), 0.0)
    tell(one, answers.Opened(), answers.Page("7"))
    tell(one, answers.Opened(), answers.Seen("8"))
    tell(one, GONE)

    assert asks(one) == (Mode.CACHE, {"resourceVersion": "8", "resourceVersionMatch": "NotOlderThan"})


def test_a_stream_that_never_ends() -> None:
    """An old server takes it for an ordinary watch: silence, or events without end."""
    silent, busy = fresh(), fresh()
    tell(silent, answers.Opened(), answers.Seen("5"), answers.Lost("silence", 12.0, silent=True))
    assert asks(silent)[0] is Mode.CACHE

    steps = tell(busy, answers.Opened(), *[answers.Seen("5")] * 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reflector, "STREAM_EVENTS", 3)
        steps += busy.take(answers.Seen("6"))

    assert steps[-2:] == [Do.CLOSE, Do.DROP]
    assert asks(busy)[0] is Mode.CACHE


def test_a_server_that_does_not_answer_may_have_streams() -> None:
    """Silence before any answer says nothing about streams."""
    one = fresh()
    tell(one, answers.Lost("silence", 10.0, silent=True))

    assert asks(one)[0] is Mode.STREAM


def test_other_ways_are_tried_in_turn() -> None:
    """A list that fails is asked for in another way, with growing pauses."""
    one = fresh()
    modes, delays = [], []
    for _ in range(5):
        ask = one.next()
        modes.append(ask.mode)
        delays.append(round(ask.delay, 2))
        list(one.take(answers.Refused(503, "503 no")))

    assert modes == [Mode.STREAM, Mode.CACHE, Mode.PAGES, Mode.STREAM, Mode.CACHE]
    assert delays == [0.0, 0.15, 0.3, 0.6, 1.2]


def test_pauses_have_a_limit() -> None:
    """30 s, and up to as much again by chance."""
    one = fresh()
    for _ in range(50):
        tell(one, LOST)

    assert one.next().delay == 45.0


def test_pages() -> None:
    """One after the other, at the version of the first one."""
    one = watching(streams=False)
    tell(one, TOO_NEW)
    assert asks(one) == (Mode.PAGES, {"limit": "500"})
    assert list(one.take(answers.Page("9", "token"))) == [Do.KEEP]
    assert asks(one) == (Mode.PAGES, {"limit": "500", "continue": "token"})
    assert list(one.take(answers.Page("9"))) == [Do.KEEP, Do.ADOPT]

    mode, query = asks(one)

    assert (mode, query["resourceVersion"]) == (Mode.WATCH, "9")


def test_an_expired_token() -> None:
    """Everything from the beginning, and in one piece, so that no token can expire."""
    one = watching(streams=False)
    tell(one, TOO_NEW)
    tell(one, answers.Page("9", "token"))

    assert Do.DROP in tell(one, GONE)
    assert asks(one) == (Mode.PAGES, {})


def test_a_stale_memory_is_refused() -> None:
    """A list that is older than what was seen is not adopted: etcd is asked at once."""
    one = watching("100", streams=False)
    tell(one, GONE)
    steps = tell(one, answers.Opened(), answers.Page("99"))

    assert Do.DROP in steps
    assert Do.ADOPT not in steps
    assert [step.what for step in steps if isinstance(step, Tell)] == ["kube_stale"]
    assert asks(one)[0] is Mode.PAGES


def test_versions_are_compared_as_numbers() -> None:
    """KEP-5504: 99 is older than 100; what is no number is not compared."""
    assert older("99", "100")
    assert not older("100", "99")
    assert not older("9", "")
    assert not older("abc", "100")


def test_an_older_store() -> None:
    """etcd itself is older than what was seen: somebody put back a backup, and that is the truth."""
    one = watching("100")
    tell(one, LOST)
    assert asks(one) == (Mode.CHECK, {"limit": "1"})
    steps = list(one.take(answers.Page("50")))
    assert [step.what for step in steps if isinstance(step, Tell)] == ["kube_older_store"]
    assert asks(one)[0] is Mode.PAGES

    assert Do.ADOPT in list(one.take(answers.Page("50")))
    assert asks(one)[1]["resourceVersion"] == "50"


def test_an_older_store_is_told_to_others_once() -> None:
    """By who notices it, when it does."""
    one = watching("100")
    steps = [*tell(one, LOST), *tell(one, answers.Page("50")), *tell(one, answers.Page("50"))]
    assert steps.count(Do.OLDER) == 1
    assert Do.ADOPT in steps

    tell(one, LOST)
    assert Do.OLDER in tell(one, answers.Page("20"))


@pytest.mark.parametrize("version", ["50", "100", "200"])
def test_who_is_told_lists_again(version: str) -> None:
    """Whatever its own versions say: the newest there is, and it tells nobody in turn."""
    one = watching("100")
    assert list(one.doubt()) == [Do.BEHIND, Do.DROP]
    assert asks(one) == (Mode.PAGES, {"limit": "500"})
    steps = list(one.take(answers.Page(version)))

    assert Do.ADOPT in steps
    assert Do.OLDER not in steps
    assert asks(one)[1]["resourceVersion"] == version


def test_an_older_store_is_not_read_out_of_a_memory() -> None:
    """Until it is listed, only what is sure to be the newest counts."""
    one = watching("100", streams=False)
    tell(one, LOST)
    tell(one, answers.Page("50"))
    modes = set()
    for _ in range(6):
        modes.add(asks(one)[0])
        list(one.take(answers.Refused(503, "503")))

    assert Mode.CACHE not in modes


def test_events_that_go_back() -> None:
    """A watch whose versions decrease tells of another store: nothing of it is applied."""
    one = watching("100")
    steps = tell(one, answers.Opened(), answers.Seen("99"))

    assert Do.CLOSE in steps
    assert Do.APPLY not in steps
    assert asks(one)[0] is Mode.PAGES


def test_a_broken_watch_goes_on_where_it_was() -> None:
    """After asking how new the store is; what was missed is announced."""
    one = watching("7")
    assert Do.BEHIND in tell(one, answers.Opened(), answers.Seen("8"), LOST)
    tell(one, answers.Page("20"))
    mode, query = asks(one)
    assert (mode, query["resourceVersion"]) == (Mode.WATCH, "8")

    assert list(one.take(answers.Opened())) == [Do.RESUMED]


def test_a_watch_that_ends_in_order() -> None:
    """Its time is over: the next one follows at once, and nothing was missed."""
    one = watching("7")

    assert tell(one, answers.Opened(), answers.Seen("8"), answers.Over(300.0)) == [Do.APPLY]
    ask = one.next()
    assert (ask.mode, ask.delay) == (Mode.WATCH, 0.0)


def test_a_watch_that_ends_at_once() -> None:
    """It is a failure, so that nobody asks without a pause for ever."""
    one = watching("7")
    tell(one, answers.Opened(), answers.Over(0.1))

    assert one.next().delay > 0


def test_gone() -> None:
    """The first time a list comes at once; where it did not help, of the newest and after a pause."""
    one = watching("7", streams=False)
    tell(one, GONE)
    ask = one.next()
    assert (ask.mode, ask.delay) == (Mode.CACHE, 0.0)
    list(one.take(answers.Page("8")))
    tell(one, GONE)
    ask = one.next()

    assert ask.mode is Mode.PAGES
    assert ask.delay > 0


def test_a_watch_that_is_refused_again_and_again() -> None:
    """Everything is listed again: perhaps the version is what the server cannot serve."""
    one = watching("7")
    for _ in range(reflector.ATTEMPTS):
        assert asks(one)[0] is Mode.WATCH
        list(one.take(answers.Refused(500, "500")))

    assert asks(one)[0] is Mode.STREAM


@pytest.mark.parametrize("code", [401, 403, 429])
def test_a_watch_that_is_denied_keeps_its_place(code: int) -> None:
    """However often: it is not the way of asking."""
    one = watching("7")
    for _ in range(10):
        assert asks(one)[0] is Mode.WATCH
        steps = list(one.take(answers.Refused(code, str(code))))
        assert (code == 401) == (Do.RENEW in steps)


def test_retry_after() -> None:
    """What the server asks for is the least."""
    one = watching("7")
    tell(one, answers.Refused(429, "429", retry_after=7.0))
    assert one.next().delay == 7.0
    list(one.take(answers.Refused(429, "429", retry_after=1e9)))

    assert one.next().delay == 120.0


def test_a_failure_is_told_when_it_appears() -> None:
    """Not again while it stays; again after it was over."""
    one = watching("7")
    for expected in (1, 0, 0):
        assert expected == sum(isinstance(s, Tell) for s in tell(one, answers.Refused(403, "403")))
    tell(one, answers.Opened(), answers.Seen("9"))

    assert any(isinstance(s, Tell) for s in tell(one, answers.Refused(403, "403")))


def test_silence_without_bookmarks_is_nothing_to_tell() -> None:
    """Servers without bookmarks say nothing where nothing happens; with bookmarks, the connection is dead."""
    quiet, dead = watching("7", streams=False), watching("7", streams=False)
    silence = answers.Lost("silence", 150.0, silent=True)

    assert not any(isinstance(s, Tell) for s in tell(quiet, answers.Opened(), silence))
    assert any(isinstance(s, Tell) for s in tell(dead, answers.Opened(), answers.Seen("8", bookmark=True), silence))
    assert asks(quiet)[0] is asks(dead)[0] is Mode.CHECK


def test_a_defect_means_everything_again() -> None:
    """Nobody knows what of the answer was taken in: listing makes sure, after a pause."""
    one = watching("7")
    steps = tell(one, answers.Opened(), answers.Failed("KeyError: 'x'"))

    assert {Do.BEHIND, Do.DROP} <= set(steps)
    ask = one.next()
    assert ask.mode is Mode.STREAM
    assert ask.delay > 0


def test_discovery_comes_first() -> None:
    """For what may be in one of two groups; and again where its path is not there any more."""
    one = fresh(find=True)
    assert asks(one) == (Mode.FIND, {})
    list(one.take(answers.Found(False)))
    assert asks(one)[0] is Mode.FIND
    list(one.take(answers.Found(True)))
    assert asks(one)[0] is Mode.STREAM
    list(one.take(answers.Refused(404, "404")))

    assert asks(one)[0] is Mode.FIND
