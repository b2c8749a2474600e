"""The whole feed over real HTTP, against a server that does everything wrong: what reaches the agent is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ryu_netpol.adapters.kube import access
from ryu_netpol.adapters.kube.feed import KubeFeed
from ryu_netpol.adapters.kube.mirror import Mirror
from ryu_netpol.adapters.kube.objects import Entry
from ryu_netpol.agent.events import Deleted, Event, Kind, Relisted, Together, Upserted
from ryu_netpol.model.names import PodKey, PolicyKey
from ryu_netpol.model.objects import Pod
from tests.unit.adapters.kube import server as wrong
from tests.unit.adapters.kube.followed import WEB, Followed
from tests.unit.adapters.kube.server import Fault, serving, wait, write_kubeconfig
from tests.unit.adapters.kube.world import Reply, World, line, namespace, pod, policy, refuse, status

POD, POLICY = "Pod", "NetworkPolicy"


def malformed_page() -> Reply:
    return Reply(200, iter([b"<html>log in first</html>"]))


LIST_FAULTS: dict[str, tuple[Fault, str]] = {
    "dropped": (wrong.drop, "kube_unreachable"),
    "no answer": (wrong.hang(3.0), "kube_unreachable"),
    "half a page": (wrong.cut_after(1, part=0.5), "kube_unreachable"),
    "half a page that ends in order": (wrong.cut_after(1, part=0.5, in_order=True), "kube_malformed"),
    "another page": (wrong.instead(malformed_page), "kube_malformed"),
    "500": (wrong.instead(lambda: refuse(500, "etcdserver: leader changed")), "kube_error"),
    "503": (wrong.instead(lambda: Reply(503, iter([b"no upstream"]))), "kube_error"),
    "403": (wrong.instead(lambda: refuse(403, "pods is forbidden")), "kube_denied"),
    "401": (wrong.instead(lambda: refuse(401, "Unauthorized")), "kube_denied"),
    "429": (wrong.instead(lambda: refuse(429, "too many requests", seconds=0)), "kube_busy"),
    "410": (wrong.instead(lambda: refuse(410, "too old")), "kube_gone"),
    "504 too large": (wrong.instead(lambda: refuse(504, "", cause="ResourceVersionTooLarge")), "kube_gone"),
}


@pytest.mark.parametrize("streams", ["yes", "no"])
@pytest.mark.parametrize("fault", LIST_FAULTS)
def test_a_list_that_fails_is_asked_again(followed: Followed, fault: str, streams: str) -> None:
    """Whatever happens to the first three answers, the agent gets the complete list, and the failure has a name."""
    act, name = LIST_FAULTS[fault]
    followed.world.streams = streams
    for _ in range(3):
        followed.server.fail(POD, act, when="" if streams == "yes" else "^(?!watch=)")
    followed.feed.start()

    assert wait(lambda: followed.store.synced)
    assert {WEB, PodKey("shop", "db")} == followed.cluster.pods.keys()
    assert any(message.startswith("pods: ") for message in followed.told(name)) or streams == "yes"
    assert [message for _, message in followed.reports if not message.startswith("pods: ")] == []


WATCH_FAULTS: dict[str, tuple[Fault, str]] = {
    "dropped": (wrong.drop, "kube_unreachable"),
    "500": (wrong.instead(lambda: refuse(500, "no")), "kube_error"),
    "403": (wrong.instead(lambda: refuse(403, "pods is forbidden")), "kube_denied"),
    "401": (wrong.instead(lambda: refuse(401, "Unauthorized")), "kube_denied"),
    "429": (wrong.instead(lambda: refuse(429, "busy")), "kube_busy"),
    "410": (wrong.instead(lambda: refuse(410, "too old resource version")), "kube_gone"),
    "410 within": (wrong.then(line("ERROR", status(410, "too old resource version"))), "kube_gone"),
    "500 within": (wrong.then(line("ERROR", status(500, "internal error"))), "kube_error"),
    "nonsense": (wrong.then(b'{"type": "ADDED", "object": \n'), "kube_malformed"),
    "an unknown type": (wrong.then(line("PAINTED", pod("shop/web"))), "kube_malformed"),
    "half a line": (wrong.then(line("MODIFIED", pod("shop/web", version="x"))[:60]), "kube_unreachable"),
    "the end at once": (wrong.then(), "kube_error"),
}


@pytest.mark.parametrize("fault", WATCH_FAULTS)
def test_a_watch_that_fails_goes_on(running: Followed, fault: str) -> None:
    """What happened while no watch would open reaches the agent: changed, created and deleted."""
    act, name = WATCH_FAULTS[fault]
    for _ in range(2):
        running.server.fail(POD, act, when="watch=true")
    running.server.cut()
    running.world.put(pod("shop/web", version="2"))
    running.world.put(pod("shop/new"))
    running.world.delete(pod("shop/db"))

    assert running.wait_pod(WEB, "2")
    assert running.wait_pod(PodKey("shop", "new"), "1")
    assert running.wait_pod(PodKey("shop", "db"), None)
    assert any(message.startswith("pods: ") for message in running.told(name))


def test_a_compacted_store_means_everything_again(running: Followed) -> None:
    """410: the list replaces what was there, and what vanished meanwhile is gone."""
    running.world.streams = "no"
    for _ in range(2):
        running.server.fail(POD, wrong.drop, when="watch=true")
    running.server.cut()
    running.world.delete(pod("shop/db"))
    running.world.compact()

    assert running.wait_pod(PodKey("shop", "db"), None)
    assert running.wait_pod(WEB, "1")
    assert running.told("kube_gone")


def test_expired_tokens_mean_all_pages_again(followed: Followed) -> None:
    """A continue token that is too old: nothing of the pages before it is used."""
    followed.world.streams = "no"
    for name in "abcdef":
        followed.world.put(pod(f"shop/{name}"))
    followed.server.fail(POD, wrong.instead(lambda: refuse(500, "cache")), when="resourceVersion=0")

    def expire(handler: Any, _: Reply) -> None:
        followed.world.delete(pod("shop/a"))
        followed.world.compact()
        handler.send(refuse(410, "The provided continue parameter is too old"))

    followed.server.fail(POD, expire, when="continue=")
    followed.feed.start()

    assert wait(lambda: followed.store.synced)
    assert {"b", "c", "d", "e", "f", "web", "db"} == {key.name for key in followed.cluster.pods}
    assert followed.told("kube_gone")


def test_a_stale_cache_is_not_believed(running: Followed) -> None:
    """A server whose memory lags behind what was seen: etcd is asked instead, and nothing goes back."""
    running.world.streams = "no"
    running.world.put(pod("shop/web", version="2"))
    assert running.wait_pod(WEB, "2")
    running.world.memory = 12
    running.server.fail(POD, wrong.instead(lambda: refuse(410, "too old resource version")), when="watch=true")
    running.server.cut()
    running.world.put(pod("shop/web", version="3"))

    assert running.wait_pod(WEB, "3")
    versions = [
        change.labels["version"] for event in running.events for change in pods_in(event) if change.key == WEB
    ]  # fmt: skip
    assert sorted(versions) == versions


def pods_in(event: Event) -> list[Pod]:
    """Every pod that an event brings."""
    match event:
        case Together(events):
            return [found for inner in events for found in pods_in(inner)]
        case Relisted(Kind.POD, objects):
            return [found for found in objects if isinstance(found, Pod)]
        case Upserted(Pod() as found):
            return [found]
    return []


def test_an_older_store_is_the_truth(running: Followed) -> None:
    """A backup was put back: versions are lower than seen, and the agent follows all the same."""
    running.world.put(pod("shop/web", version="2"))
    running.world.put(pod("shop/late"))
    assert running.wait_pod(PodKey("shop", "late"), "1")
    running.world.roll_back(14)
    running.server.cut()

    assert running.wait_pod(PodKey("shop", "late"), None)
    assert running.wait_pod(WEB, "1")
    assert running.told("kube_older_store")

    running.world.put(pod("shop/web", version="9"))

    assert running.wait_pod(WEB, "9")


def test_one_kind_notices_an_older_store_for_all(running: Followed) -> None:
    """The store has written so much since that the versions of namespaces prove nothing; those of pods do."""
    backup = running.world.version
    isolated = {"net.beta.kubernetes.io/network-policy": '{"ingress": {"isolation": "DefaultDeny"}}'}
    running.world.put(namespace("shop", **isolated))
    assert wait(lambda: running.cluster.namespaces["shop"].default_deny)
    for number in range(10):
        running.world.put(pod("shop/web", version=str(number)))
    assert running.wait_pod(WEB, "9")
    running.world.roll_back(backup)
    for _ in range(5):
        running.world.put(pod("shop/other"))
    running.server.cut()

    assert wait(lambda: not running.cluster.namespaces["shop"].default_deny)
    assert running.wait_pod(WEB, "1")
    assert running.told("kube_failed") == []


def test_nothing_passes_before_everybody_has_listed_the_older_store(tmp_path: Path) -> None:
    """Who notices it may have the new state at once; the others are not asked before their threads come to it."""
    events: list[Event] = []
    config = write_kubeconfig(tmp_path / "kubeconfig", "http://127.0.0.1:9")
    feed = KubeFeed(access.kubeconfig(config), deliver=events.append, report=lambda *_: None)
    for kind in Kind:
        feed.changed(Relisted(kind, frozenset()), caught_up=kind)
    assert len(events) == 1

    feed.older(Kind.NAMESPACE)
    feed.changed(Relisted(Kind.NAMESPACE, frozenset()), caught_up=Kind.NAMESPACE)
    feed.changed(Relisted(Kind.NODE, frozenset()), caught_up=Kind.NODE)  # still that of the store before
    assert len(events) == 1
    assert feed.late() == {Kind.NODE, Kind.POD, Kind.POLICY}

    for kind in (Kind.NODE, Kind.POD, Kind.POLICY):
        feed.behind(kind)  # it begins to list
        feed.changed(Relisted(kind, frozenset()), caught_up=kind)
    assert len(events) == 2


def test_a_defect_does_not_end_the_thread(running: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception where none should be: it is reported, and nothing that it lost stays lost."""
    good = Mirror.put
    calls = iter(range(100))

    def bad(self: Mirror, entry: Entry) -> Upserted | Deleted | None:
        if next(calls) == 0:
            raise KeyError("surprise")
        return good(self, entry)

    monkeypatch.setattr(Mirror, "put", bad)
    running.world.put(pod("shop/web", version="2"))

    assert running.wait_pod(WEB, "2")
    assert running.told("kube_failed") == ["pods: KeyError: 'surprise'"]


