"""`--live` with a real API server: the same answers as from the manifests that were applied to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ryu_netpol.adapters.kube import questions
from ryu_netpol.cli.main import main
from tests.kube.server import Server
from tests.support.deploy import objects

Out = pytest.CaptureFixture[str]
EXAMPLE = "examples/quickstart"
ACCOUNT = ("kube-system", "ryu-netpol")


def account() -> list[dict[str, Any]]:
    """The ServiceAccount of the agent, and what it may do."""
    wanted = {"ServiceAccount", "ClusterRole", "ClusterRoleBinding"}
    return [one for one in objects() if one["kind"] in wanted and one["metadata"]["name"] == ACCOUNT[1]]


@pytest.fixture
def shop(own_server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server with the example applied, to which $KUBECONFIG leads as the agent's account; pages have two objects."""
    for file in ("cluster.yaml", "policies.yaml"):
        for value in yaml.safe_load_all(Path(EXAMPLE, file).read_text()):
            own_server.admin.apply(value)
    for value in account():
        own_server.admin.create(value)
    monkeypatch.setenv("KUBECONFIG", str(own_server.service_account_kubeconfig(*ACCOUNT)))
    monkeypatch.setattr(questions, "LIMIT", 2)
    return own_server


def test_the_same_answers(shop: Server, capsys: Out) -> None:
    """Who reaches whom, why not, and the flows; a check finds nothing odd in what the server has added."""
    for call in (
        ["reach"],
        ["reach", "-o", "json", "--via", "model", "--via", "flows"],
        ["explain", "shop/report", "shop/db", "TCP/5432", "--flows"],
        ["flows"],
    ):
        expected = main([*call, "-f", EXAMPLE]), capsys.readouterr()
        assert (main([*call, "--live"]), capsys.readouterr()) == expected
        assert expected[1].out

    assert main(["check", "--live", "--strict"]) == 0
    assert " 0 errors, 0 warnings" in capsys.readouterr().out


def test_what_applying_would_change(shop: Server, tmp_path: Path, capsys: Out) -> None:
    """What is applied already changes nothing, all of it or policies alone; another rule does, and so does the new."""
    policies = Path(EXAMPLE, "policies.yaml")
    assert main(["diff", "--live", "--to", EXAMPLE]) == 0
    assert main(["diff", "--live", "--to", str(policies)]) == 0
    capsys.readouterr()
    changed = tmp_path / "policies.yaml"
    changed.write_text(policies.read_text().replace("              app: web", "              app: report"))
    assert main(["diff", "--live", "--to", str(changed)]) == 1
    told = capsys.readouterr().out
    shop.admin.apply(yaml.safe_load(changed.read_text()))

    assert "+ shop/report -> shop/db: everything" in told
    assert "- shop/web -> shop/db: everything" in told
    assert main(["diff", "--live", "--to", str(changed)]) == 0


def test_addresses_are_those_of_the_cluster(shop: Server, capsys: Out) -> None:
    """A pod has the address of its status; where the server has none yet, one is made up."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}}
    shop.admin.write_status(pod, {"phase": "Running", "podIP": "10.9.8.7", "podIPs": [{"ip": "10.9.8.7"}]})

    assert main(["explain", "--live", "shop/web", "shop/db", "TCP/5432"]) == 0
    assert "shop/web, 10.9.8.7: app=web" in capsys.readouterr().out


def test_who_may_not_list(shop: Server, monkeypatch: pytest.MonkeyPatch, capsys: Out) -> None:
    """One sentence says what is missing: a permission, the right token, the server."""
    role = next(value for value in account() if value["kind"] == "ClusterRole")
    rules = [{**rule, "resources": [name for name in rule["resources"] if name != "nodes"]} for rule in role["rules"]]
    shop.admin.replace({**role, "rules": [rule for rule in rules if rule["resources"]]})

    def denied() -> bool:
        answer = main(["check", "--live"])
        return answer == 2 and "does not list nodes: 403 nodes is forbidden" in capsys.readouterr().err

    shop.wait(denied)
    monkeypatch.setenv("KUBECONFIG", str(shop.kubeconfig("nobody")))
    assert main(["check", "--live"]) == 2
    assert "does not list namespaces: 401 Unauthorized" in capsys.readouterr().err
    shop.stop()
    assert main(["check", "--live"]) == 2
    assert f"{shop.address} cannot be asked for namespaces: " in capsys.readouterr().err
