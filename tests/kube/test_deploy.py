"""What deploy/ has is what a real API server takes, and its ServiceAccount may do what the agent must, and no more."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cni import install
from tests.kube.client import Client, Refused, reference
from tests.kube.server import Server
from tests.support.deploy import objects

OBJECTS = tuple(objects())
REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
ALLOWED = {
    *((verb, "", kind) for verb in ("get", "list", "watch") for kind in ("pods", "namespaces", "nodes")),
    *(
        (verb, group, "networkpolicies")
        for verb in ("get", "list", "watch")
        for group in ("networking.k8s.io", "extensions")
    ),
    *((verb, "netpol.ryu-netpol.io", "nodepolicystatuses") for verb in ("get", "list", "create", "patch")),
    ("patch", "netpol.ryu-netpol.io", "nodepolicystatuses/status"),
    *((verb, group, "events") for verb in ("create", "patch") for group in ("", "events.k8s.io")),
}
"""Everything that the agent needs, of everything that ASKED tries."""
KINDS = (
    *(("", kind) for kind in ("pods", "pods/status", "namespaces", "nodes", "nodes/status", "secrets", "configmaps")),
    *(("", kind) for kind in ("events", "serviceaccounts", "serviceaccounts/token", "pods/exec", "services")),
    *((group, "networkpolicies") for group in ("networking.k8s.io", "extensions")),
    *(("netpol.ryu-netpol.io", kind) for kind in ("nodepolicystatuses", "nodepolicystatuses/status")),
    *(("apps", kind) for kind in ("daemonsets", "deployments")),
    ("events.k8s.io", "events"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
)
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "impersonate", "escalate")
STATUS = {
    "agent": "ryu-netpol 0.1.0 on os-ken 4.2.2",
    "told": "2026-01-02T03:04:06.000000Z",
    "inForce": {
        "generation": 7,
        "since": "2026-01-02T03:04:05.678901Z",
        "milliseconds": 12.5,
        "seen": [
            {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "resourceVersion": "1234"},
            {"apiVersion": "v1", "kind": "Pod", "resourceVersion": "1235"},
        ],
    },
    "endpoints": {"ready": 30, "closed": 1},
    "failureCount": 1,
    "failures": [
        {
            "kind": "NetworkPolicy",
            "namespace": "shop",
            "name": "deny",
            "reason": "CannotDecode",
            "message": "spec.podSelector is missing",
            "resourceVersion": "1230",
            "since": "2026-01-02T03:04:05Z",
        }
    ],
}
SAMPLE = {"apiVersion": "netpol.ryu-netpol.io/v1alpha1", "kind": "NodePolicyStatus", "metadata": {"name": "told1"}}


@pytest.fixture
def account(deployed: Server) -> Iterator[Client]:
    """The agent's own ServiceAccount."""
    client = deployed.client(deployed.service_account_token("kube-system", "ryu-netpol"))
    yield client
    client.close()


@pytest.mark.parametrize("value", OBJECTS, ids=lambda value: value["kind"])
def test_a_server_takes_every_object(admin: Client, value: dict[str, Any]) -> None:
    """A dry run with every field checked, and every default set."""
    assert value["metadata"]["name"] == admin.apply(value, dry_run=True)["metadata"]["name"]


def test_the_dry_run_can_fail(admin: Client) -> None:
    """P10: a field that is misspelled deep in the DaemonSet is refused."""
    (value,) = copy.deepcopy(list(objects("DaemonSet")))
    value["spec"]["template"]["spec"]["containers"][0]["securityContext"]["capabilites"] = {}

    with pytest.raises(Refused, match="capabilites"):
        admin.apply(value, dry_run=True)


def test_the_account_may_do_what_the_agent_must_and_nothing_else(account: Client) -> None:
    """The server's own judgment of each verb on each kind: RBAC is on, and the rules are as narrow as ALLOWED."""
    assert {
        (verb, group, kind) for group, kind in KINDS for verb in VERBS if may(account, verb, group, kind)
    } == ALLOWED


def may(account: Client, verb: str, group: str, resource: str) -> bool:
    """Whether the server would let this account do it, anywhere."""
    kind, _, sub = resource.partition("/")
    asked = {"verb": verb, "group": group, "resource": kind, "subresource": sub}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    return bool(account.ask("POST", REVIEW, review)["status"]["allowed"])


