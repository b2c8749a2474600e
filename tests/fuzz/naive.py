"""A second reading of manifests, written for this test alone: it trusts a text, and asserts that it may.

It shares nothing with the decoder but the values that both are compared as. Whatever `check` accepts has to pass here,
and to mean the same: nothing unknown is in it, and no rule, peer or port has been lost.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from ryu_netpol.model.labels import Selector
from ryu_netpol.model.objects import BlockPeer, Namespace, Peer, Pod, PodPeer, Policy, PortSpec, Rule

APIS = ("networking.k8s.io/v1", "extensions/v1beta1")
_BOOLS = {
    word: value for words, value in (("y yes true on", True), ("n no false off", False)) for word in words.split()
}
_NAME = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_QUALIFIED = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_HIDDEN = {"apiVersion", "kind", "metadata", "spec", "status"}


class Unclear(Exception):
    """This reading does not know tags, nor merge keys: nothing can be said about the text."""


def objects(text: str) -> list[tuple[Any, ...]]:
    """What the text says, object by object. Raises AssertionError where no server would accept it."""
    return [found for document in _documents(text) for part in _parts(document) if (found := _object(part))]


def seen(value: object) -> tuple[Any, ...] | None:
    """A decoded object in the form in which `objects` has it; None for what it does not look at."""
    if isinstance(value, Policy):
        rules = tuple(tuple(_seen_rule(rule) for rule in part) for part in (value.ingress, value.egress))
        directions = frozenset(str(direction) for direction in value.directions)
        return ("policy", str(value.key.api), value.key.namespace, _seen_selector(value.subject), directions, *rules)
    if isinstance(value, Namespace):
        return ("namespace", value.name, frozenset(value.labels.items()))
    if isinstance(value, Pod):
        ports = frozenset((port.name, port.protocol.name, port.number) for port in value.ports)
        return ("pod", value.key.namespace, frozenset(value.labels.items()), ports, value.host_network)
    return None


def _seen_selector(selector: Selector | None) -> Any:
    return None if selector is None else frozenset((r.key, str(r.operator), r.values) for r in selector.requirements)


def _seen_rule(rule: Rule) -> Any:
    peers = None if rule.peers is None else tuple(_seen_peer(peer) for peer in rule.peers)
    return peers, None if rule.ports is None else tuple(_seen_port(port) for port in rule.ports)


def _seen_peer(peer: Peer) -> Any:
    if isinstance(peer, PodPeer):
        return _seen_selector(peer.pods), _seen_selector(peer.namespaces)
    assert isinstance(peer, BlockPeer)
    return tuple(ipaddress.ip_network(str(block)) for block in (peer.cidr, *peer.excepts))


def _seen_port(port: PortSpec) -> Any:
    number = port.port if port.port is None or isinstance(port.port, str) else (port.port.first, port.port.last)
    return port.protocol.name, number


def _documents(text: str) -> Iterator[Any]:
    if text.lstrip()[:1] in ("{", "["):
        with contextlib.suppress(ValueError):
            yield from list(_json(text))
            return
    if re.search(r"(^|[\s,:{\[-])!", text):
        raise Unclear
    for node in yaml.compose_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if node is not None:
            yield _value(node)


def _json(text: str) -> Iterator[Any]:
    """JSON documents one after the other."""
    decoder = json.JSONDecoder(object_pairs_hook=_unique)
    while text := text.lstrip():
        document, end = decoder.raw_decode(text)
        yield document
        text = text[end:]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(pairs) == len(dict(pairs)), "a key is there twice"
    return dict(pairs)


def _value(node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        return _unique([(_key(key), _value(value)) for key, value in node.value])
    return node.value if node.style else _plain(node.value)


def _key(node: yaml.Node) -> str:
    assert isinstance(node, yaml.ScalarNode), "a key that is no text"
    if node.value == "<<" and not node.style:
        raise Unclear
    value = _value(node)
    assert value is not None, "a key that is null"
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _plain(text: str) -> Any:
    """What kubectl makes of a scalar without quotes."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in {spelled for word in _BOOLS for spelled in (word, word.capitalize(), word.upper())}:
        return _BOOLS[text.lower()]
    if re.fullmatch(
        r"[-+]?[0-9._eE+-]*[0-9][0-9._eE+-]*|[-+]?0[xob][0-9a-fA-F_]+|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", text
    ):
        digits = text.replace("_", "")
        for read in (lambda: int(digits, 8 if re.fullmatch(r"[-+]?0[0-7]+", digits) else 0), lambda: float(text)):
            try:
                return read()
            except ValueError:
                continue
        if text.lstrip("+-").startswith(".") and text[-1] in "fFnN":
            return float(text.replace(".", "", 1))
    return text