@pytest.mark.parametrize("streams", ["yes", "no"])
def test_an_object_that_is_no_json(followed: Followed, streams: str) -> None:
    """Listed, created, changed: the others go on, and a policy of which nobody can say what it says is closed."""
    world = followed.world
    world.streams = streams
    world.put(policy("shop/torn", ingress=[{"from": [{"podSelector": {"matchLabels": {"a": "\ud800"}}}]}]))
    world.put(pod("shop/torn", version="\ud800"))
    followed.feed.start()
    assert wait(lambda: followed.store.synced)
    assert {WEB, PodKey("shop", "db")} == followed.cluster.pods.keys()
    assert followed.cluster.policies[PolicyKey("shop", "torn")].ingress == ()

    world.put(pod("shop/web", version="\ud800"))
    world.put(pod("shop/db", version="2"))

    assert followed.wait_pod(PodKey("shop", "db"), "2")
    assert followed.version(WEB) == "1"
    assert {what for what, _ in followed.reports} == {"object_error"}, followed.reports
    told = "".join(followed.told("object_error"))
    for name in ("NetworkPolicy shop/torn: spec", "Pod shop/torn: metadata.labels", "Pod shop/web: metadata.labels"):
        assert f"{name}: cannot be read: " in told


def test_a_server_that_is_down_at_the_start(world: World, tmp_path: Path) -> None:
    """Nothing is delivered until it is there, and then everything, soon."""
    with serving(world) as server:
        port = server.server_address[1]
        followed = Followed(server, tmp_path)
    followed.feed.start()
    assert wait(lambda: len(followed.told("kube_unreachable")) >= 4)
    assert followed.events == []

    with serving(world, port):
        assert wait(lambda: followed.store.synced)
        followed.feed.stop()


