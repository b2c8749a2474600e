"""Objects written by hand: every VA rule at its edges. A case has a name that begins with its rule."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

LONG = "abcdefghij" * 30
DOTTED = ".".join(["a" * 63] * 4)


@dataclass(frozen=True, slots=True)
class Case:
    """One object as it is sent: JSON, or YAML where it is about YAML."""

    name: str
    text: str
    kind: str = "NetworkPolicy"
    yaml: bool = False
    namespace: str = "ns"
    """Where the request goes, if the object does not say."""


def policy(spec: Any, **more: Any) -> dict[str, Any]:
    """A policy with this spec."""
    head = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p"}}
    return {**head, "spec": spec, **more}


def case(name: str, document: dict[str, Any]) -> Case:
    """A case that is sent to the namespace that it says it is in, if that is one that a URL can name."""
    metadata = document.get("metadata")
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    named = isinstance(namespace, str) and namespace.strip(".") and not {"/", "%"} & set(namespace)
    return Case(name, json.dumps(document), document["kind"], namespace=str(namespace) if named else "ns")


def _ingress(rule: Any) -> dict[str, Any]:
    return policy({"podSelector": {}, "ingress": [rule]})


def _port(**fields: Any) -> dict[str, Any]:
    return _ingress({"ports": [fields]})


def _peer(peer: Any) -> dict[str, Any]:
    return _ingress({"from": [peer]})


def _block(cidr: Any, *excepts: Any) -> dict[str, Any]:
    return _peer({"ipBlock": {"cidr": cidr, **({"except": list(excepts)} if excepts else {})}})


def _labels(labels: Any) -> dict[str, Any]:
    return policy({"podSelector": {"matchLabels": labels}})


def _expression(**fields: Any) -> dict[str, Any]:
    return policy({"podSelector": {"matchExpressions": [fields]}})


NUMBERS = (0, 1, -1, 65535, 65536, 2**31 - 1, 2**31, 2**32 + 80, 2**63, 10**30, 80.0, 80.5, True, None, [], [80], {})
NUMBERS_TEXT = ("80", "", "0x50", "+80", "080", "8e1")
PORT_NAMES = (
    "a", "http", "a1", "1a", "a-b", "a-1", "1-a", "abcdefghijklmno", "abcdefghijklmnop", "-a", "a-", "a--b", "-", "1-2",
    "A", "Http", "a_b", "a.b", "a b", " a", "a\n", "\u00e9", "\u0430", "a\x00",
)  # fmt: skip
PROTOCOLS = ("TCP", "UDP", "SCTP", None, "", "tcp", "Tcp", "TCP ", "ICMP", 6, "6", True, [])
CIDRS = (
    "10.0.0.0/8", "10.1.2.3/8", "0.0.0.0/0", "10.0.0.1/32", "255.255.255.255/32", "::/0", "fd00::/8", "fd00::1/64",
    "::1/128",
    "FD00::/8", "fd00:0:0:0:0:0:0:0/8", "fd00:0000::/8", "::10.0.0.0/104", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33",
    "::/129",
    "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/008", "10.0.0.0/0000000000000000000008", "10.0.0.0/ 8",
    "10.0.0.0/8 ", " 10.0.0.0/8", "10.0.0.0 /8", "10.0.0.0/8\n", "10.0.0.0/8/8", "/8", "/", "", "x", "x/8", "10/8",
    "10.0/8", "10.0.0/8", "10.0.0.0.0/8", "10..0.0/8", "10.0.0.256/8", "10.0.0.0/255.0.0.0", "010.0.0.0/8",
    "10.00.0.0/8",
    "10.000000000000.0.0/8", "10.0000000000000000000000.0.0/8", "0010.0.0.0/8", "0256.0.0.0/8", "0x0a.0.0.0/8",
    "1e1.0.0.0/8", "167772160/8", "::ffff:10.0.0.0/104", "::ffff:10.0.0.0/96", "::ffff:10.0.0.0/95",
    "::ffff:10.0.0.1/128",
    "::ffff:a00:0/104", "::ffff:010.0.0.0/104", "::ffff:10.0.0.0/8", "::ffff:0:0/96", "::fffe:10.0.0.0/104",
    "64:ff9b::10.0.0.0/104", "fe80::1%eth0/64", "fe80::%1/10", "[::]/0", ":::/0", "1::2::3/64", "fd00:/8", ":/0",
    "12345::/16",
    "g::/16", "1:2:3:4:5:6:7:8:9/64", "1:2:3:4:5:6:7/64", "1:2:3:4:5:6:7::/64", "1:2:3:4:5:6:1.2.3.4/64",
    "1:2:3:4:5:6:7:1.2.3.4/64", "::1.2.3/64", "::01.2.3.4/128", "\uff11\uff10.0.0.0/8", "10.0.0.0/\u0668", "-0.0.0.0/8",
    "10.0.0.-0/8", "00000::/8", None, 10, 10.8, True, [], ["10.0.0.0/8"], {},
)  # fmt: skip
EXCEPTS = (
    ("10.0.0.0/8", "10.0.0.0/8"), ("10.0.0.0/8", "10.0.0.0/9"), ("10.0.0.0/8", "10.0.0.0/7"), ("10.0.0.0/8",
    "11.0.0.0/9"),
    ("10.0.0.0/8", "10.255.255.255/32"), ("10.0.0.0/8", "fd00::/16"), ("fd00::/8", "10.0.0.0/9"), ("10.0.0.0/8",
    "9.0.0.0/6"),
    ("10.0.0.0/8", "10.1.2.3/9"), ("10.1.2.3/8", "10.0.0.0/9"), ("10.1.2.3/8", "10.4.5.6/8"), ("10.0.0.0/8",
    "010.1.0.0/16"),
    ("10.0.0.0/8", "10.1.0.0/016"), ("::/0", "::/0"), ("::/0", "::/1"), ("0.0.0.0/0", "0.0.0.0/0"), ("0.0.0.0/0",
    "0.0.0.0/1"),
    ("0.0.0.0/0", "::ffff:10.0.0.0/104"), ("::/0", "::ffff:10.0.0.0/104"), ("::/0", "0.0.0.0/1"), ("::ffff:0:0/96",
    "10.0.0.0/8"),
    ("::ffff:10.0.0.0/104", "10.1.0.0/16"), ("::ffff:10.0.0.0/104", "::ffff:10.1.0.0/112"), ("::ffff:0:0/95",
    "10.0.0.0/8"),
    ("10.0.0.0/8", "::ffff:10.1.0.0/112"), ("10.0.0.0/8", "::ffff:10.0.0.0/104"), ("10.0.0.1/32", "10.0.0.1/32"),
    ("::/64", "::ffff:10.0.0.0/104"), ("10.0.0.0/8", ""), ("10.0.0.0/8", None), ("10.0.0.0/8", "10.0.0.1"),
    ("10.0.0.0/8", "x"),
    ("10.0.0.0/8", 5), ("10.0.0.0/8", []), ("x", "x"), ("x", "10.0.0.0/8"), ("", "x"), (None, "10.0.0.0/8"),
    ("::ffff:0:0/95", "::ffff:10.0.0.0/104"), ("::/0", "::ffff:0:0/95"), ("::fffe:0:0/95", "::ffff:10.0.0.0/104"),
)  # fmt: skip
KEYS = (
    "a", "A", "a/b", "a.b/c", "A/b", "a/B", "-a/b", "a-/b", "a..b/c", "/a", "a/", "/", "", "a/b/c", "a_b", "_a", "a_",
    "a.",
    ".a", "a b", "a" * 63, "a" * 64, f"{LONG[:253]}/a", f"{LONG[:254]}/a", f"{DOTTED[:253]}/a", f"{DOTTED[:254]}/a",
    "\u00e9", "\u0661", "a\n", "a\x00", "\u00aa/a", "x_y/a", "1", "true", "null", "\U0001f600",
)  # fmt: skip
VALUES = (
    "", "a", "A", "1", "-", "_", "a-b", "a_b", "a.b", "-a", "a-", ".a", "a b", " ", "a/b", "a" * 63, "a" * 64, "\u00e9",
    "\u0661", "a\n", "\n", "a\x00", None, 1, 1.5, True, [], {}, ["a"],
)  # fmt: skip
OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "in", "IN", "Equals", "Gt", "Lt", "", None, 1, [], "In ")
LISTS = ([], [""], ["a"], ["a", "a"], None, [None], [1], "a", {}, ["-"], ["a", "b" * 64])
TYPES = (
    [], None, ["Ingress"], ["Egress"], ["Ingress", "Egress"], ["Egress", "Egress"], ["Ingress", "Egress", "Ingress"],
    ["Ingress"] * 3, ["ingress"], ["INGRESS"], [""], [None], ["Ingress", None], ["x", "y", "z"], [1], "Ingress", {},
    [["Ingress"]],
    ["Both"], ["Ingress "],
)  # fmt: skip
_MERGED = (
    "spec: {{podSelector: {{matchLabels: &a {{a: b}}}}, "
    "ingress: [{{from: [{{podSelector: {{matchLabels: {{{}}}}}}}]}}]}}\n"
)
ANYTHING = (None, [], {}, "", "x", 0, 1, 1.5, True, False, [None], [[]], [{}], {"x": 1}, {"x": None})
NAMES = (
    "a", "A", "1", "a.b", "a-b", "a_b", "-a", "a-", ".a", "a.", "a..b", "a.-b", "a b", "a/b", "a" * 253, "a" * 254,
    DOTTED[:253],
    "a" * 64, "a" * 63, "\u00e9", "a\n", "", None, 1, True, [], {}, "..", ".", "%", "a%b",
)  # fmt: skip


def _ports() -> Iterator[Case]:
    for value in (*NUMBERS, *NUMBERS_TEXT):
        yield case(f"VA-1 port {value!r}", _port(port=value))
        yield case(f"VA-3 endPort {value!r}", _port(port=80, endPort=value))
    for name in PORT_NAMES:
        yield case(f"VA-2 name {name!r}", _port(port=name))
    for protocol in PROTOCOLS:
        yield case(f"VA-2 protocol {protocol!r}", _port(port=80, protocol=protocol))
    for first, last in ((80, 80), (80, 81), (80, 79), (65535, 65535), (1, 65535), (0, 0), (0, 80), (70000, 60000)):
        yield case(f"VA-3 {first} to {last}", _port(port=first, endPort=last))
    for port in ("http", "80", "", None):
        yield case(f"VA-3 endPort after {port!r}", _port(port=port, endPort=90))
        yield case(f"VA-3 bad endPort after {port!r}", _port(port=port, endPort=0))
    yield case("VA-3 endPort alone", _port(endPort=90))
    yield case("VA-3 endPort of UDP alone", _port(protocol="UDP", endPort=90))


def _peers() -> Iterator[Case]:
    selector, block = {"matchLabels": {"a": "b"}}, {"cidr": "10.0.0.0/8"}
    for pods in (..., None, {}, selector):
        for namespaces in (..., None, {}, selector):
            for ip in (..., None, {}, block):
                fields = {"podSelector": pods, "namespaceSelector": namespaces, "ipBlock": ip}
                peer = {key: value for key, value in fields.items() if value is not ...}
                yield case(f"VA-4 {json.dumps(peer)}", _peer(peer))
    for cidr in CIDRS:
        yield case(f"VA-5 {cidr!r}", _block(cidr))
    yield case("VA-5 absent", _peer({"ipBlock": {}}))
    yield case("VA-5 absent with except", _peer({"ipBlock": {"except": ["10.0.0.0/8", "x"]}}))
    for cidr, hole in EXCEPTS:
        yield case(f"VA-6 {cidr!r} except {hole!r}", _block(cidr, hole))
    for value in ANYTHING:
        yield case(f"VA-6 except {value!r}", _peer({"ipBlock": {**block, "except": value}}))
    yield case("VA-6 overlapping", _block("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.0.0/16"))


def _selectors() -> Iterator[Case]:
    for key in KEYS:
        yield case(f"VA-7 label key {key!r}", _labels({key: "v"}))
        yield case(f"VA-7 expression key {key!r}", _expression(key=key, operator="Exists"))
        yield case(f"VA-9 own label key {key!r}", policy({}, metadata={"name": "p", "labels": {key: "v"}}))
        yield case(f"VA-9 annotation {key!r}", policy({}, metadata={"name": "p", "annotations": {key: "v"}}))
    for value in VALUES:
        yield case(f"VA-7 label value {value!r}", _labels({"a": value}))
        yield case(f"VA-7 expression value {value!r}", _expression(key="a", operator="In", values=["b", value]))
        yield case(f"VA-9 own label value {value!r}", policy({}, metadata={"name": "p", "labels": {"a": value}}))
        yield case(f"VA-9 annotation value {value!r}", policy({}, metadata={"name": "p", "annotations": {"a": value}}))
    for operator in OPERATORS:
        yield case(f"VA-7 {operator!r}", _expression(key="a", operator=operator))
        yield case(f"VA-7 {operator!r} with values", _expression(key="a", operator=operator, values=["b"]))
    for values in LISTS:
        for name in ("In", "NotIn", "Exists", "DoesNotExist"):
            yield case(f"VA-7 {name} {values!r}", _expression(key="a", operator=name, values=values))
    for fields in (
        {},
        {"key": "a"},
        {"operator": "In"},
        {"operator": "Exists"},
        {"values": ["a"]},
        {"key": None, "operator": "In"},
    ):
        yield case(f"VA-7 only {json.dumps(fields)}", _expression(**fields))


def _specs() -> Iterator[Case]:
    for types in TYPES:
        yield case(f"VA-8 {types!r}", policy({"podSelector": {}, "policyTypes": types}))
    yield case("VA-8 rules without their type", policy({"policyTypes": ["Ingress"], "egress": [{"to": [{}]}]}))
    whole = policy(
        {
            "podSelector": {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "a", "operator": "Exists"}]},
            "ingress": [{"from": [{"podSelector": {}}, {"ipBlock": {"cidr": "::/0", "except": []}}], "ports": [{}]}],
            "egress": [{"to": [{"namespaceSelector": {}}], "ports": [{"port": 80}]}],
        }
    )
    for path in (
        (), ("metadata",), ("spec",), ("spec", "podSelector"), ("spec", "podSelector", "matchExpressions", 0),
        ("spec", "ingress", 0),
        ("spec", "ingress", 0, "from", 0), ("spec", "ingress", 0, "from", 0, "podSelector"), ("spec", "ingress", 0,
        "from", 1, "ipBlock"),
        ("spec", "ingress", 0, "ports", 0), ("spec", "egress", 0), ("spec", "egress", 0, "to", 0), ("spec", "egress",
        0, "ports", 0),
    ):  # fmt: skip
        for field, value in (
            ("unknown", 1),
            ("unknown", None),
            ("PodSelector", {}),
            ("from ", []),
            ("", 1),
            ("to", None),
        ):
            document = copy.deepcopy(whole)
            here: Any = document
            for step in path:
                here = here[step]
            if field not in here:
                here[field] = value
                yield case(f"VA-9 {field!r}: {value!r} in {'.'.join(map(str, path))}", document)
    for name in ("spec", "metadata"):
        for value in ANYTHING:
            yield case(f"VA-9 {name} {value!r}", {**whole, name: value})
    for name in ("podSelector", "ingress", "egress", "unknown"):
        for value in ANYTHING:
            yield case(f"VA-9 spec.{name} {value!r}", policy({name: value}))
    for name in ("from", "to", "ports"):
        for value in ANYTHING:
            yield case(f"VA-9 {name} {value!r}", _ingress({name: value}))
    for name in ("podSelector", "namespaceSelector", "ipBlock"):
        for value in ANYTHING:
            yield case(f"VA-9 peer's {name} {value!r}", _peer({name: value}))
    for name in ("matchLabels", "matchExpressions", "matchlabels"):
        for value in ANYTHING:
            yield case(f"VA-9 selector's {name} {value!r}", policy({"podSelector": {name: value}}))


def _heads() -> Iterator[Case]:
    for name in NAMES:
        yield case(f"VA-9 name {name!r}", policy({}, metadata={"name": name}))
        yield case(f"VA-9 namespace {name!r}", policy({}, metadata={"name": "p", "namespace": name}))
        yield case(f"VA-9 generateName {name!r}", policy({}, metadata={"generateName": name}))
    yield case("VA-9 name and generateName", policy({}, metadata={"name": "a", "generateName": "A"}))
    for name in ("labels", "annotations"):
        for value in ANYTHING:
            yield case(f"VA-9 {name} {value!r}", policy({}, metadata={"name": "p", name: value}))
    yield case("VA-9 annotations too large", policy({}, metadata={"name": "p", "annotations": {"a": "b" * 262144}}))
    yield case("VA-9 annotations large", policy({}, metadata={"name": "p", "annotations": {"a": "b" * 262143}}))
    for name in ("uid", "selfLink", "clusterName", "unknown", "creationTimestamp", "generation", "deletionTimestamp"):
        for value in (None, "", "x", 1, "2016-01-01T00:00:00Z", {}):
            yield case(f"VA-9 metadata.{name} {value!r}", policy({}, metadata={"name": "p", name: value}))
    for name in ("ownerReferences", "finalizers", "managedFields", "resourceVersion", "deletionGracePeriodSeconds"):
        for value in (None, [], ["x"], [{}], "x", 1):
            yield case(f"VA-9 metadata.{name} {value!r}", policy({}, metadata={"name": "p", name: value}))
    for version in ("networking.k8s.io/v1", "networking.k8s.io/v2", "v1", "", None, 1):
        yield case(f"VA-9 apiVersion {version!r}", policy({}, apiVersion=version))
    yield case("VA-9 status", policy({}, status={}))


def _texts() -> Iterator[Case]:
    head = '{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p"}'
    for name, rest in {
        "key twice": ', "spec": {}, "spec": {}}',
        "key twice below": ', "spec": {"podSelector": {}, "podSelector": {"matchLabels": {"a": "b"}}}}',
        "label twice": ', "spec": {"podSelector": {"matchLabels": {"a": "b", "a": "c"}}}}',
        "label twice alike": ', "spec": {"podSelector": {"matchLabels": {"a": "b", "a": "b"}}}}',
        "rules twice": ', "spec": {"ingress": [], "ingress": [{}]}}',
        "escaped key twice": ', "spec": {"ingress": [], "\\u0069ngress": [{}]}}',
        "annotation twice": ', "metadata": {"name": "p", "annotations": {"a": "b", "a": "c"}}}',
        "escaped key": ', "spec": {"\\u0069ngress": [{}]}}',
        "exponent": ', "spec": {"ingress": [{"ports": [{"port": 8e1}]}]}}',
        "minus zero": ', "spec": {"ingress": [{"ports": [{"port": -0}]}]}}',
        "endPort with exponent": ', "spec": {"ingress": [{"ports": [{"port": 1, "endPort": 8e1}]}]}}',
        "endPort with a fraction": ', "spec": {"ingress": [{"ports": [{"port": 1, "endPort": 80.0}]}]}}',
        "surrogate": ', "spec": {"podSelector": {"matchLabels": {"a": "\\ud83d"}}}}',
        "not a number": ', "spec": {"ingress": [{"ports": [{"port": NaN}]}]}}',
        "other case": ', "Spec": {"podSelector": {}}}',
        "two documents": "} {}",
        "trailing comma": ",}",
        "cut short": "",
    }.items():
        yield Case(f"VA-9 JSON {name}", head + rest)
    start = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\n"
    for name, rest in {
        "key twice": "spec: {}\nspec: {}\n",
        "label twice": "spec: {podSelector: {matchLabels: {a: b, a: c}}}\n",
        "label yes": "spec: {podSelector: {matchLabels: {a: yes}}}\n",
        "label y": "spec: {podSelector: {matchLabels: {a: y}}}\n",
        "label n": "spec: {podSelector: {matchLabels: {n: N}}}\n",
        "label on": "spec: {podSelector: {matchLabels: {a: On}}}\n",
        "label null": "spec: {podSelector: {matchLabels: {a: ~}}}\n",
        "label empty": "spec: {podSelector: {matchLabels: {a: }}}\n",
        "label number": "spec: {podSelector: {matchLabels: {a: 1}}}\n",
        "label octal": "spec: {podSelector: {matchLabels: {a: 010}}}\n",
        "label 0o": "spec: {podSelector: {matchLabels: {a: 0o10}}}\n",
        "label 08": "spec: {podSelector: {matchLabels: {a: 08}}}\n",
        "label 1_000": "spec: {podSelector: {matchLabels: {a: 1_000}}}\n",
        "label sexagesimal": "spec: {podSelector: {matchLabels: {a: 1:20}}}\n",
        "label 1e3": "spec: {podSelector: {matchLabels: {a: 1e3}}}\n",
        "label 1e3 in letters": "spec: {podSelector: {matchLabels: {a: 1e3f}}}\n",
        "label .5": "spec: {podSelector: {matchLabels: {a: .5}}}\n",
        "label 5.": "spec: {podSelector: {matchLabels: {a: 5.}}}\n",
        "label date": "spec: {podSelector: {matchLabels: {a: 2016-01-01}}}\n",
        "label date time": "spec: {podSelector: {matchLabels: {a: 2016-01-01T00.00.00Z}}}\n",
        "label inf": "spec: {podSelector: {matchLabels: {a: .inf}}}\n",
        "label nan": "spec: {podSelector: {matchLabels: {a: .NaN}}}\n",
        "label infinity in letters": "spec: {podSelector: {matchLabels: {a: inf}}}\n",
        "label quoted": "spec: {podSelector: {matchLabels: {a: '1'}}}\n",
        "label str": "spec: {podSelector: {matchLabels: {a: !!str 1}}}\n",
        "label binary": "spec: {podSelector: {matchLabels: {a: !!binary YQ==}}}\n",
        "label tag": "spec: {podSelector: {matchLabels: {a: !x b}}}\n",
        "label lone tag": "spec: {podSelector: {matchLabels: {a: ! 1}}}\n",
        "label key yes": "spec: {podSelector: {matchLabels: {yes: b}}}\n",
        "label key 1": "spec: {podSelector: {matchLabels: {1: b}}}\n",
        "label key 1.5": "spec: {podSelector: {matchLabels: {1.5: b}}}\n",
        "label key 0x10": "spec: {podSelector: {matchLabels: {0x10: b}}}\n",
        "label key null": "spec: {podSelector: {matchLabels: {~: b}}}\n",
        "label key list": "spec: {podSelector: {matchLabels: {[a]: b}}}\n",
        "label key twice as text": "spec: {podSelector: {matchLabels: {1: b, '1': c}}}\n",
        "port octal": "spec: {ingress: [{ports: [{port: 0120}]}]}\n",
        "port hexadecimal": "spec: {ingress: [{ports: [{port: 0x50}]}]}\n",
        "port binary": "spec: {ingress: [{ports: [{port: 0b1010000}]}]}\n",
        "port 0o": "spec: {ingress: [{ports: [{port: 0o120}]}]}\n",
        "port 8_0": "spec: {ingress: [{ports: [{port: 8_0}]}]}\n",
        "port +80": "spec: {ingress: [{ports: [{port: +80}]}]}\n",
        "port 80.0": "spec: {ingress: [{ports: [{port: 80.0}]}]}\n",
        "port 8e1": "spec: {ingress: [{ports: [{port: 8e1}]}]}\n",
        "port 1:20": "spec: {ingress: [{ports: [{port: 1:20}]}]}\n",
        "port quoted": "spec: {ingress: [{ports: [{port: '80'}]}]}\n",
        "endPort 90.0": "spec: {ingress: [{ports: [{port: 80, endPort: 90.0}]}]}\n",
        "port int tag": "spec: {ingress: [{ports: [{port: !!int '80'}]}]}\n",
        "port float tag": "spec: {ingress: [{ports: [{port: !!float 80}]}]}\n",
        "merge": _MERGED.format("<<: *a, c: d"),
        "merge over": _MERGED.format("<<: *a, a: d"),
        "merge of merges": _MERGED.format("<<: [*a, *a]"),
        "merge of text": "spec: {podSelector: {matchLabels: {<<: a}}}\n",
        "quoted merge": "spec: {podSelector: {matchLabels: {'<<': a}}}\n",
        "two merges": _MERGED.format("<<: *a, <<: *a"),
        "alias": "spec: {podSelector: &a {matchLabels: {a: b}}, ingress: [{from: [{podSelector: *a}]}]}\n",
        "unknown alias": "spec: {podSelector: *a}\n",
        "alias of itself": "spec: {podSelector: &a {matchLabels: *a}}\n",
        "python": "spec: {podSelector: !!python/object:os.system {}}\n",
        "set": "spec: {podSelector: {matchLabels: !!set {a}}}\n",
        "map tag": "spec: {podSelector: !!map {matchLabels: {a: b}}}\n",
        "map with a wrong tag": "spec: {podSelector: !!seq {matchLabels: {a: b}}}\n",
        "list with a wrong tag": "spec: {ingress: !!map []}\n",
        "map with a tag of its own": "spec: {podSelector: !x {matchLabels: {a: b}}}\n",
        "omap": "spec: {podSelector: {matchLabels: !!omap [a: b]}}\n",
        "no value": "spec: {podSelector: {matchLabels}}\n",
        "complex key": "spec: {podSelector: {? {a: b} : c}}\n",
        "tab": "spec:\n\tpodSelector: {}\n",
        "tab inside": "spec: {podSelector:\t{}}\n",
        "NUL": "spec: {podSelector: {matchLabels: {a: \"\\0\"}}}\n",
        "end": "spec: {podSelector: {}}\n...\n",
        "comment": "spec: {podSelector: {}} # yes\n",
        "long text": f"spec: {{podSelector: {{matchLabels: {{a: {LONG}}}}}}}\n",
        "folded": "spec:\n  podSelector:\n    matchLabels:\n      a: >-\n        b\n",
        "folded with line end": "spec:\n  podSelector:\n    matchLabels:\n      a: |\n        b\n",
        "null in a list": "spec:\n  ingress:\n  -\n",
        "text over lines": "spec:\n  podSelector:\n    matchLabels:\n      a: b\n       c\n",
    }.items():  # fmt: skip
        yield Case(f"VA-9 YAML {name}", start + rest, yaml=True)


def policies() -> Iterator[Case]:
    """All cases about policies."""
    for part in (_ports, _peers, _selectors, _specs, _heads, _texts):
        yield from part()
