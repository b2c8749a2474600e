"""Generated clusters, and generated histories of them, from alphabets so small that everything overlaps.

One generator, two sources of choice: `random_cluster(rng)` for many big clusters, fast and the same for the same seed,
and Hypothesis strategies (`clusters()`, `histories()`) that shrink. What may occur is a set of features, so that a test
can leave out what its subject does not do.

The corners that the alphabets are for: blocks that overlap, nest and touch; ranges that meet; the same labels and the
same pod names in several namespaces; keys that only one policy mentions; empty label values, which are not absent ones;
port names that stand for several numbers or protocols; addresses of finished pods that somebody else has by now.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol as TypingProtocol
from typing import TypeVar

from hypothesis import strategies as st

from ryu_netpol.model.labels import Labels, Operator, Requirement, Selector
from ryu_netpol.model.names import Api, Direction, NodeName, PodKey, PolicyKey, Protocol
from ryu_netpol.model.net import Address, Cidr, PortRange
from ryu_netpol.model.objects import (
    BlockPeer,
    Cluster,
    NamedPort,
    Namespace,
    Node,
    Object,
    Peer,
    Pod,
    PodPeer,
    Policy,
    PortSpec,
    Rule,
)
from ryu_netpol.model.packet import Connection
from tests.support.grid import grid

T = TypeVar("T")


class Feature(enum.Enum):
    """Something that a generated cluster may contain."""

    EGRESS = enum.auto()
    EXPRESSIONS = enum.auto()
    """Selectors beyond matchLabels."""
    NAMESPACE_PEERS = enum.auto()
    BLOCKS = enum.auto()
    EXCEPTS = enum.auto()
    RANGES = enum.auto()
    """endPort."""
    NAMED_PORTS = enum.auto()
    SCTP = enum.auto()
    IPV6 = enum.auto()
    LEGACY = enum.auto()
    """The annotation, and policies in the API of 1.3."""
    HOST_NETWORK = enum.auto()
    LIFE_CYCLE = enum.auto()
    """Pods that have finished, are going, have no address or no node yet."""
    DISPUTES = enum.auto()
    """Pods that claim one address at the same time (NP-71)."""


ALL = frozenset(Feature)
DEFAULT = ALL - {Feature.DISPUTES}
"""Everything but disputes: on its own node the newest CNI ADD settles them, which a cluster does not show."""

OURS = NodeName("node1")
"""The node whose agent is tested."""

NODES = (
    Node(
        OURS,
        addresses=tuple(map(Address.parse, ("192.168.0.1", "fd00:192:168::1", "10.244.1.1", "fd00:10:244:1::1"))),
    ),
    Node(
        NodeName("node2"),
        addresses=tuple(map(Address.parse, ("192.168.0.2", "fd00:192:168::2", "10.244.2.1", "fd00:10:244:2::1"))),
    ),
)
NAMESPACES = ("blue", "default", "green", "red")
POD_NAMES = ("a", "b", "c", "d", "e")
KEYS = ("app", "tier", "rare")
VALUES = ("web", "db", "")
NAMESPACE_KEYS = ("team", "app", "kubernetes.io/metadata.name")
NAMESPACE_VALUES = ("web", "blue", "")
PORTS = (53, 80, 81, 443, 8080, 31000)
RANGES = tuple(
    PortRange(*ends)
    for ends in ((79, 80), (80, 81), (82, 90), (1, 65535), (1024, 2047), (8080, 8090), (8091, 8100), (29990, 30010))
)
PORT_NAMES = ("http", "dns", "metrics")
BLOCKS_4 = tuple(
    map(
        Cidr.parse,
        (
            "0.0.0.0/0",
            "10.0.0.0/8",
            "10.244.0.0/16",
            "10.244.1.0/24",
            "10.244.1.0/29",
            "10.244.1.4/30",
            "10.244.1.8/29",
            "10.244.2.3/32",
            "192.168.0.0/24",
            "192.168.0.2/32",
            "198.51.100.0/24",
            "198.51.100.128/25",
            "198.51.100.64/26",
        ),
    )
)
BLOCKS_6 = tuple(
    map(
        Cidr.parse,
        (
            "::/0",
            "fd00:10:244::/48",
            "fd00:10:244:1::/64",
            "fd00:10:244:1::/125",
            "fd00:10:244:1::4/126",
            "fd00:10:244:2::3/128",
            "fd00:192:168::/48",
            "2001:db8::/32",
            "2001:db8:8000::/33",
            "2001:db8:4000::/34",
        ),
    )
)


class Choices(TypingProtocol):
    """Where decisions come from."""

    def number(self, first: int, last: int) -> int:
        """A number, both ends included."""
        ...

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        ...


class RandomChoices:
    """Decisions of a seeded generator."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def number(self, first: int, last: int) -> int:
        return self._rng.randint(first, last)

    def pick(self, options: Sequence[T]) -> T:
        return self._rng.choice(options)


