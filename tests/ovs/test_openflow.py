"""The session with a real Open vSwitch: bundles, refusals, restarts, and how fast it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from ryu_netpol.adapters.openflow import Transport
from ryu_netpol.agent.events import CommitFailed, Committed, SwitchLost
from ryu_netpol.flows import wire
from ryu_netpol.flows.ir import Conjunction, Cookie, CookieKind, Flow, FlowTable, Goto, Match, Meter
from ryu_netpol.flows.text import parse
from ryu_netpol.flows.wire.codes import Type
from ryu_netpol.flows.wire.decode import decode_header
from tests.ovs.conftest import BRIDGE, SwitchApp

GOOD = parse("table=41, priority=5, cookie=0x6e70000a00000001, ip,reg1=5 actions=goto_table:60")
OTHER = parse("table=41, priority=5, cookie=0x6e70000a00000002, ip,reg1=6 actions=goto_table:60")
BACK = parse("table=41, priority=5, cookie=0x6e70000a00000003, ip,reg1=7 actions=goto_table:40")
PORT_OF_LATER = parse("table=41, priority=5, cookie=0x6e70000b00000000, tcp,nw_frag=later,tcp_dst=80 actions=drop")
NO_METER = Flow(41, 5, Match.of(reg1=8), (Meter(99), Goto(60)), Cookie(CookieKind.BASE))


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        pytest.param(BACK, "OFPBIC_BAD_TABLE_ID", id="goto a lower table, refused on arrival"),
        pytest.param(PORT_OF_LATER, "OFPBMC_BAD_PREREQ", id="port of a later fragment, refused on arrival"),
        pytest.param(NO_METER, "OFPMMFC_INVALID_METER", id="meter that is missing, refused by the commit"),
    ],
)
def test_a_refused_bundle_changes_nothing(switch_app: SwitchApp, refused: Flow, error: str) -> None:
    """Of a plan with one bad flow nothing is installed; the flow is named, and the next plan goes through."""
    switch_app.program(adds=(GOOD,))

    failed, _ = switch_app.program(deletes=(GOOD,), adds=(OTHER, refused))

    assert isinstance(failed, CommitFailed)
    assert error in failed.errors[0]
    assert f"reg1={refused.match.value('reg1')}" in failed.errors[0] or refused is PORT_OF_LATER
    assert switch_app.dump().flows == FlowTable([GOOD])
    assert switch_app.program(adds=(OTHER,))[0] == Committed(switch_app.generation)
    assert switch_app.reports.empty()


def test_plans_delete_and_replace(switch_app: SwitchApp) -> None:
    """Deletes are strict, adding replaces, and what is not ours is spared."""
    changed = Flow(GOOD.table, GOOD.priority, GOOD.match, (), Cookie(CookieKind.RULE, 9))
    switch_app.ovs.ofctl("add-flow", BRIDGE, "table=41,priority=5,cookie=0x77,ip,reg1=9,actions=drop")
    switch_app.program(adds=(GOOD, OTHER))

    ended, _ = switch_app.program(deletes=(OTHER,), adds=(changed,))

    assert ended == Committed(switch_app.generation)
    assert switch_app.dump().flows == FlowTable([changed])
    assert "cookie=0x77" in switch_app.ovs.ofctl("dump-flows", BRIDGE)


def test_replace_all(switch_app: SwitchApp) -> None:
    """Everything that carries our signature goes, also what cannot be read; what is not ours stays."""
    switch_app.program(adds=(GOOD,))
    for line in ("table=3,cookie=0x6e70ffff00000000,actions=drop", "table=3,priority=2,cookie=0x77,actions=drop"):
        switch_app.ovs.ofctl("add-flow", BRIDGE, line)
    assert switch_app.dump().unreadable == 1

    ended, _ = switch_app.program(adds=(OTHER,), replace_all=True)

    assert ended == Committed(switch_app.generation)
    dumped = switch_app.dump()
    assert (dumped.flows, dumped.unreadable) == (FlowTable([OTHER]), 0)
    assert "cookie=0x77" in switch_app.ovs.ofctl("dump-flows", BRIDGE)


def test_meters(switch_app: SwitchApp) -> None:
    """Meters are made before the flows that use them and removed after; one that exists gets our rate."""
    limited = Flow(41, 5, Match.of(reg1=8), (Meter(1), Goto(60)), Cookie(CookieKind.BASE))
    switch_app.ovs.ofctl("add-meter", BRIDGE, "meter=1,pktps,bands=type=drop rate=7")

    switch_app.program(adds=(limited,), meters_add=(1, 2))
    assert switch_app.dump().meters == {1, 2}
    meter = switch_app.ovs.ofctl("dump-meters", BRIDGE)
    assert meter.count("type=drop rate=100 burst_size=200") == 2

    ended, _ = switch_app.program(deletes=(limited,), meters_delete=(1, 2, 3))
    assert ended == Committed(switch_app.generation)
    assert switch_app.dump().meters == frozenset()
    assert switch_app.reports.empty()


def test_fragment_mode(switch_app: SwitchApp) -> None:
    """The switch shows ports on first fragments as soon as it is connected."""
    assert "nx-match" in switch_app.ovs.ofctl("get-frags", BRIDGE)


def test_restart_of_the_switch(switch_app: SwitchApp) -> None:
    """Its end is noticed, it comes back without flows, in the right fragment mode, and can be programmed."""
    switch_app.program(adds=(GOOD,))

    switch_app.ovs.restart_vswitchd()

    assert isinstance(switch_app.next(), SwitchLost)
    switch_app.came_up()
    assert switch_app.dump().flows == FlowTable()
    assert switch_app.program(adds=(GOOD,))[0] == Committed(switch_app.generation)
    assert "nx-match" in switch_app.ovs.ofctl("get-frags", BRIDGE)


@pytest.fixture
def impatient(switch_app: SwitchApp) -> Iterator[SwitchApp]:
    """A switch that gives a bundle up after one idle second instead of ten."""
    switch_app.ovs.vsctl("set", "Open_vSwitch", ".", "other_config:bundle-idle-timeout=1")
    yield switch_app
    switch_app.ovs.vsctl("remove", "Open_vSwitch", ".", "other_config", "bundle-idle-timeout")


def test_a_bundle_that_the_switch_gave_up(impatient: SwitchApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after the time limit opens a new bundle of the same number, which a commit would apply: it must fail.

    The error about the request to open is what the session knows it by; the next plan goes through.
    """
    pieces = wire.EncodedPlan.pieces.fget  # type: ignore[attr-defined]
    given_up = threading.Event()
    received = impatient.session.received

    def watched(transport: Transport, message: bytes) -> None:
        received(transport, message)
        if decode_header(message).type == Type.ERROR:
            given_up.set()

    def slow(encoded: wire.EncodedPlan) -> Iterator[bytes]:
        for number, piece in enumerate(pieces(encoded)):
            if number == 1:
                assert given_up.wait(30)
            yield piece

    flows = _large(4_000)
    monkeypatch.setattr(impatient.session, "received", watched)
    with monkeypatch.context() as patched:
        patched.setattr(wire.EncodedPlan, "pieces", property(slow))
        failed, _ = impatient.program(adds=flows)

    assert isinstance(failed, CommitFailed)
    assert failed.errors == ("OFPBFC_TIMEOUT (OFPET_BUNDLE_FAILED): opening, clearing or closing the bundle",)
    assert impatient.dump().flows == FlowTable()
    assert impatient.program(adds=flows)[0] == Committed(impatient.generation)
    assert impatient.dump().flows == FlowTable(flows)
    assert impatient.reports.empty()


