"""`ryu-netpol wait`: what it says and how it ends, for everything that a cluster can be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ryu_netpol.cli import wait
from ryu_netpol.cli.main import main
from tests.support.calls import complaint
from tests.unit.adapters.kube.server import Server, drop, hang, instead, write_kubeconfig
from tests.unit.adapters.kube.world import Json, pod, policy, refuse
from tests.unit.adapters.kube.writable import STATUSES, Writable, writing

Out = pytest.CaptureFixture[str]
DENY = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/deny"
CALL = ["wait", "shop/deny", "--timeout", "10"]
LOOK = ["wait", "shop/deny", "--timeout", "0"]


def status(version: int, *failures: Json, count: int | None = None, **more: object) -> Json:
    """What an agent has told: policies up to this version are in force."""
    seen = [{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "resourceVersion": str(version)}]
    return {
        "inForce": {"generation": 4, "since": "2026-01-02T03:04:05Z", "seen": seen},
        "failureCount": len(failures) if count is None else count,
        "failures": list(failures),
        "told": "2026-01-02T03:05:00Z",
        **more,
    }


FAILURE = {
    "kind": "NetworkPolicy",
    "namespace": "shop",
    "name": "deny",
    "reason": "CannotDecode",
    "message": "it is odd",
}


@pytest.fixture
def world() -> Writable:
    """A policy of version 11 and generation 3 with pods on two nodes, both of which have it in force."""
    world = Writable()
    deny = policy("shop/deny")
    deny["metadata"]["generation"] = 3
    world.put(deny)
    world.put(pod("shop/a", nodeName="n1"))
    world.put(pod("shop/b", nodeName="n1"))
    world.put(pod("shop/c", nodeName="n2"))
    world.tell("n1", status(11))
    world.tell("n2", status(15))
    return world


@pytest.fixture(autouse=True)
def server(world: Writable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with it, to which $KUBECONFIG leads."""
    monkeypatch.setattr(wait, "FIRST", 0.01)
    monkeypatch.setattr(wait, "LAST", 0.05)
    with writing(world) as server:
        monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "kubeconfig", server.url)))
        yield server


def test_in_force(server: Server, capsys: Out) -> None:
    """One line, one question for each thing that matters."""
    assert main(CALL) == 0
    printed = capsys.readouterr()

    assert re.fullmatch(
        r"NetworkPolicy shop/deny, generation 3, is in force on 2 nodes, after \d+\.\d s\.\n", printed.out
    )
    assert printed.err == ""
    assert [path for path, _, _ in server.asked] == [
        DENY, "/api/v1/namespaces/shop/pods", f"{STATUSES}/n1", f"{STATUSES}/n2"
    ]  # fmt: skip


def test_it_waits(server: Server, capsys: Out) -> None:
    """Until the last node has it; a server that fails meanwhile does not end it."""
    server.fail(f"{STATUSES}/n2", instead(lambda: refuse(404, "not found")))
    server.fail(f"{STATUSES}/n2", drop)
    server.fail(f"{STATUSES}/n2", instead(lambda: refuse(503, "no")))

    assert main(CALL) == 0
    assert "on 2 nodes" in capsys.readouterr().out
    assert [path for path, _, _ in server.asked].count(f"{STATUSES}/n2") == 4


