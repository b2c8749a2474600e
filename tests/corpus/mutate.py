"""Documents with something changed in them, by chance: what the recorder sends and the fuzzer reads."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

from tests.corpus import cases

SEED: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "p", "namespace": "ns", "labels": {"a": "b"}, "annotations": {"a.b/c": "d e"}},
    "spec": {
        "podSelector": {
            "matchLabels": {"a": "b", "c.d/e": ""},
            "matchExpressions": [
                {"key": "a", "operator": "In", "values": ["b", "c"]},
                {"key": "f", "operator": "DoesNotExist"},
            ],
        },
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {
                "from": [
                    {"podSelector": {"matchLabels": {"a": "b"}}, "namespaceSelector": {"matchLabels": {"a": "b"}}},
                    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.2.0.0/32"]}},
                    {"ipBlock": {"cidr": "fd00::/8"}},
                ],
                "ports": [{"protocol": "UDP", "port": 80, "endPort": 90}, {"port": "http"}, {"protocol": "SCTP"}],
            },
            {"ports": [{"port": 443}]},
            {},
        ],
        "egress": [
            {"to": [{"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}]},
            {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53}]},
        ],
    },
}
LEGACY: dict[str, Any] = {
    "apiVersion": "extensions/v1beta1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "p", "namespace": "ns"},
    "spec": {
        "podSelector": {"matchLabels": {"a": "b"}},
        "ingress": [
            {
                "from": [{"podSelector": {"matchLabels": {"a": "b"}}}, {"namespaceSelector": {}}],
                "ports": [{"port": 80}],
            },
            {"from": []},
        ],
    },
}
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "namespace": "ns", "labels": {"a": "b"}, "annotations": {"a": "b"}},
    "spec": {
        "nodeName": "n1",
        "hostNetwork": False,
        "containers": [
            {"name": "a", "image": "i", "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 53}]},
            {"name": "b", "image": "i", "ports": [{"containerPort": 53, "protocol": "UDP", "name": "dns"}]},
        ],
        "initContainers": [
            {"name": "c", "image": "i", "restartPolicy": "Always", "ports": [{"containerPort": 90, "name": "late"}]},
            {"name": "d", "image": "i", "ports": [{"containerPort": 91}]},
        ],
    },
}
NAMESPACE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "n", "labels": {"a": "b"}, "annotations": {"a.b/c": "d e"}},
}
Path = tuple[Any, ...]

_NAMES = ("a", "A", "a" * 63, "a" * 64, "a.b", "-a", "a--b", "a_b", "\u00e9", "a b", "", "default", "x" * 254)
_PLACES: dict[str, tuple[Any, ...]] = {
    "port": (*cases.NUMBERS, *cases.NUMBERS_TEXT, *cases.PORT_NAMES),
    "endPort": (*cases.NUMBERS, *cases.NUMBERS_TEXT, 79, 80, 81, 91),
    "containerPort": (*cases.NUMBERS, *cases.NUMBERS_TEXT),
    "protocol": cases.PROTOCOLS,
    "cidr": cases.CIDRS,
    "except": (*cases.LISTS, *([hole] for _, hole in cases.EXCEPTS)),
    "key": cases.KEYS,
    "operator": cases.OPERATORS,
    "values": cases.LISTS,
    "policyTypes": cases.TYPES,
    "name": (*cases.NAMES, *cases.PORT_NAMES),
    "namespace": cases.NAMES,
    "matchLabels": tuple({key: "v"} for key in cases.KEYS if isinstance(key, str)),
    "labels": tuple({key: "v"} for key in cases.KEYS if isinstance(key, str)),
    "hostNetwork": (True, False, None, "true", 1),
    "nodeName": _NAMES,
    "restartPolicy": ("Always", "Never", "", None, 1),
}
"""What stands at a field of this name, valid or nearly so."""
_INSIDE = {"matchLabels": cases.VALUES, "labels": cases.VALUES, "annotations": cases.VALUES, "values": cases.VALUES}
_INSIDE |= {"except": cases.CIDRS, "policyTypes": ("Ingress", "Egress", "egress", None, 1, "")}
"""What stands inside of one, at any key or place."""
_FIELDS = (
    "podSelector", "namespaceSelector", "ipBlock", "from", "to", "ports", "port", "endPort", "protocol", "cidr",
    "except",
    "matchLabels", "matchExpressions", "key", "operator", "values", "ingress", "egress", "policyTypes", "x", "",
    "Ports",
)  # fmt: skip


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all values in a document."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


def at(document: Any, path: Path) -> Any:
    """The value at a path."""
    for step in path:
        document = document[step]
    return document


def mutated(document: Any, chance: random.Random) -> Any:
    """A copy with one to three changes, more of them small ones."""
    changed = copy.deepcopy(document)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        paths = [path for path in places(changed) if path]
        if paths:
            path = chance.choice(paths)
            _change(changed, path, chance)
    return changed


def _change(document: Any, path: Path, chance: random.Random) -> None:
    around, step = at(document, path[:-1]), path[-1]
    what = chance.random()
    if what < 0.5:
        around[step] = _fitting(path, chance)
    elif what < 0.65:
        around[step] = copy.deepcopy(chance.choice(cases.ANYTHING))
    elif what < 0.8:
        del around[step]
    elif isinstance(around, dict):
        field = chance.choice(_FIELDS)
        around[field] = _fitting((*path[:-1], field), chance)
    else:
        around.insert(chance.randint(0, len(around)), copy.deepcopy(chance.choice(around)))


def _fitting(path: Path, chance: random.Random) -> Any:
    """A value that might stand there."""
    inside = path[-2] if len(path) > 1 else None
    options: tuple[Any, ...] = cases.ANYTHING
    if isinstance(inside, str) and inside in _INSIDE:
        options = _INSIDE[inside]
    elif path[-1] in _PLACES:
        options = _PLACES[path[-1]]
    return copy.deepcopy(chance.choice(options))
