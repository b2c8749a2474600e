"""`ryu-netpol diff`: what is printed, and the exit status."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from ryu_netpol.cli.main import main

BASE = """
{apiVersion: v1, kind: Node, metadata: {name: node1}}
---
{apiVersion: v1, kind: Node, metadata: {name: node2}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: office, labels: {team: office}}}
"""
POD = """
---
apiVersion: v1
kind: Pod
metadata: {name: NAME, namespace: SPACE, labels: {LABELS}}
spec: {nodeName: node1, containers: [{name: c, image: c, ports: [{name: http, containerPort: 8080}]}]}
"""
POLICY = """
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: NAME, namespace: shop}
spec: SPEC
"""


def pod(name: str, labels: str, space: str = "shop") -> str:
    """A pod on node1, with a port called http."""
    return POD.replace("NAME", name).replace("LABELS", labels).replace("SPACE", space)


def policy(name: str, spec: str) -> str:
    """A policy of namespace shop."""
    return POLICY.replace("NAME", name).replace("SPEC", spec)


PODS = (
    pod("web-1", "app: web") + pod("web-2", "app: web") + pod("db", "app: db") + pod("desk", "app: desk", "office")
)  # fmt: skip
FOR_WEB = policy(
    "db", "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}"
)
CLOSED = policy("db", "{podSelector: {matchLabels: {app: db}}}")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, which is the working directory, with manifests that all tests use."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.yaml").write_text(BASE + PODS)
    return tmp_path


def diff(old: str, new: str, *more: str) -> int:
    """Compare two sets of policies and what else differs, with the base on both sides."""
    Path("old.yaml").write_text(old)
    Path("new.yaml").write_text(new)
    return main(["diff", "--with", "base.yaml", "-f", "old.yaml", "--to", "new.yaml", *more])


def test_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Where the same is allowed, there is one sentence and status 0, even if policies are written differently."""
    other = FOR_WEB.replace(
        "{podSelector: {matchLabels: {app: web}}}",
        "{podSelector: {matchExpressions: [{key: app, operator: In, values: [web]}]}}",
    )

    assert diff(FOR_WEB, FOR_WEB) == 0
    assert capsys.readouterr() == ("No connection is gained or lost.\n", "")
    assert (
        diff(
            FOR_WEB,
            policy("allow", "{podSelector: {}, ingress: [{}]}") + FOR_WEB + other.replace("name: db", "name: more"),
        )
        == 1
    )
    assert diff(FOR_WEB, FOR_WEB + other.replace("name: db", "name: more")) == 0


def test_a_new_policy(capsys: pytest.CaptureFixture[str]) -> None:
    """Isolation that is new is lost connections, in one line; a pod itself and its own node are not left out."""
    assert diff("", FOR_WEB) == 1
    assert capsys.readouterr().out == (
        "NetworkPolicy shop/db (new)\n"
        "  - everybody but app=web in shop (2 pods) -> shop/db: everything\n"
        "\n"
        "0 gained, 1 lost. Policies: 1 new.\n"
    )


def test_a_policy_that_goes(capsys: pytest.CaptureFixture[str]) -> None:
    """The same the other way round."""
    assert diff(CLOSED, "") == 1
    assert capsys.readouterr().out == (
        "NetworkPolicy shop/db (gone)\n  + everybody -> shop/db: everything\n\n1 gained, 0 lost. Policies: 1 gone.\n"
    )