@pytest.mark.parametrize(
    ("expected", "method", "path"),
    [
        (200, "GET", "/api/v1/pods?limit=1"),
        (200, "GET", "/apis/networking.k8s.io/v1/networkpolicies?watch=true&timeoutSeconds=1"),
        (403, "GET", "/api/v1/secrets"),
        (403, "GET", "/api/v1/namespaces/kube-system/configmaps"),
        (403, "DELETE", "/api/v1/namespaces/default"),
        (403, "GET", "/metrics"),
    ],
    ids=lambda value: str(value).partition("?")[0],
)
def test_real_requests_agree(account: Client, expected: int, method: str, path: str) -> None:
    """Not only what the server says it would do."""
    assert expected == account.request(method, path).code


def test_a_node_tells_its_status(account: Client) -> None:
    """The account makes its node's object and writes its status, by the rights that it has; every field stays."""
    account.ask("POST", "/apis/netpol.ryu-netpol.io/v1alpha1/nodepolicystatuses?fieldValidation=Strict", SAMPLE)
    account.write_status(SAMPLE, STATUS)

    assert account.get(SAMPLE)["status"] == STATUS
    with pytest.raises(Refused, match="forbidden"):
        account.delete(SAMPLE)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"inForce": {"generation": -1, "since": "2026-01-02T03:04:05Z"}}, "status.inForce.generation"),
        ({"inForce": {"generation": 1, "since": "yesterday"}}, "status.inForce.since"),
        ({"inForce": {"generation": 1}}, "status.inForce.since: Required"),
        ({"endpoints": {"ready": 1}}, "status.endpoints.closed: Required"),
        ({"failures": [{**STATUS["failures"][0], "reason": "two words"}]}, r"status.failures\[0\].reason"),
        ({"failures": [{**STATUS["failures"][0], "name": f"p{n}"} for n in range(101)]}, "status.failures: Too many"),
        ({"failures": STATUS["failures"] * 2}, r"status.failures\[1\]: Duplicate"),
    ],
    ids=["negative", "no time", "no since", "no closed", "two words", "too many", "twice"],
)
def test_a_status_that_makes_no_sense_is_refused(admin: Client, deployed: Server, change: Any, field: str) -> None:
    """The schema holds: the server names the field."""
    value = {**SAMPLE, "metadata": {"name": "node2"}}
    admin.apply(value)

    with pytest.raises(Refused, match=field):
        admin.write_status(value, change)


def test_the_installer_asks_for_the_blocks_of_its_node(
    deployed: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the account's token: podCIDRs go to plugin and agent; a node without them, or none at all, is a sentence."""
    admin = deployed.admin
    specs = ({"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24"]}, {})
    nodes = [{**reference("v1", "Node", f"plugged{n}"), "spec": spec} for n, spec in enumerate(specs, start=1)]
    for node in nodes:
        admin.create(node)
    (tmp_path / "ca.crt").write_bytes(deployed.ca.read_bytes())
    (tmp_path / "token").write_text(deployed.service_account_token("kube-system", "ryu-netpol"))
    (tmp_path / install.IPAM).touch()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", deployed.address.rpartition(":")[2])
    places = ["--bin", str(tmp_path), "--conf", str(tmp_path), "--service-account", str(tmp_path)]
    statuses = [
        install.main(["--node", node, "--agent-options", str(tmp_path / "options"), *places])
        for node in ("plugged1", "plugged2", "plugged3")
    ]
    for node in nodes:
        admin.delete(node)
    plugin = json.loads((tmp_path / install.CONFIGURATION).read_text())["plugins"][0]

    assert statuses == [0, 1, 1]
    assert plugin["ipam"]["ranges"][0][0]["subnet"] == "10.244.1.0/24"
    assert (tmp_path / "options").read_text() == "--pod-cidr 10.244.1.0/24 --bridge br-int\n"
    assert capsys.readouterr().err.splitlines() == [
        "cni.install: node plugged2 has no podCIDRs yet: kube-controller-manager needs --allocate-node-cidrs.",
        "cni.install: the API server does not show node plugged3: 404 Not Found.",
    ]