def _parts(document: Any) -> Iterator[dict[str, Any]]:
    """Lists taken apart."""
    if document is None:
        return
    assert isinstance(document, dict), "no object"
    kind = document.get("kind")
    assert isinstance(kind, str), "no kind"
    assert kind, "an empty kind"
    if not kind.endswith("List") or (kind != "List" and not isinstance(document.get("items"), list | None)):
        yield document
        return
    for item in document.get("items") or ():
        head = {} if kind == "List" else {"kind": kind[:-4], "apiVersion": document.get("apiVersion")}
        yield from _parts({**head, **item} if isinstance(item, dict) else item)


def _object(document: dict[str, Any]) -> tuple[Any, ...] | None:
    kind, api = document["kind"], document.get("apiVersion") or ""
    metadata = document.get("metadata") or {}
    if kind == "NetworkPolicy":
        assert api in APIS
        return _policy(document, metadata, legacy=api == APIS[1])
    if kind not in ("Namespace", "Pod") or "/" in api:
        return None
    assert set(document) <= _HIDDEN
    labels = _labels(metadata.get("labels") or {})
    if kind == "Namespace":
        assert re.fullmatch(_NAME, metadata["name"]) or metadata["name"] == ""
        name = metadata["name"]
        return ("namespace", name, frozenset((labels | {"kubernetes.io/metadata.name": name}).items()))
    spec = document.get("spec") or {}
    return ("pod", _namespace(metadata), frozenset(labels.items()), _named(spec), bool(spec.get("hostNetwork")))


def _named(spec: dict[str, Any]) -> Any:
    lasting = [c for c in spec.get("initContainers") or () if c and c.get("restartPolicy") == "Always"]
    ports = [port for c in (*(spec.get("containers") or ()), *lasting) for port in (c or {}).get("ports") or ()]
    return frozenset((p["name"], p.get("protocol") or "TCP", p["containerPort"]) for p in ports if p.get("name"))


def _namespace(metadata: dict[str, Any]) -> str:
    name = metadata.get("namespace") or "default"
    assert re.fullmatch(_NAME, name)
    assert len(name) <= 63
    return str(name)


def _labels(labels: dict[str, Any]) -> dict[str, str]:
    for key, value in labels.items():
        prefix, slash, name = key.rpartition("/")
        assert not slash or (re.fullmatch(rf"{_NAME}(\.{_NAME})*", prefix) and len(prefix) <= 253)
        assert re.fullmatch(_QUALIFIED, name)
        assert value is None or re.fullmatch(f"({_QUALIFIED})?", value)
    return {key: value or "" for key, value in labels.items()}


