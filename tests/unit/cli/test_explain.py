"""`ryu-netpol explain`: what people read, what tools read, exit codes, and every sentence about a wrong call."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from ryu_netpol.cli.judges import decide, flows
from ryu_netpol.cli.judges.answer import Answer
from ryu_netpol.cli.judges.decide import Passage
from ryu_netpol.cli.main import main
from ryu_netpol.flows.ir import Cookie, CookieKind
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.model.names import NodeName

DOCUMENT = Path(__file__).parents[3] / "docs" / "explain.md"
SEED, TWO_WAY = "examples/seed", "examples/two-way"
DENIED = ("-f", SEED, "default/stranger", "default/db", "tcp/6379")

Out = pytest.CaptureFixture[str]


def told(capsys: Out, *args: str, code: int = 0) -> str:
    """What is printed."""
    assert main(["explain", *args]) == code
    return capsys.readouterr().out


def facts(capsys: Out, *args: str) -> dict[str, object]:
    """What `-o json` prints."""
    found = json.loads(told(capsys, *args, "-o", "json"))
    assert isinstance(found, dict)
    return found


def test_a_denied_connection(capsys: Out) -> None:
    """Verdict, ends, both directions, and the closest rule with what every entry of it lacks."""
    assert (
        told(capsys, *DENIED)
        == """\
DENIED  default/stranger to default/db TCP/6379 (IPv4)
    from  default/stranger, 10.244.1.12: no labels; its namespace: no labels
    to    default/db, 10.244.1.10: role=db; its namespace: no labels

egress at default/stranger: ALLOWED
    not isolated: no policy for it is about egress, so everything may go out

ingress at default/db: DENIED
    isolated by the annotation of namespace default
    no rule allows it; closest is default/test-network-policy (extensions/v1beta1) rule 0: from all pods of \
namespaces project=myproject or pods role=frontend of namespace default; at TCP/6379
        peer 0, all pods of namespaces project=myproject: namespace label: wanted project=myproject, found no label \
project
        peer 1, pods role=frontend of namespace default: label: wanted role=frontend, found no label role
        the port matches
"""
    )


def test_an_allowed_connection(capsys: Out) -> None:
    """Which policies isolate, and which rule allows, at each end."""
    text = told(capsys, "frontend/web", "backend/api", "TCP/8080", "-f", TWO_WAY)

    assert text.startswith("ALLOWED  frontend/web to backend/api TCP/8080 (IPv4)\n")
    assert (
        "    isolated by frontend/call-the-api\n    allowed by frontend/call-the-api rule 0: to pods app=api " in text
    )
    assert "    isolated by backend/api\n    allowed by backend/api rule 0: from pods app=web " in text


def test_other_rules_are_told_in_a_line(capsys: Out) -> None:
    """Each with what it lacks; the closest comes first and in full."""
    text = told(capsys, "frontend/web", "backend/api", "TCP/9090", "-f", TWO_WAY)

    assert "        the peer matches\n        port: wanted port 8080, found 9090\n" in text
    assert "    backend/api rule 1 neither: namespace: wanted namespace backend, found namespace frontend\n" in text


def test_the_own_node_and_a_pod_itself(capsys: Out) -> None:
    """What no policy can take away is said in words."""
    assert "its own node always reaches it (NP-50)" in told(capsys, "node/node1", "backend/api", "UDP/9", "-f", TWO_WAY)
    assert "a pod always reaches its own node (NP-51)" in told(
        capsys, "frontend/web", "node/node1", "ICMP", "-f", TWO_WAY
    )
    assert "backend/api reaches itself (NP-52)" in told(capsys, "backend/api", "backend/api", "ICMP", "-f", TWO_WAY)


POD = """\
{apiVersion: v1, kind: Pod, metadata: {name: %s, namespace: shop, labels: {app: %s}}, spec: {}}
---
"""
OLD = """\
{apiVersion: extensions/v1beta1, kind: NetworkPolicy, metadata: {name: old, namespace: shop},
 spec: {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: nobody}}}]}]}}
