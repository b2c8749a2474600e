"""Policies of networking.k8s.io/v1 as manifests, in the plainest words that mean them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from ryu_netpol.model.labels import Operator, Requirement, Selector
from ryu_netpol.model.names import Direction
from ryu_netpol.model.net import PortRange
from ryu_netpol.model.objects import BlockPeer, Peer, Policy, PortSpec, Rule

Json = dict[str, object]
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9./_-]*")
_TRUTH = frozenset("yYnN")
"""Truth values to kubectl, but not to PyYAML, which would not quote them."""


class _Dumper(yaml.SafeDumper):
    """Quotes what any reader of YAML might take for something else than text."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        """Write everything out: manifests with anchors are hard to read."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    plain = _PLAIN.fullmatch(value) and value not in _TRUTH
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')


_Dumper.add_representer(str, _text)


def as_yaml(documents: Iterable[Json]) -> str:
    """One YAML document each; nothing for none."""
    every = list(documents)
    return str(yaml.dump_all(every, Dumper=_Dumper, sort_keys=False, width=120)) if every else ""


def as_json(documents: Iterable[Json]) -> str:
    """One list of all, as kubectl prints several objects."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)}, indent=2) + "\n"


def policy_document(policy: Policy, *, metadata: Mapping[str, object] | None = None) -> Json:
    """A policy as a manifest; `metadata` is what it has beside its name and namespace."""
    types = [str(direction) for direction in Direction if direction in policy.directions]
    spec: Json = {"podSelector": _selector(policy.subject), "policyTypes": types}
    for name, peers, rules in (("ingress", "from", policy.ingress), ("egress", "to", policy.egress)):
        if rules:
            spec[name] = [_rule(rule, peers) for rule in rules]
    return {
        "apiVersion": str(policy.key.api),
        "kind": "NetworkPolicy",
        "metadata": {"name": policy.key.name, "namespace": policy.key.namespace, **(metadata or {})},
        "spec": spec,
    }


def _rule(rule: Rule, peers: str) -> Json:
    """A rule whose lists are absent, or not empty: an empty one would mean everything in this API (NP-30, NP-41)."""
    ends: Json = {} if rule.peers is None else {peers: [_peer(peer) for peer in rule.peers]}
    return ends | ({} if rule.ports is None else {"ports": [_port(spec) for spec in rule.ports]})


def _peer(peer: Peer) -> Json:
    if isinstance(peer, BlockPeer):
        holes: Json = {"except": [str(hole) for hole in peer.excepts]} if peer.excepts else {}
        return {"ipBlock": {"cidr": str(peer.cidr), **holes}}
    chosen = {"namespaceSelector": peer.namespaces, "podSelector": peer.pods}
    return {name: _selector(selector) for name, selector in chosen.items() if selector is not None}


def _selector(selector: Selector) -> Json:
    """An equality stands in matchLabels, unless its key stands there with another value."""
    pairs: dict[str, str] = {}
    others: list[Json] = []
    for requirement in selector.requirements:
        if _is_equality(requirement) and requirement.key not in pairs:
            pairs[requirement.key] = requirement.values[0]
        else:
            values: Json = {"values": list(requirement.values)} if requirement.values else {}
            others.append({"key": requirement.key, "operator": str(requirement.operator), **values})
    labels: Json = {"matchLabels": pairs} if pairs else {}
    return labels | ({"matchExpressions": others} if others else {})


def _is_equality(requirement: Requirement) -> bool:
    return requirement.operator is Operator.IN and len(requirement.values) == 1


def _port(spec: PortSpec) -> Json:
    written: dict[str, Any] = {"protocol": spec.protocol.name}
    if isinstance(spec.port, PortRange):
        written["port"] = spec.port.first
        if spec.port.last != spec.port.first:
            written["endPort"] = spec.port.last
    elif spec.port is not None:
        written["port"] = spec.port
    return written
