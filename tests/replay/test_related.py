"""ICMP errors pass policy by `ct_state=+rel` alone: whoever writes one reaches either end of any connection.

Confirmed with packets: a pod with no egress allowed at all reached an isolated pod, and an outsider, with a payload of
its choice, by errors about connections of other pods. On OVS 3.1 `ct_nw_src` and `ct_nw_dst` (and ct_mark) are those of
the connection that the error is about, so both can be matched.
"""

from __future__ import annotations

from ryu_netpol.flows.interpret import ConnState, Interpreter, Packet
from ryu_netpol.flows.numbers import following
from ryu_netpol.flows.offline import FIRST_EPOCH, offline_node
from tests.support import build
from tests.support.nodes import pod_cidrs
from tests.support.strategies import OURS

CLUSTER = build.cluster(
    build.node("node1", "192.168.0.1"),
    build.pod("default/iso", "10.244.1.10", labelled="app=iso"),
    build.pod("default/db", "10.244.1.11", labelled="app=db"),
    build.policy("default/iso", "app=iso", types=[build.EGRESS]),
    build.policy("default/db", "app=db"),
)
NODE = offline_node(CLUSTER, OURS, pod_cidrs(1))


def error_from_iso(to: str) -> Packet:
    connection = build.connection("10.244.1.10", to, "ICMP")
    return NODE.entry(connection)


def test_an_isolated_pod_reaches_nobody_by_errors_about_connections_of_others() -> None:
    """NP-2, NP-53: a related error is only what one end of the connection says about it."""
    for to in ("10.244.1.11", "203.0.113.7"):
        # The connection is one between others; the mark is current, as theirs would be.
        outcome = Interpreter(NODE.flows).run(error_from_iso(to), ConnState.related(FIRST_EPOCH))

        assert outcome.ports == (), to


def test_errors_about_a_revoked_connection_do_not_pass() -> None:
    """NP-94: the connection's mark is of an old epoch, so what it once allowed is over until it is judged again."""
    stale = following(following(FIRST_EPOCH))
    outcome = Interpreter(NODE.flows).run(error_from_iso("10.244.1.11"), ConnState.related(stale))

    assert outcome.ports == ()
