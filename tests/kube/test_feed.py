"""The feed follows a real API server, as the ServiceAccount of deploy/, whatever happens to that server."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ryu_netpol.adapters.kube import access, questions
from ryu_netpol.adapters.kube.feed import KubeFeed
from ryu_netpol.adapters.kube.protocol import Ask, Mode
from ryu_netpol.adapters.kube.reflector import Reflector
from ryu_netpol.agent.events import Together
from ryu_netpol.model.names import PodKey, PolicyKey
from tests.kube.server import Server
from tests.kube.state import of_server
from tests.kube.wire import wire
from tests.support.deploy import objects
from tests.support.recorder import Recorder

Json = dict[str, Any]
SHOP = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "a"}}}
DENY = PolicyKey("shop", "deny")
PATIENCE = 60.0


def pod(name: str, **labels: str) -> Json:
    """A pod on a node."""
    spec = {"nodeName": "n1", "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}]}
    metadata = {"namespace": "shop", "name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def policy(name: str, **spec: Any) -> Json:
    """A policy for all pods."""
    metadata = {"namespace": "shop", "name": name}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {"podSelector": {}, **spec},
    }


class Followed(Recorder):
    """A feed on a server."""

    def __init__(self, server: Server, config: Path) -> None:
        super().__init__()
        self.server = server
        self.feed = KubeFeed(access.kubeconfig(config), deliver=self.deliver, report=self.report)

    def agrees(self) -> bool:
        """Whether what is known is what the server has."""
        return of_server(self.server.admin) == self.cluster

    def wait_agrees(self) -> None:
        assert wait(self.agrees), self.reports[-5:]


def wait(condition: Callable[[], bool]) -> bool:
    """Wait until something is so; whether it is."""
    limit = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.02)
    return True


def rules() -> list[Json]:
    """The account of the agent, and what it may do."""
    wanted = {"ServiceAccount", "ClusterRole", "ClusterRoleBinding"}
    return [one for one in objects() if one["kind"] in wanted and one["metadata"]["name"] == "ryu-netpol"]


BOTH = pytest.mark.parametrize("streams", [False, True], ids=["lists", "streaming lists"])
STREAMING = pytest.mark.parametrize("streams", [True], ids=["streaming lists"])


@pytest.fixture
def modes(monkeypatch: pytest.MonkeyPatch) -> list[Mode]:
    """What feeds ask for."""
    asked: list[Mode] = []
    ask = Reflector.next

    def next_(self: Reflector) -> Ask:
        found = ask(self)
        asked.append(found.mode)
        return found

    monkeypatch.setattr(Reflector, "next", next_)
    return asked


@pytest.fixture
def followed(own_server: Server, modes: list[Mode], streams: bool | None) -> Iterator[Followed]:
    """A feed on a server with a namespace, two pods and a policy, which it has told."""
    admin = own_server.admin
    for one in (*rules(), SHOP, pod("web"), pod("db"), policy("deny")):
        admin.create(one)
    followed = Followed(own_server, own_server.service_account_kubeconfig("kube-system", "ryu-netpol"))
    followed.feed.start()
    assert wait(lambda: followed.store.synced)
    assert streams in (None, listed_by_streams(modes))
    followed.wait_agrees()
    yield followed
    followed.feed.stop()


def listed_by_streams(modes: list[Mode]) -> bool:
    """Whether the four lists came as streams, at once and without another question; or in the other way, as wanted."""
    if modes.count(Mode.STREAM) == len(modes) - 1 == 4:
        return True
    assert set(modes) >= {Mode.STREAM, Mode.CACHE}
    return False


@BOTH
def test_everything_is_followed(followed: Followed) -> None:
    """Created, changed, deleted, the annotation of 1.3: each arrives as it is on the server."""
    admin = followed.server.admin
    admin.create(pod("new", app="x"))
    admin.patch(pod("web"), {"metadata": {"labels": {"app": "y"}}})
    admin.write_status(pod("web"), {"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]})
    admin.delete(pod("db"))
    isolation = '{"ingress": {"isolation": "DefaultDeny"}}'
    admin.patch(SHOP, {"metadata": {"annotations": {"net.beta.kubernetes.io/network-policy": isolation}}})
    admin.replace(policy("deny", ingress=[{"from": [{"podSelector": {}}]}]))

    followed.wait_agrees()
    assert followed.cluster.namespaces["shop"].default_deny
    assert followed.cluster.pods[PodKey("shop", "web")].addresses
    assert followed.reports == []


@pytest.mark.parametrize("way", ["as the server likes", "in pages"])
def test_many_objects(followed: Followed, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """Some hundred pods and policies are all there, also when etcd is asked for pages of fifty."""
    admin = followed.server.admin
    for number in range(300):
        admin.create(pod(f"pod-{number}", number=str(number)))
    for number in range(120):
        admin.create(policy(f"policy-{number}", ingress=[{"ports": [{"port": number + 1}]}]))
    if way == "in pages":
        monkeypatch.setattr(questions, "LIMIT", 50)
        monkeypatch.setattr(questions, "stream", lambda version, chance: (("limit", "no number"),))
        monkeypatch.setattr(questions, "cache", lambda version: (("resourceVersion", "99999999"),))
    other = Followed(followed.server, followed.server.admin_kubeconfig())
    other.feed.start()
    assert wait(lambda: other.store.synced)
    other.feed.stop()

    assert other.agrees()
    assert len(other.cluster.pods) == 302
    assert bool(other.told("kube_gone")) == (way == "in pages")


@STREAMING
def test_ten_thousand_pods_in_one_stream(own_server: Server, modes: list[Mode]) -> None:
    """All of them are there at its end, which comes soon, and what happens then follows on the same stream."""
    admin = own_server.admin
    for one in (*rules(), SHOP):
        admin.create(one)
    status = {"phase": "Running"}
    numbered = ({**pod(f"pod-{number}", number=str(number)), "status": status} for number in range(10_000))
    own_server.fill((f"pods/shop/{one['metadata']['name']}", one) for one in numbered)
    # A hundred of them have one version, of which the server may have heard in part: its own objects have one each.
    assert wait(lambda: len(admin.ask("GET", "/api/v1/pods?resourceVersion=0")["items"]) == 10_000)
    followed = Followed(own_server, own_server.service_account_kubeconfig("kube-system", "ryu-netpol"))
    followed.feed.start()
    assert wait(lambda: len(followed.store.pods) == 10_000)
    admin.create(policy("late"))
    admin.create(pod("late"))
    followed.wait_agrees()
    followed.feed.stop()

    assert listed_by_streams(modes)
    assert followed.reports == []


DEEP = '{"f:a":' * 3_000 + "{}" + "}" * 3_000
NO_UTF8 = b'{"f:\xff":{}}'


@STREAMING
def test_objects_that_no_decoder_follows(followed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    """managedFields nested too deep or no UTF-8, as anybody may write them: harmless in watch, stream and list."""
    admin = followed.server.admin
    for name, fields in (("deep", DEEP.encode()), ("odd", NO_UTF8)):
        entry = {"manager": "m", "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": "here"}
        for value in (policy(name), pod(name)):
            value["metadata"]["managedFields"] = [{**entry, "apiVersion": value["apiVersion"]}]
            text = json.dumps(value).encode().replace(b'"here"', fields)
            with contextlib.suppress(RecursionError, UnicodeDecodeError):  # no answer that Python's json can read
                admin.request("POST", admin.path(value, named=False), text)
    admin.create(pod("after"))
    assert wait(lambda: PodKey("shop", "after") in followed.cluster.pods)
    others = [Followed(followed.server, followed.server.admin_kubeconfig()) for _ in range(2)]
    others[0].feed.start()
    assert wait(lambda: others[0].store.synced)
    monkeypatch.setattr(questions, "stream", lambda version, chance: (("limit", "no number"),))
    others[1].feed.start()
    assert wait(lambda: others[1].store.synced)

    names = {"web", "db", "deep", "odd", "after"}
    for one in (followed, *others):
        one.feed.stop()
        assert names == {key.name for key in one.cluster.pods}
        assert {"deny", "deep", "odd"} == {key.name for key in one.cluster.policies}
        assert one.reports == []


def test_a_server_that_ends_and_comes_back(followed: Followed) -> None:
    """What happened to objects since is known together and soon."""
    server = followed.server
    server.kill()
    server.start()
    admin = server.admin
    admin.create(policy("late"))
    admin.delete(pod("db"))
    admin.replace(policy("deny", policyTypes=["Egress"]))

    followed.wait_agrees()
    assert followed.told("kube_unreachable")


@pytest.mark.parametrize(
    ("compact", "streams"),
    [(False, False), (True, False), (True, True)],
    ids=["remembered", "forgotten", "forgotten, streaming lists"],
)
def test_what_happens_while_nobody_listens(own_server: Server, modes: list[Mode], streams: bool, compact: bool) -> None:
    """Created, changed and deleted behind a cut wire: known as one event, whether the server can still tell or not."""
    admin = own_server.admin
    for one in (*rules(), SHOP, pod("web"), pod("db"), policy("deny")):
        admin.create(one)
    config = own_server.service_account_kubeconfig("kube-system", "ryu-netpol")
    port = int(own_server.address.rpartition(":")[2])
    with wire(port) as between:
        config.write_text(config.read_text().replace(f":{port}", f":{between.port}"))
        followed = Followed(own_server, config)
        followed.feed.start()
        assert wait(lambda: followed.store.synced)
        assert streams == listed_by_streams(modes)
        followed.wait_agrees()
        before = len(followed.events)
        between.cut()
        admin.create(policy("late"))
        admin.create(pod("late", app="x"))
        admin.replace(policy("deny", policyTypes=["Egress"]))
        admin.delete(pod("db"))
        if compact:
            own_server.kill()
            own_server.compact()
            own_server.start()
        assert wait(lambda: bool(followed.told("kube_unreachable")))
        between.mend()

        followed.wait_agrees()
        followed.feed.stop()
    assert bool(followed.told("kube_gone")) == compact
    assert len(followed.events) == before + 1
    assert isinstance(followed.events[-1], Together)


def test_a_compacted_store(followed: Followed) -> None:
    """A version that etcd has forgotten, and a server that starts with an empty memory: 410, and everything again."""
    server = followed.server
    before = len(followed.events)
    server.kill()
    server.start("--watch-cache=false")
    for number in range(5):
        server.admin.create(pod(f"new-{number}"))
        server.admin.delete(pod(f"new-{number}"))
    server.admin.delete(policy("deny"))
    followed.wait_agrees()
    server.kill()
    server.compact()
    server.start()
    server.admin.create(policy("late"))

    followed.wait_agrees()
    assert len(followed.events) > before


def test_a_store_that_went_back(followed: Followed) -> None:
    """An administrator puts back a backup: the versions are lower, and the agent follows what is there now."""
    server, admin = followed.server, followed.server.admin
    copy = server.copy_store()
    for number in range(20):
        admin.create(pod(f"late-{number}"))
    followed.wait_agrees()
    server.kill()  # in order it would wait a minute for our watches to end
    server.replace_store(copy)

    followed.wait_agrees()
    assert followed.told("kube_older_store")
    assert len(followed.cluster.pods) == 2

    server.admin.create(pod("again"))

    followed.wait_agrees()


def test_permission_is_taken_and_given_back(followed: Followed) -> None:
    """Without it what is known stays; with it the rest follows."""
    server, admin = followed.server, followed.server.admin
    binding = next(one for one in rules() if one["kind"] == "ClusterRoleBinding")
    admin.delete(binding)
    server.kill()
    server.start()
    server.admin.create(policy("late"))
    assert wait(lambda: bool(followed.told("kube_denied")))
    assert DENY in followed.cluster.policies
    assert PolicyKey("shop", "late") not in followed.cluster.policies

    server.admin.create(binding)

    followed.wait_agrees()


def test_tokens_rotate(own_server: Server, tmp_path: Path) -> None:
    """The old token is worth nothing from one moment on: the file has the new one."""
    admin = own_server.admin
    for one in (*rules(), SHOP, pod("web")):
        admin.create(one)
    config = own_server.service_account_kubeconfig("kube-system", "ryu-netpol")
    followed = Followed(own_server, config)
    followed.feed.start()
    assert wait(lambda: followed.store.synced)
    account = next(one for one in rules() if one["kind"] == "ServiceAccount")
    admin.delete(account)  # and with it every token that it had
    admin.create(account)
    own_server.kill()
    own_server.start()
    assert wait(lambda: bool(followed.told("kube_denied")))

    own_server.service_account_kubeconfig("kube-system", "ryu-netpol").replace(config)
    own_server.admin.create(policy("late"))

    followed.wait_agrees()
    followed.feed.stop()


def test_it_stops_at_once(followed: Followed) -> None:
    """In the middle of four watches over TLS."""
    began = time.monotonic()
    followed.feed.stop()

    assert time.monotonic() - began < 0.9
