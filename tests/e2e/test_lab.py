"""The lab itself, with the real CNI plugin and an agent that lets everything pass but what a file drops."""

import ipaddress
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.lab import Lab, sweep
from ryu_netpol.lab.pods import PodSpec
from ryu_netpol.lab.probe import Outcome
from ryu_netpol.lab.state import LabState
from ryu_netpol.model.names import Protocol
from ryu_netpol.model.probe import Probe, parse_end
from tests.e2e.conftest import FAKE_AGENT

WEB = PodSpec("default", "web", "uid-web", "node1", ("10.244.1.20", "fd00:10:244:1::20"))
DB = PodSpec("default", "db", "uid-db", "node1", ("10.244.1.21",))
FREE = PodSpec("default", "free", "uid-free", "node1")
HOST = PodSpec("kube-system", "proxy", "uid-host", "node1", host_network=True)
STRAY = PodSpec("default", "stray", "uid-stray", "node1", ("172.30.5.9",))


def probe(source: str, destination: str, protocol: str = "TCP", port: int | None = 80, ip: int | None = None) -> Probe:
    return Probe(parse_end(source), parse_end(destination), Protocol[protocol], port, ip)  # type: ignore[arg-type]


def test_pods_get_exactly_the_addresses_of_the_manifest(lab: Lab) -> None:
    """Given ones are given, also outside of the node's network; the others come from IPAM, above the gateway's."""
    lab.attach([FREE, WEB, DB, STRAY])

    assert lab.pod("default/web").addresses == WEB.addresses
    assert lab.pod("default/db").addresses == DB.addresses
    assert lab.pod("default/stray").addresses == STRAY.addresses
    v4, v6 = map(ipaddress.ip_address, lab.pod("default/free").addresses)
    assert v4 in ipaddress.ip_network("10.244.1.0/24")
    assert v6 in ipaddress.ip_network("fd00:10:244:1::/64")
    assert min(int(v4) & 0xFF, int(v6) & 0xFF) >= 10


@pytest.mark.parametrize("protocol", ["TCP", "UDP", "SCTP", "ICMP"])
def test_every_kind_of_end_by_every_protocol(lab: Lab, protocol: str) -> None:
    """Pods, the node, pods in the node's network, the outside under any address, both families."""
    lab.attach([WEB, DB, FREE, HOST, STRAY])
    probes = [
        probe("default/web", "default/db", protocol),
        probe("default/web", "default/free", protocol, ip=6),
        probe("default/web", "default/web", protocol),
        probe("default/free", "10.244.1.20", protocol),
        probe("node/node1", "default/web", protocol),
        probe("default/web", "node/node1", protocol, 8080),
        probe("kube-system/proxy", "default/web", protocol),
        probe("default/web", "kube-system/proxy", protocol, 8080),
        probe("default/web", "8.8.8.8", protocol),
        probe("203.0.113.7", "default/web", protocol),
        probe("2001:db8::7", "default/web", protocol),
        probe("192.168.50.1", "default/web", protocol),
        probe("default/stray", "default/web", protocol),
        probe("default/web", "default/stray", protocol),
        probe("8.8.8.8", "default/stray", protocol),
    ]

    results = lab.probe(probes)

    assert [r.reason for r in results if r.outcome is not Outcome.ALLOWED] == []


ISOLATED = """
priority=9,ip,nw_src=10.244.1.20,nw_dst=10.244.1.21,actions=load:5->NXM_NX_REG2[],goto_table:51
cookie=0x6e70000900000005,table=51,priority=1000,reg2=5,actions=drop
"""


def test_a_policy_s_drop_is_denied_and_all_other_silence_is_an_error(lab: Lab) -> None:
    """A packet that another flow drops, that its own host drops, and a broken path: only controls and counters can
    tell them from a policy (P10, P11).
    """
    lab.attach([WEB, DB, FREE])
    asked = [probe("default/web", "default/db", protocol) for protocol in ("TCP", "UDP", "SCTP", "ICMP")]
    ovs, web = lab.node("node1").ovs, lab.pod("default/web")

    def errors(*, saying: str) -> int:
        return sum(r.outcome is Outcome.ERROR and saying in r.reason for r in lab.probe(asked))

    ovs.ofctl("add-flows", "br-int", "-", stdin=ISOLATED)
    assert {r.outcome for r in lab.probe(asked)} == {Outcome.DENIED}

    ovs.ofctl("add-flow", "br-int", "table=51,cookie=7,priority=2000,reg2=5,actions=drop")
    assert errors(saying="cookie 0x7 in INGRESS on node1 did)") == 4

    ovs.ofctl("del-flows", "br-int", "cookie=7/-1")
    web.run("nft", "add table ip t; add chain ip t c { type filter hook postrouting priority 0; }")
    web.run("nft", "add rule ip t c ip daddr 10.244.1.21 ct direction original drop")
    assert errors(saying="") == 4

    web.run("nft", "delete table ip t")
    lab.pod("default/db").run("ip", "link", "set", "eth0", "down")
    assert errors(saying="control connection before") == 4


def test_addresses_of_the_lab_itself_are_no_ends(lab: Lab) -> None:
    """The pod network is the node's: no packet would come from there, or arrive. What nodes masquerade is theirs."""
    lab.attach([WEB])
    with pytest.raises(LabError, match=r"The lab needs 192\.0\.0\.1 for itself"):
        lab.probe([probe(lab.node("node1").masquerade(4), "default/web")])
    with pytest.raises(LabError, match=r"10\.244\.1\.99 is in the pod network of node1, and no pod has it"):
        lab.probe([probe("10.244.1.99", "default/web")])