def test_a_server_that_comes_back(running: Followed) -> None:
    """What changed while it was down arrives as one event, so that no mixture of old and new is ever looked at."""
    port = running.server.server_address[1]
    running.server.end()
    before = len(running.events)
    running.world.put(pod("shop/web", version="2"))
    running.world.put(policy("shop/allow", ingress=[{}]))
    assert wait(lambda: len({m.partition(":")[0] for m in running.told("kube_unreachable")}) == 4)

    with serving(running.world, port) as again:
        running.server = again
        assert running.wait_pod(WEB, "2")
        running.feed.stop()

    assert len(running.events) == before + 1
    assert isinstance(running.events[-1], Together)
    assert PolicyKey("shop", "allow") in running.cluster.policies


def test_a_kind_that_is_denied_does_not_hold_the_others_for_ever(running: Followed) -> None:
    """Permission for policies is taken away and given back: pods go on after a while, and policies are not lost."""
    for _ in range(400):
        running.server.fail(POLICY, wrong.instead(lambda: refuse(403, "networkpolicies is forbidden")))
    running.server.cut()
    running.world.put(pod("shop/web", version="2"))
    running.world.put(policy("shop/allow"))

    assert running.wait_pod(WEB, "2")
    assert PolicyKey("shop", "allow") not in running.cluster.policies
    assert PolicyKey("shop", "deny") in running.cluster.policies
    assert len(running.told("kube_denied")) == 1

    running.server.faults.clear()

    assert wait(lambda: PolicyKey("shop", "allow") in running.cluster.policies)
