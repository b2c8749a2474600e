"""Connections that a change revokes, whoever speaks; and those beside them, which lose nothing (NP-90 to NP-94)."""

import contextlib
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.node import BRIDGE, LabNode
from ryu_netpol.lab.pods import PodSpec
from ryu_netpol.lab.specs import pod_specs
from tests.e2e.agent_log import AgentLog
from tests.e2e.shop import POD, cluster
from tests.e2e.stream_judge import Span, faults
from tests.e2e.talks import TALKS, Talk, Tcp, UdpReplies
from tests.e2e.traffic import Kind, Spec, Traffic

CLIENT, SERVER, OTHER = "lab/probe", "shop/db", "shop/web"
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: probe}}, namespaceSelector: {matchLabels: {team: lab}}}]
  - from: [{podSelector: {matchLabels: {app: web}}}]
"""
UNRELATED = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: cache, namespace: shop}
spec:
  podSelector: {matchLabels: {app: cache}}
  ingress:
  - ports: [{port: 80}]
"""
TWIN = POD.format(namespace="lab", name="twin", n=23)
"""A pod that gets the client's addresses, and is nobody whom the policy knows."""
HEIR = POD.format(namespace="shop", name="heir", n=21)
"""A pod that gets the server's addresses, and is not isolated: whoever may open a connection to it may."""


def in_force(node: LabNode, act: Callable[[], object]) -> None:
    """Do something that changes flows, and wait until that is in force."""
    log = AgentLog(node.agent_log)
    log.follow()
    before = log.newest
    act()
    log.wait(lambda: log.newest if log.newest > before else None)
    log.wait(lambda: log.felt(log.newest))


def epoch(node: LabNode) -> int:
    """With which the switch commits connections."""
    (found,) = set(re.findall(r"ct_mark=(0x[0-9a-f]+)/0xffff\b", node.ovs.ofctl("dump-flows", BRIDGE, "table=25")))
    return int(found, 16)


@contextlib.contextmanager
def talks(lab: Lab, client: str, server: str = SERVER) -> Iterator[list[Talk]]:
    """One of each kind in both families, each of which has been heard."""
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(kind(lab, client, server, version)) for kind in TALKS for version in (4, 6)]
        assert [talk for talk in made if not talk.speak()] == []
        yield made


def named(silent: list[Talk]) -> list[str]:
    """For people."""
    return [f"{type(talk).__name__} {talk.source} to {talk.destination}" for talk in silent]


@pytest.fixture
def shop_policy(shop: Lab, folder: Path) -> Lab:
    """The shop, in which the client reaches the server by its own label and its namespace's."""
    in_force(shop.node("node1"), lambda: (folder / "policy.yaml").write_text(POLICY))
    return shop


def edit(path: Path, old: str, new: str) -> None:
    """Replace what is there once."""
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


# --- each kind of connection, each kind of change --------------------------------------------------------------------

LABELS = "namespace: lab, uid: uid-probe, labels: {{app: {}}}"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        pytest.param("policy.yaml", "{app: probe}", "{app: nobody}", id="policy"),
        pytest.param("cluster.yaml", LABELS.format("probe"), LABELS.format("nobody"), id="pod label"),
        pytest.param("cluster.yaml", "labels: {team: lab}", "labels: {team: nobody}", id="namespace label"),
    ],
)
def test_a_change_revokes(shop_policy: Lab, folder: Path, file: str, old: str, new: str) -> None:
    """Whoever speaks, and if nobody spoke for a while: cut once it is in force. The other client goes on."""
    with talks(shop_policy, CLIENT) as revoked:
        in_force(shop_policy.node("node1"), lambda: edit(folder / file, old, new))

        assert named([talk for talk in revoked if not talk.is_silent()]) == []
    with talks(shop_policy, OTHER) as kept:
        in_force(shop_policy.node("node1"), lambda: edit(folder / file, new, old))

        assert named([talk for talk in kept if not talk.speak()]) == []


def test_what_is_revoked_may_be_allowed_again(shop_policy: Lab, folder: Path) -> None:
    """Once the change is taken back, what still speaks is heard again: so it was policy that had cut it (P11)."""
    node = shop_policy.node("node1")
    with UdpReplies(shop_policy, CLIENT, SERVER, 4) as talk:
        in_force(node, lambda: edit(folder / "policy.yaml", "{app: probe}", "{app: nobody}"))
        assert talk.is_silent()
        in_force(node, lambda: edit(folder / "policy.yaml", "{app: nobody}", "{app: probe}"))

        assert talk.speak()


# --- addresses that pass to another pod ------------------------------------------------------------------------------


@contextlib.contextmanager
def listening(lab: Lab, pod: str, sender: str) -> Iterator[Callable[[float], list[bytes]]]:
    """Every IP packet that a pod gets from another one, neighbour discovery left out; the function waits for some."""
    senders = [socket.inet_pton(socket.AF_INET6 if ":" in a else socket.AF_INET, a) for a in lab.pod(sender).addresses]
    with lab.socket(pod, socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003)) as wire:

        def heard(seconds: float) -> list[bytes]:
            found, deadline = [], time.monotonic() + seconds
            while (left := deadline - time.monotonic()) > 0:
                wire.settimeout(left)
                with contextlib.suppress(TimeoutError):
                    packet, (_, _, kind, *_) = wire.recvfrom(65535)
                    source = packet[12:16] if packet[0] >> 4 == 4 else packet[8:24]
                    if kind != socket.PACKET_OUTGOING and source in senders:
                        found.append(packet)
            return found

        yield heard


