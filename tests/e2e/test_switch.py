"""A private Open vSwitch: starts, answers, restarts, and leaves nothing behind."""

import contextlib
import os
from pathlib import Path

import pytest

from ryu_netpol.lab import process
from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.switch import PrivateOvs


def test_several_dummy_switches_at_once() -> None:
    """Tests and traces run beside each other, each with its own bridges."""
    with PrivateOvs() as one, PrivateOvs() as two:
        one.add_bridge("br-int")
        two.add_bridge("br-int")
        one.add_dummy_port("br-int", "p1", ofport=7, external_ids={"iface-id": "a:b/c"})

        assert one.ofport("p1") == 7
        assert "p1" not in two.vsctl("list-ports", "br-int")
        assert one.vsctl("get", "Interface", "p1", "external_ids:iface-id").strip() == '"a:b/c"'


def test_trace_follows_conntrack() -> None:
    """Each ct() in turn gets its state."""
    with PrivateOvs() as ovs:
        ovs.add_bridge("br-int")
        ovs.add_dummy_port("br-int", "p1", ofport=1)
        ovs.add_dummy_port("br-int", "p2", ofport=2)
        ovs.replace_flows("br-int", "table=0,ip,actions=ct(table=1)\ntable=1,ct_state=+trk+est,ip,actions=output:2\n")

        assert "output:2" in ovs.trace("br-int", "in_port=1,tcp,tcp_dst=80", ct_next=["trk,est"])
        assert "output:2" not in ovs.trace("br-int", "in_port=1,tcp,tcp_dst=80", ct_next=["trk,new"])


def test_restart_loses_flows_and_keeps_ports() -> None:
    """As a crash of ovs-vswitchd does."""
    with PrivateOvs() as ovs:
        ovs.add_bridge("br-int")
        ovs.add_dummy_port("br-int", "p1", ofport=3)
        ovs.replace_flows("br-int", "actions=drop\n")
        before = ovs.processes()

        ovs.restart_vswitchd()

        assert ovs.ofport("p1") == 3
        assert "actions" not in ovs.ofctl("dump-flows", "br-int")
        assert ovs.processes()[0] != before[0]
        assert ovs.processes()[1] == before[1]


def test_nothing_is_left() -> None:
    """Neither processes nor the directory, also when the body fails; stopping twice is no error."""
    with contextlib.suppress(ZeroDivisionError), PrivateOvs() as ovs:
        started = ovs.processes()
        raise ZeroDivisionError
    assert len(started) == 2
    assert not any(process.alive() for process in started)
    assert not ovs.run_dir.exists()
    ovs.stop()


def test_errors_are_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong, and what to do."""
    with PrivateOvs() as ovs:
        with pytest.raises(LabError, match="no bridge named nothing"):
            ovs.vsctl("del-br", "nothing")
        with pytest.raises(LabError, match="nonsense"):
            ovs.appctl("nonsense")
    with pytest.raises(LabError, match=r"ovs-vswitchd cannot be found by .*/ovs-vswitchd\.pid"):
        ovs.appctl("version")
    with pytest.raises(LabError, match="too long"):
        PrivateOvs(tmp_path / ("x" * 100))
    monkeypatch.setattr(process, "SEARCH_PATH", str(tmp_path))
    with pytest.raises(LabError, match=r"ovsdb-tool is not installed \(Debian package openvswitch-switch\)"):
        PrivateOvs().start()


def test_without_root_only_dummies(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence instead of a failure deep inside."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match="needs root"):
        PrivateOvs(datapath="netdev").start()
