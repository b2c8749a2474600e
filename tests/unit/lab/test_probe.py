"""What an answer, a silence and a refusal prove."""

import asyncio
from collections.abc import Iterable, Sequence

import pytest

from ryu_netpol.lab import probe
from ryu_netpol.lab.drops import Drop
from ryu_netpol.lab.listen import Place
from ryu_netpol.lab.probe import Findings, Outcome, Question, Result, ask, complain, insist, judge, turns
from ryu_netpol.lab.proof import Finding
from ryu_netpol.lab.shoot import Echo, Shot, Wire
from ryu_netpol.model.names import Protocol
from ryu_netpol.model.probe import Probe
from tests.support import build

A, B = Place("default/a", "ns-a", "10.0.0.1"), Place("default/b", "ns-b", "10.0.0.2")
NODE = Place("node/node1", "ns-n", "")
SHOT = Shot(A, B, "TCP", 80)
CONTROL = Shot(NODE, B, "TCP", 80)
QUESTION = Question(SHOT, (CONTROL,))
GOOD = {CONTROL: Echo(Wire.ANSWERED, "default/b 80")}
BAD = {CONTROL: Echo(Wire.SILENT)}
SILENCE = Echo(Wire.SILENT)
DROP = Drop("node1", 51, 0x6E70_0009_0000_0005)
PROVEN = {SHOT: Finding(DROP)}
UNPROVEN = {SHOT: Finding(None, "no policy's drop counted it")}


@pytest.mark.parametrize(
    ("known", "outcome"),
    [
        (Findings(GOOD, GOOD, PROVEN), Outcome.DENIED),
        (Findings(BAD, GOOD), Outcome.ERROR),
        (Findings(GOOD, BAD, PROVEN), Outcome.ERROR),
        (Findings(GOOD, GOOD, UNPROVEN), Outcome.ERROR),
    ],
    ids=["path works, policy dropped it", "broken before", "broken after", "no policy dropped it"],
)
def test_silence_is_denied_only_if_the_path_works_and_a_policy_dropped_it(known: Findings, outcome: Outcome) -> None:
    """P11: a packet that does not arrive proves nothing by itself."""
    assert judge(QUESTION, SILENCE, known, timeout=1.0).outcome is outcome


def test_a_denial_names_the_drop_that_counted_it() -> None:
    """So that it can be looked at on the switch."""
    reason = judge(QUESTION, SILENCE, Findings(GOOD, GOOD, PROVEN), timeout=1.0).reason

    assert reason == "no answer within 1 s, while its node reaches it; ISOLATED/5 in INGRESS on node1 counted it"


def test_the_error_names_what_failed() -> None:
    """A person has to find out what is broken: the control connection, or the proof."""
    control = judge(QUESTION, SILENCE, Findings(GOOD, BAD, PROVEN), timeout=1.0).reason
    proof = judge(QUESTION, SILENCE, Findings(GOOD, GOOD, UNPROVEN), timeout=1.0).reason

    assert "node/node1 to default/b by TCP 80" in control
    assert proof == "no answer, but no policy's drop counted it"


def test_a_refusal_is_an_error() -> None:
    """Policies drop; a reset says that something else is wrong, such as a missing listener."""
    result = judge(QUESTION, Echo(Wire.REFUSED, "Connection refused"), Findings(GOOD), timeout=1.0)

    assert result.outcome is Outcome.ERROR
    assert "Connection refused" in result.reason


@pytest.mark.parametrize(
    ("words", "outcome"),
    [("default/b 80", Outcome.ALLOWED), ("default/c 80", Outcome.ERROR), ("", Outcome.ALLOWED)],
    ids=["the right one", "another pod", "a program of the user"],
)
def test_who_answers_matters(words: str, outcome: Outcome) -> None:
    """An answer from the wrong pod is a bug in the network, not a permission."""
    assert judge(QUESTION, Echo(Wire.ANSWERED, words), Findings(GOOD), timeout=1.0).outcome is outcome


@pytest.mark.parametrize(
    ("misses", "outcome"),
    [(0, Outcome.DENIED), (1, Outcome.DENIED), (2, Outcome.ERROR)],
    ids=["works", "works the second time", "never works"],
)
def test_a_control_may_fail_once(misses: int, outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine loses an answer now and then; where the path is broken, nothing is proven."""
    asked, control = Shot(A, B, "ICMP", 0), Shot(NODE, B, "ICMP", 0)
    seen: list[Shot] = []

    async def shoot(shots: Iterable[Shot], **_: object) -> list[Echo]:
        batch = list(shots)
        seen.extend(batch)
        missed = seen.count(control) <= misses
        return [Echo(Wire.SILENT if shot == asked or missed else Wire.ANSWERED, B.name) for shot in batch]

    monkeypatch.setattr(probe, "shoot", shoot)
    (result,) = ask([Question(asked, (control,))], prove=lambda shots: [Finding(DROP) for _ in shots])

    assert result.outcome is outcome


def test_sctp_is_asked_one_way_after_the_other() -> None:
    """Two hosts have one SCTP connection, whatever the ports: the answer to one way would let the other way pass."""
    there, back, tcp = Shot(A, B, "SCTP", 80), Shot(B, A, "SCTP", 90), Shot(B, A, "TCP", 80)
    beside = Shot(A, B, "SCTP", 81)

    assert turns([Question(shot, ()) for shot in (back, there, tcp, beside)]) == [[1, 2, 3], [0]]
    assert turns([Question(tcp, ())]) == [[0]]
    assert turns([]) == []


def test_an_outsider_behind_a_node_counts_as_that_node() -> None:
    """In the switch it has the node's address, to which the pod speaks as well: not in one turn."""
    outsider, node = Place("outside", "npl1-outside", "192.0.0.1"), Place("node/n", "npl1-node.n", "192.168.50.1")
    pod = Place("default/a", "npl1-pod.a", "10.0.0.1")

    assert turns([Question(Shot(*ends, "SCTP", 80), ()) for ends in ((outsider, pod), (pod, node))]) == [[0], [1]]


def test_only_what_showed_nothing_is_asked_again() -> None:
    """Three times at most; a verdict stands."""
    asked = [Probe(build.address("10.0.0.1"), build.address("10.0.0.2"), Protocol.TCP, port) for port in (1, 2, 3)]
    rounds: list[list[int | None]] = []

    def send(probes: Sequence[Probe]) -> list[Result]:
        rounds.append([one.port for one in probes])
        second = Outcome.DENIED if len(rounds) == 2 else Outcome.ERROR
        return [Result({1: Outcome.ALLOWED, 2: second}.get(one.port or 0, Outcome.ERROR), "") for one in probes]

    found = [result.outcome for result in insist(send, asked)]

    assert found == [Outcome.ALLOWED, Outcome.DENIED, Outcome.ERROR]
    assert rounds == [[1, 2, 3], [2, 3], [3]]


@pytest.mark.parametrize(("error", "told"), [(KeyboardInterrupt(), 0), (SystemExit(143), 0), (ValueError("x"), 1)])
def test_an_interrupt_in_a_task_is_not_told_twice(
    error: BaseException, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    """It ends everything anyway; what else nobody asked a task for is told."""
    loop = asyncio.new_event_loop()
    complain(loop, {"message": "Task exception was never retrieved", "exception": error})
    loop.close()

    assert len(caplog.records) == told
