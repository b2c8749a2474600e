"""Whatever happens to a real API server: no packet passes that neither the old nor the new state allows, none is lost.

Each test is an episode between the two states of tests/kube/world.py, and ends when the switch has exactly what a full
recomputation of the server's state gives. In between packets try every pair all the time (tests/kube/prober.py).
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ryu_netpol.model.decode import decode
from ryu_netpol.model.objects import Cluster
from tests.kube.binaries import find
from tests.kube.prober import Knock, Pair
from tests.kube.scene import ACCOUNT, Scene, until
from tests.kube.server import Server, started
from tests.kube.state import of_server, on_switch
from tests.kube.story import LISTEN, Episode, Story, told
from tests.kube.verdicts import allowed, faults
from tests.kube.world import BLUE, PORT, RED, World
from tests.support.deploy import objects

HASTY = (
    *(sys.executable, "-c"),
    "import sys; from ryu_netpol.adapters.kube.gate import Gate; Gate.behind = lambda *_, **__: None; "
    "from ryu_netpol.cli.main import main; sys.exit(main(sys.argv[1:]))",
)
"""An agent that waits for no other kind after a gap."""
WRITES = 60
"""More than a server makes by itself when it starts."""
CONNECTIONS = 10
"""More than the agent has: one for each kind, and those by which it tells what is in force."""
NOTICED = 0.2
"""Seconds until the agent knows that a connection is broken."""
CHANCES = 8
"""Episodes in which it is caught: in each two times out of three."""
SERVICE_ACCOUNT = {
    "apiVersion": "v1",
    "kind": "ServiceAccount",
    "metadata": {"namespace": ACCOUNT[0], "name": ACCOUNT[1]},
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that all tests here break."""
    with started(tmp_path_factory.mktemp("kube"), find()) as server:
        yield server


@pytest.fixture(scope="module")
def story(broken: Server) -> Iterator[Story]:
    """The lab, whose agent follows that server."""
    with told(broken) as made:
        yield made


@pytest.mark.parametrize("way", ["there", "back"])
def test_a_cut_wire(story: Story, way: str) -> None:
    """Created, changed, deleted and labelled anew behind a cut wire: all of it is there at once, or nothing."""
    assert behind_a_cut_wire(story).faults() == []


def test_one_broken_connection(story: Story) -> None:
    """One kind is not heard of any more, and the others are: they wait for it. Each of the four in its turn."""
    scene, left = story.scene, {"pods", "namespaces", "nodes", "networkpolicies"}
    for _ in range(CONNECTIONS):
        known = {kind: scene.said(f"kube_unreachable: {kind}") for kind in left}
        with story.episode() as episode:
            scene.between.snap()
            # Not luck: it is heard of in a millisecond. Otherwise it was not of a kind that is left.
            time.sleep(NOTICED)
            broken = {kind for kind, before in known.items() if scene.said(f"kube_unreachable: {kind}") > before}
            if broken:
                story.change()
            scene.between.mend()
        left -= broken
        assert episode.faults() == []
        if not left:
            return

    assert left == set()


def test_a_server_that_ends_and_comes_back(story: Story) -> None:
    """Killed and started, and changed before the agent finds it again."""
    scene = story.scene
    with story.episode() as episode, scene.told("kube_unreachable"):
        scene.server.kill()
        scene.between.cut()
        scene.server.start()
        story.change()
        scene.between.mend()

    assert episode.faults() == []


def test_a_compacted_store(story: Story) -> None:
    """What was heard last is forgotten, and the server's memory is empty: 410, and everything is listed again."""
    scene = story.scene
    with story.episode() as episode, scene.told("kube_gone"):
        scene.between.cut()
        story.change()
        scene.server.kill()
        scene.server.compact()
        scene.server.start()
        scene.between.mend()

    assert episode.faults() == []


def test_a_token_that_is_worth_nothing(story: Story) -> None:
    """The account is made anew, so that its token is not known any more; a new one comes into the same file."""
    scene = story.scene
    with story.episode() as episode:
        with scene.told("kube_denied"):
            scene.between.cut()
            story.change()
            story.admin.delete(SERVICE_ACCOUNT)
            story.admin.create(SERVICE_ACCOUNT)
            # It remembers for ten seconds whose token it was.
            scene.server.kill()
            scene.server.start()
            scene.between.mend()
        scene.new_token()

    assert episode.faults() == []


@contextlib.contextmanager
def denied(server: Server, resource: str) -> Iterator[None]:
    """The agent's account may not list this resource."""
    (role,) = (one for one in objects("ClusterRole") if one["metadata"]["name"] == ACCOUNT[1])
    less = [{**rule, "resources": [name for name in rule["resources"] if name != resource]} for rule in role["rules"]]
    who = server.client(server.service_account_token(*ACCOUNT))
    group = "/apis/networking.k8s.io/v1" if resource == "networkpolicies" else "/api/v1"

    def answers(code: int) -> bool:
        return who.request("GET", f"{group}/{resource}?limit=1").code == code

    server.admin.replace({**role, "rules": [rule for rule in less if rule["resources"]]})
    until(lambda: answers(403), f"no permission for {resource}")
    yield
    server.admin.replace(role)
    until(lambda: answers(200), f"permission for {resource}")
    who.close()


@pytest.mark.parametrize("resource", ["networkpolicies", "pods"])
def test_a_permission_that_is_missing_for_a_moment(story: Story, resource: str) -> None:
    """The other kinds wait for the one that is denied, for some seconds."""
    scene = story.scene
    with story.episode() as episode:
        scene.between.cut()
        with denied(scene.server, resource):
            story.change()
            with scene.told("kube_denied"):
                scene.between.mend()

    assert episode.faults() == []