---
"""
NEW = """\
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p%d, namespace: shop},
 spec: {podSelector: {matchLabels: {app: %s}}, policyTypes: [%s], ingress: [{ports: [{port: %d}]}]}}
---
"""


def manifests(folder: Path, *texts: str) -> str:
    """A file with the pods shop/a and shop/b, and these objects."""
    file = folder / "manifests.yaml"
    file.write_text("".join([POD % ("a", "a"), POD % ("b", "b"), *texts]))
    return str(file)


def test_what_surprises_is_told(tmp_path: Path, capsys: Out) -> None:
    """Legacy policies without effect (LG-4), policies for other pods, and policies about the other direction."""
    file = manifests(tmp_path, OLD, NEW % (1, "other", "Ingress", 80), NEW % (2, "b", "Egress", 80))
    text = told(capsys, "shop/a", "shop/b", "TCP/80", "-f", file)

    assert "note: shop/old (extensions/v1beta1) selects it without any effect: policies of this API count only" in text
    assert "not for this pod: shop/p1 (label: wanted app=other, found app=b)" in text
    assert "not about ingress: shop/p2" in text


def test_whose_an_address_is(tmp_path: Path, capsys: Out) -> None:
    """A pod in its node's network, a pod whose address another one has by now, and one that several claim (NP-71)."""
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: %s, namespace: shop}, spec: {%s}, status: {%s}}\n---\n"
    has = "podIPs: [{ip: 10.244.1.77}], startTime: 2024-05-01T00:00:0%dZ"
    old, new = pod % ("old", "", has % 1), pod % ("new", "", has % 2)
    host = pod % ("host", "hostNetwork: true, nodeName: node1", "podIPs: [{ip: 192.168.50.1}]")
    file = manifests(tmp_path, old, new, host)

    text = told(capsys, "shop/old", "shop/host", "TCP/80", "-f", file)
    assert "shop/old, whose address 10.244.1.77 is that of shop/new now (NP-71): no labels" in text
    assert "shop/host, 192.168.50.1: a pod in its node's network, which policies do not see (NP-61)" in text
    file = manifests(tmp_path, new, new.replace("name: new", "name: rival"))
    text = told(capsys, "shop/rival", "shop/a", "TCP/80", "-f", file, "--flows")
    assert "shop/rival, 10.244.1.77: nobody's address while several pods claim it (NP-71)" in text
    assert "SOURCE_ID: drops: two pods claim the address" in text


def test_long_lists_are_cut_in_text_and_whole_in_json(tmp_path: Path, capsys: Out) -> None:
    """People get the first five, tools all of them."""
    many = (NEW % (number, "b", "Ingress", number) for number in range(10, 20))
    others = (NEW % (number, "other", "Ingress", number) for number in range(20, 30))
    asked = ("shop/a", "shop/b", "TCP/80", "-f", manifests(tmp_path, *many, *others))
    text = told(capsys, *asked)

    assert text.count("neither:") == 5
    assert "    and 4 more (-o json has all)\n" in text
    assert "shop/p24 (label: wanted app=other, found app=b), and 5 more (-o json has all)\n" in text
    ingress = facts(capsys, *asked)["directions"][1]  # type: ignore[index]
    assert [len(ingress[name]) for name in ("isolated_by", "failing", "not_selecting")] == [10, 10, 10]


def test_of_a_policy_for_other_pods_one_label_is_told(tmp_path: Path, capsys: Out) -> None:
    """The policy that fails by the fewest labels comes first; of several labels one, and how many more."""
    far = (NEW % (1, "other, tier: front", "Ingress", 80)).replace("p1", "far")
    near = (NEW % (2, "other", "Ingress", 80)).replace("p2", "near")
    asked = ("shop/a", "shop/b", "TCP/80", "-f", manifests(tmp_path, far, near))
    other = "label: wanted app=other, found app=b"

    assert f"not for this pod: shop/near ({other}), shop/far ({other}; and 1 more)\n" in told(capsys, *asked)
    ingress = facts(capsys, *asked)["directions"][1]  # type: ignore[index]
    assert [len(each["failures"]) for each in ingress["not_selecting"]] == [1, 2]


