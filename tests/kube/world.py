"""Two states of a cluster, made so that half of the way from one to the other, either half, opens what both deny.

In both, `shop/db` is for one application and one kind of namespace, `shop/cache` and `shop/late` are for the namespace
`lab` alone. Pods and namespaces swap their labels, and policies follow:

| | RED | BLUE |
|---|---|---|
| `shop/web`, `shop/stranger` | app=web, app=front | app=front, app=web |
| who reaches `shop/db` | app=web, namespaces of zone=blue | app=front, namespaces of zone=red |
| `lab` | zone=red | zone=blue |
| `shop/cache` | tier=cache, as policy `cache` says | tier=store, as policy `store` says |
| `shop/late` | is not there | tier=late, as policy `late` says |

All of this swaps names only. So that the switch shows when all of it has arrived, each kind has a change of its own:
in BLUE `shop/cache` has extra=yes and reaches `shop/db`, `lab` has it and reaches `shop/stranger`, and a block more
reaches `shop/db`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.kube.client import Client
from tests.kube.scene import namespace, node, pod, policy, put

Json = dict[str, Any]
PORT = 5432
FROM_LAB = [{"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "lab"}}}]}]


class World:
    """Objects of a server, by kind, namespace and name."""

    def __init__(self, objects: Iterable[Json]) -> None:
        self.objects = {_key(value): value for value in objects}

    def kind(self, kind: str) -> dict[tuple[str, str, str], Json]:
        """Those of one kind."""
        return {key: value for key, value in self.objects.items() if key[0] == kind}

    @property
    def pods(self) -> list[Json]:
        """Its pods."""
        return list(self.kind("Pod").values())

    def instead(self, other: World, kind: str) -> World:
        """This one with the objects of a kind as another has them."""
        return World([*(v for k, v in self.objects.items() if k[0] != kind), *other.kind(kind).values()])


def _key(value: Mapping[str, Any]) -> tuple[str, str, str]:
    metadata = value["metadata"]
    return value["kind"], metadata.get("namespace", ""), metadata["name"]


def become(admin: Client, old: World, new: World, *, policies_first: bool) -> Iterator[Json]:
    """Change what is different, everything that goes before what comes; yields the pods that are new."""
    others = ("Namespace", "Node", "Pod")
    for kind in ("NetworkPolicy", *others) if policies_first else (*others, "NetworkPolicy"):
        before, after = old.kind(kind), new.kind(kind)
        for key in before.keys() - after.keys():
            admin.delete(before[key])
        for key, value in after.items():
            if before.get(key) != value:
                made = put(admin, value)
                if kind == "Pod" and key not in before:
                    yield made


def _pod(space: str, name: str, number: int, **labels: str) -> Json:
    return pod(space, name, f"10.244.1.{number}", f"fd00:10:244:1::{number}", port=PORT, **labels)


def _policy(name: str, ingress: object = (), **labels: str) -> Json:
    return policy("shop", name, podSelector={"matchLabels": labels}, ingress=ingress)


def _world(
    own: str,
    other: str,
    extra: Mapping[str, str],
    *,
    web: str,
    stranger: str,
    tier: str,
    blocks: Iterable[Json] = (),
    more: Iterable[Json] = (),
) -> World:
    zone = {"namespaceSelector": {"matchLabels": {"zone": other}}}
    callers = [{"podSelector": {"matchLabels": labels}} for labels in ({"app": web}, {"extra": "yes"})]
    guests = [{"from": [{"namespaceSelector": {"matchLabels": {"extra": "yes"}}}]}]
    return World(
        [
            namespace("shop"),
            namespace("lab", zone=own, **extra),
            node(),
            _pod("shop", "db", 20, app="db"),
            _pod("shop", "web", 21, app=web),
            _pod("shop", "stranger", 22, app=stranger, who="stranger"),
            _pod("shop", "cache", 23, tier=tier, **extra),
            _pod("lab", "probe", 24, app="probe"),
            _policy("db", [{"from": [*callers, zone, *blocks]}], app="db"),
            _policy("stranger", guests, who="stranger"),
            _policy(tier, FROM_LAB, tier=tier),
            *more,
        ]
    )


NOTHING = World([])
RED = _world("red", "blue", {}, web="web", stranger="front", tier="cache")
BLOCK = {"ipBlock": {"cidr": "192.0.2.0/24"}}
LATE = (_pod("shop", "late", 25, tier="late"), _policy("late", FROM_LAB, tier="late"))
BLUE = _world("blue", "red", {"extra": "yes"}, web="front", stranger="web", tier="store", blocks=[BLOCK], more=LATE)
