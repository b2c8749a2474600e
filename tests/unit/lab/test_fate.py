"""What a trace foretells, and which ports the database shows."""

import json

import pytest

from ryu_netpol.flows.ir import Cookie, CookieKind
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.flows.trace import Hit, TraceOutcome
from ryu_netpol.lab.drops import Drop
from ryu_netpol.lab.fate import Fates, fate, ports
from ryu_netpol.lab.listen import Place
from ryu_netpol.lab.shoot import Shot


def dropped(table: int, kind: CookieKind, value: int, **fields: int) -> TraceOutcome:
    hits = (Hit(0, 100), Hit(table, 1000, int(Cookie(kind, value))))
    return TraceOutcome(ports=(), hits=hits, matches=("", ""), finals=(fields,))


@pytest.mark.parametrize(
    ("outcome", "by_policy"),
    [
        (dropped(TableId.INGRESS, CookieKind.ISOLATED, 5, reg1=4, reg2=5), True),
        (dropped(TableId.EGRESS, CookieKind.ISOLATED, 5, reg1=5, reg2=4), True),
        (dropped(TableId.INGRESS, CookieKind.ISOLATED, 5, reg1=5, reg2=4), False),
        (dropped(TableId.EGRESS, CookieKind.ISOLATED, 5), False),
        (dropped(TableId.FORWARD, CookieKind.ISOLATED, 5, reg1=5, reg2=5), False),
        (dropped(TableId.INGRESS, CookieKind.SPOOF, 5, reg1=5, reg2=5), False),
        (dropped(99, CookieKind.ISOLATED, 5, reg1=5, reg2=5), False),
    ],
    ids=["ingress", "egress", "of another identity", "of no identity", "elsewhere", "another kind", "no table of ours"],
)
def test_only_the_isolation_of_whom_is_judged_is_a_policy(outcome: TraceOutcome, by_policy: bool) -> None:
    """The cookie must name the identity that the packet had in that direction."""
    found = fate("n1", outcome)

    assert found.by_policy is by_policy
    assert found.drop == Drop("n1", outcome.hits[-1].table, outcome.hits[-1].cookie)


def test_a_drop_that_is_no_flow() -> None:
    """Where nothing matches, a trace has no priority and no cookie."""
    found = fate("n1", TraceOutcome(ports=(), hits=(Hit(70, None),), matches=("",), finals=({},)))

    assert (found.words, found.by_policy) == ("the switch would drop it by cookie 0x0 in FORWARD on n1", False)


def test_without_a_bridge_on_the_way_nothing_is_foretold() -> None:
    """Between a node and the outside there is nobody to ask."""
    end = Place("outside", "ns", "8.8.8.8")

    assert Fates(lambda _: ()).of(Shot(end, end, "TCP", 80)).words == "no bridge sees it"


def test_ports_are_found_by_pod_and_by_name() -> None:
    """A pod's MAC is that of its own end; a port that is not open, or has no MAC, is not there."""
    ids = {"k8s-namespace": "shop", "k8s-pod-name": "web", "attached-mac": "0a:00:00:00:00:02"}
    rows = [
        ["vethweb", 2, "0e:11:11:11:11:11", ["map", list(ids.items())]],
        ["np-gw0", 1, "0e:00:00:00:00:01", ["map", []]],
        ["closed", ["set", []], ["set", []], ["map", []]],
    ]

    assert ports(json.dumps({"data": rows})) == {"shop/web": (2, 0x0A0000000002), "np-gw0": (1, 0x0E0000000001)}