def test_who_isolates_and_allows_is_cut_too(tmp_path: Path, capsys: Out) -> None:
    """A namespace can have very many policies for all of its pods."""
    many = (NEW % (number, "b", "Ingress", 80) for number in range(10, 20))
    text = told(capsys, "shop/a", "shop/b", "TCP/80", "-f", manifests(tmp_path, *many))

    assert "isolated by shop/p10 and shop/p11 and shop/p12 and shop/p13 and shop/p14, and 5 more (-o json has" in text
    assert text.count("and by ") == 4
    assert "shop/p14 rule 0: from everybody; at TCP/80\n    and 5 more (-o json has all)\n" in text


NODES = "".join(
    f"{{apiVersion: v1, kind: Node, metadata: {{name: {name}}}, status: {{addresses: [{{type: InternalIP, "
    f"address: {address}}}]}}}}\n---\n"
    for name, address in (("node1", "192.168.50.1"), ("node2", "192.168.50.2"))
)
AGENT = (
    "{apiVersion: v1, kind: Pod, metadata: {name: agent, namespace: shop}, spec: {hostNetwork: true}}\n---\n"
    "{apiVersion: v1, kind: Pod, metadata: {name: placed, namespace: shop}, spec: {nodeName: node2}}\n---\n"
)
ASSUMED = {
    "node": (("node/node2", "shop/a"), ["shop/a"]),
    "address of a node": (("shop/a", "192.168.50.2"), ["shop/a"]),
    "both": (("shop/agent", "shop/a"), ["shop/agent", "shop/a"]),
    "one is placed": (("shop/agent", "shop/placed"), ["shop/agent"]),
    "no node": (("shop/a", "shop/b"), []),
    "outside": (("shop/a", "203.0.113.7"), []),
    "no pod": (("shop/agent", "203.0.113.7"), []),
}


@pytest.mark.parametrize(("ends", "expected"), ASSUMED.values(), ids=ASSUMED)
def test_an_assumed_node_is_told(ends: tuple[str, str], expected: list[str], tmp_path: Path, capsys: Out) -> None:
    """Where the node of a pod decides and no manifest says it, the answer names the one that is taken."""
    file = manifests(tmp_path, NODES, AGENT)
    notes = facts(capsys, *ends, "TCP/80", "-f", file)["notes"]

    assert isinstance(notes, list)
    told_of = [note.split()[4] for note in notes if "no manifest says where" in note and "node1 is assumed" in note]
    assert expected == told_of


def test_a_single_node_is_not_assumed(tmp_path: Path, capsys: Out) -> None:
    """Where there is one node only, pods can be nowhere else."""
    asked = ("node/node1", "shop/a", "TCP/80", "-f", manifests(tmp_path, NODES.split("---")[0] + "---\n"))

    assert facts(capsys, *asked)["notes"] == []


def test_json(capsys: Out) -> None:
    """Every detail, with the probe as `reach --probes` reads it."""
    found = facts(capsys, *DENIED, "--ip", "6")
    ingress = found["directions"][1]  # type: ignore[index]

    assert {name: found[name] for name in ("from", "to", "protocol", "port", "ip", "allowed", "situation")} == {
        "from": "default/stranger", "to": "default/db", "protocol": "TCP", "port": 6379, "ip": 6, "allowed": False,
        "situation": None,
    }  # fmt: skip
    assert found["source"] == {
        "address": "fd00:10:244:1::c", "pod": "default/stranger", "labels": {},
        "namespace_labels": {"kubernetes.io/metadata.name": "default"},
    }  # fmt: skip
    assert (ingress["why"], ingress["isolated_by_annotation"]) == ("no-rule", True)
    (rule,) = ingress["failing"]
    assert (rule["policy"], rule["api"], rule["rule"]) == ("default/test-network-policy", "extensions/v1beta1", 0)
    assert rule["peers"][1]["failures"] == [{"kind": "label", "wanted": "role=frontend", "found": "no label role"}]
    assert rule["ports"] == []


