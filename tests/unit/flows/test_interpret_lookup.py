"""Conjunctive matches by hand: every rule of ovs-fields(7) and of the classifier, all tried on Open vSwitch 3.1."""

from __future__ import annotations

import pytest

from ryu_netpol.flows.interpret import Interpreter, InterpreterError, Packet
from ryu_netpol.model.net import Address
from tests.unit.flows.test_interpret import A, B, flows, hits, run

C = Address.parse("10.0.0.3")
CLAUSES = """\
0 10 ip,nw_src=10.0.0.1 -> conjunction(7,1/2)
0 10 tcp,tcp_dst=80 -> conjunction(7,2/2)
0 10 tcp,tcp_dst=81 -> conjunction(7,2/2)
"""
CONJUNCTION = CLAUSES + "0 10 conj_id=7 -> output:7\n"
MISS = "0 0 any -> output:9\n"


def ports(text: str, packet: Packet | None = None) -> tuple[int, ...]:
    """Where a packet from A to B, TCP port 80, goes."""
    return run(text, packet or Packet.tcp(A, B, 80, in_port=1)).ports


def test_all_clauses() -> None:
    """All clauses match: the flow with that conj_id decides, and it is the one that counts the packet."""
    outcome = run(CONJUNCTION + MISS)

    assert outcome.ports == (7,)
    assert hits(outcome) == [4]
    assert ports(CONJUNCTION + MISS, Packet.tcp(A, B, 81, in_port=1)) == (7,)


def test_not_all_clauses() -> None:
    """One clause missing: as if there were no conjunction."""
    assert ports(CONJUNCTION + MISS, Packet.tcp(B, A, 80, in_port=1)) == (9,)
    assert ports(CONJUNCTION + MISS, Packet.tcp(A, B, 82, in_port=1)) == (9,)
    assert ports(CONJUNCTION + MISS, Packet.udp(A, B, 80, in_port=1)) == (9,)


def test_three_clauses() -> None:
    """Any number of dimensions, in any order, several flows of one dimension matching at once."""
    three = "0 5 tcp,tcp_dst=80 -> conjunction(3,3/3)\n0 5 ip,nw_src=10.0.0.0/8 -> conjunction(3,1/3)\n"
    three += "0 5 ip,nw_src=10.0.0.0/31 -> conjunction(3,1/3)\n0 5 conj_id=3 -> output:3\n" + MISS

    assert ports(three) == (9,)
    assert ports(three + "0 5 ip,nw_dst=10.0.0.2 -> conjunction(3,2/3)") == (3,)


def test_shared_clauses() -> None:
    """One flow may be a clause of several conjunctions; only the complete one counts."""
    table = (
        "0 5 ip,nw_src=10.0.0.1 -> conjunction(1,1/2),conjunction(2,1/2)\n0 5 tcp,tcp_dst=80 -> conjunction(1,2/2)\n"
    )
    table += "0 5 tcp,tcp_dst=443 -> conjunction(2,2/2)\n0 5 conj_id=1 -> output:2\n0 5 conj_id=2 -> output:3\n" + MISS

    assert ports(table) == (2,)
    assert ports(table, Packet.tcp(A, B, 443, in_port=1)) == (3,)
    assert ports(table, Packet.tcp(A, B, 22, in_port=1)) == (9,)


@pytest.mark.parametrize(("priority", "port"), [(11, 5), (10, 5), (9, 7)])
def test_hard_matches(priority: int, port: int) -> None:
    """A hard match wins from above and at the same priority, and loses from below."""
    assert ports(f"{CONJUNCTION}{MISS}0 {priority} ip,nw_dst=10.0.0.2 -> output:5") == (port,)


BANDS = """\
0 20 ip,nw_src=10.0.0.1 -> conjunction(2,1/2)
0 20 ip,nw_dst=10.0.0.3 -> conjunction(2,2/2)
0 20 conj_id=2 -> output:2
"""


def test_bands() -> None:
    """An incomplete conjunction of higher priority gives way to a complete one below; a complete one does not."""
    assert ports(CONJUNCTION + MISS + BANDS) == (7,)
    assert ports(CONJUNCTION + MISS + BANDS, Packet.tcp(A, C, 80, in_port=1)) == (2,)


def test_clauses_of_different_priority_do_not_add_up() -> None:
    """A hard match between the bands beats the lower one."""
    assert ports(CONJUNCTION + MISS + BANDS + "0 15 ip -> output:5") == (5,)
    assert ports(
        CONJUNCTION + MISS + BANDS + "0 25 ip,nw_dst=10.0.0.3 -> output:5", Packet.tcp(A, C, 80, in_port=1)
    ) == (5,)


