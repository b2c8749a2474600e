"""Model objects written down as manifests that mean exactly them: the decoder, backwards.

Many manifests mean the same: absent, null and empty are one to networking.k8s.io/v1 and two to extensions/v1beta1,
matchLabels is an In with one value, defaults may be written out. Without a `Random` the plainest one is written, with
one any of them is.

What no manifest can say comes back as what the decoder makes of it: its values are canonical (addresses and container
ports sorted, the named ones among them).
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml

from ryu_netpol.cli.judges.manifests import node_document, pod_document
from ryu_netpol.model.decode.core import ANNOTATION
from ryu_netpol.model.labels import Operator, Requirement, Selector
from ryu_netpol.model.names import Direction, Protocol
from ryu_netpol.model.net import PortRange
from ryu_netpol.model.objects import BlockPeer, Namespace, Node, Object, Peer, Pod, Policy, PortSpec, Rule

Json = dict[str, object]
T = TypeVar("T")

DEFAULT_DENY = '{"ingress": {"isolation": "DefaultDeny"}}'
_TRUTH = frozenset("yYnN")
"""Truth values to kubectl, without quotes, but not to PyYAML."""


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Quotes what others read as something else."""


def _represent(dumper: Any, value: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if value in _TRUTH else None)


_Dumper.add_representer(str, _represent)


def documents(objects: Iterable[Object], *, rng: random.Random | None = None) -> list[Json]:
    """One document per object, in their order."""
    write_one = _Writer(rng).document
    return [write_one(value) for value in objects]


def text(objects: Iterable[Object], *, rng: random.Random | None = None) -> str:
    """The same as YAML."""
    return str(yaml.dump_all(documents(objects, rng=rng), Dumper=_Dumper, sort_keys=False))


def write(objects: Iterable[Object], folder: Path, name: str = "all.yaml", *, rng: random.Random | None = None) -> Path:
    """Write one file, which whoever watches the folder sees as a whole or not at all; return its path."""
    hidden, path = folder / f".{name}.new", folder / name
    hidden.write_text(text(objects, rng=rng), encoding="utf-8")
    os.replace(hidden, path)
    return path


