"""That a connection without an answer was dropped by a policy, and by nothing else: the packet counters say so.

A connection that gets no answer is opened once more, by exactly one packet. The running switch is asked which flow
would drop it (fate.py); that must be the isolation of the identity that is judged, and its counter must grow by as many
packets as were sent to meet it, no more and no fewer. Many are sent at once, so a flow is counted for all connections
that it should drop. If the counters of all isolation flows together grew by exactly what was expected, none of these
packets was lost anywhere else.

Those of a counter that is wrong are halved and tried again, down to one connection. Then packets overrule what the
switch was expected to do in one case: where it would let the packet through, and an isolation flow alone counted it,
that is a policy's drop, and whoever compares it with what policies mean will see the difference. A counter of another
flow than the expected one proves nothing, and neither does silence that nobody counted: both are errors.

Who else sends packets into the same flows in the same moment disturbs the count, so that it is repeated.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ryu_netpol.flows.ir import Cookie, CookieKind
from ryu_netpol.lab.drops import Drop
from ryu_netpol.lab.fate import Fate
from ryu_netpol.lab.shoot import Shot

AT_ONCE = 100
"""Packets in a batch: more could overflow the receive buffer of one port while the switch is busy."""
PATIENCE = 0.5
"""Seconds without a packet in any drop until those that nobody counted are lost: on one machine it takes one
millisecond."""
_EVERY = 0.005
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """Which policy's drop counted the connection's packet; None: none did, for the reason in `words`."""

    drop: Drop | None
    words: str = ""


class _Try(NamedTuple):
    number: int
    shot: Shot
    fate: Fate


@dataclass(frozen=True, slots=True)
class Prover:
    """What a proof needs of the lab."""

    fate: Callable[[Shot], Fate]
    """What the running switches would do with its first packet."""
    dropped: Callable[[], Counter[Drop]]
    """The packets that each drop flow has counted so far."""
    send: Callable[[Shot], None]
    """Send the connection's first packet, once. May raise OSError."""
    patience: float = PATIENCE

    def prove(self, shots: Sequence[Shot]) -> list[Finding]:
        """Find the drop of each; results in the order of the shots."""
        tries = [_Try(number, shot, self.fate(shot)) for number, shot in enumerate(shots)]
        # Those that no policy is expected to drop take their time, and should not hold up others.
        tries.sort(key=lambda each: not each.fate.by_policy)
        found: dict[int, Finding] = {}
        for start in range(0, len(tries), AT_ONCE):
            found |= self._together(tries[start : start + AT_ONCE])
        return [found[number] for number in range(len(shots))]

    def _together(self, tries: Sequence[_Try]) -> dict[int, Finding]:
        if len(tries) == 1:
            return {tries[0].number: self._alone(tries[0])}
        grown, failed = self._grown(tries)
        expected = Counter(each.fate.drop for each in tries if each.fate.by_policy)
        right = {drop for drop, packets in expected.items() if drop is not None and grown[drop] == packets}
        proven = [each for each in tries if each.fate.by_policy and each.fate.drop in right]
        found = {each.number: Finding(each.fate.drop) for each in proven}
        left = [each for each in tries if each.number not in found]
        rest = Counter({drop: packets for drop, packets in grown.items() if drop not in right})
        if failed is None and not _policies(rest):
            return found | {each.number: judge(each.fate, rest) for each in left}
        middle = len(left) // 2
        for half in (left[:middle], left[middle:]):
            found |= self._together(half) if half else {}
        return found

    def _alone(self, one: _Try) -> Finding:
        finding = Finding(None)
        for _ in range(_ATTEMPTS):
            grown, failed = self._grown([one])
            if failed is not None:
                return Finding(None, f"its first packet could not be sent: {failed.strerror}")
            finding = judge(one.fate, grown)
            if finding.drop is not None or not _policies(grown):
                break
        return finding

    def _grown(self, tries: Sequence[_Try]) -> tuple[Counter[Drop], OSError | None]:
        """By how much each counter grew when the packets were sent; and why one of them could not be sent, if so."""
        failed = None
        before = self._quiet()
        for each in tries:
            try:
                self.send(each.shot)
            except OSError as error:
                failed = error
        known, since = 0, time.monotonic()
        while True:
            grown = self.dropped() - before
            counted = _policies(grown).total()
            if counted > known:
                known, since = counted, time.monotonic()
            if counted >= len(tries) or time.monotonic() > since + self.patience:
                return grown, failed
            time.sleep(_EVERY)

    def _quiet(self) -> Counter[Drop]:
        """The counters when what was sent before is no longer on its way: it must not be taken for what is sent now."""
        deadline = time.monotonic() + self.patience
        before = self.dropped()
        while _policies(now := self.dropped()) != _policies(before) and time.monotonic() < deadline:
            before = now
        return now


def judge(fate: Fate, grown: Counter[Drop]) -> Finding:
    """What counters say of one packet of one connection. `grown`: by how much, of all flows that dropped something."""
    drops = _policies(grown)
    if drops.total() == 1:
        (drop,) = drops
        if fate.drop is None or (fate.by_policy and drop == fate.drop):
            return Finding(drop)
        return Finding(None, f"{fate.words}, but {drop} counted it")
    if drops:
        counted = ", ".join(f"{drop} counted {packets}" for drop, packets in sorted(drops.items()))
        return Finding(None, f"one packet was sent, but {counted} at the same time")
    others = ", ".join(map(str, sorted(grown)))
    return Finding(None, f"no policy's drop counted it ({fate.words}; {f'{others} did' if others else 'no drop did'})")


def _policies(grown: Counter[Drop]) -> Counter[Drop]:
    return Counter({drop: packets for drop, packets in grown.items() if _isolates(drop)})


def _isolates(drop: Drop) -> bool:
    cookie = Cookie.decode(drop.cookie)
    return cookie is not None and cookie.kind is CookieKind.ISOLATED
