"""The whole feed over real HTTP: what a server has reaches the agent, and it ends when it is told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ryu_netpol.adapters.kube import access, feed, gate, questions, transport
from ryu_netpol.adapters.kube.protocol import Mode
from ryu_netpol.agent.events import Kind, Relisted, Together
from ryu_netpol.model.names import Api, PodKey, PolicyKey
from tests.unit.adapters.kube import server as wrong
from tests.unit.adapters.kube.followed import WEB, Followed, asked
from tests.unit.adapters.kube.server import serving, wait, write_kubeconfig
from tests.unit.adapters.kube.world import Reply, World, line, namespace, pod, policy, refuse

POD, POLICY = "Pod", "NetworkPolicy"


@pytest.mark.parametrize("streams", ["yes", "no", "ignored"])
def test_everything_is_listed_and_followed(followed: Followed, streams: str) -> None:
    """With streaming lists, without, and with a server that takes them for ordinary watches."""
    followed.world.streams = streams
    followed.feed.start()
    assert wait(lambda: followed.store.synced)

    assert {WEB, PodKey("shop", "db")} == followed.cluster.pods.keys()
    assert {PolicyKey("shop", "deny")} == followed.cluster.policies.keys()
    assert {"shop"} == followed.cluster.namespaces.keys()
    assert {"n1"} == followed.cluster.nodes.keys()

    followed.world.put(pod("shop/web", version="2"))
    followed.world.delete(pod("shop/db"))

    assert followed.wait_pod(WEB, "2")
    assert followed.wait_pod(PodKey("shop", "db"), None)
    assert followed.reports == []


def test_the_first_lists_come_together(running: Followed) -> None:
    """The agent never sees some kinds without the others."""
    first = running.events[0]

    assert isinstance(first, Together)
    assert set(Kind) == {change.kind for change in first.events if isinstance(change, Relisted)}


def test_nothing_is_synced_without_a_kind(followed: Followed) -> None:
    """Policies that cannot be listed at the start: the other kinds arrive, and the agent knows that it lacks one."""
    for _ in range(400):
        followed.server.fail(POLICY, wrong.instead(lambda: refuse(403, "networkpolicies is forbidden")))
    followed.feed.start()

    assert followed.wait_pod(WEB, "1")
    assert not followed.store.synced

    followed.server.faults.clear()

    assert wait(lambda: followed.store.synced)


def test_a_silent_watch_is_asked_again(running: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A half-open connection: the server's end is gone, and no packet says so."""
    monkeypatch.setattr(questions, "SILENCE", {Mode.WATCH: 0.3, Mode.STREAM: 0.3})
    running.server.fail(POD, wrong.silent(20.0), when="watch=true")
    running.server.cut()
    running.world.put(pod("shop/web", version="2"))

    assert running.wait_pod(WEB, "2")


def test_a_streaming_list_becomes_a_patient_watch(running: Followed) -> None:
    """The end of a list is waited for shortly; the watch that it becomes may be silent for longer."""
    count = asked(running, "/api/v1/pods")
    assert not wait(lambda: asked(running, "/api/v1/pods") > count, seconds=1.0)

    assert running.reports == []


