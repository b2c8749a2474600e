"""A cluster's policies as rows of OVN's northbound database (ovn-nb(5)), as ovn-kubernetes writes them.

Each policy is a port group of its subjects here with ACLs for each rule, each set of peer pods an address set. Pods of
other nodes are in address sets only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ryu_netpol.bench.clusters.scene import POD_MAC, Scene
from ryu_netpol.model.names import Direction, PodKey
from ryu_netpol.model.net import PortRange
from ryu_netpol.model.objects import BlockPeer, Namespace, Pod, PodPeer, Policy, PortSpec, Rule

Operation = dict[str, Any]
"""One operation of a transaction (RFC 7047 section 5.2)."""
DENY, ALLOW = 1000, 1001
"""Priorities."""
_NAME = str.maketrans("/-", "__")
"""Names of port groups have letters, digits, dots and underscores."""
_FIELDS = {
    Direction.INGRESS: ("to-lport", "outport", "ip4.src"),
    Direction.EGRESS: ("from-lport", "inport", "ip4.dst"),
}
"""For each direction: that of the ACL, the field of the subject's port, and of the peer's address."""


def port_name(key: PodKey) -> str:
    """The logical port of a pod."""
    return f"{key.namespace}.{key.name}"


def insert(table: str, row: Mapping[str, Any], *, name: str | None = None) -> Operation:
    """Insert a row; `name` is for references inside the transaction."""
    return {"op": "insert", "table": table, "row": row, **({"uuid-name": name} if name else {})}


def mutate(table: str, where: list[Any], mutation: list[Any]) -> Operation:
    """Change rows where they are."""
    return {"op": "mutate", "table": table, "where": where, "mutations": [mutation]}


def switch(pods: Iterable[Pod]) -> list[Operation]:
    """One logical switch with a port for each pod of this node."""
    operations: list[Operation] = []
    names: list[list[str]] = []
    for number, pod in enumerate(pods):
        address = f"{_mac(POD_MAC + number)} {pod.addresses[0]}"
        names.append(["named-uuid", f"port{number}"])
        row = {"name": port_name(pod.key), "addresses": address, "port_security": address}
        operations.append(insert("Logical_Switch_Port", row, name=f"port{number}"))
    return [*operations, insert("Logical_Switch", {"name": "node", "ports": ["set", names]})]


def _mac(number: int) -> str:
    return ":".join(f"{octet:02x}" for octet in number.to_bytes(6, "big"))


class Rows:
    """The rows of all policies."""

    def __init__(self, scene: Scene, ports: Mapping[PodKey, str]) -> None:
        """`ports` are the UUIDs of the logical ports' rows."""
        self._namespaces: Mapping[str, Namespace] = {n.name: n for n in scene.namespaces}
        self._pods: dict[str, list[Pod]] = defaultdict(list)
        for pod in scene.pods:
            self._pods[pod.key.namespace].append(pod)
        self._ports = ports
        self._sets: dict[tuple[str | None, PodPeer], str] = {}
        self._acls = 0
        groups = [operation for policy in scene.policies for operation in self._policy(policy)]
        self.operations = [*self._address_sets(), *groups]

    def joined(self, pod: Pod) -> list[Operation]:
        """A pod joins every address set in which it is."""
        address = str(pod.addresses[0])
        return [
            mutate("Address_Set", [["name", "==", name]], ["addresses", "insert", address])
            for (own, peer), name in self._sets.items()
            if self._matches(peer, own, pod)
        ]

    def _policy(self, policy: Policy) -> Iterator[Operation]:
        group = f"pg_{policy.key}".translate(_NAME)
        acls: list[list[str]] = []
        for direction in sorted(policy.directions):
            to, own_port, _ = _FIELDS[direction]
            matches = [
                (ALLOW, match) for rule in policy.rules(direction) for match in self._rule(rule, policy, direction)
            ]
            for priority, match in [(DENY, "ip4"), *matches]:
                self._acls += 1
                acls.append(["named-uuid", f"acl{self._acls}"])
                row = {
                    "direction": to,
                    "priority": priority,
                    "match": f"{own_port} == @{group} && {match}",
                    "action": "drop" if priority == DENY else "allow-related",
                }
                yield insert("ACL", row, name=f"acl{self._acls}")
        subjects = (pod for pod in self._pods[policy.key.namespace] if policy.subject.matches(pod.labels))
        ports = [["uuid", self._ports[pod.key]] for pod in subjects if pod.key in self._ports]
        yield insert("Port_Group", {"name": group, "ports": ["set", ports], "acls": ["set", acls]})

    def _rule(self, rule: Rule, policy: Policy, direction: Direction) -> Iterator[str]:
        """What a rule allows: an ACL for its pods, one for each of its blocks."""
        field = _FIELDS[direction][2]
        ports = "" if rule.ports is None else f" && ({' || '.join(map(_port, rule.ports))})"
        if rule.peers is None:
            yield f"ip4{ports}"
            return
        pods = [self._set(peer, policy.key.namespace) for peer in rule.peers if isinstance(peer, PodPeer)]
        if pods:
            yield f"{field} == {{{', '.join(f'${name}' for name in pods)}}}{ports}"
        for block in rule.peers:
            if isinstance(block, BlockPeer):
                holes = f" && {field} != {{{', '.join(map(str, block.excepts))}}}" if block.excepts else ""
                yield f"{field} == {block.cidr}{holes}{ports}"

    def _set(self, peer: PodPeer, own: str) -> str:
        return self._sets.setdefault((own if peer.namespaces is None else None, peer), f"as{len(self._sets)}")

    def _address_sets(self) -> Iterator[Operation]:
        for (own, peer), name in self._sets.items():
            spaces = self._pods if own is None else (own,)
            pods = (pod for space in spaces for pod in self._pods[space] if self._matches(peer, own, pod))
            addresses = [str(address) for pod in pods for address in pod.addresses]
            yield insert("Address_Set", {"name": name, "addresses": ["set", addresses]})

    def _matches(self, peer: PodPeer, own: str | None, pod: Pod) -> bool:
        space = pod.key.namespace
        there = space == own if peer.namespaces is None else peer.namespaces.matches(self._namespaces[space].labels)
        return there and (peer.pods is None or peer.pods.matches(pod.labels))


def _port(spec: PortSpec) -> str:
    field = f"{spec.protocol.name.lower()}.dst"
    match spec.port:
        case PortRange(first, last):
            return f"{field} == {first}" if first == last else f"{first} <= {field} <= {last}"
        case _:
            return spec.protocol.name.lower()