def test_a_masqueraded_outsider_comes_from_the_node_s_address(lab: Lab) -> None:
    """As a NodePort connection does: policy must see an outsider with the node's address, not the node itself."""
    lab.attach([WEB])
    place = lab.underlay.outside(lab.node("node1").masquerade(4))
    with (
        lab.socket("default/web", socket.AF_INET, socket.SOCK_DGRAM) as server,
        lab.socket("outside", socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        server.bind(("10.244.1.20", 5000))
        server.settimeout(5)
        client.bind((place.address, 0))
        client.sendto(b"?", ("10.244.1.20", 5000))

        assert server.recvfrom(10)[1][0] == "192.168.50.1"


def test_two_nodes(base: Path, manifests: Path) -> None:
    """Each its own switch and agent; plain routes over the underlay join them."""
    far = PodSpec("default", "far", "uid-far", "node2")
    with Lab(manifests, 2, program=FAKE_AGENT, base=base) as lab:
        lab.attach([WEB, far, STRAY])
        probes = [
            probe("default/web", "default/far"),
            probe("default/far", "default/web", "UDP", ip=6),
            probe("default/far", "default/stray"),
            probe("node/node1", "node/node2"),
            probe("node/node1", "default/far"),
            probe("8.8.8.8", "default/far"),
        ]

        assert [r.reason for r in lab.probe(probes) if r.outcome is not Outcome.ALLOWED] == []


def test_detach_and_attach_again(lab: Lab) -> None:
    """A new sandbox of the same pod gets the same addresses."""
    lab.attach([WEB, DB])
    lab.detach("default/web")
    with pytest.raises(LabError, match="no pod default/web"):
        lab.pod("default/web")
    assert "npl" in lab.netns("default/db")

    lab.attach([WEB])

    assert [r.outcome for r in lab.probe([probe("default/db", "default/web")])] == [Outcome.ALLOWED]


def test_a_lab_that_was_left_running_is_found_again(base: Path, manifests: Path) -> None:
    """By its record alone: probe from another object, as from another process, then take it down."""
    made = Lab(manifests, program=FAKE_AGENT, base=base)
    made.up()
    try:
        made.attach([WEB, DB])
        lab_id = made.leave_running()
        sweep(base)

        again = Lab.open(lab_id, base=base)
        assert [r.outcome for r in again.probe([probe("default/db", "default/web")])] == [Outcome.ALLOWED]
        again.detach("default/db")
        assert list(Lab.open(base=base).pods) == ["default/web"]
    finally:
        Lab.open(base=base).down()

    assert LabState.all(base) == ()


def test_an_agent_that_ends_is_said_in_its_own_words(base: Path, manifests: Path) -> None:
    """And nothing is left of the lab."""
    program = (sys.executable, "-c", "print('no such bridge driver'); raise SystemExit(3)")

    with pytest.raises(LabError, match="The agent of node1 ended: no such bridge driver"):
        Lab(manifests, program=program, base=base).up()

    assert LabState.all(base) == ()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda n: n.name)
def test_whatever_ends_the_owner_nothing_stays(base: Path, manifests: Path, number: signal.Signals) -> None:
    """Signals are caught and clean up; after a kill the next lab (or `lab down`) does it."""
    code = f"""
import signal
from pathlib import Path
from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.pods import PodSpec
with Lab(Path({str(manifests)!r}), program={FAKE_AGENT!r}, base=Path({str(base)!r})) as lab:
    lab.attach([PodSpec("default", "web", "uid", "node1")])
    print("ready", flush=True)
    signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"ready\n"
        (state,) = LabState.all(base)
        names, processes = state.netns_names, state.processes
        assert all(Path("/run/netns", name).exists() for name in names)
        owner.send_signal(number)
        owner.wait(20)
    if number is signal.SIGKILL:
        sweep(base)

    assert LabState.all(base) == ()
    assert not [name for name in names if Path("/run/netns", name).exists()]
    assert not [process for process in processes if process.alive()]


def test_the_mininet_prompt(lab: Lab, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Pods by name, addresses put where a command names a pod, the node's own switch at the node's prompt."""
    lab.attach([WEB, DB])
    lab.node("node1").ovs.ofctl(
        "add-flow", "br-int", "priority=9,icmp,nw_src=10.244.1.20,nw_dst=10.244.1.21,actions=drop"
    )
    script = tmp_path / "script"
    script.write_text("nodes\nweb.default ip -o addr show eth0\nnode1 ovs-vsctl list-br\npingall\nlinks\n")

    lab.cli(script)

    shown = capfd.readouterr()
    text = shown.out + shown.err
    assert "db.default node1 outside web.default" in text
    assert "10.244.1.20/32" in text
    assert "br-int" in text
    assert "web.default -> X outside" in text
    assert "web.default<->node1" in text


def test_the_folder_of_topologies_is_not_the_library(tmp_path: Path) -> None:
    """Where Debian's package is missing, the checkout's own folder mininet/ would be found: one sentence then."""
    (tmp_path / "mininet").mkdir()
    package = Path(__file__).parents[2] / "ryu_netpol"
    (tmp_path / "ryu_netpol").symlink_to(package)
    # -S: without site-packages there is no Mininet; netaddr and the like are found by hand.
    site = next(p for p in sys.path if p.endswith("site-packages"))
    code = f"""
import sys
sys.path[:0] = [{str(tmp_path)!r}, {site!r}]
from ryu_netpol.lab.errors import LabError
try:
    import ryu_netpol.lab.mn
except LabError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, cwd="/")

    assert done.stdout.startswith("The Mininet library cannot be imported")
    assert "Debian's package mininet" in done.stdout


def test_without_root_one_sentence(manifests: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is made."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match="The lab needs root: run it with sudo"):
        Lab(manifests, base=base).up()
