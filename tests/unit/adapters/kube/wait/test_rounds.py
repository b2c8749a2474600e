"""What is asked from round to round, and when it is enough."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from ryu_netpol.adapters.kube.wait.rounds import PODS, NotNow, Outcome, Rounds
from ryu_netpol.adapters.kube.wait.verdict import Failure, InForce, Seen, State, Status, Target
from ryu_netpol.model.labels import EVERYTHING
from ryu_netpol.model.names import PolicyKey


def target(version: int = 12) -> Target:
    """The policy, in a version."""
    return Target(PolicyKey("shop", "deny"), "u", str(version), 1, EVERYTHING)


def told(version: int, *failures: Failure) -> Status:
    """Policies up to this version are in force."""
    seen = Seen("networking.k8s.io/v1", "NetworkPolicy", str(version))
    return Status(InForce(1, "s", [seen]), len(failures), list(failures), "t")


class Cluster:
    """What a server would say; what it was asked is written down."""

    def __init__(self) -> None:
        self.target: Target | None = target()
        self.on: Mapping[str, Collection[str]] = {"n1": ["a", "b"], "n2": ["a"]}
        self.status: dict[str, Status] = {}
        self.asked: list[object] = []
        self.rounds = Rounds(self, target())

    def policy(self, namespace: str, name: str) -> Target | None:
        self.asked.append((namespace, name))
        return self.target

    def pods(self, target: Target) -> Mapping[str, Collection[str]]:
        self.asked.append("pods")
        return self.on

    def statuses(self, nodes: Collection[str]) -> Mapping[str, Status | None]:
        self.asked.append(sorted(nodes))
        return {node: self.status.get(node) for node in nodes}

    def ask(self, now: float) -> Outcome:
        self.asked.clear()
        return self.rounds.ask(now=now)


POLICY = ("shop", "deny")


@pytest.fixture
def cluster() -> Cluster:
    """Two nodes, of which nothing is told yet."""
    return Cluster()


def test_only_what_is_missing_is_asked_for(cluster: Cluster) -> None:
    """The policy each time but the first, nodes until they are done, pods seldom and before the end."""
    assert cluster.ask(0.0) is Outcome.WAITING
    assert cluster.asked == ["pods", ["n1", "n2"]]
    cluster.status["n1"] = told(12)
    assert cluster.ask(1.0) is Outcome.WAITING
    assert cluster.asked == [POLICY, ["n1", "n2"]]
    assert cluster.ask(2.0) is Outcome.WAITING
    assert cluster.asked == [POLICY, ["n2"]]
    assert cluster.ask(PODS) is Outcome.WAITING
    assert cluster.asked == [POLICY, "pods", ["n2"]]
    cluster.status["n2"] = told(13)
    assert cluster.ask(6.0) is Outcome.IN_FORCE
    assert cluster.asked == [POLICY, ["n2"], "pods"]
    assert {n: v.state for n, v in cluster.rounds.nodes.items()} == {"n1": State.IN_FORCE, "n2": State.IN_FORCE}


def test_pods_may_come_to_other_nodes_at_the_last_moment(cluster: Cluster) -> None:
    """The last question is where the pods are."""
    cluster.ask(0.0)
    cluster.status = {"n1": told(12), "n2": told(12)}
    cluster.on = {"n1": ["a"], "n2": ["a"], "n3": ["a"]}

    assert cluster.ask(1.0) is Outcome.WAITING
    assert cluster.rounds.nodes["n3"].state is State.WAITING


def test_nodes_without_pods_are_not_waited_for(cluster: Cluster) -> None:
    """A pod that goes takes its node along."""
    cluster.ask(0.0)
    cluster.status["n1"] = told(12)
    cluster.on = {"n1": ["a"]}

    assert cluster.ask(PODS) is Outcome.IN_FORCE
    assert set(cluster.rounds.nodes) == {"n1"}


def test_no_pods(cluster: Cluster) -> None:
    """Nothing to wait for, and nobody is asked."""
    cluster.on = {}

    assert cluster.ask(0.0) is Outcome.IN_FORCE
    assert cluster.asked == ["pods"]


def test_a_newer_policy_is_the_new_target(cluster: Cluster) -> None:
    """Nodes that were done are asked again."""
    cluster.status = {"n1": told(12)}
    cluster.ask(0.0)
    cluster.target = target(20)
    cluster.status = {"n1": told(12), "n2": told(20)}
    assert cluster.ask(1.0) is Outcome.WAITING
    assert cluster.asked == [POLICY, "pods", ["n1", "n2"]]
    assert cluster.rounds.nodes["n1"].state is State.WAITING
    cluster.status["n1"] = told(25)
    assert cluster.ask(2.0) is Outcome.IN_FORCE
    assert cluster.rounds.target.version == "20"


def test_a_policy_that_fails_is_not_waited_for(cluster: Cluster) -> None:
    """One node is enough; a newer version is another story."""
    cluster.status = {"n1": told(12, Failure("NetworkPolicy", "shop", "deny", "CannotDecode", "m", "12"))}
    assert cluster.ask(0.0) is Outcome.FAILED
    assert cluster.rounds.nodes["n1"].reason == "CannotDecode: m"
    cluster.target = target(13)
    assert cluster.ask(1.0) is Outcome.WAITING


def test_a_policy_that_is_deleted(cluster: Cluster) -> None:
    """Nobody will ever have it in force."""
    cluster.ask(0.0)
    cluster.target = None

    assert cluster.ask(1.0) is Outcome.DELETED


def test_a_round_that_breaks_off_loses_nothing(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one asks again, of the policy too."""
    with monkeypatch.context() as broken:
        broken.setattr(cluster, "statuses", lambda _: (_ for _ in ()).throw(NotNow("no")))
        with pytest.raises(NotNow):
            cluster.ask(0.0)
    cluster.status = {"n1": told(12), "n2": told(12)}

    assert cluster.ask(0.5) is Outcome.IN_FORCE
    assert cluster.asked == [POLICY, ["n1", "n2"], "pods"]


def test_a_node_with_other_pods_is_judged_anew(cluster: Cluster) -> None:
    """It was done, and then a pod came that is not on the bridge there."""
    cluster.status["n1"] = told(12)
    assert cluster.ask(0.0) is Outcome.WAITING
    cluster.on = {"n1": ["a", "stray"], "n2": ["c"]}
    cluster.status = {"n1": told(12, Failure("Pod", "shop", "stray", "NotAttached", "m")), "n2": told(12)}

    assert cluster.ask(PODS) is Outcome.WAITING
    assert cluster.rounds.nodes["n1"].reason == "pod stray: NotAttached: m"
