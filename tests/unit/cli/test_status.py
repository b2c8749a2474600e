"""`ryu-netpol status`: what it prints, and its exit status."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from ryu_netpol.adapters.health.health import About, Health
from ryu_netpol.adapters.health.pages import Answer
from ryu_netpol.adapters.health.server import HealthServer
from ryu_netpol.agent.events import BridgePort, HostAddressesSeen, Kind, Reached, Said
from ryu_netpol.cli.main import main
from ryu_netpol.model.names import Api, OfPort, PolicyKey
from ryu_netpol.model.objects import Cluster, Policy
from tests.support import build
from tests.support.fake import World
from tests.support.questions import busy, questions
from tests.unit.agent.test_glance import seen, started


class Node:
    """An agent that answers on this machine."""

    def __init__(self, world: World | None, *, late: frozenset[Kind] = frozenset()) -> None:
        """None: it is busy."""
        self.health = Health(About("node1", "1.2.3", "os-ken 4", "folder x", 0.0))
        asked = busy() if world is None else questions(world, self.health.proven, late=late)
        self.server = self.health.listen(
            "127.0.0.1", 0, questions=asked, do=lambda errand: errand(), report=lambda *_: None
        )
        self.server.start()

    def status(self, *words: str) -> int:
        """Run the command."""
        return main(["status", "--agent", f"127.0.0.1:{self.server.port}", *words])


@pytest.fixture
def nodes() -> Iterator[list[Node]]:
    """What a test makes of them ends with it."""
    made: list[Node] = []
    yield made
    for node in made:
        node.server.stop()


def test_a_ready_agent(nodes: list[Node], capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """Feed, switch, policies and endpoints; nothing of problems where there are none."""
    caplog.set_level("INFO", logger="ryu_netpol")
    nodes.append(Node(started()))
    code = nodes[0].status()
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]

    assert code == 0
    assert lines[:6] == [
        "agent      ryu-netpol 1.2.3 on os-ken 4, node node1, since 1970-01-01T00:00:00.000Z",
        "log level  info",
        "ready      yes",
        "feed       folder x: 2 Pod, 1 Namespace, 1 Node, 2 NetworkPolicy; nothing heard yet",
        "switch     connected; generation 1, 1 in force; epoch 1; 0 bundles refused, 0 connections so far",
        "policies   1 select a pod here; 1 rules, 2 identities",
    ]
    assert lines[7].split() == ["ENDPOINT", "POD", "STATE"]
    assert [line.split()[1:] for line in lines[8:10]] == [["default/a", "ready"], ["default/b", "ready"]]
    assert len(lines) == 10


def test_what_is_wrong(nodes: list[Node], capsys: pytest.CaptureFixture[str]) -> None:
    """Ports that are closed, why, and the last reports; brackets are no markup."""
    world = started()
    rogue = BridgePort("rogue", OfPort(60), problem="[bold] it says nothing")
    world.deliver(type(seen())(seen().ports | {rogue}, seen().gateway))
    world.disconnect()
    nodes.append(Node(world, late=frozenset({Kind.POD, Kind.NODE})))
    nodes[0].health.record.reported("gateway", "[red] it is gone")
    code = nodes[0].status()
    text = capsys.readouterr().out

    assert code == 1
    assert "ready      NO; switch: not connected; installed: not since the switch connected" in text
    assert "nothing heard yet; NOT UP TO DATE: Node, Pod" in text
    assert "switch     NOT CONNECTED; " in text
    assert "rogue     -          unknown" in text
    assert "unknown_port  port rogue (60) of the bridge is closed: [bold] it says nothing" in text
    assert "gateway  [red] it is gone" in text


def test_an_agent_that_is_busy(nodes: list[Node], capsys: pytest.CaptureFixture[str]) -> None:
    """It is there, and it is not ready."""
    nodes.append(Node(None))

    assert nodes[0].status() == 1
    assert "ready      NO; agent: the agent has not answered within 3 s" in capsys.readouterr().out


def proved() -> Node:
    """An agent that follows an API server, with one good and one broken policy; a good one names an unknown port."""
    world = World()
    node = Node(world)
    world.seen.append(lambda event: node.health.proven.follow(event, (), delivered=5.0, progress=world.agent.progress))
    cluster = started().agent.view().cluster
    versions = {"closed": Said("u1", "40", 3), "broken": Said("u2", "41", 2, ("spec.ingress: must be a list",))}
    said = {PolicyKey("default", name): one for name, one in versions.items()}
    ports = build.policy("default/closed", "x=1", ingress=[build.rule(ports=["TCP/http"])])
    world.list_all(Cluster.of(*(o for o in cluster.objects() if not isinstance(o, Policy)), ports))
    world.deliver(Reached(Kind.POLICY, Api.V1, "41", said, complete=True), seen(), HostAddressesSeen(frozenset()))
    world.connect()
    return node


def test_what_is_in_force(nodes: list[Node], capsys: pytest.CaptureFixture[str]) -> None:
    """Up to which versions, and which objects are not enforced as they are written."""
    nodes.append(proved())
    nodes[0].status()
    text = capsys.readouterr().out

    assert "in force   NetworkPolicy 41; since " in text
    assert "NetworkPolicy default/broken  CannotDecode  spec.ingress: must be a list; what cannot be read" in text
    assert "NetworkPolicy default/closed  PortNotFound  on some node, no pod that it selects has a TCP port" in text


def test_policies(nodes: list[Node], capsys: pytest.CaptureFixture[str]) -> None:
    """Those that select a pod of this node, with the generation in force."""
    nodes.append(proved())
    code = nodes[0].status("--policies")
    head, line = capsys.readouterr().out.split("\n")[1:3]

    assert code == 0
    assert head.split() == ["POLICY", "SEEN", "IN", "FORCE", "SINCE", "TOOK", "PODS", "HERE", "WRONG"]
    assert line.split()[:3] == ["default/closed", "3", "3"]
    assert line.split()[4:6] == ["-", "1"]


def test_no_policies(nodes: list[Node], capsys: pytest.CaptureFixture[str]) -> None:
    """A sentence; and an empty list for programs."""
    nodes.append(Node(World()))

    assert nodes[0].status("--policies") == 0
    assert capsys.readouterr().out == "No policy selects a pod of this node.\n"
    assert nodes[0].status("--policies", "-o", "json") == 0
    assert capsys.readouterr().out == "[]\n"


@pytest.mark.parametrize(("world", "code"), [(started, 0), (World, 1)], ids=["ready", "starting"])
def test_json_has_everything(
    nodes: list[Node], capsys: pytest.CaptureFixture[str], world: type[World], code: int
) -> None:
    """As the agent says it, with the same exit status."""
    nodes.append(Node(world()))

    assert nodes[0].status("-o", "json") == code
    said = json.loads(capsys.readouterr().out)
    assert said["ready"] is (code == 0)
    assert {"checks", "endpoints", "feed", "log_level", "node", "policies", "problems", "ready", "reports", "stack",
            "started", "switch", "version", "enforcement"} == said.keys()  # fmt: skip


def test_no_agent(capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    code = main(["status", "--agent", f"127.0.0.1:{port}"])

    assert code == 2
    assert capsys.readouterr().err == f"ryu-netpol status: no agent answers at 127.0.0.1:{port}: Connection refused\n"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Answer(200, b"<html>"), "is no agent of this version"),
        (Answer(200, b"[]"), "is no agent of this version"),
        (Answer(200, b'{"ready": true}'), "is no agent of this version (KeyError('version'))"),
        (Answer(404, b"nothing here"), "its answer is 404, b'nothing here'"),
    ],
    ids=["no JSON", "no object", "another version", "no page"],
)
def test_somebody_else_listens(capsys: pytest.CaptureFixture[str], answer: Answer, sentence: str) -> None:
    """One sentence, whatever he says."""
    server = HealthServer("127.0.0.1", 0, lambda path, *, local: answer, report=lambda *_: None)
    server.start()
    code = main(["status", "--agent", f"127.0.0.1:{server.port}"])
    server.stop()
    said = capsys.readouterr()

    assert code == 2
    assert sentence in said.err
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize("address", ["127.0.0.1:x", "[::1", "somewhere:1"], ids=str)
def test_addresses_that_are_none(capsys: pytest.CaptureFixture[str], address: str) -> None:
    """One sentence, without a traceback."""
    assert main(["status", "--agent", address]) == 2
    assert (
        capsys.readouterr().err == f"ryu-netpol status: --agent {address}: it is ADDRESS:PORT, as in 127.0.0.1:9464\n"
    )