def _policy(document: dict[str, Any], metadata: dict[str, Any], *, legacy: bool) -> tuple[Any, ...]:
    assert set(document) <= _HIDDEN - ({"status"} if legacy else set())
    name = metadata.get("name") or metadata["generateName"]
    assert isinstance(name, str)
    assert name
    assert len(name) <= 253
    spec = document.get("spec") or {}
    assert set(spec) <= {"podSelector", "ingress"} | (set() if legacy else {"egress", "policyTypes"})
    ingress = tuple(_rule(rule or {}, "from", legacy=legacy) for rule in spec.get("ingress") or ())
    egress = tuple(_rule(rule or {}, "to", legacy=False) for rule in spec.get("egress") or ())
    types = spec.get("policyTypes") or (["Ingress", "Egress"] if egress else ["Ingress"])
    assert set(types) <= {"Ingress", "Egress"}
    assert len(types) <= 2
    selector = _selector(spec.get("podSelector") or {})
    return ("policy", document["apiVersion"], _namespace(metadata), selector, frozenset(types), ingress, egress)


def _rule(rule: dict[str, Any], peers: str, *, legacy: bool) -> Any:
    assert set(rule) <= {peers, "ports"}
    return tuple(
        None
        if rule.get(field) is None or (not legacy and not rule[field])
        else tuple(read(i or {}) for i in rule[field])
        for field, read in ((peers, _peer), ("ports", _port))
    )


def _peer(peer: dict[str, Any]) -> Any:
    there = {field: value for field, value in peer.items() if value is not None}
    assert there
    assert set(peer) <= {"podSelector", "namespaceSelector", "ipBlock"}
    if "ipBlock" not in there:
        return tuple(
            _selector(there[field]) if field in there else None for field in ("podSelector", "namespaceSelector")
        )
    assert set(there) == {"ipBlock"}
    assert set(there["ipBlock"]) <= {"cidr", "except"}
    cidr, *excepts = (_block(text) for text in (there["ipBlock"]["cidr"], *(there["ipBlock"].get("except") or ())))
    for hole in excepts:
        assert hole.version == cidr.version
        assert hole.network_address in cidr
        assert hole.prefixlen >= cidr.prefixlen
    return (cidr, *excepts)


def _block(text: str) -> Any:
    head, _, length = text.partition("/")
    parts = re.split(r"([:.])", head)
    head = "".join(part.lstrip("0") or "0" if re.fullmatch("[0-9a-fA-F]+", part) else part for part in parts)
    block = ipaddress.ip_network(f"{head}/{int(length)}", strict=False)
    mapped = getattr(ipaddress.ip_address(head), "ipv4_mapped", None)
    return ipaddress.ip_network(f"{mapped}/{int(length) - 96}", strict=False) if mapped and int(length) >= 96 else block


def _port(port: dict[str, Any]) -> Any:
    assert set(port) <= {"protocol", "port", "endPort"}
    protocol, first = port.get("protocol"), port.get("port")
    last = port["endPort"] if port.get("endPort") is not None else first
    if isinstance(first, str):
        assert re.fullmatch(r"(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*", first)
        assert len(first) <= 15
        assert last is first
        return _protocol(protocol), first
    assert last is None or (type(first) is int and type(last) is int and 1 <= first <= last <= 65535)
    return _protocol(protocol), None if first is None else (first, last)


def _protocol(protocol: Any) -> str:
    name = "TCP" if protocol is None else protocol.upper()
    assert name in ("TCP", "UDP", "SCTP")
    return str(name)


def _selector(selector: dict[str, Any]) -> Any:
    assert set(selector) <= {"matchLabels", "matchExpressions"}
    found = {(key, "In", (value,)) for key, value in _labels(selector.get("matchLabels") or {}).items()}
    for expression in selector.get("matchExpressions") or ():
        assert set(expression) <= {"key", "operator", "values"}
        values = [value or "" for value in expression.get("values") or ()]
        _labels({expression["key"]: ""} | {f"v{i}": value for i, value in enumerate(values)})
        assert (
            bool(values) is {"In": True, "NotIn": True, "Exists": False, "DoesNotExist": False}[expression["operator"]]
        )
        found.add((expression["key"], expression["operator"], tuple(sorted(set(values)))))
    return frozenset(found)
