"""The OVSDB adapter against a real database server and ovs-vswitchd (dummy datapath)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from cni.contract import READY_KEY
from ryu_netpol.adapters.ovsdb_state import AGENT_KEY, EPOCH_KEY, SYNCED_KEY
from ryu_netpol.agent.events import BridgePort, BridgeSeen, EpochSaved
from ryu_netpol.lab.switch import PrivateOvs
from ryu_netpol.model.names import OfPort
from ryu_netpol.model.net import Address
from tests.ovs.ovsdb_agent import BRIDGE, GATEWAY, IDENTITY, PROGRAM, Agent, eventually


@pytest.fixture
def ovs() -> Iterator[PrivateOvs]:
    """A switch without any bridge."""
    with PrivateOvs() as private:
        yield private


@pytest.fixture
def agent(ovs: PrivateOvs) -> Iterator[Agent]:
    """A running adapter on it."""
    agent = Agent(ovs)
    agent.adapter.start()
    try:
        agent.wait_up()
        yield agent
    finally:
        agent.adapter.stop()


def test_everything_the_agent_needs_is_made(agent: Agent) -> None:
    """On an empty switch: the bridge, closed and with a fixed datapath id; the gateway port; the controller."""
    ovs = agent.ovs

    assert agent.bridge("fail_mode") == "secure"
    assert agent.bridge("protocols") == "[OpenFlow14]"
    assert agent.bridge("datapath_type") == "netdev"
    assert agent.bridge(f"external_ids:{AGENT_KEY}") == f'"{PROGRAM}"'
    hwaddr = agent.bridge("other_config:hwaddr").strip('"')
    assert f'"0000{hwaddr.replace(":", "")}"' == agent.bridge("datapath_id")
    assert ovs.vsctl("get", "Interface", GATEWAY, "type").strip() == "internal"
    columns = ("target", "inactivity_probe", "connection_mode", "max_backoff")
    values = ovs.vsctl("get", "Controller", agent.bridge("controller").strip("[]"), *columns).split()
    assert [f'"{agent.controller}"', "60000", "out-of-band", "1000"] == values
    seen = agent.wait_up()
    mac = ovs.vsctl("get", "Interface", GATEWAY, "mac").strip().strip('"')
    assert seen.gateway is not None
    assert seen.gateway.mac == int(mac.replace(":", ""), 16)
    assert frozenset() == seen.ports
    assert agent.reports == []


def test_existing_bridge_is_taken_over(ovs: PrivateOvs) -> None:
    """What is on it stays; only what is wrong is changed, `netpol-synced` of an earlier run is taken away."""
    ovs.add_bridge(BRIDGE, fail_mode="standalone")
    ovs.add_dummy_port(BRIDGE, "other", ofport=9)
    ovs.vsctl("set", "Bridge", BRIDGE, f"external_ids:{SYNCED_KEY}=true", "external_ids:theirs=1", "protocols=[]")
    ovs.vsctl("set-controller", BRIDGE, "tcp:127.0.0.1:9")
    ovs.vsctl("set", "Bridge", BRIDGE, f"external_ids:{EPOCH_KEY}=41", f"external_ids:{AGENT_KEY}=earlier")
    agent = Agent(ovs, datapath_type="system")
    agent.adapter.start()
    try:
        seen = agent.wait_up()

        assert frozenset({BridgePort("other", seen_number(seen, "other"))}) == seen.ports
        assert seen.epoch_limit == 41
        assert f'{{{AGENT_KEY}="{PROGRAM}", {EPOCH_KEY}="41", theirs="1"}}' == agent.bridge("external_ids")
        assert agent.bridge("fail_mode") == "secure"
        assert agent.controller == ovs.vsctl("get-controller", BRIDGE).strip()
        assert agent.bridge("datapath_type") == "netdev"
        agent.wait_report("bridge_problem", "datapath_type netdev, not system")
    finally:
        agent.adapter.stop()


def seen_number(seen: BridgeSeen, name: str) -> OfPort:
    """The OpenFlow number of a port."""
    return next(port.number for port in seen.ports if port.name == name)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        pytest.param(["set-fail-mode", BRIDGE, "standalone"], "fail_mode was standalone", id="fail mode"),
        pytest.param(["del-controller", BRIDGE], "controller was not set", id="controller gone"),
        pytest.param(["set-controller", BRIDGE, "tcp:127.0.0.1:9"], "tcp:127.0.0.1:9", id="other controller"),
        pytest.param(["set", "Controller", BRIDGE, "inactivity_probe=5000"], "inactivity_probe was 5000", id="probe"),
        pytest.param(["set", "Bridge", BRIDGE, "protocols=OpenFlow13"], "protocols was OpenFlow13", id="protocols"),
        pytest.param(["del-port", GATEWAY], f"the port {GATEWAY} was missing", id="gateway port"),
        pytest.param(["del-br", BRIDGE], "it did not exist", id="bridge"),
    ],
)
def test_changes_by_others_are_repaired_and_reported(agent: Agent, command: list[str], words: str) -> None:
    """Whoever changes what the agent relies on: it is back at once, and somebody is told."""
    agent.adapter.save_epoch(12)
    agent.wait_event(EpochSaved(12))
    before = len(agent.events)

    agent.ovs.vsctl("--no-wait", *command)

    agent.wait_report("bridge_repaired", words)
    assert agent.bridge("fail_mode") == "secure"
    assert agent.controller == agent.ovs.vsctl("get-controller", BRIDGE).strip()
    assert "OpenFlow14" in agent.bridge("protocols")
    assert agent.bridge(f"external_ids:{EPOCH_KEY}") == '"12"'
    assert agent.bridge(f"external_ids:{AGENT_KEY}") == f'"{PROGRAM}"'
    assert GATEWAY in agent.ovs.vsctl("list-ports", BRIDGE).split()
    if "del" in command[0] and "controller" not in command[0]:
        agent.wait(lambda: len(agent.events) > before, "the gateway is not back")
        agent.wait_up()


def test_attachments_appear_and_vanish(agent: Agent) -> None:
    """A port with an identity is an attachment as long as it is on the bridge."""
    number = agent.ovs.add_dummy_port(BRIDGE, "np1", external_ids=IDENTITY.to_external_ids())

    port = agent.wait_port("np1")
    assert port.number == number
    assert port.attachment is not None
    assert (
        port.attachment.namespace,
        port.attachment.pod,
        port.attachment.container,
        port.attachment.created,
    ) == ("shop", "web-0", "c1", 7)
    assert (Address.parse("10.1.0.5"), Address.parse("fd00::5")) == port.attachment.addresses
    assert port.attachment.mac == 0x020000000005
    agent.ovs.vsctl("del-port", BRIDGE, "np1")
    agent.wait_seen(lambda seen: not seen.ports, "the port is still there")


@pytest.mark.parametrize(
    ("external_ids", "words"),
    [
        pytest.param({}, "", id="nobody's"),
        pytest.param({"k8s-namespace": "shop"}, "port np1: external_ids 'iface-id' is missing", id="malformed"),
        pytest.param(replace(IDENTITY, boot_id="earlier").to_external_ids(), "last boot", id="earlier boot"),
    ],
)
def test_ports_without_a_valid_identity_are_unknown(agent: Agent, external_ids: dict[str, str], words: str) -> None:
    """They are told without an attachment, with the reason, so that they stay closed."""
    agent.ovs.add_dummy_port(BRIDGE, "np1", external_ids=external_ids)

    port = agent.wait_port("np1")
    if port.problem == "" and words:
        # ovs-vsctl writes the identity after the port.
        agent.wait_seen(lambda seen: all(p.problem for p in seen.ports), "no problem told")
        port = agent.wait_port("np1")
    assert port.attachment is None
    assert words in port.problem


def test_an_interface_that_cannot_be_opened_is_reported(agent: Agent) -> None:
    """The error column of ovs-vswitchd reaches the operator, once; the port is no endpoint."""
    ovs = agent.ovs
    ovs.vsctl("--no-wait", "add-port", BRIDGE, "bad", "--", "set", "Interface", "bad", "type=patch")

    agent.wait_report("bridge_problem", "cannot use the port bad")
    ovs.vsctl("set", "Interface", "bad", "external_ids:x=1")
    ovs.add_dummy_port(BRIDGE, "good")
    agent.wait_port("good")
    assert sum("bad" in message for _, message in agent.reports) == 1
    assert [port.name for port in agent.wait_up().ports] == ["good"]


def test_ready_is_written_for_the_same_sandbox_only(agent: Agent) -> None:
    """A mark for a sandbox that has gone, or for no port at all, is dropped."""
    ovs = agent.ovs
    ovs.add_dummy_port(BRIDGE, "np1", external_ids=IDENTITY.to_external_ids())
    agent.wait_seen(lambda seen: any(p.attachment for p in seen.ports), "no attachment")

    agent.adapter.mark_ready("np1", "c0")
    agent.adapter.mark_ready("none", "c1")
    agent.adapter.save_epoch(3)
    agent.wait_event(EpochSaved(3))
    assert READY_KEY not in ovs.vsctl("get", "Interface", "np1", "external_ids")

    agent.adapter.mark_ready("np1", "c1")
    assert eventually(lambda: f"{READY_KEY}=c1" in ovs.vsctl("get", "Interface", "np1", "external_ids"))


def test_epoch_limit_never_falls(agent: Agent) -> None:
    """Each limit is acknowledged once the database has it or a higher one."""
    for limit in (5, 4):
        agent.adapter.save_epoch(limit)
        agent.wait_event(EpochSaved(limit))

    assert agent.bridge(f"external_ids:{EPOCH_KEY}") == '"5"'
    assert agent.wait_seen(lambda seen: seen.epoch_limit > 0, "limit not told").epoch_limit == 5


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(["remove", "Bridge", BRIDGE, "external_ids", AGENT_KEY], id="removed"),
        pytest.param(["set", "Bridge", BRIDGE, f"external_ids:{AGENT_KEY}=other"], id="changed"),
    ],
)
def test_what_runs_here_is_written_again(agent: Agent, change: list[str]) -> None:
    """Whoever takes the agent's own words away: they are back. They stay when it ends: they say who was the last."""
    agent.ovs.vsctl(*change)

    assert eventually(lambda: agent.bridge(f"external_ids:{AGENT_KEY}") == f'"{PROGRAM}"')
    agent.adapter.stop()
    assert agent.bridge(f"external_ids:{AGENT_KEY}") == f'"{PROGRAM}"'


def test_synced_follows_the_agent(agent: Agent) -> None:
    """The mark is there while the agent says so, also when somebody else removes it."""
    agent.adapter.mark_synced(True)
    assert eventually(lambda: f'{SYNCED_KEY}="true"' in agent.bridge("external_ids"))
    agent.ovs.vsctl("remove", "Bridge", BRIDGE, "external_ids", SYNCED_KEY)
    assert eventually(lambda: f'{SYNCED_KEY}="true"' in agent.bridge("external_ids"))
    agent.adapter.mark_synced(False)
    assert eventually(lambda: SYNCED_KEY not in agent.bridge("external_ids"))