def pass_on(lab: Lab, folder: Path, old: str, heir: str) -> PodSpec:
    """Delete a pod; its addresses go to another one, which is attached when this returns, and in force."""
    whole = (folder / "cluster.yaml").read_text()
    gone = next(part for part in whole.split("---") if f"uid: uid-{old.partition('/')[2]}," in part)

    def act() -> None:
        (folder / "cluster.yaml").write_text(whole.replace("---" + gone, "") + heir)
        lab.detach(old)
        lab.attach([spec for spec in pod_specs(cluster(folder)) if spec.key not in lab.pods])

    in_force(lab.node("node1"), act)
    (new,) = [spec for spec in pod_specs(cluster(folder)) if f"uid: {spec.uid}," in heir]
    return new


def test_who_gets_the_clients_address_inherits_nothing(shop_policy: Lab, folder: Path) -> None:
    """NP-71: the server goes on speaking to it, and the heir from the client's own port: neither is heard.

    A connection that the server opens to the heir is: nobody is isolated from that.
    """
    with talks(shop_policy, CLIENT) as inherited:
        ports = {t.family: t.calling.getsockname()[1] for t in inherited if isinstance(t, UdpReplies)}
        spec = pass_on(shop_policy, folder, CLIENT, TWIN)
        with listening(shop_policy, spec.key, SERVER) as heard:
            for talk in inherited:
                if type(talk).__name__ in ("TcpFromServer", "UdpReplies"):
                    talk.send(b"for the dead")
            assert heard(1.0) == []

            for talk in inherited:
                if isinstance(talk, UdpReplies):
                    heir = talk.made(spec.key, socket.SOCK_DGRAM)
                    heir.bind((talk.source, ports[talk.family]))
                    heir.sendto(b"from the heir", (talk.destination, talk.port))
                    talk.serving.settimeout(0.3)
                    with pytest.raises(TimeoutError):
                        talk.serving.recv(64)
            with shop_policy.socket(SERVER, socket.AF_INET, socket.SOCK_DGRAM) as fresh:
                fresh.sendto(b"hello", (shop_policy.pod(spec.key).place(4).address, 9))
            assert len(heard(1.0)) == 1


def test_who_gets_the_servers_address_inherits_nothing(shop_policy: Lab, folder: Path) -> None:
    """NP-71: the client is cut off from everybody else in the same moment; what it goes on saying reaches nobody."""
    (folder / "egress.yaml").write_text(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: probe, namespace: lab}\n"
        "spec: {podSelector: {matchLabels: {app: probe}}, policyTypes: [Egress], egress: "
        "[{to: [{namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}]}]}\n"
    )
    with talks(shop_policy, CLIENT) as inherited:
        spec = pass_on(shop_policy, folder, SERVER, HEIR)
        with listening(shop_policy, spec.key, CLIENT) as heard:
            for talk in inherited:
                if isinstance(talk, UdpReplies):
                    talk.calling.send(b"for the dead")
                elif type(talk).__name__ != "TcpFromServer":
                    talk.send(b"for the dead")
            assert heard(1.0) == []

            with Tcp(shop_policy, OTHER, spec.key, 4) as control:
                assert control.speak()


# --- what is not revoked ----------------------------------------------------------------------------------------------


def test_an_unrelated_narrowing_loses_no_packet(shop_policy: Lab, folder: Path) -> None:
    """Ten times the epoch is raised under streams of each kind in both families, and nothing of them is lost."""
    node = shop_policy.node("node1")
    first = epoch(node)
    with Traffic() as traffic:
        specs = [
            Spec(2 * n + (v == 6), kind, *(w for end in (OTHER, SERVER) for w in place(shop_policy, end, v)), 7000 + n)
            for n, kind in enumerate(Kind)
            for v in (4, 6)
        ]
        shop_policy.pod(OTHER).run("sysctl", "-q", "-w", "net.ipv4.ping_group_range=0 0")
        assert [problem for spec in specs if (problem := traffic.open(spec))] == []
        start = time.monotonic()
        for _ in range(10):
            in_force(node, lambda: (folder / "unrelated.yaml").write_text(UNRELATED))
            in_force(node, (folder / "unrelated.yaml").unlink)
        sent_again = traffic.retransmitted()
        end = traffic.silence(spec.number for spec in specs)
        time.sleep(0.5)
        tracks = traffic.stop()

    assert epoch(node) == first + 10
    assert list(faults([Span(spec.number, True, start, end) for spec in specs], tracks)) == []
    assert [number for number, (total, in_vain) in sent_again.items() if total > in_vain] == []
    assert sum(len(track.sent) for track in tracks) > 400


def place(lab: Lab, pod: str, version: int) -> tuple[str, str]:
    """Namespace and address."""
    return lab.netns(pod), lab.pod(pod).place(version).address


WIDER = POLICY.replace("{name: db,", "{name: wider,").replace("{app: web}", "{shelf: top}")


def test_widening_changes_no_epoch(shop_policy: Lab, folder: Path) -> None:
    """A rule and a policy more, also with label keys that nobody mentioned before: no connection is judged again."""
    node = shop_policy.node("node1")
    edit(folder / "cluster.yaml", "labels: {app: web}", "labels: {app: web, shelf: top, floor: '3'}")
    before = epoch(node)
    rule = "  - from: [{podSelector: {matchExpressions: [{key: floor, operator: Exists}]}}]\n"
    in_force(node, lambda: (folder / "policy.yaml").write_text(POLICY + rule))
    assert epoch(node) == before
    in_force(node, lambda: (folder / "wider.yaml").write_text(WIDER))
    assert epoch(node) == before

    in_force(node, (folder / "wider.yaml").unlink)
    in_force(
        node,
        lambda: (folder / "policy.yaml").write_text(
            POLICY.replace("  - from: [{podSelector: {matchLabels: {app: web}}}]\n", "")
        ),
    )
    assert epoch(node) > before