def test_json(world: Writable, capsys: Out) -> None:
    """Each node, with what its agent told."""
    world.tell("n2", status(9))

    assert main([*LOOK, "-o", "json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed.pop("seconds") < 10
    assert printed == {
        "policy": "shop/deny",
        "apiVersion": "networking.k8s.io/v1",
        "uid": "uid-shop/deny",
        "resourceVersion": "11",
        "generation": 3,
        "result": "waiting",
        "nodes": [
            {
                "node": "n1",
                "pods": 2,
                "state": "in force",
                "reason": "",
                "flowGeneration": 4,
                "resourceVersion": "11",
                "since": "2026-01-02T03:04:05Z",
                "told": "2026-01-02T03:05:00Z",
            },
            {
                "node": "n2",
                "pods": 1,
                "state": "waiting",
                "reason": "version 9 is in force there, not yet 11",
                "flowGeneration": 4,
                "resourceVersion": "9",
                "since": "2026-01-02T03:04:05Z",
                "told": "2026-01-02T03:05:00Z",
            },
        ],
    }


def test_json_of_success(capsys: Out) -> None:
    """The same, and status 0."""
    assert main([*CALL, "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["result"] == "in force"


def test_no_pods(world: Writable, capsys: Out) -> None:
    """Nothing to wait for is no failure, and is said."""
    world.put(policy("shop/deny", podSelector={"matchLabels": {"version": "none"}}))

    assert main(CALL) == 0
    assert capsys.readouterr().out == (
        "NetworkPolicy shop/deny selects no pods that are on a node: there is nothing to wait for.\n"
    )


NOT_YET = {
    "an older version": (
        {"n2": status(9)},
        r"is not in force on 1 of 2 nodes, after \d\.\d s: "
        r"n2 \(told at 2026-01-02T03:05:00Z\): version 9 is in force there, not yet 11",
    ),
    "nothing told": ({"n1": None}, r"1 of 2 nodes, .*: n1: nothing was ever told from there: does an agent run\?"),
    "nothing in force": (
        {"n1": status(11, inForce=None), "n2": status(11, inForce=None)},
        r"2 of 2 nodes, .*: n1 \(told at 2026-01-02T03:05:00Z\), n2 \(told .*\): nothing is known to be in force there",
    ),
    "two reasons": ({"n1": None, "n2": status(9)}, r"n1: nothing was .*; n2 .*: version 9 is in force there.*"),
    "too many failures": (
        {"n1": status(11, {**FAILURE, "name": "other"}, count=101)},
        r"n1 .*: 101 objects fail there, and not all of them are told",
    ),
    "it failed before": (
        {"n1": status(11, {**FAILURE, "resourceVersion": "9"})}, r"n1 .*: CannotDecode: it is odd"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NOT_YET.values(), ids=NOT_YET)
def test_not_in_time(case: tuple[dict[str, Json | None], str], world: Writable, capsys: Out) -> None:
    """Which nodes are missing and why, in one line."""
    told, sentence = case
    for node, said in told.items():
        world.written.pop(f"{STATUSES}/{node}") if said is None else world.tell(node, said)

    assert main(LOOK) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.fullmatch(rf"ryu-netpol wait: NetworkPolicy shop/deny, generation 3, .*{sentence}\n", printed.err)


def test_many_nodes(world: Writable, capsys: Out) -> None:
    """One sentence names ten of them."""
    for number in range(3, 40):
        world.put(pod(f"shop/p{number}", nodeName=f"n{number}"))

    assert main(LOOK) == 1
    assert (
        "n18, n19: nothing was ever told from there: does an agent run?; and 27 nodes more\n" in capsys.readouterr().err
    )


def test_it_fails(world: Writable, capsys: Out) -> None:
    """At once, with the sentence of each node that says so."""
    failure = {**FAILURE, "resourceVersion": "11"}
    world.tell("n1", status(11, failure))
    world.tell("n2", status(9, {**failure, "message": "odd here, too"}))

    assert main(CALL) == 1
    assert capsys.readouterr().err == (
        "ryu-netpol wait: NetworkPolicy shop/deny, generation 3, does not come in force as it is written: "
        "n1: CannotDecode: it is odd; n2: CannotDecode: odd here, too\n"
    )


def test_it_is_deleted(world: Writable, server: Server, capsys: Out) -> None:
    """While it is waited for."""
    world.tell("n1", status(9))
    server.fail(f"{STATUSES}/n1", lambda handler, reply: (world.delete(policy("shop/deny")), handler.send(reply))[1])

    assert main(CALL) == 1
    assert capsys.readouterr().err == "ryu-netpol wait: NetworkPolicy shop/deny, generation 3, was deleted\n"


def test_it_changes(world: Writable, server: Server, capsys: Out) -> None:
    """What is waited for is the policy as it is now."""
    world.tell("n1", status(9))

    def change(handler: object, reply: object) -> None:
        changed = policy("shop/deny")
        changed["metadata"]["generation"] = 4
        world.put(changed)
        for node in ("n1", "n2"):
            world.tell(node, status(world.version))
        drop(handler, reply)  # type: ignore[arg-type]

    server.fail(f"{STATUSES}/n1", change)

    assert main(CALL) == 0
    assert "generation 4, is in force on 2 nodes" in capsys.readouterr().out


def test_a_server_that_is_lost(server: Server, capsys: Out) -> None:
    """Nobody knows: status 1, and why."""
    for _ in range(100):
        server.fail(f"{STATUSES}/n1", instead(lambda: refuse(503, "no backend")))

    assert main(["wait", "shop/deny", "--timeout", "0.1"]) == 1
    assert re.search(
        r"nobody knows whether .* is in force, after 0\.\d s: http://\S+ does not show nodepolicystatuses: 503 no back",
        capsys.readouterr().err,
    )


def test_a_terminal_shows_progress(server: Server, capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    """On standard error, while it waits."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(wait, "FIRST", 0.3)
    server.fail(f"{STATUSES}/n2", instead(lambda: refuse(404, "not found")))

    assert main(CALL) == 0
    printed = capsys.readouterr()
    assert "is in force on 1 of 2 nodes ..." in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", printed.err)
    assert printed.out.startswith("NetworkPolicy shop/deny, generation 3, is in force on 2 nodes")


WRONG = {
    "no policy": (["wait", "shop/none"], r"wait: http://\S+ has no NetworkPolicy shop/none"),
    "no namespace": (["wait", "deny"], "wait: deny: a policy is named as NAMESPACE/POLICY"),
    "three names": (["wait", "a/b/c"], "wait: a/b/c: a policy is named as NAMESPACE/POLICY"),
    "no name": (["wait", "shop/"], "a policy is named"),
    "no seconds": (["wait", "a/b", "--timeout", "soon"], "argument --timeout: 'soon' is no number of seconds"),
    "negative": (["wait", "a/b", "--timeout=-1"], "argument --timeout: '-1' is no number of seconds"),
    "no kubeconfig": (["wait", "a/b", "--kubeconfig", "missing"], "there is no kubeconfig missing"),
}


@pytest.mark.parametrize(("call", "sentence"), WRONG.values(), ids=WRONG)
def test_a_wrong_call(call: list[str], sentence: str, capsys: Out) -> None:
    """One sentence and status 2."""
    assert re.search(sentence, complaint(call, capsys))


def test_who_may_not_ask(server: Server, capsys: Out) -> None:
    """Status 2 at once: to wait would not help."""
    server.fail(f"{STATUSES}/n1", instead(lambda: refuse(403, "nodepolicystatuses is forbidden")))

    assert main(CALL) == 2
    assert "does not show nodepolicystatuses: 403 nodepolicystatuses is forbidden" in capsys.readouterr().err


def test_a_server_that_does_not_answer(server: Server, capsys: Out) -> None:
    """From the start: status 2, and not much later than it was told to wait."""
    server.fail(DENY, hang(5.0))

    assert main(LOOK) == 2
    assert "cannot be asked for networkpolicy shop/deny: nothing came for too long" in capsys.readouterr().err
