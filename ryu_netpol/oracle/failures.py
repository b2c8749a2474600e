"""By what a rule fails: for each entry that does not match, what was wanted and what there is instead.

Whether something matches is never decided here but by the functions of `match`, so that an explanation cannot
contradict a verdict. A failure is honest in two ways, both tested: what it names does not match, and an entry matches
once all of its failures are repaired.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ryu_netpol.model.labels import Labels, Selector
from ryu_netpol.model.names import PORT_PROTOCOLS, Direction, PolicyKey, Protocol
from ryu_netpol.model.objects import BlockPeer, Peer, PodPeer, Policy, PortSpec, Rule
from ryu_netpol.model.packet import Connection
from ryu_netpol.oracle.match import End, peers_match, ports_match
from ryu_netpol.oracle.words import peer_words, peers_words, port_words, ports_words


class Kind(enum.StrEnum):
    """What does not match."""

    LABEL = "label"
    NAMESPACE_LABEL = "namespace-label"
    NAMESPACE = "namespace"
    """The rule means pods of its policy's own namespace (NP-31)."""
    NOT_A_POD = "not-a-pod"
    """Selectors match visible pods and nothing else (NP-34)."""
    FAMILY = "family"
    CIDR = "cidr"
    EXCEPT = "except"
    NOBODY = "nobody"
    """The list of peers is empty (LG-7)."""
    PROTOCOL = "protocol"
    PORT = "port"
    NAME_UNDECLARED = "port-name-undeclared"
    NAME_PROTOCOL = "port-name-of-another-protocol"
    NAME_NUMBER = "port-name-of-another-number"
    NO_PORTS = "no-ports"
    """The list of ports is empty (LG-7)."""
    PORTLESS = "portless-protocol"
    """A rule with ports matches no protocol without them (NP-83)."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that does not match."""

    kind: Kind
    wanted: str
    found: str

    def __str__(self) -> str:
        return f"{self.kind.replace('-', ' ')}: wanted {self.wanted}, found {self.found}"


