"""What one entry of a rule matches: peers and ports (NP-20 to NP-48), one function per question."""

from __future__ import annotations

from dataclasses import dataclass

from ryu_netpol.model.names import PORT_PROTOCOLS
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import BlockPeer, Namespace, Peer, Pod, PodPeer, PortSpec, Rule
from ryu_netpol.model.packet import Connection


@dataclass(frozen=True, slots=True)
class End:
    """One end of a connection as policies see it: an address, and whose it is."""

    address: Address
    pod: Pod | None = None
    """The policy-visible pod that has the address; None for nodes, host-network pods and outsiders (NP-34)."""
    namespace: Namespace | None = None
    """The namespace of that pod."""


def rule_matches(rule: Rule, policy_namespace: str, *, peer: End, destination: End, connection: Connection) -> bool:
    """Peers and ports must both match (NP-6); the destination is the peer in egress and the subject in ingress."""
    return ports_match(rule.ports, connection, destination) and peers_match(rule.peers, policy_namespace, peer)


def peers_match(peers: tuple[Peer, ...] | None, policy_namespace: str, peer: End) -> bool:
    """No list means everybody (NP-30), else one entry must match (NP-37); an empty list matches nobody (LG-7)."""
    return peers is None or any(peer_matches(entry, policy_namespace, peer) for entry in peers)


def peer_matches(entry: Peer, policy_namespace: str, peer: End) -> bool:
    """An entry names pods or a block, never both (NP-38)."""
    if isinstance(entry, BlockPeer):
        return block_matches(entry, peer.address)
    return pod_peer_matches(entry, policy_namespace, peer)


def block_matches(block: BlockPeer, address: Address) -> bool:
    """Inside cidr and outside all excepts, whoever has the address (NP-35, NP-36); its own family only (NP-76)."""
    return address in block.cidr and not any(address in hole for hole in block.excepts)


def pod_peer_matches(entry: PodPeer, policy_namespace: str, peer: End) -> bool:
    """Both selectors must match where both are there (NP-33); nothing but a policy-visible pod matches (NP-34)."""
    if peer.pod is None or peer.namespace is None:
        return False
    if entry.namespaces is None:
        namespace_matches = peer.namespace.name == policy_namespace  # NP-31
    else:
        namespace_matches = entry.namespaces.matches(peer.namespace.labels)  # NP-32
    return namespace_matches and (entry.pods is None or entry.pods.matches(peer.pod.labels))


def ports_match(specs: tuple[PortSpec, ...] | None, connection: Connection, destination: End) -> bool:
    """No list means every port of every protocol (NP-41), else one entry must match (NP-40, LG-7).

    Entries speak about TCP, UDP and SCTP only: a rule that has any matches no other protocol (NP-83).
    """
    if specs is None:
        return True
    if connection.protocol not in PORT_PROTOCOLS:
        return False
    return any(port_matches(spec, connection, destination) for spec in specs)


def port_matches(spec: PortSpec, connection: Connection, destination: End) -> bool:
    """The same protocol (NP-44), and all its ports (NP-43), one of a range (NP-45), or the one of this name."""
    if spec.protocol is not connection.protocol or connection.port is None:
        return False
    if spec.port is None:
        return True
    if isinstance(spec.port, str):
        return name_matches(spec.port, connection, destination.pod)
    return connection.port in spec.port


def name_matches(name: str, connection: Connection, destination: Pod | None) -> bool:
    """A name is resolved at the destination pod, for this protocol; what is no pod has no names (NP-46 to NP-48)."""
    if destination is None:
        return False
    return any(
        declared.name == name and declared.protocol is connection.protocol and declared.number == connection.port
        for declared in destination.ports
    )
