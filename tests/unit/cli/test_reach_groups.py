"""`ryu-netpol reach` over all pairs of pods: in groups, or each by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ryu_netpol.cli.judges import everybody
from ryu_netpol.cli.main import main

Out = pytest.CaptureFixture[str]
HINT = "What is not listed is denied; --all shows every pair.\n"
QUICKSTART = (
    "shop/web -> shop/db: TCP/5432\n"
    "all pods -> shop/report: TCP/8000\n"
    "all pods -> shop/web: TCP/80\n"
    "\n"
    "12 probes: 10 allowed, 2 denied (by model)\n"
)


@pytest.fixture(autouse=True)
def unknown_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody says how wide the screen is."""
    monkeypatch.delenv("COLUMNS", raising=False)


def manifests(folder: Path, *objects: dict[str, object]) -> str:
    """A file with these objects."""
    file = folder / "all.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    return str(file)


def pod(name: str, app: str, *ips: str, ports: tuple[int, ...] = (80, 443)) -> dict[str, object]:
    """A pod of the default namespace."""
    containers = [{"name": "c", "image": "c", "ports": [{"containerPort": port} for port in ports]}]
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": app}},
        "spec": {"containers": containers},
        "status": {"podIPs": [{"ip": ip} for ip in ips]},
    }  # fmt: skip


def policy(name: str, app: str, *rules: dict[str, object]) -> dict[str, object]:
    """An ingress policy for an application of the default namespace."""
    return {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name},
        "spec": {"podSelector": {"matchLabels": {"app": app}}, "ingress": list(rules)},
    }  # fmt: skip


def printed(capsys: Out, *args: str) -> str:
    """What a call prints that ends well."""
    assert main(["reach", *args]) == 0
    return capsys.readouterr().out


def test_groups(capsys: Out) -> None:
    """A line for each group, by destination; a pod alone is not left out of all pods."""
    assert printed(capsys, "-f", "examples/quickstart", "--groups") == QUICKSTART + HINT


def test_pods_that_nobody_tells_apart(tmp_path: Path, capsys: Out) -> None:
    """They are named by a label, with all ports at which they are reached by the same others."""
    pods = [pod(f"{app}-{n}", app) for app in ("web", "db", "job") for n in range(3)]
    allow = {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 443}]}
    file = manifests(tmp_path, *pods, policy("db", "db", allow))

    assert printed(capsys, "-f", file, "--groups") == (
        "all pods -> all pods but app=db in default (3 pods): TCP/80, TCP/443\n"
        "app=web in default (3 pods) -> app=db in default (3 pods): TCP/443\n"
        "\n"
        "288 probes: 210 allowed, 78 denied (by model)\n"
        f"{HINT}"
    ).replace("all pods but app=db in default (3 pods)", "app in (job,web) in default (6 pods)")


def test_families_that_differ(tmp_path: Path, capsys: Out) -> None:
    """A block opens one family only, which the line says; for a pod of that family alone it goes without saying."""
    pods = [
        pod("both", "client", "10.0.0.1", "fd00::1"), pod("old", "client", "10.0.0.2"),
        pod("db", "db", "10.0.0.3", "fd00::3", ports=(5432,)),
    ]  # fmt: skip
    file = manifests(tmp_path, *pods, policy("db", "db", {"from": [{"ipBlock": {"cidr": "10.0.0.0/24"}}]}))

    lines = printed(capsys, "-f", file, "--groups").splitlines()
    assert [line for line in lines if "-> default/db" in line] == [
        "default/both -> default/db: TCP/5432 (IPv4)",
        "default/old -> default/db: TCP/5432",
    ]


def test_nothing_is_allowed(tmp_path: Path, capsys: Out) -> None:
    """There is no line then, and the numbers say so."""
    file = manifests(tmp_path, pod("a", "a"), pod("b", "a"), policy("closed", "a"))

    assert printed(capsys, "-f", file, "--groups") == "8 probes: 0 allowed, 8 denied (by model)\n" + HINT


def test_json(capsys: Out) -> None:
    """Every pod of a group by name, its ports one by one, and how many probes are allowed."""
    found = json.loads(printed(capsys, "-f", "examples/quickstart", "--groups", "-o", "json"))

    assert {word: found[word] for word in ("allowed", "denied")} == {"allowed": 10, "denied": 2}
    assert len(found["groups"]) == 3
    assert found["groups"][0] == {
        "from": {"text": "shop/web", "pods": ["shop/web"]},
        "to": {"text": "shop/db", "pods": ["shop/db"]},
        "ports": [{"protocol": "TCP", "port": 5432}],
        "ip": None,
    }


def test_many_pods(capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many pods there are groups unless all pairs are wanted; JSON has all pairs unless groups are wanted."""
    calls = {
        "table": (), "all": ("--all",), "json": ("-o", "json"), "all as json": ("--all", "-o", "json")
    }  # fmt: skip
    few = {name: printed(capsys, "-f", "examples/quickstart", *args) for name, args in calls.items()}
    monkeypatch.setattr(everybody, "MANY", 2)
    many = {name: printed(capsys, "-f", "examples/quickstart", *args) for name, args in calls.items()}

    assert few["table"] == few["all"]
    assert {**few, "table": QUICKSTART + HINT} == many


@pytest.mark.parametrize("more", [("--via", "flows"), ("--via", "all"), ("--probes", "-")], ids=" ".join)
def test_groups_are_of_all_pairs_by_the_model(more: tuple[str, ...], capsys: Out) -> None:
    """Anything else is refused, not passed over."""
    assert main(["reach", "-f", "examples/quickstart", "--groups", *more]) == 2
    assert capsys.readouterr().err == (
        "ryu-netpol reach: --groups is for all pairs of pods by the model: "
        "without --probes, and without another --via\n"
    )
