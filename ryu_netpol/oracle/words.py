"""Rules in words, for people who ask why: "from pods role=web of namespace shop; at TCP/80"."""

from __future__ import annotations

from ryu_netpol.model.labels import Selector
from ryu_netpol.model.names import Direction
from ryu_netpol.model.objects import BlockPeer, Peer, PortSpec, Rule


def rule_words(rule: Rule, policy_namespace: str, direction: Direction) -> str:
    """A whole rule: its peers, then its ports."""
    word = "from" if direction is Direction.INGRESS else "to"
    return f"{word} {peers_words(rule.peers, policy_namespace)}; at {ports_words(rule.ports)}"


def peers_words(peers: tuple[Peer, ...] | None, policy_namespace: str) -> str:
    """A list of peers; none is everybody (NP-30), an empty one nobody (LG-7)."""
    if peers is None:
        return "everybody"
    return " or ".join(peer_words(entry, policy_namespace) for entry in peers) or "nobody"


def peer_words(entry: Peer, policy_namespace: str) -> str:
    """One entry of a list of peers."""
    if isinstance(entry, BlockPeer):
        excepts = f" except {', '.join(map(str, entry.excepts))}" if entry.excepts else ""
        return f"{entry.cidr}{excepts}"
    pods = "all pods" if _everything(entry.pods) else f"pods {entry.pods}"
    if entry.namespaces is None:
        return f"{pods} of namespace {policy_namespace}"
    return f"{pods} of {'all namespaces' if _everything(entry.namespaces) else f'namespaces {entry.namespaces}'}"


def ports_words(specs: tuple[PortSpec, ...] | None) -> str:
    """A list of ports; none is all of every protocol (NP-41), an empty one none (LG-7)."""
    if specs is None:
        return "every port of every protocol"
    return " or ".join(map(port_words, specs)) or "no port"


def port_words(spec: PortSpec) -> str:
    """One entry of a list of ports."""
    return f"every port of {spec.protocol.name}" if spec.port is None else str(spec)


def _everything(selector: Selector | None) -> bool:
    return selector is None or not selector.requirements
