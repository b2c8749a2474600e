"""Model objects for tests, short to write; what a test does not say has a harmless value.

Text stands for small values everywhere: selectors as kubectl writes them ("app=web,tier in (a,b),!x", "*" for all),
ports as "TCP/80", "TCP/80-90", "TCP/http", "TCP"; container ports as "TCP/80" or, named, "http=TCP/80".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ryu_netpol.model.labels import EVERYTHING, Labels, Operator, Requirement, Selector
from ryu_netpol.model.names import Api, Direction, NodeName, PodKey, PolicyKey, Protocol
from ryu_netpol.model.net import Address, Cidr, PortRange
from ryu_netpol.model.objects import (
    BlockPeer,
    Cluster,
    NamedPort,
    Namespace,
    Node,
    Peer,
    Pod,
    PodPeer,
    Policy,
    PortSpec,
    Rule,
)
from ryu_netpol.model.packet import Connection

INGRESS = Direction.INGRESS
EGRESS = Direction.EGRESS


def address(text: str) -> Address:
    """An address."""
    return Address.parse(text)


def labels(text: str) -> Labels:
    """Labels from "k=v,k=v"."""
    return Labels(dict(pair.split("=", 1) for pair in text.split(",") if pair))


def selector(text: str) -> Selector:
    """A selector from kubectl's notation; "" and "*" match everything."""
    parts = re.findall(r"[^,(]+(?:\([^)]*\))?", text) if text != "*" else []
    return Selector(tuple(_requirement(part.strip()) for part in parts))


def _requirement(text: str) -> Requirement:
    if listed := re.fullmatch(r"(\S+) (in|notin) \((.*)\)", text):
        key, word, values = listed.groups()
        return Requirement(key, Operator.IN if word == "in" else Operator.NOT_IN, tuple(values.split(",")))
    if text.startswith("!"):
        return Requirement(text[1:], Operator.DOES_NOT_EXIST)
    if "=" in text:
        key, value = text.split("=", 1)
        return Requirement(key, Operator.IN, (value,))
    return Requirement(text, Operator.EXISTS)


def pod(name: str, *addresses: str, labelled: str = "", node: str | None = "node1", **tweaks: Any) -> Pod:
    """A pod "namespace/name" (or of namespace default). `ports` is a list of texts, the rest are fields of Pod."""
    declared = [text.rpartition("=") for text in tweaks.pop("ports", ())]
    numbers = [(label, spec.protocol, _number(spec)) for label, _, text in declared for spec in [port(text)]]
    return Pod(
        key=PodKey(*_key(name)),
        labels=labels(labelled),
        node=None if node is None else NodeName(node),
        addresses=tuple(map(address, addresses)),
        ports=tuple(sorted(NamedPort(*number) for number in numbers if number[0])),
        container_ports=tuple((protocol, number) for _, protocol, number in numbers),
        **tweaks,
    )


def namespace(name: str, labelled: str = "", *, default_deny: bool = False) -> Namespace:
    """A namespace; `default_deny` is the legacy annotation."""
    return Namespace(name, labels(labelled), default_deny)


def node(name: str, *addresses: str, labelled: str = "") -> Node:
    """A node."""
    return Node(NodeName(name), labels(labelled), tuple(map(address, addresses)))


def policy(
    name: str,
    subject: str | Selector = "*",
    *,
    ingress: Iterable[Rule] = (),
    egress: Iterable[Rule] = (),
    types: Iterable[Direction] | None = None,
    legacy: bool = False,
    **tweaks: Any,
) -> Policy:
    """A policy "namespace/name". Without `types` the default of NP-11 holds, as in a manifest; legacy is ingress."""
    egress = tuple(egress)
    if types is None:
        types = (INGRESS, EGRESS) if egress else (INGRESS,)
    return Policy(
        key=PolicyKey(*_key(name), Api.LEGACY if legacy else Api.V1),
        subject=subject if isinstance(subject, Selector) else selector(subject),
        directions=frozenset(types),
        ingress=tuple(ingress),
        egress=egress,
        **tweaks,
    )


def rule(*peers: Peer, ports: Iterable[str] | None = None, nobody: bool = False) -> Rule:
    """A rule for these peers (none: everybody) and ports (None: all). `nobody` is the empty list of LG-7."""
    return Rule(
        peers=(peers or None) if not nobody else (),
        ports=None if ports is None else tuple(map(port, ports)),
    )


def pods(chosen: str | None = None, *, ns: str | None = None) -> PodPeer:
    """Pods by label, of the policy's own namespace or, with `ns`, of those that match it."""
    if chosen is None and ns is None:
        return PodPeer(pods=EVERYTHING)
    return PodPeer(
        pods=None if chosen is None else selector(chosen),
        namespaces=None if ns is None else selector(ns),
    )


def block(cidr: str, *excepts: str) -> BlockPeer:
    """An ipBlock."""
    return BlockPeer(Cidr.parse(cidr), tuple(map(Cidr.parse, excepts)))


def port(text: str) -> PortSpec:
    """One entry of `ports`: "TCP", "TCP/80", "TCP/80-90" or "TCP/name"."""
    protocol, _, which = text.partition("/")
    if span := re.fullmatch(r"(\d+)(?:-(\d+))?", which):
        first, last = span.groups()
        return PortSpec(Protocol[protocol], PortRange(int(first), int(last or first)))
    return PortSpec(Protocol[protocol], which or None)


def cluster(*objects: Pod | Namespace | Node | Policy) -> Cluster:
    """A snapshot of these objects."""
    return Cluster.of(*objects)


def connection(source: str, destination: str, to: str = "TCP/80", *, origin: str | None = None) -> Connection:
    """A connection between two addresses to "TCP/80" or "ICMP"; `origin` is the node whose process opens it."""
    protocol, _, number = to.partition("/")
    return Connection(
        source=address(source),
        destination=address(destination),
        protocol=Protocol[protocol],
        port=int(number) if number else None,
        origin=None if origin is None else NodeName(origin),
    )


def _key(name: str) -> tuple[str, str]:
    space, _, rest = name.rpartition("/")
    return space or "default", rest


def _number(spec: PortSpec) -> int:
    if not isinstance(spec.port, PortRange) or spec.port.first != spec.port.last:
        raise ValueError(f"{spec} is not the port of a container")
    return spec.port.first