class _Writer:
    """Writes, and chooses between spellings that mean the same."""

    def __init__(self, rng: random.Random | None) -> None:
        self._rng = rng

    def document(self, value: Object) -> Json:
        match value:
            case Pod():
                return pod_document(value)
            case Node():
                return node_document(value)
            case Namespace():
                return _namespace(value)
            case Policy():
                return self._policy(value)

    def _one_of(self, *spellings: T) -> T:
        """The first is the plainest."""
        return spellings[0] if self._rng is None else self._rng.choice(spellings)

    def _policy(self, policy: Policy) -> Json:
        metadata: Json = {"name": policy.key.name, "namespace": policy.key.namespace}
        metadata |= {"uid": policy.uid} if policy.uid else {}
        spec = {**self._subject(policy.subject), **self._rules("ingress", policy.ingress, policy)}
        if not policy.legacy:
            spec |= self._rules("egress", policy.egress, policy)
            spec |= self._types(policy)
        elif policy.egress or policy.directions != {Direction.INGRESS}:
            raise ValueError(f"{policy.key} says what a legacy policy cannot say")
        return {"apiVersion": str(policy.key.api), "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}

    def _subject(self, subject: Selector) -> Json:
        """No selector at all selects everything here, unlike in a peer (NP-10, NP-25)."""
        written: Json = {"podSelector": self._selector(subject)}
        return self._one_of(written, {}, {"podSelector": None}) if not subject.requirements else written

    def _types(self, policy: Policy) -> Json:
        """Defaults may be left out: ingress always, egress if there are rules for it (NP-11)."""
        listed: Json = {"policyTypes": [str(d) for d in Direction if d in policy.directions]}
        if policy.directions != frozenset(Direction if policy.egress else {Direction.INGRESS}):
            return listed
        return self._one_of(listed, {}, {"policyTypes": None}, {"policyTypes": []})

    def _rules(self, name: str, rules: tuple[Rule, ...], policy: Policy) -> Json:
        """No rule may be an absent, a null and an empty list, in both APIs (NP-14, LG-5)."""
        peers = "from" if name == "ingress" else "to"
        if rules:
            return {name: [self._rule(rule, peers, legacy=policy.legacy) for rule in rules]}
        return self._nothing(name)

    def _nothing(self, name: str) -> Json:
        spellings: list[Json] = [{}, {name: None}, {name: []}]
        return self._one_of(*spellings)

    def _rule(self, rule: Rule, peers: str, *, legacy: bool) -> Json | None:
        if rule == Rule() and self._one_of(False, True):
            return None  # the same as an empty one (NP-15)
        ends = None if rule.peers is None else [self._peer(peer) for peer in rule.peers]
        ports = None if rule.ports is None else [self._port(spec, legacy=legacy) for spec in rule.ports]
        return {**self._list(peers, ends, legacy=legacy), **self._list("ports", ports, legacy=legacy)}

    def _list(self, name: str, items: list[Json] | None, *, legacy: bool) -> Json:
        """No restriction is absent or null, in v1 also empty (NP-30, NP-41), which in the old API is nobody (LG-7)."""
        if items is None:
            return self._one_of({}, {name: None}) if legacy else self._nothing(name)
        if not items and not legacy:
            raise ValueError(f"an empty list of {name} means everything in this API")
        return {name: items}

    def _peer(self, peer: Peer) -> Json:
        if isinstance(peer, BlockPeer):
            holes: Json = {"except": list(map(str, peer.excepts))} if peer.excepts else self._nothing("except")
            return {"ipBlock": {"cidr": str(peer.cidr), **holes}}
        chosen = {"podSelector": peer.pods, "namespaceSelector": peer.namespaces}
        return {name: self._selector(selector) for name, selector in chosen.items() if selector is not None}

    def _selector(self, selector: Selector) -> Json:
        """An equality stands in matchLabels, unless its key stands there with another value."""
        pairs: dict[str, str] = {}
        expressions: list[Json] = []
        for requirement in selector.requirements:
            if self._is_pair(requirement) and requirement.key not in pairs:
                pairs[requirement.key] = requirement.values[0]
            else:
                expressions.append(self._expression(requirement))
        labels: Json = {"matchLabels": pairs}
        if not pairs:
            labels = self._one_of({}, {"matchLabels": None}, labels)
        return {**labels, **({"matchExpressions": expressions} if expressions else self._nothing("matchExpressions"))}

    def _is_pair(self, requirement: Requirement) -> bool:
        equal = requirement.operator is Operator.IN and len(requirement.values) == 1
        return equal and self._one_of(True, False)

    def _expression(self, requirement: Requirement) -> Json:
        values: Json = {"values": list(requirement.values)} if requirement.values else self._nothing("values")
        return {"key": requirement.key, "operator": str(requirement.operator), **values}

    def _port(self, spec: PortSpec, *, legacy: bool) -> Json:
        protocol: Json = {"protocol": spec.protocol.name}
        if spec.protocol is Protocol.TCP:
            protocol = self._one_of(protocol, {}, {"protocol": None})
        match spec.port:
            case None:
                return {**protocol, **self._one_of({}, {"port": None})}
            case PortRange(first=first, last=last) if first != last:
                return {**protocol, "port": first, "endPort": last}
            case PortRange(first=first):
                ends: list[Json] = [{}] if legacy else [{}, {"endPort": None}, {"endPort": first}]
                return {**protocol, "port": first, **self._one_of(*ends)}
        return {**protocol, "port": spec.port}


def _namespace(namespace: Namespace) -> Json:
    metadata: Json = {"name": namespace.name, "labels": dict(namespace.labels)}
    metadata |= {"annotations": {ANNOTATION: DEFAULT_DENY}} if namespace.default_deny else {}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
