"""`explain --lab`: the flows that it names are those that real packets meet, on a running switch."""

import json
from pathlib import Path

import pytest

from ryu_netpol.cli.judges.decide import Decision
from ryu_netpol.cli.judges.evidence import by_switches
from ryu_netpol.cli.main import main
from ryu_netpol.lab.lab import Lab
from ryu_netpol.model.names import PodKey
from ryu_netpol.model.objects import Cluster
from ryu_netpol.model.probe import Probe, resolve
from ryu_netpol.oracle.evaluate import evaluate
from tests.e2e.shop import cluster, probe

ASKED = {
    "rule, TCP": (("shop/web", "shop/db", "TCP", 80), ["MISS in EGRESS", "RULE in INGRESS"]),
    "rule, UDP": (("lab/probe", "shop/db", "UDP", 53), ["MISS in EGRESS", "RULE in INGRESS"]),
    "rule, SCTP": (("shop/cache", "shop/web", "SCTP", 80), ["RULE in EGRESS", "MISS in INGRESS"]),
    "rule, ICMP": (("203.0.113.7", "shop/db", "ICMP", None), ["RULE in INGRESS"]),
    "denied, TCP": (("shop/cache", "shop/web", "TCP", 8010), ["ISOLATED in EGRESS"]),
    "denied, UDP": (("shop/web", "shop/db", "UDP", 53), ["ISOLATED in INGRESS"]),
    "denied, SCTP": (("shop/cache", "shop/web", "SCTP", 81), ["ISOLATED in EGRESS"]),
    "denied, ICMP": (("shop/web", "shop/db", "ICMP", None), ["ISOLATED in INGRESS"]),
    "denied, outside, IPv6": (("2001:db8::7", "shop/db", "TCP", 80), ["ISOLATED in INGRESS"]),
    "forwarded by the node": (("192.168.50.1", "shop/db", "TCP", 80), ["ISOLATED in INGRESS"]),
    "the node itself": (("node/node1", "shop/db", "UDP", 53), ["NODE in INGRESS_ADMIN"]),
    "to the outside": (("shop/web", "8.8.8.8", "UDP", 53), ["MISS in EGRESS"]),
}


def decisions(lab: Lab, found: Cluster, asked: Probe) -> list[Decision]:
    """The deciding flows of the only bridge, which agrees with the policies."""
    connection = resolve(found, asked)
    (passage,) = by_switches(lab, found, connection)
    assert passage.answer.allowed is evaluate(found, connection).allowed, passage.answer.reason
    return list(passage.decisions)


def test_packets_meet_the_flows_that_are_named(shop: Lab, folder: Path) -> None:
    """All protocols, pods, node and outside: what is sent grows the counter of every deciding flow."""
    found = cluster(folder)
    for name, (question, kinds) in ASKED.items():
        asked = probe(*question)
        before = decisions(shop, found, asked)
        shop.probe([asked])
        after = decisions(shop, found, asked)

        assert [f"{d.cookie.kind.name} in {d.table_name}" for d in before if d.cookie] == kinds, name
        assert [d.flow for d in before] == [d.flow for d in after], name
        assert all((b.packets or 0) < (a.packets or 0) for b, a in zip(before, after, strict=True)), (
            name,
            before,
            after,
        )


def test_both_families(shop: Lab, folder: Path) -> None:
    """The same rule by IPv6 is the same flow."""
    found = cluster(folder)
    web, db = PodKey("shop", "web"), PodKey("shop", "db")
    four = decisions(shop, found, Probe(web, db, port=80, ip=4))
    six = decisions(shop, found, Probe(web, db, port=80, ip=6))

    assert [d.flow for d in four] == [d.flow for d in six]


def test_the_command(
    shop: Lab, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without -f the manifests are the lab's own; a flow of somebody else that drops is shown, and exit code 1."""
    monkeypatch.setattr(Lab, "open", lambda _: shop)
    asked = ["explain", "shop/web", "shop/db", "TCP/80", "--lab", "-o", "json"]

    assert main([*asked, "--flows"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["lab"]["allowed"] is found["flows"]["allowed"] is found["allowed"] is True
    assert found["lab"]["bridges"][0]["deciding"][1]["meaning"] == "a rule of shop/db allows it"
    assert found["lab"]["bridges"][0]["deciding"][1]["packets"] >= 0

    shop.node("node1").ovs.ofctl("add-flow", "br-int", "table=41,priority=65535,tcp,tp_dst=80,actions=drop")
    assert main(asked) == 1
    printed = capsys.readouterr()
    (deciding,) = json.loads(printed.out)["lab"]["bridges"][0]["deciding"]
    assert (deciding["cookie"], deciding["meaning"]) == (None, "no flow of ours")
    assert deciding["flow"].endswith("priority=65535,tcp,tp_dst=80 actions=drop")
    assert "DISAGREEMENT: the policies mean allowed, the switches of the lab say denied" in printed.err