def test_flows_in_text(capsys: Out) -> None:
    """The tables on the way, the deciding flow in ovs-ofctl's syntax, and what its cookie means."""
    text = told(capsys, *DENIED, "--flows")

    assert text.endswith("""
the compiled flows:
    node1: DENIED
        CLASSIFY > CONNTRACK > ORIGIN > CT_STATE > SERVICE > SOURCE_ID > DEST_ID > EGRESS_ADMIN > EGRESS > \
EGRESS_BASELINE > INGRESS_ADMIN > INGRESS
        INGRESS: identity 2, default/{role=db}, is isolated by the annotation of its namespace and no rule allows it
            table=51, priority=1000, cookie=0x6e70000900000002, reg2=2 actions=drop
            cookie ISOLATED 2: drops what no rule allows; value: the identity
""")


@pytest.mark.parametrize(
    ("asked", "kinds"),
    [
        (("frontend/web", "backend/api", "TCP/8080"), [("EGRESS", "RULE"), ("INGRESS", "RULE")]),
        (("frontend/web", "backend/api", "TCP/9090"), [("EGRESS", "ISOLATED")]),
        (("frontend/batch", "frontend/web", "UDP/53"), [("EGRESS", "MISS"), ("INGRESS", "MISS")]),
        (("node/node1", "db/postgres", "ICMP"), [("INGRESS_ADMIN", "NODE")]),
        (("203.0.113.7", "db/postgres", "SCTP/9"), [("INGRESS", "ISOLATED")]),
        (("frontend/web", "node/node1", "TCP/22", "--ip", "6"), [("EGRESS", "NODE")]),
    ],
    ids=["rules", "denied", "nobody isolates", "own node", "outsider", "to the own node"],
)
def test_deciding_flows(asked: tuple[str, ...], kinds: list[tuple[str, str]], capsys: Out) -> None:
    """The drop, or what let the packet pass each direction; in agreement with the policies."""
    found = facts(capsys, *asked, "-f", TWO_WAY, "--flows")
    (bridge,) = found["flows"]["bridges"]  # type: ignore[index]

    assert [(flow["table"], flow["kind"]) for flow in bridge["deciding"]] == kinds
    assert found["flows"]["allowed"] is found["allowed"]  # type: ignore[index]


def test_flows_of_both_nodes(tmp_path: Path, capsys: Out) -> None:
    """Between nodes both bridges are asked, the sender's first."""
    file = Path(manifests(tmp_path))
    placed = ((POD % (n, n)).replace("spec: {}", f"spec: {{nodeName: node{n}}}") for n in "vw")
    file.write_text(file.read_text() + "".join(placed))

    found = facts(capsys, "shop/v", "shop/w", "TCP/80", "-f", str(file), "--flows")
    assert [bridge["node"] for bridge in found["flows"]["bridges"]] == ["nodev", "nodew"]  # type: ignore[index]


def test_where_no_bridge_is(capsys: Out) -> None:
    """No end is a pod: there is no flow, and nobody disagrees."""
    text = told(capsys, "203.0.113.7", "203.0.113.8", "TCP/80", "-f", SEED, "--flows")

    assert "no end is a pod that policies can see (NP-3)" in text
    assert "the compiled flows: no bridge sees it: no end is a pod\n" in text


