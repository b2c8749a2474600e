"""A cluster of two nodes with streams between its pods, and random changes of what may reach what."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ryu_netpol.model.names import Direction, PodKey, Protocol
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Cluster, Namespace, Object, Peer, Pod, Policy, Rule
from ryu_netpol.model.packet import Connection
from ryu_netpol.oracle.evaluate import Oracle
from tests.e2e.traffic import Kind
from tests.support import build

NAMESPACES = ("red", "green", "blue")
PODS_PER_NODE = 5
FIRST_PORT = 7000
FEWEST, MOST = 0.35, 0.85
"""Share of streams that are allowed: none of the two kinds should be rare."""
PROTOCOLS = {Kind.TCP: Protocol.TCP, Kind.UDP: Protocol.UDP, Kind.REPLIES: Protocol.UDP, Kind.ICMP: Protocol.ICMP}
SUBJECTS = ("app=a", "app=b", "app=c", "tier=x", "!tier", "app in (a,b)", "app notin (a)", "*")
LABELS = ("app=a", "app=b", "app=c", "app=a,tier=x", "app=b,tier=x", "app=c,tier=z", "tier=x", "")


@dataclass(frozen=True, slots=True)
class Planned:
    """A stream between two addresses, whoever has them."""

    number: int
    kind: Kind
    source: Address
    destination: Address

    @property
    def port(self) -> int:
        """Every stream has one of its own."""
        return FIRST_PORT + self.number

    @property
    def connection(self) -> Connection:
        """What the oracle is asked."""
        port = None if self.kind is Kind.ICMP else self.port
        return Connection(self.source, self.destination, PROTOCOLS[self.kind], port)


@dataclass(frozen=True, slots=True)
class Change:
    """One edit of the folder."""

    what: str
    cluster: Cluster
    leaves: PodKey | None = None
    """This pod is deleted, and its addresses go to..."""
    comes: PodKey | None = None


class Story:
    """The cluster as it is, and what happens to it; the same for the same seed."""

    def __init__(self, seed: int, streams: int) -> None:
        self._rng = random.Random(seed)
        self._counter = 0
        self._sentinels: tuple[str, ...] = ("198.18.0.0/32",)
        pods = [self._pod(f"p{index}", 1 + index % 2, 10 + index) for index in range(2 * PODS_PER_NODE)]
        watched = [replace(self._pod(f"s{n}", n, 60), key=PodKey("watch", f"s{n}"), uid=f"s{n}") for n in (1, 2)]
        self.cluster = Cluster.of(
            *(build.node(f"node{n}", f"192.168.50.{n}", f"fd00:50::{n}") for n in (1, 2)),
            *(build.namespace(name, f"team={name[0]}") for name in (*NAMESPACES, "watch")),
            *pods,
            *watched,
            *(self._policy() for _ in range(3)),
            self._sentinel(),
        )
        self.streams = [self._planned(number, pods) for number in range(streams)]

    # --- what there is --------------------------------------------------------------------------------------------

    def _pod(self, name: str, node: int, host: int) -> Pod:
        namespace, labelled = self._rng.choice(NAMESPACES), self._rng.choice(LABELS)
        addresses = (f"10.244.{node}.{host}", f"fd00:10:244:{node}::{host}")
        return build.pod(
            f"{namespace}/{name}", *addresses, labelled=labelled, node=f"node{node}", uid=f"uid-{name}-{namespace}"
        )

    def _planned(self, number: int, pods: list[Pod]) -> Planned:
        source, destination = self._rng.sample(pods, 2)
        kind, family = list(Kind)[number % len(Kind)], number // len(Kind) % 2
        return Planned(number, kind, source.addresses[family], destination.addresses[family])

    def _sentinel(self) -> Policy:
        """Grows with every change, so that each makes every agent send a bundle; it only ever widens."""
        everybody = build.rule(*(build.block(cidr) for cidr in self._sentinels))
        return build.policy("watch/sentinel", ingress=[everybody])

    def allowed(self, cluster: Cluster) -> frozenset[int]:
        """The streams that may run."""
        oracle = Oracle(cluster)
        return frozenset(s.number for s in self.streams if oracle.evaluate(s.connection).allowed)

    def local(self, stream: Planned) -> bool:
        """Whether one node alone judges it."""
        nodes = {
            pod.node for pod in self.cluster.pods.values() if {*pod.addresses} & {stream.source, stream.destination}
        }
        return len(nodes) == 1

    # --- what happens ---------------------------------------------------------------------------------------------

    def next(self) -> Change:
        """The next change, which has happened then; of some, one that leaves enough of both kinds of streams."""
        self._counter += 1
        self._sentinels += (f"198.18.{self._counter >> 8}.{self._counter & 255}/32",)
        for change in self._candidates():
            share = len(self.allowed(change.cluster)) / len(self.streams)
            if FEWEST <= share <= MOST:
                break
        self.cluster = change.cluster
        return change

    def _candidates(self) -> Iterator[Change]:
        for _ in range(20):
            yield self._change()

    def _change(self) -> Change:
        kinds = (self._add, self._edit, self._remove, self._relabel_pod, self._relabel_namespace, self._annotate)
        (happens,) = self._rng.choices((*kinds, self._swap), weights=(25, 25, 15, 20, 8, 3, 4))
        return happens()

    def _with(self, what: str, *new: Object, without: Object | None = None) -> Change:
        kept = [o for o in self.cluster.objects() if o != without]
        return Change(what, Cluster.of(*kept, *new, self._sentinel()))

    def _policies(self) -> list[Policy]:
        return [policy for policy in self.cluster.policies.values() if policy.key.namespace != "watch"]

    def _pods(self) -> list[Pod]:
        return [pod for pod in self.cluster.pods.values() if pod.key.namespace != "watch"]

    def _add(self) -> Change:
        if len(self._policies()) >= 8:
            return self._remove()
        policy = self._policy()
        return self._with(f"add {policy.key}", policy)

    def _edit(self) -> Change:
        if not self._policies():
            return self._add()
        old = self._rng.choice(self._policies())
        new = replace(self._policy(), key=old.key)
        if self._rng.random() < 0.5:
            # One rule more or less of the same policy: what is narrow or wide of it is then a matter of rules.
            new = replace(old, ingress=(*old.ingress, self._rule()) if self._rng.random() < 0.5 else old.ingress[1:])
        return self._with(f"edit {old.key}", new)

    def _remove(self) -> Change:
        if not self._policies():
            return self._add()
        old = self._rng.choice(self._policies())
        return self._with(f"remove {old.key}", without=old)

    def _relabel_pod(self) -> Change:
        pod = self._rng.choice(self._pods())
        text = self._rng.choice(LABELS)
        return self._with(f"label {pod.key} {text!r}", replace(pod, labels=build.labels(text)))

    def _relabel_namespace(self) -> Change:
        old = self.cluster.namespaces[self._rng.choice(NAMESPACES)]
        text = f"team={self._rng.choice('rgb')}"
        new = Namespace(old.name, build.labels(text), old.default_deny)
        return self._with(f"label namespace {old.name} {text}", new)

    def _annotate(self) -> Change:
        old = self.cluster.namespaces[self._rng.choice(NAMESPACES)]
        return self._with(f"annotate namespace {old.name}", replace(old, default_deny=not old.default_deny))

    def _swap(self) -> Change:
        old = self._rng.choice(self._pods())
        fresh = self._pod(f"p{self._counter}n", 1, 1)
        new = replace(fresh, node=old.node, addresses=old.addresses)
        change = self._with(f"{old.key} leaves, {new.key} gets its addresses", new, without=old)
        return replace(change, leaves=old.key, comes=new.key)

    # --- policies ---------------------------------------------------------------------------------------------------

    def _policy(self) -> Policy:
        rng = self._rng
        self._counter += 1
        types = rng.choice([(Direction.INGRESS,)] * 3 + [(Direction.EGRESS,), tuple(Direction)])
        ingress, egress = ([self._rule() for _ in range(rng.randint(1, 3))] for _ in range(2))
        return build.policy(
            f"{rng.choice(NAMESPACES)}/n{self._counter}",
            rng.choice(SUBJECTS),
            ingress=ingress if Direction.INGRESS in types else (),
            egress=egress if Direction.EGRESS in types else (),
            types=types,
        )

    def _rule(self) -> Rule:
        rng = self._rng
        if rng.random() < 0.4:
            return build.rule(*self._peers())
        first = FIRST_PORT + rng.randint(0, len(SUBJECTS) * 6)
        spans = [f"{protocol}/{first}-{first + rng.randint(0, 40)}" for protocol in ("TCP", "UDP")]
        return build.rule(*self._peers(), ports=rng.sample(spans, rng.randint(1, 2)))

    def _peers(self) -> list[Peer]:
        rng = self._rng
        choices: list[Peer] = [
            build.pods(rng.choice(SUBJECTS), ns="*"),
            build.pods(rng.choice(SUBJECTS)),
            build.pods(ns=f"team={rng.choice('rgb')}"),
            build.block("10.244.0.0/16", f"10.244.{rng.randint(1, 2)}.{rng.randrange(8, 24, 4)}/30"),
            build.block("fd00:10:244::/48"),
        ]
        return rng.sample(choices, rng.randint(0, 3))