def test_identical_match_below() -> None:
    """Below an incomplete soft match its identical match of lower priority counts, soft or hard."""
    soft = "0 20 ip,nw_src=10.0.0.1 -> conjunction(2,1/2)\n0 20 ip,nw_dst=10.0.0.3 -> conjunction(2,2/2)\n"

    assert ports(soft + CONJUNCTION + MISS) == (7,)
    assert ports(f"{soft}{MISS}0 5 ip,nw_src=10.0.0.1 -> output:5") == (5,)
    assert ports(f"{soft}{CONJUNCTION}{MISS}0 5 ip,nw_src=10.0.0.1 -> output:5") == (7,)
    assert ports(f"{soft}{CONJUNCTION}{MISS}0 15 ip,nw_src=10.0.0.1 -> output:5") == (5,)


def test_no_flow_with_the_number() -> None:
    """The second search takes whatever it finds, of lower priority too; a conjunction below has no turn then."""
    assert ports(CLAUSES + MISS) == (9,)
    assert ports(f"{CLAUSES}{MISS}0 4 ip -> output:4") == (4,)
    assert ports(BANDS.replace("10.0.0.3", "10.0.0.2").replace("conj_id=2", "conj_id=99") + CONJUNCTION + MISS) == (9,)


def test_nothing_found_the_second_time() -> None:
    """Only if it finds nothing at all, the search goes on below."""
    table = BANDS.replace("10.0.0.3", "10.0.0.2").replace("0 20 conj_id=2 -> output:2\n", "") + CONJUNCTION

    assert ports(table) == (7,)


def test_soft_match_hides_the_identical_hard_one() -> None:
    """What Open vSwitch does, not what one would expect: the second search does not look below a soft match."""
    assert ports(f"{CLAUSES}{MISS}0 5 ip,nw_src=10.0.0.1 -> output:5") == (9,)
    assert ports(f"{CLAUSES}{MISS}0 5 ip,nw_src=10.0.0.0/31 -> output:5") == (5,)


def test_flow_of_lower_priority_with_the_number() -> None:
    """The conj_id flow is searched for like any other, among all priorities."""
    assert ports(CLAUSES + MISS + "0 3 conj_id=7 -> output:3") == (3,)
    assert ports(CLAUSES + MISS + "0 3 conj_id=7 -> output:3\n0 4 ip -> output:4") == (4,)
    assert ports(CLAUSES + MISS + "0 10 udp,conj_id=7 -> output:3") == (9,)


def test_number_is_not_carried_on() -> None:
    """conj_id is zero again behind the lookup."""
    assert ports(CLAUSES + "0 10 conj_id=7 -> goto_table:5\n5 9 conj_id=7 -> output:3\n5 0 any -> output:4") == (4,)


class TestSeveralComplete:
    """Conjunctions that overlap at one priority."""

    BOTH = """\
0 5 ip,nw_src=10.0.0.1 -> conjunction(1,1/2),conjunction(2,1/2)
0 5 tcp -> conjunction(1,2/2),conjunction(2,2/2)
"""

    def test_same_actions(self) -> None:
        """Where they do the same, any may be hit: the outcome names them all."""
        (found,) = run(self.BOTH + "0 5 conj_id=1 -> output:2\n0 5 conj_id=2 -> output:2\n" + MISS).hits

        assert {flow.cookie.value for flow in found} == {3, 4}

    @pytest.mark.parametrize("second", ["0 5 conj_id=2 -> output:3\n" + MISS, MISS, ""])
    def test_different_actions(self, second: str) -> None:
        """Otherwise it is undefined, also where one of them has no flow."""
        with pytest.raises(InterpreterError, match=r"undefined|not all of the conjunctions"):
            run(self.BOTH + "0 5 conj_id=1 -> output:2\n" + second)


@pytest.mark.parametrize(
    "text",
    [
        "0 5 ip -> conjunction(1,1/2)\n0 5 tcp -> conjunction(1,2/3)",
        "0 5 ip -> conjunction(1,1/2)\n0 6 tcp -> conjunction(1,2/2)",
        "0 5 ip -> conjunction(1,1/2),conjunction(1,2/2)",
        "0 5 ip -> conjunction(1,3/2)",
        "0 5 ip -> conjunction(1,1/1)",
        "0 5 ip -> conjunction(0,1/2)",
        "0 5 ip -> conjunction(1,1/2),output:2",
    ],
)
def test_refuses(text: str) -> None:
    """Clauses that are not those of one conjunction."""
    with pytest.raises(InterpreterError):
        Interpreter(flows(text))


def test_a_number_may_be_used_again_in_another_table() -> None:
    """Numbers are unique within a table."""
    assert Interpreter(flows("0 5 ip -> conjunction(1,1/2)\n5 6 ip -> conjunction(1,1/3)")).lookup(5, {}) == ()
