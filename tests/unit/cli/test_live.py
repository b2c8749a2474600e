"""`--live`: the commands read from an API server what they read from manifests otherwise."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ryu_netpol.cli.main import main
from tests.support.calls import complaint
from tests.unit.adapters.kube.server import Server, instead, serving, write_kubeconfig
from tests.unit.adapters.kube.world import World, namespace, node, pod, policy, refuse

Json = dict[str, Any]
Out = pytest.CaptureFixture[str]
CONTAINERS = [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}]
FROM_WEB = [{"from": [{"podSelector": {"matchLabels": {"version": "web"}}}]}]


def one(name: str, version: str) -> Json:
    """A pod on node n1, with a port."""
    return {"apiVersion": "v1", **pod(name, version=version, nodeName="n1", containers=CONTAINERS)}


def rule(name: str, **spec: Any) -> Json:
    """A policy, as a manifest has it."""
    return {"apiVersion": "networking.k8s.io/v1", **policy(name, **spec)}


DB = rule("shop/db", podSelector={"matchLabels": {"version": "db"}}, ingress=FROM_WEB)
OBJECTS = (
    {"apiVersion": "v1", **namespace("shop")},
    {"apiVersion": "v1", **node("n1")},
    {"apiVersion": "v1", **node("n2")},
    one("shop/web", "web"),
    one("shop/db", "db"),
    one("shop/other", "other"),
    DB,
)


def write(name: str, *objects: Json) -> str:
    """A manifest with these objects."""
    Path(name).write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    return name


@pytest.fixture(autouse=True)
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with all of it, to which $KUBECONFIG leads; the working directory is empty but for that file."""
    world = World()
    for document in OBJECTS:
        world.put(document)
    monkeypatch.chdir(tmp_path)
    with serving(world) as server:
        monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "kubeconfig", server.url)))
        yield server


SAME = {
    "reach": ["reach", "-o", "json"],
    "reach, compared": ["reach", "--via", "model", "--via", "flows"],
    "flows": ["flows", "--node", "n1"],
    "explain": ["explain", "shop/other", "shop/db", "TCP/80", "--flows"],
    "diff": ["diff", "--to", "changed.json"],
}


@pytest.mark.parametrize("call", SAME.values(), ids=SAME)
def test_the_same_as_of_manifests(call: list[str], capsys: Out) -> None:
    """What is printed and the exit status do not depend on where the objects come from."""
    write("changed.json", *OBJECTS[:-1], rule("shop/db"))
    write("objects.json", *OBJECTS)
    expected = main([*call, "-f", "objects.json"]), capsys.readouterr()

    assert (main([*call, "--live"]), capsys.readouterr()) == expected
    assert expected[1].out


def test_check(server: Server, capsys: Out) -> None:
    """Objects of the server are looked at as manifests are, with the server as their place."""
    assert main(["check", "--live"]) == 0
    assert capsys.readouterr().out == "7 objects, 0 errors, 0 warnings\n"

    server.world.put(rule("shop/nobody", podSelector={"matchLabels": {"version": "none"}}))
    assert main(["check", "--live", "--strict"]) == 1
    assert f"{server.url}: warning: NetworkPolicy shop/nobody: spec.podSelector" in capsys.readouterr().out


def test_another_server_is_named(tmp_path: Path, capsys: Out) -> None:
    """`--kubeconfig` counts more than the environment, and `--context` is one in it."""
    with serving(World()) as empty:
        config = str(write_kubeconfig(tmp_path / "other", empty.url))
        assert main(["check", "--live", "--kubeconfig", config, "--context", "private"]) == 0
        assert "0 objects" in capsys.readouterr().out
        assert main(["check", "--live", "--kubeconfig", config, "--context", "missing"]) == 2


def test_what_cannot_be_read_is_closed(server: Server, capsys: Out) -> None:
    """It is told, and counts as it does for the agent (UR-2): manifests with an error would end the command."""
    server.world.put(rule("shop/odd", podSelector={}, ingress=[{"ports": [{"protocol": "ODD"}]}]))

    assert main(["explain", "--live", "shop/db", "shop/web", "TCP/80"]) == 0
    printed = capsys.readouterr()
    assert f"{server.url}: NetworkPolicy shop/odd: spec.ingress[0].ports[0].protocol" in printed.err
    assert printed.out.startswith("DENIED")


def test_applying_adds_and_replaces(capsys: Out) -> None:
    """What the files have not stays as it is: nothing is lost by policies alone, as with kubectl apply."""
    to = write("new.json", rule("shop/web", podSelector={"matchLabels": {"version": "web"}}))

    assert main(["diff", "--live", "--to", to]) == 1
    assert capsys.readouterr().out == (
        "NetworkPolicy shop/web (new)\n  - everybody -> shop/web: everything\n\n0 gained, 1 lost. Policies: 1 new.\n"
    )


