"""What counters prove: the policy's own drop counted the packet, or it is an error."""

from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from ryu_netpol.flows.ir import Cookie, CookieKind
from ryu_netpol.lab.drops import Drop
from ryu_netpol.lab.fate import Fate
from ryu_netpol.lab.listen import Place
from ryu_netpol.lab.proof import Finding, Prover, judge
from ryu_netpol.lab.shoot import Shot

POLICY = Drop("n1", 51, int(Cookie(CookieKind.ISOLATED, 5)))
OTHER_POLICY = Drop("n1", 41, int(Cookie(CookieKind.ISOLATED, 7)))
SPOOF = Drop("n1", 0, int(Cookie(CookieKind.SPOOF, 2)))
EXPECTED = Fate("the switch would drop it", POLICY, by_policy=True)
WRONG_IDENTITY = Fate("the switch would drop it", POLICY, by_policy=False)
FORWARD = Fate("the switch would drop it elsewhere", Drop("n1", 70, 1))
PASSES = Fate("the switch would let it through")


@pytest.mark.parametrize(
    ("fate", "grown", "drop"),
    [
        (EXPECTED, {POLICY: 1}, POLICY),
        (EXPECTED, {POLICY: 1, SPOOF: 3}, POLICY),
        (EXPECTED, {}, None),
        (EXPECTED, {SPOOF: 1}, None),
        (EXPECTED, {OTHER_POLICY: 1}, None),
        (EXPECTED, {POLICY: 2}, None),
        (EXPECTED, {POLICY: 1, OTHER_POLICY: 1}, None),
        (PASSES, {OTHER_POLICY: 1}, OTHER_POLICY),
        (PASSES, {}, None),
        (PASSES, {SPOOF: 1}, None),
        (FORWARD, {}, None),
        (FORWARD, {POLICY: 1}, None),
        (WRONG_IDENTITY, {POLICY: 1}, None),
    ],
    ids=[
        "as foretold", "beside noise elsewhere", "nobody counted it", "another drop did", "another policy did",
        "somebody else sends", "two policies", "foretold to pass, but a policy dropped it", "lost without a trace",
        "foretold to pass, but another drop took it", "no policy's drop foretold", "a policy where none was foretold",
        "isolation of somebody else",
    ],
)  # fmt: skip
def test_only_a_policy_s_drop_that_counted_the_packet_proves_it(
    fate: Fate, grown: dict[Drop, int], drop: Drop | None
) -> None:
    """Everything else is an error, with a sentence that says what was counted instead."""
    found = judge(fate, Counter(grown))

    assert found.drop == drop
    assert bool(found.words) is (drop is None)


def test_the_error_names_what_counted_it_instead() -> None:
    """A person has to find out what is broken."""
    words = "no policy's drop counted it (the switch would let it through; SPOOF/2 in CLASSIFY on n1 did)"

    assert judge(PASSES, Counter({SPOOF: 1})) == Finding(None, words)


class Switch:
    """A switch of which a test says what it does with each packet: the drop that counts it."""

    def __init__(
        self, fates: Sequence[Fate], *, drops: Callable[[int, int], Sequence[Drop]], late: Sequence[Drop] = ()
    ) -> None:
        """`drops`: what the packet of connection N makes count when it is sent for the n-th time.

        `late`: earlier packets that are still on their way, one of which is counted after each look.
        """
        self.shots = [Shot(Place(f"p{n}", "", ""), Place("q", "", ""), "TCP", 80) for n in range(len(fates))]
        self.sent: Counter[int] = Counter()
        self._counters: Counter[Drop] = Counter()
        self._drops = drops
        self._late = list(late)
        # Patience is needed only where something is late; otherwise what nobody counts is lost at once.
        self._prover = Prover(
            lambda shot: fates[self.shots.index(shot)], self._look, self._send, patience=0.05 if late else 0
        )

    def _send(self, shot: Shot) -> None:
        number = self.shots.index(shot)
        self.sent[number] += 1
        self._counters.update(self._drops(number, self.sent[number]))

    def _look(self) -> Counter[Drop]:
        seen = Counter(self._counters)
        self._counters.update(self._late[:1])
        del self._late[:1]
        return seen

    def prove(self) -> list[Finding]:
        return self._prover.prove(self.shots)


def test_many_are_proven_by_one_packet_each() -> None:
    """The counters of two shared drops grow by exactly as many packets as should meet them."""
    fates = [EXPECTED if n % 2 else Fate("", OTHER_POLICY, by_policy=True) for n in range(250)]
    switch = Switch(fates, drops=lambda n, _: [POLICY if n % 2 else OTHER_POLICY])

    assert [finding.drop for finding in switch.prove()] == [fate.drop for fate in fates]
    assert {*switch.sent.values()} == {1}


def test_one_packet_that_nobody_counts_is_found_among_many() -> None:
    """P10: a shared counter that grew by one too little convicts only the connection whose packet was lost."""
    switch = Switch([EXPECTED] * 60, drops=lambda n, _: [] if n == 40 else [POLICY])

    found = switch.prove()
    assert [n for n, finding in enumerate(found) if finding.drop is None] == [40]
    assert "no drop did" in found[40].words


def test_a_packet_in_a_wrong_drop_is_found_among_many() -> None:
    """P10: the sum of all drops is right, and still one of them counted what another one should have."""
    switch = Switch([EXPECTED] * 10, drops=lambda n, _: [OTHER_POLICY] if n == 3 else [POLICY])

    found = switch.prove()
    assert [n for n, finding in enumerate(found) if finding.drop is None] == [3]
    assert "ISOLATED/7 in EGRESS on n1 counted it" in found[3].words


def test_what_disturbs_the_count_once_does_not_matter() -> None:
    """Somebody else's packet in the same flow, at the same time: count again."""
    switch = Switch([EXPECTED], drops=lambda _, time: [POLICY] * (3 - time if time < 3 else 1))

    assert switch.prove() == [Finding(POLICY)]
    assert switch.sent[0] == 2


def test_earlier_packets_prove_nothing() -> None:
    """What is still on its way when the count begins is waited for."""
    switch = Switch([EXPECTED], drops=lambda *_: [], late=[POLICY] * 3)

    (found,) = switch.prove()
    assert found.drop is None
    assert "no drop did" in found.words


def test_what_cannot_be_sent_is_an_error() -> None:
    """A packet that its own host refuses never came to a policy."""

    def refuse(number: int, _: int) -> Sequence[Drop]:
        if number == 1:
            raise PermissionError(1, "Operation not permitted")
        return [POLICY]

    found = Switch([EXPECTED] * 3, drops=refuse).prove()

    assert [finding.drop for finding in found] == [POLICY, None, POLICY]
    assert found[1].words == "its first packet could not be sent: Operation not permitted"


def test_nothing_to_prove_asks_nobody() -> None:
    """The usual case where every probe was answered."""
    assert Switch([], drops=lambda *_: []).prove() == []