def test_the_own_node_is_said_with_all_its_addresses(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing changes between a pod and its own node: no address of it is singled out where another one is said."""
    addresses = "status: {addresses: [{type: InternalIP, address: %s}%s]}}\n"
    first = addresses % ("192.168.50.1", ", {type: InternalIP, address: 'fd00:50::1'}")
    second = addresses % ("192.168.50.2", "")
    base = BASE.replace("{name: node1}}\n", "{name: node1}, " + first).replace(
        "{name: node2}}\n", "{name: node2}, " + second
    )
    (folder / "base.yaml").write_text(base + PODS + pod("cache", "app: cache"))

    assert diff("", FOR_WEB.replace("{matchLabels: {app: web}}", "{}")) == 1
    assert "  - everybody but all pods of shop -> shop/db: everything\n" in capsys.readouterr().out


def test_a_rule(capsys: pytest.CaptureFixture[str]) -> None:
    """A rule is told by those whom it lets in, and by merged ports; whom a block lets in, by its own family only."""
    block = "{ipBlock: {cidr: 10.0.0.0/8, except: [10.9.0.0/16]}}"
    rule = f"{{from: [{{podSelector: {{}}}}, {block}], ports: [{{port: http}}, {{port: 8081, endPort: 8090}}]}}"

    diff(CLOSED, CLOSED.replace("}}}", "}}, ingress: [" + rule + "]}"))

    assert capsys.readouterr().out == (
        "NetworkPolicy shop/db (changed)\n"
        "  + app=web in shop (2 pods), (10.0.0.0/8 except 10.9.0.0/16) -> shop/db: TCP/8080-8090\n"
        "  + office/desk -> shop/db: TCP/8080-8090 (IPv4)\n"
        "\n"
        "2 gained, 0 lost. Policies: 1 changed.\n"
    )


def test_both_ends(capsys: pytest.CaptureFixture[str]) -> None:
    """Where policies at both ends make the difference, those at the destination are named."""
    sealed = policy("sealed", "{podSelector: {}, policyTypes: [Ingress, Egress]}")

    diff("", sealed)

    assert capsys.readouterr().out == (
        "NetworkPolicy shop/sealed (new)\n"
        "  - all pods of shop -> everybody but all pods of shop: everything\n"
        "  - everybody -> all pods of shop: everything\n"
        "\n"
        "0 gained, 2 lost. Policies: 1 new.\n"
    )


def test_labels(capsys: pytest.CaptureFixture[str]) -> None:
    """A policy that stays as it is may allow something else, because pods have other labels."""
    changed = pod("job", "app: job")

    diff(FOR_WEB + changed, FOR_WEB + changed.replace("app: job", "app: web"))

    assert capsys.readouterr().out == (
        "NetworkPolicy shop/db (unchanged itself: labels, ports or addresses differ)\n"
        "  + shop/job -> shop/db: everything\n"
        "\n"
        "1 gained, 0 lost.\n"
    )


def test_new_pods(capsys: pytest.CaptureFixture[str]) -> None:
    """Connections with a pod that is new are a group of their own."""
    rules = "policyTypes: [Ingress, Egress], ingress: [{ports: [{port: 6379}]}]"
    cache = pod("cache", "app: cache") + policy("cache", f"{{podSelector: {{matchLabels: {{app: cache}}}}, {rules}}}")

    assert diff(FOR_WEB, FOR_WEB + cache) == 1
    assert capsys.readouterr().out == (
        "New: shop/cache\n  + everybody -> shop/cache: TCP/6379\n\n1 gained, 0 lost. Policies: 1 new. Pods: 1 new.\n"
    )


def test_pods_that_go(capsys: pytest.CaptureFixture[str]) -> None:
    """So are those with one that is gone."""
    diff(FOR_WEB + pod("cache", "app: cache"), FOR_WEB)

    assert capsys.readouterr().out == (
        "Gone: shop/cache\n"
        "  - everybody -> shop/cache: everything\n"
        "  - shop/cache -> everybody but shop/db: everything\n"
        "\n"
        "0 gained, 2 lost. Pods: 1 gone.\n"
    )


def test_the_old_annotation(capsys: pytest.CaptureFixture[str]) -> None:
    """The annotation of a namespace is named where it isolates."""
    space = "{apiVersion: v1, kind: Namespace, metadata: {name: old, annotations: {ANNOTATION}}}"
    deny = """net.beta.kubernetes.io/network-policy: '{"ingress": {"isolation": "DefaultDeny"}}'"""
    alone = pod("alone", "app: x", "old")

    diff(space.replace("ANNOTATION", "") + alone, space.replace("ANNOTATION", deny) + alone)

    assert capsys.readouterr().out == (
        "Annotation of namespace old (new)\n  - everybody -> old/alone: everything\n\n0 gained, 1 lost.\n"
    )


def test_what_is_never_forbidden_is_no_change(capsys: pytest.CaptureFixture[str]) -> None:
    """A rule for a pod's own node changes nothing, nor does one for itself."""
    rule = "[{from: [{ipBlock: {cidr: 192.168.50.1/32}}, {podSelector: {matchLabels: {app: db}}}]}]"
    more = CLOSED.replace("}}}", "}}, ingress: " + rule + "}")

    diff(CLOSED, more)

    # An address of a node is also what the node forwards for others: as a source, that is outside.
    assert capsys.readouterr().out == (
        "NetworkPolicy shop/db (changed)\n  + 192.168.50.1/32 -> shop/db: everything\n\n"
        "1 gained, 0 lost. Policies: 1 changed.\n"
    )


def test_node_ports_of_the_own_node(capsys: pytest.CaptureFixture[str]) -> None:
    """A pod may lose its own node, at the node ports only: that is said with the other nodes."""
    diff(
        "",
        policy(
            "db", "{podSelector: {matchLabels: {app: db}}, policyTypes: [Egress], egress: [{to: [{podSelector: {}}]}]}"
        ),
    )

    assert capsys.readouterr().out == (
        "NetworkPolicy shop/db (new)\n"
        "  - shop/db -> everybody but app=web in shop (2 pods): everything\n\n"
        "0 gained, 1 lost. Policies: 1 new.\n"
    )


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The same for programs, with every member."""
    assert diff(CLOSED, FOR_WEB, "-o", "json") == 1
    assert json.loads(capsys.readouterr().out) == {
        "changes": [
            {
                "change": "gained",
                "because": [
                    {
                        "kind": "NetworkPolicy",
                        "namespace": "shop",
                        "name": "db",
                        "apiVersion": "networking.k8s.io/v1",
                        "state": "changed",
                    }
                ],
                "from": {
                    "text": "app=web in shop (2 pods)",
                    "pods": ["shop/web-1", "shop/web-2"],
                    "nodes": [],
                    "outside": [],
                },
                "to": {"text": "shop/db", "pods": ["shop/db"], "nodes": [], "outside": []},
                "ports": {
                    "text": "everything",
                    "TCP": ["1-65535"],
                    "UDP": ["1-65535"],
                    "SCTP": ["1-65535"],
                    "other": True,
                },
                "ip": None,
            }
        ],
        "gained": 1,
        "lost": 0,
    }


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One of the sides may be standard input, two may not."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((BASE + PODS + CLOSED).encode())))

    assert main(["diff", "-f", "base.yaml", "--to", "-"]) == 1
    assert "NetworkPolicy shop/db (new)" in capsys.readouterr().out
    assert main(["diff", "-f", "-", "--to", "-"]) == 2
    assert capsys.readouterr().err == "ryu-netpol diff: only one of -f, --to and --with can be standard input\n"


def test_bad_manifests(capsys: pytest.CaptureFixture[str]) -> None:
    """Errors are told once and are status 2: 1 would mean that something changes."""
    Path("bad.yaml").write_text(CLOSED.replace("podSelector", "podSelektor"))

    assert main(["diff", "-f", "bad.yaml", "--to", "bad.yaml"]) == 2
    error = capsys.readouterr().err
    assert error.count("podSelektor") == 1
    assert error.endswith("ryu-netpol diff: 1 error in the manifests\n")
    assert main(["diff", "-f", "nowhere.yaml", "--to", "base.yaml"]) == 2
    assert capsys.readouterr().err == "ryu-netpol diff: cannot read nowhere.yaml: No such file or directory\n"


def test_addresses_that_nobody_gave(capsys: pytest.CaptureFixture[str]) -> None:
    """Pods have the same invented address on both sides, whoever else is there: no block tells the sides apart."""
    rule = policy("all", "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.244.1.10/31}}]}]}")

    diff(rule, rule + pod("a-first", "app: a"))

    assert "NetworkPolicy" not in capsys.readouterr().out


def test_an_address_more(capsys: pytest.CaptureFixture[str]) -> None:
    """A pod that has an address of the other version only now is new in that version."""
    one = "{apiVersion: v1, kind: Pod, metadata: {name: dual, namespace: shop}, status: {podIPs: [{ip: 10.244.1.99}]}}"

    diff(one, one.replace("10.244.1.99}", "10.244.1.99}, {ip: 'fd00:10:244:1::99'}"))

    out = capsys.readouterr().out
    assert out.startswith("New: addresses\n")
    assert "-> shop/dual: everything (IPv6)\n" in out


def test_a_pod_on_another_node(capsys: pytest.CaptureFixture[str]) -> None:
    """A pod's own node always reaches it: another one does when it has moved."""
    moving = pod("moving", "app: moving") + policy("moving", "{podSelector: {matchLabels: {app: moving}}}")

    diff(moving, moving.replace("node1", "node2"))

    assert capsys.readouterr().out == (
        "Pods on another node\n"
        "  - node/node1 -> shop/moving: everything\n"
        "  + node/node2 -> shop/moving: everything\n"
        "\n"
        "1 gained, 1 lost.\n"
    )


def test_a_disputed_address(capsys: pytest.CaptureFixture[str]) -> None:
    """An address that two pods claim is closed, and that is the reason that is told."""
    one = "{apiVersion: v1, kind: Pod, metadata: {name: one, namespace: shop}, status: {podIPs: [{ip: 10.244.1.99}]}}"

    diff(one, one + "\n---\n" + one.replace("name: one", "name: two"))

    assert "Addresses that two pods claim\n  - everybody but " in capsys.readouterr().out


def test_a_pod_on_another_node_whose_address_another_one_claims(capsys: pytest.CaptureFixture[str]) -> None:
    """What changes by the one and what by the other are told apart."""
    claim = (
        "---\n{apiVersion: v1, kind: Pod, metadata: {name: two, namespace: shop}, status: {podIPs: [{ip: 10.244.1.9}]}}"
    )
    moving = pod("moving", "app: moving") + policy("moving", "{podSelector: {matchLabels: {app: moving}}}")
    one = claim.replace("two", "one") + moving

    diff(one, one.replace("nodeName: node1", "nodeName: node2") + claim)

    out = capsys.readouterr().out
    assert "Addresses that two pods claim\n  - " in out
    assert "Pods on another node\n  - node/node1 -> shop/moving: everything\n" in out


def test_policies_without_pods(capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is nobody, a difference could not show: that is refused, lest a guard sleeps."""
    Path("old.yaml").write_text(FOR_WEB)
    Path("new.yaml").write_text(CLOSED)

    assert main(["diff", "-f", "old.yaml", "--to", "new.yaml"]) == 2
    assert capsys.readouterr() == (
        "",
        "ryu-netpol diff: there are no pods on either side, so that nothing could differ: name them by --with\n",
    )


def egress(rules: str, of: str = "{matchLabels: {app: db}}") -> str:
    """A policy that limits what these pods may open."""
    return policy("out", f"{{podSelector: {of}, policyTypes: [Egress], egress: {rules}}}")


ONE_NODE: dict[str, tuple[str, str, set[str]]] = {
    "a new pod that is closed reaches nobody but its node": (
        "",
        pod("cache", "app: cache")
        + policy("cache", "{podSelector: {matchLabels: {app: cache}}, policyTypes: [Ingress, Egress]}")
        + policy("rest", "{podSelector: {}, policyTypes: [Ingress, Egress]}"),
        set(),
    ),
    "a rule for other ports than the node ports gives nothing of the own node": (
        egress("[]"),
        egress("[{to: [{ipBlock: {cidr: 192.168.50.0/24}}], ports: [{port: 443}]}]"),
        {"  + shop/db -> 192.168.50.0/24: TCP/443"},
    ),
    "node ports of the own node that stay are not told with all others": (
        egress("[{to: [{ipBlock: {cidr: 192.168.50.1/32}}]}]", of="{}"),
        egress("[{}]", of="{}"),
        {"  + all pods of shop -> everybody but node/node1 at 192.168.50.1: everything"},
    ),
}


@pytest.mark.parametrize("name", ONE_NODE)
def test_a_cluster_with_one_node(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What a pod may always do with its own node is never told, also where there is no other node."""
    old, new, expected = ONE_NODE[name]
    Path("base.yaml").write_text((BASE + PODS).replace("{apiVersion: v1, kind: Node, metadata: {name: node2}}", ""))

    diff(old, new)
    lines = capsys.readouterr().out.splitlines()
    told = {line for line in lines if "cache" in line or " + " in line}

    assert expected == told
