"""The OVSDB adapter when one of the daemons is gone, comes back, or refuses."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ryu_netpol.adapters.ovsdb import OvsdbAdapter
from ryu_netpol.agent.events import EpochSaved
from ryu_netpol.lab.switch import PrivateOvs
from tests.ovs.ovsdb_agent import BRIDGE, GATEWAY, IDENTITY, PATIENT, Agent


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


def test_restart_of_vswitchd_changes_nothing(agent: Agent) -> None:
    """Ports and gateway are what they were; the gateway's MAC too."""
    agent.ovs.add_dummy_port(BRIDGE, "np1", external_ids=IDENTITY.to_external_ids())
    before = agent.wait_seen(lambda seen: any(p.attachment for p in seen.ports), "no attachment")

    agent.ovs.restart_vswitchd()
    agent.ovs.add_dummy_port(BRIDGE, "after")

    agent.wait_port("after")
    after = agent.wait_up()
    assert before.gateway == after.gateway
    assert before.ports == {port for port in after.ports if port.name != "after"}


def restart_ovsdb_server(ovs: PrivateOvs, meanwhile: Callable[[], None]) -> None:
    """End ovsdb-server and start it again on the same file."""
    ovs.processes()[1].end()
    meanwhile()
    pid, control = f"--pidfile={ovs.run_dir}/ovsdb-server.pid", f"--unixctl={ovs.run_dir}/ovsdb-server.ctl"
    argv = ["ovsdb-server", f"{ovs.run_dir}/conf.db", f"--remote=punix:{ovs.run_dir}/db.sock", pid, control]
    log = f"--log-file={ovs.log_dir}/ovsdb-server.log"
    subprocess.run([*argv, log, "--verbose=console:off", "--no-chdir", "--detach"], check=True, timeout=30)


def test_restart_of_the_database_is_survived(agent: Agent) -> None:
    """The outage is reported once; what was asked for meanwhile is written, what changed is told."""

    def meanwhile() -> None:
        agent.adapter.save_epoch(8)
        agent.wait_report("ovsdb_unreachable", "does not answer")

    restart_ovsdb_server(agent.ovs, meanwhile)

    agent.wait_event(EpochSaved(8))
    agent.ovs.add_dummy_port(BRIDGE, "np1")
    agent.wait_port("np1")
    assert sum(what == "ovsdb_unreachable" for what, _ in agent.reports) == 1


def test_unreachable_database(tmp_path: Path) -> None:
    """Nobody there: one clear sentence, and stop() returns within a second."""
    told = threading.Event()
    reports: list[str] = []

    def report(what: str, message: str) -> None:
        reports.append(message)
        told.set()

    remote = f"unix:{tmp_path}/none.sock"
    adapter = OvsdbAdapter(remote=remote, controller="unix:/c", deliver=lambda event: None, report=report)
    adapter.start()
    assert told.wait(PATIENT)
    start = time.monotonic()
    adapter.stop()

    assert time.monotonic() - start < 1.0
    assert [f"OVSDB does not answer at {remote}: is ovsdb-server running?"] == reports
    adapter.mark_synced(True)


def test_names_taken_elsewhere_are_reported(ovs: PrivateOvs) -> None:
    """What the database refuses is said in its own words, and tried again until it works."""
    ovs.add_bridge("other")
    ovs.add_dummy_port("other", GATEWAY)
    agent = Agent(ovs)
    agent.adapter.start()
    try:
        agent.wait_report("ovsdb_refused", "constraint violation")
        assert agent.events == []
        ovs.vsctl("del-port", "other", GATEWAY)
        agent.wait_up()
        assert len(agent.reports) == 1
    finally:
        agent.adapter.stop()
