"""Generated clusters, and what happens to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ryu_netpol.model.objects import Cluster, Namespace, Node, Object, Pod, Policy
from tests.support.strategies.alphabet import DEFAULT, NAMESPACES, NODES, POD_NAMES, Feature
from tests.support.strategies.choices import Choices, Dice
from tests.support.strategies.pods import PodMaker
from tests.support.strategies.policies import PolicyMaker


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


class Generator:
    """Makes objects by choices. Every decision is taken in a fixed order: nothing here iterates over a set."""

    def __init__(self, choices: Choices, features: frozenset[Feature] = DEFAULT, policies: int = 8) -> None:
        self._dice = Dice(choices, features)
        self._pods, self._policies = PodMaker(self._dice), PolicyMaker(self._dice)
        self._most_policies = policies

    def cluster(self) -> Cluster:
        """2 to 4 namespaces, 3 to 9 pods on both nodes, policies."""
        names = NAMESPACES[: self._dice.number(2, 4)]
        cluster = Cluster.of(*map(self._pods.namespace, names), *NODES)
        cluster = _put(cluster, self._pods.pod(cluster, ordinary=True))
        for _ in range(self._dice.number(2, 8)):
            cluster = _put(cluster, self._pods.pod(cluster))
        for _ in range(self._dice.number(0, self._most_policies)):
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

    def policy(self, cluster: Cluster | None = None) -> Policy:
        """A policy in one of the namespaces that there are, or may be."""
        return self._policies.policy(NAMESPACES if cluster is None else list(cluster.namespaces))

    def _decision(self, cluster: Cluster) -> Iterator[tuple[Object | None, Object | None]]:
        """The events of one decision; the cluster is that before them."""
        pods, policies = list(cluster.pods.values()), list(cluster.policies.values())
        match self._dice.number(0, 11):
            case 0 | 1 | 2:
                policy = self.policy(cluster)
                yield cluster.policies.get(policy.key), policy
            case 3 if policies:
                yield self._dice.pick(policies), None
            case 4 if pods:
                pod = self._dice.pick(pods)
                yield pod, replace(pod, labels=self._pods.labels())
            case 5 | 6 if pods:
                yield self._dice.pick(pods), None
            case 7 if len(pods) > 3:  # the same name again, elsewhere, at once
                old = self._dice.pick(pods)
                yield old, None
                yield None, replace(self._pods.pod(_removed(cluster, old)), key=old.key)
            case 8 if pods and self._dice.has(Feature.LIFE_CYCLE):
                pod = self._dice.pick(pods)
                yield pod, self._grown(cluster, pod)
            case 9:
                old_namespace = self._dice.pick(list(cluster.namespaces.values()))
                yield old_namespace, self._pods.namespace(old_namespace.name)
            case 10 if len(cluster.namespaces) > 2:
                gone = self._dice.pick(list(cluster.namespaces.values()))
                yield from ((pod, None) for pod in pods if pod.key.namespace == gone.name)
                yield from ((policy, None) for policy in policies if policy.key.namespace == gone.name)
                yield gone, None
            case 11 if len(cluster.namespaces) < len(NAMESPACES):
                yield None, self._pods.namespace(next(name for name in NAMESPACES if name not in cluster.namespaces))
            case _:
                if len(pods) < len(cluster.namespaces) * len(POD_NAMES):
                    yield None, self._pods.pod(cluster)
                else:
                    yield self._dice.pick(pods), None

    def _grown(self, cluster: Cluster, pod: Pod) -> Pod:
        """A pod a little later: it gets its address, goes, or finishes."""
        if pod.host_network or (pod.addresses and not pod.finished):
            return replace(pod, terminating=True) if self._dice.chance(40) else replace(pod, finished=True)
        if pod.finished:
            return replace(pod, terminating=True)
        node = pod.node or self._dice.pick(NODES).name
        return replace(pod, node=node, addresses=self._pods.free_addresses(cluster, node))


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