@dataclass(frozen=True, slots=True)
class EntryMiss:
    """An entry of a rule's list, or the list itself, that does not match: with everything that fails in it."""

    index: int | None
    """None: the list as a whole."""
    words: str
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class RuleMiss:
    """A rule that does not match, and why. A list that matches has no misses; the others, their closest entry first."""

    policy: PolicyKey
    index: int
    rule: Rule
    peers: tuple[EntryMiss, ...]
    ports: tuple[EntryMiss, ...]

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What fails in the closest entry of each list: with these repaired, the rule would match."""
        return tuple(failure for misses in (self.peers, self.ports) for miss in misses[:1] for failure in miss.failures)

    @property
    def distance(self) -> tuple[int, int]:
        """How far it is from matching: lists that do not match, then things to repair. The smallest is the closest."""
        return (bool(self.peers) + bool(self.ports), len(self.failures))


def rule_miss(
    policy: Policy, index: int, direction: Direction, *, peer: End, destination: End, connection: Connection
) -> RuleMiss:
    """Say by what a rule fails that does not match."""
    rule, namespace = policy.rules(direction)[index], policy.key.namespace
    return RuleMiss(
        policy=policy.key,
        index=index,
        rule=rule,
        peers=() if peers_match(rule.peers, namespace, peer) else _peers_miss(rule.peers or (), namespace, peer),
        ports=()
        if ports_match(rule.ports, connection, destination)
        else _ports_miss(rule.ports or (), connection, destination),
    )


def label_failures(kind: Kind, selector: Selector | None, labels: Labels) -> Iterator[Failure]:
    """Every requirement of a selector that the labels do not meet."""
    for requirement in () if selector is None else selector.requirements:
        if not requirement.matches(labels):
            key = requirement.key
            yield Failure(kind, str(requirement), f"{key}={labels[key]}" if key in labels else f"no label {key}")


# --- peers -----------------------------------------------------------------------------------------------------------


def _peers_miss(peers: tuple[Peer, ...], namespace: str, peer: End) -> tuple[EntryMiss, ...]:
    if not peers:
        nobody = Failure(Kind.NOBODY, "nobody, since the list of peers is empty", _who(peer))
        return (EntryMiss(None, peers_words(peers, namespace), (nobody,)),)
    return _closest_first(
        EntryMiss(index, peer_words(entry, namespace), tuple(_peer_failures(entry, namespace, peer)))
        for index, entry in enumerate(peers)
    )


def _peer_failures(entry: Peer, namespace: str, peer: End) -> Iterator[Failure]:
    if isinstance(entry, BlockPeer):
        return _block_failures(entry, peer)
    return _pod_peer_failures(entry, namespace, peer)


def _block_failures(block: BlockPeer, peer: End) -> Iterator[Failure]:
    address = peer.address
    if address.version != block.cidr.version:
        yield Failure(Kind.FAMILY, f"IPv{block.cidr.version}", f"IPv{address.version}")
    elif address not in block.cidr:
        yield Failure(Kind.CIDR, f"an address in {block.cidr}", str(address))
    for hole in dict.fromkeys(hole for hole in block.excepts if address in hole):
        yield Failure(Kind.EXCEPT, f"an address outside of the except {hole}", str(address))


def _pod_peer_failures(entry: PodPeer, namespace: str, peer: End) -> Iterator[Failure]:
    if peer.pod is None or peer.namespace is None:
        yield Failure(Kind.NOT_A_POD, "a pod", _who(peer))
        return
    if entry.namespaces is None and peer.namespace.name != namespace:
        yield Failure(Kind.NAMESPACE, f"namespace {namespace}", f"namespace {peer.namespace.name}")
    yield from label_failures(Kind.NAMESPACE_LABEL, entry.namespaces, peer.namespace.labels)
    yield from label_failures(Kind.LABEL, entry.pods, peer.pod.labels)


def _who(peer: End) -> str:
    return str(peer.address if peer.pod is None else peer.pod.key)


# --- ports -----------------------------------------------------------------------------------------------------------


def _ports_miss(specs: tuple[PortSpec, ...], connection: Connection, destination: End) -> tuple[EntryMiss, ...]:
    whole = None
    if not specs:
        whole = Failure(Kind.NO_PORTS, "no port, since the list of ports is empty", _what(connection))
    elif connection.protocol not in PORT_PROTOCOLS:
        whole = Failure(
            Kind.PORTLESS, ports_words(specs), f"{_what(connection)}, which only a rule without ports allows"
        )
    if whole is not None:
        return (EntryMiss(None, ports_words(specs), (whole,)),)
    return _closest_first(
        EntryMiss(index, port_words(spec), tuple(_port_failures(spec, connection, destination)))
        for index, spec in enumerate(specs)
    )


def _port_failures(spec: PortSpec, connection: Connection, destination: End) -> Iterator[Failure]:
    if spec.protocol is not connection.protocol:
        yield Failure(Kind.PROTOCOL, spec.protocol.name, connection.protocol.name)
    if isinstance(spec.port, str):
        yield from _name_failures(spec.port, spec.protocol, connection.port, destination)
    elif spec.port is not None and (connection.port is None or connection.port not in spec.port):
        ports = "a port from" if spec.port.first < spec.port.last else "port"
        yield Failure(Kind.PORT, f"{ports} {spec.port}", str(connection.port))


def _name_failures(name: str, protocol: Protocol, port: int | None, destination: End) -> Iterator[Failure]:
    """What there is of a name, for the protocol of the rule, which need not be that of the connection."""
    wanted = f"a pod that declares port {name}"
    pod = destination.pod
    if pod is None:
        yield Failure(Kind.NAME_UNDECLARED, wanted, f"{destination.address}, which is no pod")
        return
    numbers = [str(declared.number) for declared in pod.ports if (declared.name, declared.protocol) == (name, protocol)]
    others = [declared.protocol.name for declared in pod.ports if declared.name == name]
    if numbers and str(port) not in numbers:
        yield Failure(Kind.NAME_NUMBER, f"{name}, which is {' or '.join(numbers)} at {pod.key}", str(port))
    elif not numbers and others:
        there = " and ".join(dict.fromkeys(others))
        yield Failure(Kind.NAME_PROTOCOL, f"{name} of {protocol.name}", f"{name} of {there} at {pod.key}")
    elif not numbers:
        names = " and ".join(dict.fromkeys(declared.name for declared in pod.ports)) or "no names"
        yield Failure(Kind.NAME_UNDECLARED, wanted, f"{pod.key}, which declares {names}")


def _what(connection: Connection) -> str:
    name = connection.protocol.name
    return name if connection.port is None else f"{name}/{connection.port}"


def _closest_first(entries: Iterable[EntryMiss]) -> tuple[EntryMiss, ...]:
    """The entry with the fewest failures first, then in their order."""
    return tuple(sorted(entries, key=lambda miss: len(miss.failures)))