class Draw(TypingProtocol):
    """What Hypothesis hands to a composite strategy."""

    def __call__(self, strategy: st.SearchStrategy[T]) -> T:
        """Draw a value."""
        ...


class DrawnChoices:
    """Decisions of Hypothesis, which shrinks them towards the first option."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw

    def number(self, first: int, last: int) -> int:
        return self._draw(st.integers(first, last))

    def pick(self, options: Sequence[T]) -> T:
        return self._draw(st.sampled_from(options))


@dataclass(frozen=True, slots=True)
class Change:
    """One event of a history, and the cluster after it. `old` is None for what is new, `new` for what goes."""

    old: Object | None
    new: Object | None
    cluster: Cluster

    @property
    def kind(self) -> str:
        """What a watch would call it, but for telling new objects from changed ones."""
        return "delete" if self.new is None else "upsert"


# The two ways in


def random_cluster(rng: random.Random, *, features: frozenset[Feature] = DEFAULT, policies: int = 8) -> Cluster:
    """A cluster with up to this many policies; the same for the same seed."""
    return Generator(RandomChoices(rng), features, policies).cluster()


def random_history(
    rng: random.Random, cluster: Cluster, length: int, *, features: frozenset[Feature] = DEFAULT
) -> list[Change]:
    """At least this many changes, one after the other, of a cluster."""
    return Generator(RandomChoices(rng), features).history(cluster, length)


def clusters(features: frozenset[Feature] = DEFAULT, *, policies: int = 4) -> st.SearchStrategy[Cluster]:
    """Clusters that shrink."""

    @st.composite
    def build(draw: Draw) -> Cluster:
        return Generator(DrawnChoices(draw), features, policies).cluster()

    return build()


def histories(
    features: frozenset[Feature] = DEFAULT, *, length: int = 8, policies: int = 3
) -> st.SearchStrategy[tuple[Cluster, list[Change]]]:
    """A cluster to begin with, and up to this many decisions to change it."""

    @st.composite
    def build(draw: Draw) -> tuple[Cluster, list[Change]]:
        choices = DrawnChoices(draw)
        generator = Generator(choices, features, policies)
        start = generator.cluster()
        return start, generator.history(start, choices.number(0, length))

    return build()


def policies(features: frozenset[Feature] = DEFAULT) -> st.SearchStrategy[Policy]:
    """Policies of either API."""

    @st.composite
    def build(draw: Draw) -> Policy:
        return Generator(DrawnChoices(draw), features).policy()

    return build()


def connections(cluster: Cluster, node: NodeName = OURS) -> st.SearchStrategy[Connection]:
    """Connections of the grid of this cluster; there must be a pod with an address on the node."""
    return st.sampled_from(grid(cluster, node))


# The generator


class Generator:
    """Makes objects by choices. Every decision is taken in a fixed order: nothing here iterates over a set."""

    def __init__(self, choices: Choices, features: frozenset[Feature] = DEFAULT, policies: int = 8) -> None:
        self._choices = choices
        self._features = features
        self._policies = policies

    def cluster(self) -> Cluster:
        """2 to 4 namespaces, 3 to 9 pods on both nodes, policies."""
        names = NAMESPACES[: self._choices.number(2, 4)]
        cluster = Cluster.of(*map(self.namespace, names), *NODES)
        cluster = _put(cluster, self.pod(cluster, ordinary=True))
        for _ in range(self._choices.number(2, 8)):
            cluster = _put(cluster, self.pod(cluster))
        for _ in range(self._choices.number(0, self._policies)):
            cluster = _put(cluster, self.policy(cluster))
        return cluster

    def history(self, cluster: Cluster, length: int) -> list[Change]:
        """Changes of a cluster, at least this many: deleting a namespace first deletes what is in it (NP-93)."""
        changes: list[Change] = []
        while len(changes) < length:
            for old, new in self._decision(cluster):
                cluster = _removed(cluster, old) if old is not None and new is None else cluster
                cluster = _put(cluster, new) if new is not None else cluster
                changes.append(Change(old, new, cluster))
        return changes

    # Objects

    def namespace(self, name: str) -> Namespace:
        """A namespace with labels that others have too."""
        deny = self._has(Feature.LEGACY) and self._chance(30)
        return Namespace(name, self._labels(NAMESPACE_KEYS[:2], NAMESPACE_VALUES), deny)

    def pod(self, cluster: Cluster, *, ordinary: bool = False) -> Pod:
        """A pod with a free name; its address is free too, or that of a finished pod, unless there are disputes.

        An ordinary one is on our node and has an address.
        """
        names = [
            key
            for namespace in cluster.namespaces
            for key in (PodKey(namespace, name) for name in POD_NAMES)
            if key not in cluster.pods
        ]
        key = self._choices.pick(names)
        node = NODES[0] if ordinary else self._choices.pick((NODES[0], NODES[0], NODES[1]))
        pod = Pod(
            key=key,
            uid=f"{key.namespace}-{key.name}-{self._choices.number(0, 9)}",
            labels=self._labels(KEYS, VALUES),
            node=node.name,
            ports=self._named_ports(),
            container_ports=((Protocol.TCP, self._choices.pick(PORTS)),) if self._chance(40) else (),
        )
        if self._has(Feature.HOST_NETWORK) and not ordinary and self._chance(10):
            return replace(pod, host_network=True, addresses=self._families(node.addresses[0], node.addresses[1]))
        pod = replace(pod, addresses=self._free_addresses(cluster, node.name))
        return self._aged(pod) if self._has(Feature.LIFE_CYCLE) and not ordinary else pod

    def policy(self, cluster: Cluster | None = None) -> Policy:
        """A policy of either API, in one of the namespaces."""
        namespace = self._choices.pick(list(cluster.namespaces) if cluster is not None else NAMESPACES)
        name = f"p{self._choices.number(0, 7)}"
        if self._has(Feature.LEGACY) and self._chance(25):
            rules = self._several(0, 2, self._legacy_rule)
            return Policy(PolicyKey(namespace, name, Api.LEGACY), self.selector(KEYS, VALUES), ingress=rules)
        directions = [frozenset({Direction.INGRESS})]
        if self._has(Feature.EGRESS):
            directions += [frozenset(Direction), frozenset({Direction.EGRESS})]
        return Policy(
            key=PolicyKey(namespace, name),
            subject=self.selector(KEYS, VALUES),
            directions=self._choices.pick(directions),
            ingress=self._several(0, 3, self._rule),
            egress=self._several(0, 3, self._rule) if self._has(Feature.EGRESS) else (),
        )

    def selector(self, keys: Sequence[str], values: Sequence[str]) -> Selector:
        """A selector with 0 to 2 requirements."""
        count = self._choices.pick((0, 1, 1, 0, 1, 2))
        return Selector(tuple(self._requirement(keys, values) for _ in range(count)))

    # Parts of policies

    def _rule(self) -> Rule:
        peers = None if self._chance(15) else self._several(1, 3, self._peer)
        return Rule(peers, None if self._chance(30) else self._several(1, 3, self._port))

    def _legacy_rule(self) -> Rule:
        peers = None if self._chance(20) else self._several(0, 2, self._legacy_peer)
        return Rule(peers, None if self._chance(30) else self._several(0, 2, self._legacy_port))

    def _peer(self) -> Peer:
        if self._has(Feature.BLOCKS) and self._chance(45):
            return self._block()
        if not self._has(Feature.NAMESPACE_PEERS) or self._chance(40):
            return PodPeer(pods=self.selector(KEYS, VALUES))
        pods = self.selector(KEYS, VALUES) if self._chance(50) else None
        return PodPeer(pods, self.selector(NAMESPACE_KEYS, NAMESPACE_VALUES))

    def _legacy_peer(self) -> Peer:
        if self._has(Feature.NAMESPACE_PEERS) and self._chance(50):
            return PodPeer(namespaces=self.selector(NAMESPACE_KEYS, NAMESPACE_VALUES))
        return PodPeer(pods=self.selector(KEYS, VALUES))

    def _block(self) -> BlockPeer:
        blocks = BLOCKS_6 if self._has(Feature.IPV6) and self._chance(40) else BLOCKS_4
        cidr = self._choices.pick(blocks)
        inside = [block for block in blocks if block in cidr and block != cidr]
        if not inside or not self._has(Feature.EXCEPTS) or self._chance(40):
            return BlockPeer(cidr)
        return BlockPeer(cidr, self._several(1, 3, lambda: self._choices.pick(inside)))

    def _port(self) -> PortSpec:
        protocols = (Protocol.TCP, Protocol.UDP, Protocol.SCTP)[: 3 if self._has(Feature.SCTP) else 2]
        protocol = self._choices.pick((Protocol.TCP, *protocols))
        if self._has(Feature.RANGES) and self._chance(35):
            return PortSpec(protocol, self._choices.pick(RANGES))
        return self._plain_port(protocol)

    def _legacy_port(self) -> PortSpec:
        return self._plain_port(self._choices.pick((Protocol.TCP, Protocol.UDP)))

    def _plain_port(self, protocol: Protocol) -> PortSpec:
        if self._chance(15):
            return PortSpec(protocol)
        if self._has(Feature.NAMED_PORTS) and self._chance(35):
            return PortSpec(protocol, self._choices.pick(PORT_NAMES))
        number = self._choices.pick(PORTS)
        return PortSpec(protocol, PortRange(number, number))

    def _requirement(self, keys: Sequence[str], values: Sequence[str]) -> Requirement:
        key = self._choices.pick(keys)
        operator = self._choices.pick(tuple(Operator)) if self._has(Feature.EXPRESSIONS) else Operator.IN
        if operator in (Operator.EXISTS, Operator.DOES_NOT_EXIST):
            return Requirement(key, operator)
        count = self._choices.pick((1, 2)) if self._has(Feature.EXPRESSIONS) else 1
        return Requirement(key, operator, tuple(self._choices.pick(values) for _ in range(count)))

    # Parts of pods

    def _named_ports(self) -> tuple[NamedPort, ...]:
        if not self._has(Feature.NAMED_PORTS):
            return ()
        protocols = (Protocol.TCP, Protocol.TCP, Protocol.UDP)
        ports = {
            NamedPort(*map(self._choices.pick, (PORT_NAMES, protocols, PORTS)))  # type: ignore[arg-type]
            for _ in range(self._choices.pick((0, 1, 2, 3)))
        }
        return tuple(sorted(ports))

    def _free_addresses(self, cluster: Cluster, node: NodeName) -> tuple[Address, ...]:
        """Addresses that no pod has, often such as a finished pod had; with disputes also those that a pod has."""
        there = [pod for pod in cluster.pods.values() if pod.node == node and pod.addresses and not pod.host_network]
        taken = {address for pod in there if pod.visible for address in pod.addresses}
        again = [pod.addresses for pod in there if pod.finished and taken.isdisjoint(pod.addresses)]
        if self._has(Feature.DISPUTES):
            again += [pod.addresses for pod in there if pod.visible]
        if again and self._chance(30):
            return self._choices.pick(again)
        digit = "1" if node == OURS else "2"
        pairs = [
            (Address.parse(f"10.244.{digit}.{number}"), Address.parse(f"fd00:10:244:{digit}::{number:x}"))
            for number in range(2, 32)
        ]
        free = [pair for pair in pairs if taken.isdisjoint(pair)]
        return self._families(*self._choices.pick(free[:12]))

    def _families(self, four: Address, six: Address) -> tuple[Address, ...]:
        if not self._has(Feature.IPV6):
            return (four,)
        return self._choices.pick(((four, six), (four,), (four, six), (six,), (six, four)))

    def _aged(self, pod: Pod) -> Pod:
        """A pod at some point of its life; only one that is finished shares its address without a dispute."""
        started = f"2024-05-01T00:00:0{self._choices.number(0, 3)}Z"
        match self._choices.number(0, 11):
            case 8:
                return replace(pod, started=started, finished=True)
            case 9:
                return replace(pod, addresses=())
            case 10:
                return replace(pod, addresses=(), node=None)
            case 11:
                return replace(pod, started=started, terminating=True)
        return replace(pod, started=started)

    def _labels(self, keys: Sequence[str], values: Sequence[str]) -> Labels:
        return Labels({key: self._choices.pick(values) for key in keys if self._chance(75)})

    # Histories

    def _decision(self, cluster: Cluster) -> Iterator[tuple[Object | None, Object | None]]:
        """The events of one decision; the cluster is that before them."""
        pods, policies = list(cluster.pods.values()), list(cluster.policies.values())
        match self._choices.number(0, 11):
            case 0 | 1 | 2:
                policy = self.policy(cluster)
                yield cluster.policies.get(policy.key), policy
            case 3 if policies:
                yield self._choices.pick(policies), None
            case 4 if pods:
                pod = self._choices.pick(pods)
                yield pod, replace(pod, labels=self._labels(KEYS, VALUES))
            case 5 | 6 if pods:
                yield self._choices.pick(pods), None
            case 7 if len(pods) > 3:  # the same name again, elsewhere, at once
                old = self._choices.pick(pods)
                yield old, None
                yield None, replace(self.pod(_removed(cluster, old)), key=old.key)
            case 8 if pods and self._has(Feature.LIFE_CYCLE):
                pod = self._choices.pick(pods)
                yield pod, self._grown(cluster, pod)
            case 9:
                old_namespace = self._choices.pick(list(cluster.namespaces.values()))
                yield old_namespace, self.namespace(old_namespace.name)
            case 10 if len(cluster.namespaces) > 2:
                gone = self._choices.pick(list(cluster.namespaces.values()))
                yield from ((pod, None) for pod in pods if pod.key.namespace == gone.name)
                yield from ((policy, None) for policy in policies if policy.key.namespace == gone.name)
                yield gone, None
            case 11 if len(cluster.namespaces) < len(NAMESPACES):
                yield None, self.namespace(next(name for name in NAMESPACES if name not in cluster.namespaces))
            case _:
                if len(pods) < len(cluster.namespaces) * len(POD_NAMES):
                    yield None, self.pod(cluster)
                else:
                    yield self._choices.pick(pods), None

    def _grown(self, cluster: Cluster, pod: Pod) -> Pod:
        """The pod a little later: it gets its address, goes, or finishes."""
        if pod.host_network or (pod.addresses and not pod.finished):
            return replace(pod, terminating=True) if self._chance(40) else replace(pod, finished=True)
        if pod.finished:
            return replace(pod, terminating=True)
        node = pod.node or self._choices.pick(NODES).name
        return replace(pod, node=node, addresses=self._free_addresses(cluster, node))

    # Chance

    def _has(self, feature: Feature) -> bool:
        return feature in self._features

    def _chance(self, percent: int) -> bool:
        return self._choices.number(1, 100) > 100 - percent

    def _several(self, least: int, most: int, make: Callable[[], T]) -> tuple[T, ...]:
        return tuple(make() for _ in range(self._choices.number(least, most)))


def _put(cluster: Cluster, new: Object) -> Cluster:
    match new:
        case Pod():
            return replace(cluster, pods={**cluster.pods, new.key: new})
        case Policy():
            return replace(cluster, policies={**cluster.policies, new.key: new})
        case Namespace():
            return replace(cluster, namespaces={**cluster.namespaces, new.name: new})
        case Node():
            return replace(cluster, nodes={**cluster.nodes, new.name: new})


def _removed(cluster: Cluster, old: Object) -> Cluster:
    """The cluster without an object; unlike Cluster.of, this keeps the order of the others."""
    return Cluster(
        pods={key: pod for key, pod in cluster.pods.items() if pod is not old},
        namespaces={key: namespace for key, namespace in cluster.namespaces.items() if namespace is not old},
        nodes={key: node for key, node in cluster.nodes.items() if node is not old},
        policies={key: policy for key, policy in cluster.policies.items() if policy is not old},
    )
