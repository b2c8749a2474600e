"""What OVSDB rows mean: ports, attachments, problems, complaints."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cni.contract import PortIdentity
from ryu_netpol.adapters.ovsdb_state import (
    EPOCH_KEY,
    BridgeRow,
    InterfaceRow,
    bridge_seen,
    complaints,
    epoch_limit,
    mac_number,
    news,
)
from ryu_netpol.adapters.ovsdb_write import stable_mac
from ryu_netpol.agent.events import Attachment, BridgePort, BridgeSeen, GatewayPort
from ryu_netpol.model.names import OfPort
from ryu_netpol.model.net import Address

BOOT = "b1"
IDENTITY = PortIdentity(
    namespace="shop",
    pod="web-0",
    uid="",
    container_id="c1",
    ifname="eth0",
    mac="02:00:00:00:00:05",
    addresses=("10.1.0.5",),
    boot_id=BOOT,
    created=7,
    netns="/run/netns/x",
)
POD = InterfaceRow("np1", ofport=3, external_ids=IDENTITY.to_external_ids())
ATTACHMENT = Attachment("shop", "web-0", "", "c1", "eth0", 0x020000000005, (Address.parse("10.1.0.5"),), 7)


def seen(*interfaces: InterfaceRow, **external_ids: str) -> BridgeSeen:
    """What the agent is told of a bridge with these interfaces."""
    return bridge_seen(BridgeRow("br-int", interfaces, external_ids), gateway="np-gw0", boot_id=BOOT)


def test_a_pod_is_an_attachment() -> None:
    """A readable identity of this boot comes through whole."""
    assert frozenset({BridgePort("np1", OfPort(3), ATTACHMENT)}) == seen(POD).ports


@pytest.mark.parametrize("ofport", [None, -1, 0], ids=str)
def test_ports_without_a_number_are_left_out(ofport: int | None) -> None:
    """Neither before ovs-vswitchd has seen the row, nor when it could not open the device."""
    assert seen(replace(POD, ofport=ofport)) == BridgeSeen(frozenset(), None)


def test_the_local_port_is_no_endpoint() -> None:
    """The port named like the bridge is left out, whatever its row says."""
    assert frozenset() == seen(replace(POD, name="br-int", ofport=65534)).ports


def test_the_gateway_is_not_among_the_ports() -> None:
    """It is told apart, with its MAC."""
    result = seen(InterfaceRow("np-gw0", ofport=1, mac="02:00:00:00:00:01"))

    assert result == BridgeSeen(frozenset(), GatewayPort(OfPort(1), 0x020000000001))


def test_a_gateway_without_a_mac_is_none_yet() -> None:
    """Until ovs-vswitchd says which MAC it has, nobody can be told it."""
    assert seen(InterfaceRow("np-gw0", ofport=1)).gateway is None


@pytest.mark.parametrize(
    ("row", "words"),
    [
        pytest.param(replace(POD, bond="bond0"), "port bond0 has several interfaces", id="bond"),
        pytest.param(
            replace(POD, external_ids=replace(IDENTITY, boot_id="b0").to_external_ids()), "port np1", id="earlier boot"
        ),
        pytest.param(
            replace(POD, external_ids={**IDENTITY.to_external_ids(), "addresses": "10.1"}), "10.1", id="address"
        ),
        pytest.param(replace(POD, external_ids={"k8s-pod-name": "web-0"}), "port np1", id="incomplete"),
    ],
)
def test_unreadable_ports_are_unknown(row: InterfaceRow, words: str) -> None:
    """They have a number but no attachment, and the problem names the port."""
    (port,) = seen(row).ports

    assert port.attachment is None
    assert words in port.problem


@pytest.mark.parametrize(
    ("text", "limit"),
    [("41", 41), ("", None), ("-1", None), ("x", None), ("٤", None)],
    ids=repr,
)
def test_epoch_limit(text: str, limit: int | None) -> None:
    """A number, or unreadable: then a complaint, and 0."""
    row = BridgeRow("br-int", external_ids={EPOCH_KEY: text})

    assert epoch_limit(row.external_ids) == limit
    assert bridge_seen(row, gateway="g", boot_id=BOOT).epoch_limit == (limit or 0)
    assert (EPOCH_KEY in complaints(row, datapath_type="system")) == (limit is None)


def test_complaints_name_port_and_datapath() -> None:
    """Refused devices and another datapath type are for the operator; a row not handled yet is not."""
    failed = InterfaceRow("np1", ofport=-1, error="could not open network device np1")
    row = BridgeRow("br-int", (failed, InterfaceRow("np2"), replace(failed, name="np3", error="")), {}, "netdev")

    assert complaints(row, datapath_type="system") == {
        "np1": "Open vSwitch cannot use the port np1: could not open network device np1.",
        "np3": "Open vSwitch cannot use the port np3: it gives no reason.",
        "datapath_type": "Bridge br-int has datapath_type netdev, not system; it is left as it is.",
    }


@pytest.mark.parametrize("datapath_type", ["", "system", None], ids=repr)
def test_the_default_datapath_has_two_spellings(datapath_type: str | None) -> None:
    """An empty column is the system datapath; a missing bridge has none to complain about."""
    assert complaints(BridgeRow("br-int", datapath_type=datapath_type), datapath_type="system") == {}


def test_only_new_sentences_are_news() -> None:
    """A complaint is told when it appears and when its words change."""
    assert list(news({"a": "1", "b": "1"}, {"a": "1", "b": "2", "c": "3"})) == ["2", "3"]


@pytest.mark.parametrize(
    ("text", "number"), [("02:00:00:00:00:0a", 0x02000000000A), ("", None), ("02:00", None), ("zz", None)], ids=repr
)
def test_mac_number(text: str, number: int | None) -> None:
    """A MAC address or nothing."""
    assert mac_number(text) == number


def test_stable_mac() -> None:
    """The same for the same seed, locally administered, of one station."""
    macs = {stable_mac("db", name) for name in ("a", "b", "c")}

    assert len(macs) == 3
    assert {stable_mac("db", "a")} < macs
    assert all(int(mac[:2], 16) & 3 == 2 for mac in macs)