def test_a_permission_that_is_missing_for_long(story: Story) -> None:
    """After some seconds pods are followed without policies: the last that may be known of both, and nothing else."""
    scene = story.scene
    with story.episode() as episode:
        scene.between.cut()
        with denied(scene.server, "networkpolicies"):
            story.change()
            scene.between.mend()
            half = replace(of_server(story.admin), policies=episode.before.policies)
            story.settle(half)

    assert episode.faults(half) == []


def configmap(value: str) -> dict[str, object]:
    """Something that means nothing to policies."""
    metadata = {"namespace": "default", "name": "unrelated"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"value": value}}


def test_a_store_that_went_back(story: Story) -> None:
    """A backup is put back: what the server has is older than what is known. Only of pods do the versions prove it."""
    scene, old = story.scene, story.world
    copy = scene.server.copy_store()
    story.change()
    story.settle(of_server(story.admin))
    for number in range(WRITES):
        story.admin.apply(configmap(str(number)))
    story.admin.patch(next(iter(story.world.kind("Pod").values())), {"metadata": {"annotations": {"touched": "yes"}}})
    time.sleep(NOTICED)
    with story.episode() as episode, scene.told("kube_older_store"):
        scene.between.cut()
        story.detach(story.world, old)
        scene.server.replace_store(copy)
        new = old.kind("Pod").keys() - story.world.kind("Pod").keys()
        story.attach(story.admin.get(old.objects[key]) for key in new)
        story.world = old
        scene.between.mend()

    assert episode.faults() == []


def test_an_agent_that_starts_without_a_server(story: Story) -> None:
    """Killed and started while nobody can be asked: what is installed stays, until everything is known."""
    scene = story.scene
    with story.episode() as episode:
        scene.between.cut()
        scene.node.stop_agent(patience=0)
        before = on_switch(scene.node)
        story.change()
        with scene.told("kube_unreachable"):
            scene.start_agent()
        assert on_switch(scene.node) == before
        scene.between.mend()
        scene.node.wait_synced()

    assert episode.faults() == []


def test_half_of_the_way_opens_what_both_states_deny() -> None:
    """Pods of one state with policies of the other, either way: an agent that applied half would be caught."""
    pairs = {Pair(source, f"shop/{name}", 4) for source in ("shop/web", "shop/stranger", "lab/probe", "shop/db")
             for name in ("db", "cache", "late") if source != f"shop/{name}"}  # fmt: skip
    red, blue, *halves = (
        allowed(decoded(world), pairs, PORT)
        for world in (RED, BLUE, RED.instead(BLUE, "NetworkPolicy"), BLUE.instead(RED, "NetworkPolicy"))
    )
    for half in halves:
        assert {pair.destination for pair in half - red - blue} >= {"shop/db", "shop/cache"}
        assert {pair.destination for pair in red & blue - half} == {"shop/db"}


def decoded(world: World) -> Cluster:
    """A state without a server."""
    return Cluster.of(*(value for one in world.objects.values() if (value := decode(one).object) is not None))


def test_the_checker_catches_a_state_in_between(story: Story) -> None:
    """P10: where a server has one half before the other, packets show what only that half opens and closes."""
    with story.episode() as episode:
        new = story.other
        story.change(story.world.instead(new, "NetworkPolicy"))
        half = of_server(story.admin)
        story.settle(half)
        time.sleep(LISTEN)
        story.change(new)

    found = episode.faults()
    assert {what for what in ("was open", "was lost") for fault in found if what in fault} == {"was open", "was lost"}
    assert episode.faults(half) == []


def test_the_checker_catches_a_hasty_agent(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: an agent that takes each kind in as it comes after a gap is caught behind a cut wire."""
    scene = story.scene
    with monkeypatch.context() as patched:
        patched.setattr(scene.node, "_program", HASTY)
        restart(scene)
        caught = any(behind_a_cut_wire(story).faults() for _ in range(CHANCES))
    restart(scene)

    assert caught


def behind_a_cut_wire(story: Story) -> Episode:
    """What packets do while nobody can be asked, and afterwards."""
    between = story.scene.between
    with story.episode() as episode, story.scene.told("kube_unreachable"):
        between.cut()
        story.change()
        between.mend()
    return episode


def restart(scene: Scene) -> None:
    """Start the agent again, and wait for it."""
    scene.node.stop_agent()
    scene.start_agent()
    scene.node.wait_synced()


PAIR = Pair("shop/a", "shop/b", 4)
YES, NO = frozenset({PAIR}), frozenset[Pair]()


@pytest.mark.parametrize(
    ("answers", "states", "expected"),
    [
        ("000100", [NO, NO], ["was open, 1 of 6 times"]),
        ("000100", [NO, YES, NO], []),
        ("110111", [YES, YES], []),
        ("110011", [YES, YES], ["was lost, 2 of 6 times"]),
        ("110000", [YES, YES], ["was lost, 4 of 6 times"]),
        ("110000", [YES, NO], []),
    ],
    ids=["open once", "open in between", "one packet lost", "an outage", "lost for good", "denied in the end"],
)
def test_the_checker(answers: str, states: list[frozenset[Pair]], expected: list[str]) -> None:
    """Denied by all and answered once, or allowed by all and lost several times in a row, is a fault; else nothing."""
    knocks = [Knock(PAIR, float(at), answer == "1") for at, answer in enumerate(answers)]

    assert expected == [fault.partition(") ")[2].rpartition(", ")[0] for fault in faults(knocks, states)]
