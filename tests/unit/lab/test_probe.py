"""What an answer, a silence and a refusal prove."""

import pytest

from ryu_netpol.lab.listen import Place
from ryu_netpol.lab.probe import Outcome, Question, judge, turns
from ryu_netpol.lab.shoot import Echo, Shot, Wire

A, B = Place("default/a", "ns-a", "10.0.0.1"), Place("default/b", "ns-b", "10.0.0.2")
NODE = Place("node/node1", "ns-n", "")
SHOT = Shot(A, B, "TCP", 80)
CONTROL = Shot(NODE, B, "TCP", 80)
QUESTION = Question(SHOT, (CONTROL,))
GOOD = {CONTROL: Echo(Wire.ANSWERED, "default/b 80")}
BAD = {CONTROL: Echo(Wire.SILENT)}
SILENCE = Echo(Wire.SILENT)


def test_silence_is_denied_only_while_the_controls_answer() -> None:
    """P11: a packet that does not arrive proves nothing by itself."""
    assert judge(QUESTION, SILENCE, GOOD, GOOD, timeout=1.0).outcome is Outcome.DENIED
    assert judge(QUESTION, SILENCE, BAD, GOOD, timeout=1.0).outcome is Outcome.ERROR
    assert judge(QUESTION, SILENCE, GOOD, BAD, timeout=1.0).outcome is Outcome.ERROR


def test_the_error_names_the_control_that_failed() -> None:
    """A person has to find out what is broken."""
    assert "node/node1 to default/b by TCP 80" in judge(QUESTION, SILENCE, GOOD, BAD, timeout=1.0).reason


def test_a_refusal_is_an_error() -> None:
    """Policies drop; a reset says that something else is wrong, such as a missing listener."""
    result = judge(QUESTION, Echo(Wire.REFUSED, "Connection refused"), GOOD, {}, timeout=1.0)

    assert result.outcome is Outcome.ERROR
    assert "Connection refused" in result.reason


@pytest.mark.parametrize(
    ("words", "outcome"),
    [("default/b 80", Outcome.ALLOWED), ("default/c 80", Outcome.ERROR), ("", Outcome.ALLOWED)],
    ids=["the right one", "another pod", "a program of the user"],
)
def test_who_answers_matters(words: str, outcome: Outcome) -> None:
    """An answer from the wrong pod is a bug in the network, not a permission."""
    assert judge(QUESTION, Echo(Wire.ANSWERED, words), GOOD, {}, timeout=1.0).outcome is outcome


def test_sctp_is_asked_one_way_after_the_other() -> None:
    """Two hosts have one SCTP connection, whatever the ports: the answer to one way would let the other way pass."""
    there, back, tcp = Shot(A, B, "SCTP", 80), Shot(B, A, "SCTP", 90), Shot(B, A, "TCP", 80)

    assert turns([Question(shot, ()) for shot in (back, there, tcp)]) == [[1, 2], [0]]
    assert turns([Question(tcp, ())]) == [[0]]
    assert turns([]) == []