@pytest.mark.parametrize("pages", [False, True], ids=["list", "pages"])
def test_a_list_that_takes_long_is_waited_for(followed: Followed, pages: bool) -> None:
    """Bytes are progress: the other kinds do not pass without one whose list comes slowly but steadily."""
    followed.world.streams = "no"
    if pages:
        followed.server.fail(POD, wrong.instead(lambda: refuse(500, "cache")), when="resourceVersion=0")

    def slow(handler: Any, reply: Reply) -> None:
        handler.begin(reply)
        (data,) = (data for data in reply.body if data)
        for at in range(0, len(data), 1 + len(data) // 10):
            handler.chunk(data[at : at + 1 + len(data) // 10])
            if wait(lambda: handler.server.closing, seconds=0.15):
                return
        handler.wfile.write(b"0\r\n\r\n")

    followed.server.fail(POD, slow, when="^(?!watch=)")
    began = time.monotonic()
    followed.feed.start()
    assert wait(lambda: followed.store.synced)

    assert time.monotonic() - began > 2 * gate.HOLD
    assert len(followed.events) == 1


def test_a_watch_that_is_not_answered_is_late(running: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    """One has ended in order, and the next is not answered: nobody knows what happens until it is."""
    monkeypatch.setattr(feed, "PROMPT", 0.1)
    assert wait(lambda: not running.feed.late())
    running.server.fail(POD, wrong.hang(20.0), when="watch=true")
    with running.world.changed:
        running.world.epoch += 1  # all watches end in order

    assert wait(lambda: running.feed.late() == {Kind.POD})
    assert running.told("kube_unreachable") == []


def test_retry_after_is_obeyed(running: Followed) -> None:
    """429 with a time: the next request for this kind comes no sooner."""
    running.server.fail(POD, wrong.instead(lambda: refuse(429, "busy", header="1")), when="watch=true")
    running.server.cut()
    assert wait(lambda: bool(running.told("kube_busy")))
    began, count = time.monotonic(), asked(running, "/api/v1/pods")
    running.world.put(pod("shop/web", version="2"))

    assert wait(lambda: asked(running, "/api/v1/pods") > count)
    assert time.monotonic() - began > 0.8
    assert running.wait_pod(WEB, "2")


def test_bookmarks_move_the_version(running: Followed) -> None:
    """The next watch begins where the bookmark said, although no object of the kind has changed since."""
    bookmark = line("BOOKMARK", {"kind": POD, "metadata": {"resourceVersion": "500"}})
    running.server.fail(POD, wrong.then(bookmark), when="watch=true")
    running.world.version = 500
    running.server.cut()

    assert wait(lambda: ("/api/v1/pods", "500") in [(p, q.get("resourceVersion")) for p, q, _ in running.server.asked])


def test_long_lines_and_pieces_of_lines(running: Followed) -> None:
    """An event of a megabyte, and one that arrives byte by byte."""
    large = pod("shop/large", nodeName="n1")
    large["metadata"]["annotations"] = {"note": "x" * 1_000_000}
    running.world.put(large)
    assert running.wait_pod(PodKey("shop", "large"), "1")

    def trickle(handler: Any, reply: Reply) -> None:
        handler.begin(reply)
        for data in reply.body:
            for at in range(0, len(data or b""), 7):
                handler.chunk((data or b"")[at : at + 7])
            if data is None and wait(lambda: handler.server.closing, seconds=0.01):
                return

    running.server.fail(POD, trickle, when="watch=true")
    running.server.cut()
    running.world.put(pod("shop/web", version="2"))

    assert running.wait_pod(WEB, "2")
    assert running.told("kube_malformed") == []


def test_lines_without_an_end_are_not_read_for_ever(running: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is longer than any object can be breaks the connection off."""
    monkeypatch.setattr(transport, "LONGEST_LINE", 100_000)
    running.server.fail(POD, wrong.then(b"x" * 200_000), when="watch=true")
    running.server.cut()
    running.world.put(pod("shop/web", version="2"))

    assert running.wait_pod(WEB, "2")
    assert any("longer than" in message for message in running.told("kube_unreachable"))


def test_status_noise_is_not_delivered(running: Followed) -> None:
    """Events that change nothing that matters do not reach the agent."""
    before = len(running.events)
    for number in range(20):
        noisy = pod("shop/web")
        noisy["status"] = {"conditions": [{"type": "Ready", "message": str(number)}]}
        running.world.put(noisy)
    running.world.put(pod("shop/last"))
    assert running.wait_pod(PodKey("shop", "last"), "1")

    assert len(running.events) == before + 1


def test_legacy_policies_where_there_are_no_others(followed: Followed) -> None:
    """LG-13: a server that has only extensions/v1beta1 is followed there, with the old meaning."""
    followed.world.groups = ["extensions/v1beta1"]
    followed.feed.start()

    assert wait(lambda: followed.store.synced)
    assert {PolicyKey("shop", "deny", Api.LEGACY)} == followed.cluster.policies.keys()


def test_policies_of_both_groups_are_read_once(followed: Followed) -> None:
    """LG-13: a server that serves both is read in the newer form."""
    followed.world.groups = ["extensions/v1beta1", "networking.k8s.io/v1"]
    followed.feed.start()

    assert wait(lambda: followed.store.synced)
    assert {PolicyKey("shop", "deny")} == followed.cluster.policies.keys()


def test_a_missing_path_is_not_believed_alone(running: Followed) -> None:
    """404 for the newer group while discovery still shows it: the old one, which isolates nothing, is not taken."""
    running.world.groups = ["extensions/v1beta1", "networking.k8s.io/v1"]
    running.server.fail(POLICY, wrong.instead(lambda: refuse(404, "not found")), when="watch=true")
    running.server.cut()
    running.world.put(policy("shop/allow"))

    assert wait(lambda: PolicyKey("shop", "allow") in running.cluster.policies)
    assert {Api.V1} == {key.api for key in running.cluster.policies}


def test_the_annotation_isolates(running: Followed) -> None:
    """LG-1: the annotation of Kubernetes 1.3 works on every server, and may change at run time."""
    deny = {"net.beta.kubernetes.io/network-policy": '{"ingress": {"isolation": "DefaultDeny"}}'}
    running.world.put(namespace("shop", **deny))
    assert wait(lambda: running.cluster.namespaces["shop"].default_deny)

    running.world.put(namespace("shop"))

    assert wait(lambda: not running.cluster.namespaces["shop"].default_deny)


def test_an_undecodable_policy_keeps_its_last_good_version(running: Followed) -> None:
    """UR-1: what it said before stays in force, and a message names object and field."""
    key = PolicyKey("shop", "deny")
    good = running.cluster.policies[key]
    running.world.put(policy("shop/deny", ingress=[{"from": [{"planets": {}}]}]))
    assert wait(lambda: bool(running.told("object_error")))

    assert good == running.cluster.policies[key]
    assert any("NetworkPolicy shop/deny: spec.ingress[0].from[0].planets" in m for m in running.told("object_error"))

    running.world.delete(policy("shop/deny"))

    assert wait(lambda: key not in running.cluster.policies)


def test_an_undecodable_new_policy_is_closed(running: Followed) -> None:
    """UR-2: it isolates what it selects, and allows nothing that cannot be read."""
    running.world.put(policy("shop/new", ingress=[{"from": [{"planets": {}}]}, {"ports": [{"port": 80}]}]))
    assert wait(lambda: PolicyKey("shop", "new") in running.cluster.policies)

    assert len(running.cluster.policies[PolicyKey("shop", "new")].ingress) == 1


def test_tokens_are_read_again(followed: Followed, tmp_path: Path) -> None:
    """The server does not know the old token any more: the file has a new one, which is used at once."""
    followed.server.token = "Bearer t"
    followed.feed.start()
    assert wait(lambda: followed.store.synced)
    write_kubeconfig(tmp_path / "kubeconfig", followed.server.url, token="new")
    followed.server.token = "Bearer new"
    followed.server.cut()
    followed.world.put(pod("shop/web", version="2"))

    assert followed.wait_pod(WEB, "2")


def test_a_plugin_that_hangs(world: World, tmp_path: Path, hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, nobody else is held up, and all goes on when it answers."""
    monkeypatch.setattr(access, "PATIENCE", 0.3)
    monkeypatch.setattr(access, "FRESH", 0.2)
    hang, plugin = tmp_path / "hang", tmp_path / "plugin"
    token = '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t"}}'
    plugin.write_text(f"#!/bin/sh\nwhile [ -e {hang} ]; do sleep 0.05; done\necho '{token}'\n")
    plugin.chmod(0o755)
    exec_ = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}
    with serving(world) as server:
        followed = Followed(server, tmp_path, user={"exec": exec_})
        followed.feed.start()
        assert wait(lambda: followed.store.synced)
        hang.touch()
        time.sleep(access.FRESH)
        server.cut()
        world.put(pod("shop/web", version="2"))
        assert wait(lambda: len(followed.told("kube_unreachable")) >= 8)
        sentence = "pods: the credentials cannot be read: nothing has answered for 0.3 s; does a plugin hang?"
        assert followed.told("kube_unreachable").count(sentence) == 1
        assert followed.feed.late() == set(Kind)
        hang.unlink()
        assert followed.wait_pod(WEB, "2")

        hang.touch()
        time.sleep(access.FRESH)
        server.cut()
        assert wait(lambda: followed.told("kube_unreachable").count(sentence) == 2)
        began = time.monotonic()
        followed.feed.stop()
        assert time.monotonic() - began < 0.9
        hang.unlink()


STOPS: dict[str, Callable[[Followed], None]] = {
    "in a watch": lambda f: None,
    "without an answer": lambda f: f.server.fail(POD, wrong.hang(20.0)),
    "in the middle of a list": lambda f: f.server.fail(POD, wrong.silent(20.0)),
    "while it waits": lambda f: [f.server.fail(POD, wrong.drop) for _ in range(50)] and None,
}


@pytest.mark.parametrize("stop", STOPS)
def test_it_stops_at_once(followed: Followed, stop: str) -> None:
    """Whatever it waits for, `stop` returns within a second, and nothing is delivered afterwards."""
    STOPS[stop](followed)
    followed.feed.start()
    assert wait(lambda: asked(followed, "/api/v1/pods") > 0)
    began = time.monotonic()
    followed.feed.stop()
    took, count = time.monotonic() - began, len(followed.events)
    followed.world.put(pod("shop/web", version="2"))

    assert took < 0.9
    assert count == len(followed.events)
    alive = [thread.name for thread in threading.enumerate() if thread.name.startswith("kube-")]
    assert alive in ([], ["kube-pod"])