def test_applying_what_is_there(capsys: Out) -> None:
    """A policy as it is, and a pod without the node and addresses that it has got: no difference."""
    bare = {"apiVersion": "v1", **pod("shop/web", version="web", containers=CONTAINERS)}

    assert main(["diff", "--live", "--to", write("new.json", DB, bare)]) == 0
    assert capsys.readouterr().out == "No connection is gained or lost.\n"


def test_applying_other_labels(capsys: Out) -> None:
    """An object of the files counts, and not that of the server."""
    assert main(["diff", "--live", "--to", write("new.json", one("shop/other", "web"))]) == 1
    assert "+ shop/other -> shop/db: everything" in capsys.readouterr().out


def test_a_workload_with_pods_steps_back(server: Server, capsys: Out) -> None:
    """Applied again, it makes no other pod than those that are there."""
    made = one("shop/job-1", "job")
    made["metadata"]["ownerReferences"] = [
        {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "job", "uid": "u", "controller": True}
    ]
    server.world.put(made)
    template = {"metadata": {"labels": {"version": "job"}}, "spec": {"containers": CONTAINERS}}
    workload = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "job", "namespace": "shop"},
        "spec": {"serviceName": "", "selector": {"matchLabels": {"version": "job"}}, "template": template},
    }

    assert main(["diff", "--live", "--to", write("new.json", workload)]) == 0
    assert "No connection" in capsys.readouterr().out


def test_both_has_what_the_server_has_not(capsys: Out) -> None:
    """`--with` adds to both sides; what is on the server already is said to be there."""
    to = write("new.json", DB)
    assert main(["diff", "--live", "--with", write("more.json", one("shop/more", "web")), "--to", to]) == 0
    assert main(["diff", "--live", "--with", write("more.json", one("shop/web", "web")), "--to", to]) == 2
    assert "Pod shop/web: is already in " in capsys.readouterr().err


def test_files_of_diff_must_be_right(capsys: Out) -> None:
    """What would be refused cannot be applied."""
    to = write("new.json", rule("shop/db", podSelector=3))

    assert main(["diff", "--live", "--to", to]) == 2
    assert "1 error in the manifests" in capsys.readouterr().err


REFUSED = {
    "nothing named": (["reach"], "one of the arguments -f --live is required"),
    "both": (["reach", "--live", "-f", "x"], "not allowed with argument"),
    "both sides of diff": (["diff", "--live", "-f", "x", "--to", "y"], "not allowed with argument"),
    "a server without --live": (["check", "-f", "x", "--kubeconfig", "y"], "say --live too"),
    "a context without --live": (["diff", "-f", "x", "--to", "y", "--context", "z"], "say --live too"),
    "a context for the lab": (["explain", "a/b", "a/c", "ICMP", "--lab", "--context", "z"], "say --live too"),
    "the lab": (["explain", "a/b", "a/c", "ICMP", "--live", "--lab"], "say --lab or --live"),
    "packets": (["reach", "--live", "--via", "packets"], "name them by -f, not --live"),
    "no kubeconfig": (["check", "--live", "--kubeconfig", "missing"], "--live: there is no kubeconfig missing"),
}


@pytest.mark.parametrize(("call", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_call(call: list[str], sentence: str, capsys: Out) -> None:
    """One sentence and status 2."""
    assert sentence in complaint(call, capsys)


def test_a_server_that_denies(server: Server, capsys: Out) -> None:
    """Status 2, one line, and nothing on standard output: half a cluster would be a wrong answer."""
    server.fail("Pod", instead(lambda: refuse(403, "pods is forbidden: User cannot list pods")))

    assert main(["reach", "--live"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        f"ryu-netpol reach: --live: {server.url} does not list pods: 403 pods is forbidden: User cannot list pods\n"
    )


def test_manifests_need_no_kubernetes() -> None:
    """The heavy packages are imported by who asks a server, and by nobody else."""
    write("objects.json", *OBJECTS)
    program = (
        "import sys; from ryu_netpol.cli.main import main\n"
        "main(sys.argv[1:]); print({'kubernetes', 'urllib3', 'msgspec'} & set(sys.modules))"
    )
    printed = {}
    for source in (["-f", "objects.json"], ["--live"]):
        done = subprocess.run([sys.executable, "-c", program, "check", *source], capture_output=True, text=True)
        printed[source[0]] = done.stdout.splitlines()[-1]

    assert printed["-f"] == "set()"
    assert "kubernetes" in printed["--live"]
