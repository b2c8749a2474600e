"""The private server does what tests of the feed rely on."""

from __future__ import annotations

import contextlib
import http.client

import pytest

from tests.kube.client import Client, Refused, reference
from tests.kube.server import Server

SHOP = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"nodeName": "node1", "containers": [{"name": "c", "image": "none"}]},
}
POLICY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "deny", "namespace": "shop"},
    "spec": {"podSelector": {}},
}
ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody", "namespace": "shop"}}
PODS = "/api/v1/namespaces/shop/pods"


def newest(client: Client) -> int:
    """The resourceVersion that a list has now."""
    return int(client.ask("GET", "/api/v1/namespaces")["metadata"]["resourceVersion"])


def test_objects_are_created_changed_and_deleted(admin: Client) -> None:
    """Every verb works, a status is written, and the name of a deleted namespace is free at once."""
    for value in (SHOP, POD, POLICY):
        admin.create(value)
    admin.write_status(POD, {"phase": "Running", "podIP": "10.244.1.2", "podIPs": [{"ip": "10.244.1.2"}]})
    admin.patch(POD, {"metadata": {"labels": {"app": "web"}}})
    admin.replace({**POLICY, "spec": {"podSelector": {}, "policyTypes": ["Egress"]}})
    admin.apply({**SHOP, "metadata": {"name": "shop", "labels": {"a": "b"}}})

    pod = admin.get(POD)
    assert pod["status"]["podIP"] == "10.244.1.2"
    assert pod["metadata"]["labels"] == {"app": "web"}
    assert admin.get(POLICY)["spec"]["policyTypes"] == ["Egress"]
    assert admin.get(reference("v1", "Namespace", "shop"))["metadata"]["labels"]["a"] == "b"
    admin.delete(POLICY)
    admin.delete(SHOP)
    admin.create(SHOP)
    assert admin.ask("GET", PODS)["items"] == []
    admin.delete(SHOP)


def test_a_dry_run_checks_and_creates_nothing(admin: Client) -> None:
    """Unknown fields are refused, too; what is right is not there afterwards."""
    admin.create(SHOP, dry_run=True)
    with pytest.raises(Refused, match="unknown field") as refused:
        admin.create({**SHOP, "metadata": {"name": "shop", "lables": {}}}, dry_run=True)

    assert refused.value.answer.code == 400
    assert admin.request("GET", "/api/v1/namespaces/shop").code == 404


def test_service_accounts_are_judged_by_rbac(server: Server, admin: Client) -> None:
    """A ServiceAccount's token is known to the server, and may do nothing before it is given a role."""
    admin.create(SHOP)
    admin.create(ACCOUNT)
    with contextlib.closing(server.client(server.service_account_token("shop", "nobody"))) as account:
        assert account.request("GET", PODS).code == 403
    with contextlib.closing(server.client("no token")) as stranger:
        assert stranger.request("GET", PODS).code == 401
    admin.delete(SHOP)


def test_the_server_goes_and_comes_back(own_server: Server) -> None:
    """Killed, it answers nobody; started again it has everything, at the same address."""
    admin = own_server.admin
    admin.create(SHOP)
    own_server.kill()
    with pytest.raises((OSError, http.client.HTTPException)):
        admin.get(SHOP)
    own_server.start()

    assert admin.get(SHOP)["metadata"]["name"] == "shop"


def test_an_older_store_comes_back(own_server: Server) -> None:
    """What was made after the copy is gone, and resourceVersions begin at the copy's again."""
    copy = own_server.copy_store()
    admin = own_server.admin
    before = newest(admin)
    admin.create(SHOP)
    for number in range(100):
        admin.patch(SHOP, {"metadata": {"labels": {"n": str(number)}}})
    after = newest(admin)
    own_server.replace_store(copy)

    assert before + 100 < after
    assert newest(admin) < after
    assert admin.request("GET", "/api/v1/namespaces/shop").code == 404


def test_compaction_and_a_restart_end_lists_and_watches(own_server: Server) -> None:
    """A continue token and a watch from before are answered with 410; without the restart, memory still serves them."""
    admin = own_server.admin
    first = admin.ask("GET", "/api/v1/namespaces?limit=1")["metadata"]
    more = f"/api/v1/namespaces?limit=1&continue={first['continue']}"
    since = f"/api/v1/namespaces?watch=true&timeoutSeconds=1&resourceVersion={first['resourceVersion']}"
    admin.create(SHOP)
    own_server.compact()
    before = admin.request("GET", more).code
    own_server.restart()

    assert before == 200
    assert admin.request("GET", more).code == 410
    assert admin.request("GET", since).body["object"]["code"] == 410


def test_what_does_not_start_is_told(own_server: Server) -> None:
    """A server that ends instead of getting ready is an error that names its log."""
    own_server.stop()

    with pytest.raises(RuntimeError, match=r"did not become ready; see .*log\.txt"):
        own_server.start("--no-such-flag")
