"""The whole: real agent, real plugin, real packets, compared with the model (tests/unit/oracle proves the model)."""

import contextlib
import socket
from pathlib import Path

import pytest

from ryu_netpol.lab import commands
from ryu_netpol.lab.errors import LabError
from ryu_netpol.lab.lab import Lab
from ryu_netpol.lab.probe import Outcome
from ryu_netpol.lab.specs import node_specs, pod_specs
from ryu_netpol.model.probe import default_probes, resolve
from ryu_netpol.oracle.evaluate import evaluate
from tests.e2e.conftest import FAKE_AGENT
from tests.e2e.shop import OTHERS, POLICY, allowed, cluster, disagreements, eventually, probe


def test_packets_agree_with_the_model(shop: Lab, folder: Path) -> None:
    """Every pair of pods in both families, and the node, the outside, port ranges, excepts, SCTP, ICMP."""
    assert disagreements(shop, folder) == []


def test_the_comparison_can_fail(base: Path, folder: Path) -> None:
    """With an agent that enforces nothing, exactly what should be denied disagrees (P10)."""
    found = cluster(folder)
    with Lab(folder, node_specs(found), program=FAKE_AGENT, base=base) as lab:
        lab.attach(pod_specs(found))
        lines = disagreements(lab, folder)

    asked = [*default_probes(found), *(probe(*entry) for entry in OTHERS)]
    denied = [str(each) for each in asked if not evaluate(found, resolve(found, each)).allowed]
    assert denied == [line.partition(": ")[0] for line in lines]
    assert len(denied) > 10


def test_the_commands(base: Path, folder: Path) -> None:
    """`lab up` leaves the lab, `lab probe` finds it, `lab down` removes it and says so when there is none."""
    asked = probe("shop/web", "shop/db", "TCP", 80)
    lab_id = commands.up(folder, cluster(folder), program=FAKE_AGENT, base=base)

    assert [result.outcome for result in commands.probe([asked], base=base)] == [Outcome.ALLOWED]
    assert commands.down(base=base) == lab_id
    with pytest.raises(LabError, match="No lab is up: start one"):
        commands.down(base=base)


def test_an_edited_policy_is_followed(shop: Lab, folder: Path) -> None:
    """Wider, then gone, then there again in a new file: the folder is watched, and everything still agrees."""
    asked = probe("shop/cache", "shop/db", "SCTP", 80)
    assert not allowed(shop, asked)

    (folder / "policy.yaml").write_text(
        POLICY.replace("{app: web}", "{app: cache}").replace("port: 80}]", "port: 80, protocol: SCTP}]")
    )
    eventually(lambda: allowed(shop, asked))
    assert disagreements(shop, folder) == []

    (folder / "policy.yaml").unlink()
    eventually(lambda: allowed(shop, probe("lab/probe", "shop/db", "TCP", 81)))
    assert disagreements(shop, folder) == []

    (folder / "new.yaml").write_text(POLICY)
    eventually(lambda: not allowed(shop, asked))
    assert disagreements(shop, folder) == []


def test_a_revoked_connection_stops_and_another_goes_on(shop: Lab, folder: Path) -> None:
    """Established connections are judged again when policy becomes narrower (docs/decisions/0004-epochs.md)."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(shop.socket("shop/db", socket.AF_INET, socket.SOCK_STREAM))
        # Or the probe's own listener could not have the port while the connections are open.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("10.244.1.21", 80))
        server.listen()
        pairs = []
        for source in ("shop/web", "node/node1"):
            client = stack.enter_context(shop.socket(source, socket.AF_INET, socket.SOCK_STREAM))
            client.settimeout(2)
            client.connect(("10.244.1.21", 80))
            served = stack.enter_context(server.accept()[0])
            served.settimeout(2)
            pairs.append((client, served))
        server.close()
        (revoked, served), (kept, served_kept) = pairs
        revoked.sendall(b"1")
        assert served.recv(1) == b"1"

        (folder / "policy.yaml").write_text(POLICY.replace("{app: web}", "{app: nobody}"))
        eventually(lambda: not allowed(shop, probe("shop/web", "shop/db", "TCP", 80)))
        revoked.sendall(b"2")
        kept.sendall(b"3")

        assert served_kept.recv(1) == b"3"
        with pytest.raises(TimeoutError):
            served.recv(1)


def test_a_pod_that_leaves_and_comes_back(shop: Lab, folder: Path) -> None:
    """A new sandbox, the same policy."""
    shop.detach("shop/db")
    shop.attach([spec for spec in pod_specs(cluster(folder)) if spec.name == "db"])

    assert disagreements(shop, folder) == []