def _large(count: int) -> tuple[Flow, ...]:
    cookie = Cookie(CookieKind.CLAUSE)
    made = []
    for number in range(count // 2):
        clauses = (Conjunction(number, 1, 3), Conjunction(number + 1, 2, 2))
        port = Match.of(eth_type=0x0800, ip_proto=6, ipv4_dst=number, tcp_dst=(0x50, 0xFFF0))
        made.append(Flow(41, 2000, port, clauses, cookie))
        made.append(Flow(41, 2000, Match.of(conj_id=number, reg1=number), (Goto(50),), cookie))
    return tuple(made)


def _measured(what: str, count: int, action: Callable[[], object], record: Callable[[str, object], None]) -> None:
    started = time.perf_counter()
    action()
    rate = count / (time.perf_counter() - started)
    record(what, round(rate))
    print(f"{what}: {rate:,.0f} flows/s")


def test_a_large_plan(switch_app: SwitchApp, record_property: Callable[[str, object], None]) -> None:
    """20,000 flows are committed, read back equal, changed by a small plan in a moment, and removed."""
    flows = _large(20_000)
    table = FlowTable(flows)

    def committed(**changes: object) -> None:
        assert switch_app.program(**changes)[0] == Committed(switch_app.generation)

    def dumped() -> None:
        assert switch_app.dump().flows == table

    _measured("commit", len(flows), lambda: committed(adds=flows), record_property)
    _measured("dump", len(flows), dumped, record_property)
    _, small = switch_app.program(adds=(GOOD,), deletes=flows[:1])
    _measured("delete", len(flows), lambda: committed(deletes=flows[1:]), record_property)

    assert small < 1.0
    assert switch_app.dump().flows == FlowTable([GOOD])