def test_disagreement(capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: flows that do something else are told loudly, and the exit code is 1."""
    wrong = Passage(NodeName("node1"), Answer(True, "it let it through"), (), ())
    monkeypatch.setattr(flows, "passages", lambda *_: [wrong])

    assert main(["explain", *DENIED, "--flows"]) == 1
    assert capsys.readouterr().err.endswith(
        "ryu-netpol explain: DISAGREEMENT: the policies mean denied, the compiled flows say allowed "
        "(it let it through)\n"
    )


def test_a_foreign_flow_decides() -> None:
    """A drop without a cookie of ours is the last step all the same."""
    rule = Cookie(CookieKind.RULE, 1)

    assert decide.deciding([(TableId.EGRESS, rule), (TableId.INGRESS, None)], allowed=False) == [1]
    assert decide.deciding([(TableId.EGRESS, rule), (TableId.INGRESS, None)], allowed=True) == [0]


WRONG = {
    "source": (("web", "a/b", "TCP/80"), "SOURCE: 'web' is neither \"namespace/pod\" nor \"node/NAME\" nor an IP"),
    "destination": (("a/b", "a/b/c", "TCP/80"), "DEST: 'a/b/c' is neither"),
    "protocol": (("a/b", "a/c", "IGMP"), "PROTOCOL/PORT: 'IGMP' is not one of ICMP, TCP, UDP, SCTP"),
    "no port": (("a/b", "a/c", "tcp"), "PROTOCOL/PORT: TCP needs a port, as in TCP/80"),
    "port of ICMP": (("a/b", "a/c", "icmp/8"), "PROTOCOL/PORT: ICMP has no ports, write just ICMP"),
    "port too high": (("a/b", "a/c", "UDP/65536"), "PROTOCOL/PORT: '65536' is not a number from 1 to 65535"),
    "port zero": (("a/b", "a/c", "UDP/0"), "PROTOCOL/PORT: '0' is not a number from 1 to 65535"),
    "port by name": (("a/b", "a/c", "TCP/http"), "PROTOCOL/PORT: 'http' is not a number from 1 to 65535"),
    "odd digit": (("a/b", "a/c", "TCP/²"), "PROTOCOL/PORT: '²' is not a number from 1 to 65535"),
    "no such pod": (("default/x", "default/db", "TCP/80"), "there is no pod default/x"),
    "no such node": (("node/x", "default/db", "TCP/80"), "there is no node x"),
    "pod mistyped": (("default/strange", "default/db", "TCP/80"), "default/strange; did you mean default/stranger?"),
    "node mistyped": (("node/node2", "default/db", "TCP/80"), "there is no node node2; did you mean node/node1?"),
    "pod of a workload": (("default/db-7d9f8c-x2", "1.1.1.1", "TCP/80"), "db-7d9f8c-x2; did you mean default/db?"),
    "family": (("203.0.113.7", "default/db", "TCP/80", "--ip", "6"), "203.0.113.7 has no IPv6 address"),
    "two families": (("203.0.113.7", "2001:db8::1", "TCP/80"), "have no address family in common"),
    "multicast": (("default/db", "224.0.0.1", "TCP/80"), "DEST: nothing is routed to or from 224.0.0.1"),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "sentence"), WRONG.values(), ids=WRONG)
def test_wrong_arguments(asked: tuple[str, ...], sentence: str, capsys: Out) -> None:
    """One sentence that names what is wrong, exit code 2, nothing on standard output."""
    assert main(["explain", *asked, "-f", SEED]) == 2
    printed = capsys.readouterr()

    assert printed.out == ""
    (line,) = [line for line in printed.err.splitlines() if not line.startswith("warning: ")]
    assert sentence in line


def test_without_manifests(capsys: Out) -> None:
    """Neither -f nor --lab: the sentence says both."""
    assert main(["explain", "a/b", "a/c", "ICMP"]) == 2
    assert "say with -f which manifests to read, or with --lab" in capsys.readouterr().err


def test_lab_does_not_swallow_the_source(capsys: Out) -> None:
    """`--lab SOURCE DEST ...` is a likely slip, since the id may be left out."""
    with pytest.raises(SystemExit):
        main(["explain", "--lab", "a/b", "a/c", "ICMP"])
    assert "'a/b' is no lab: write --lab behind the other arguments, or --lab=ID" in capsys.readouterr().err


def test_the_lab_needs_root(capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, exit code 2."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["explain", "a/b", "a/c", "ICMP", "--lab"]) == 2
    assert "needs root" in capsys.readouterr().err


EXAMPLES = re.findall(
    r"^```\n\$ ryu-netpol (explain [^\n]*)\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL
)


@pytest.mark.parametrize(("call", "shown"), EXAMPLES, ids=[call for call, _ in EXAMPLES])
def test_the_document_shows_what_is_printed(call: str, shown: str, capsys: Out) -> None:
    """docs/explain.md has real output."""
    assert main(call.split()) == 0
    assert capsys.readouterr().out == shown


def test_the_document_has_examples() -> None:
    """One without flows and one with them."""
    assert ["--flows" in call for call, _ in EXAMPLES] == [False, True]
