"""Asks about a policy round by round, and only of what is not known yet. No clock: the time is an argument."""

from __future__ import annotations

import enum
import math
from collections.abc import Collection, Mapping
from typing import Protocol

from ryu_netpol.adapters.kube.wait.verdict import State, Status, Target, Verdict, judge

PODS = 5.0
"""Seconds after which pods are asked for again: there may be many, and they seldom move."""


class NotNow(Exception):
    """The server may answer when it is asked again; one sentence."""


class Asked(Protocol):
    """Who knows what the server has (`reader.Reader`). Everything raises NotNow, and what is final."""

    def policy(self, namespace: str, name: str) -> Target | None:
        """The policy; None where there is none."""

    def pods(self, target: Target) -> Mapping[str, Collection[str]]:
        """The pods that it selects on each node."""

    def statuses(self, nodes: Collection[str]) -> Mapping[str, Status | None]:
        """What the agents of these nodes told."""


class Outcome(enum.StrEnum):
    """What a round has found."""

    IN_FORCE = "in force"
    WAITING = "waiting"
    FAILED = "failed"
    """It does not come in force as it is written."""
    DELETED = "deleted"


class Rounds:
    """One policy, and the nodes of its pods."""

    def __init__(self, asked: Asked, target: Target) -> None:
        self._asked = asked
        self._known = True
        """The target was asked for a moment ago."""
        self.target = target
        self.pods: Mapping[str, Collection[str]] = {}
        """The pods that it selects on each node."""
        self.nodes: dict[str, Verdict] = {}
        """How far each of these nodes is."""
        self._pods_at = -math.inf

    def ask(self, *, now: float) -> Outcome:
        """The next round: a policy that has changed is waited for as it is now. Raises what `Asked` does."""
        known, self._known = self._known, False
        target = self.target if known else self._asked.policy(self.target.key.namespace, self.target.key.name)
        if target is None:
            return Outcome.DELETED
        if target != self.target:
            self.target, self.nodes, self._pods_at = target, {}, -math.inf
        asked_for_pods = now >= self._pods_at + PODS
        outcome = self._round(now, pods=asked_for_pods)
        if outcome is Outcome.IN_FORCE and not asked_for_pods:
            # They may have come to other nodes meanwhile.
            outcome = self._round(now, pods=True)
        return outcome

    def _round(self, now: float, *, pods: bool) -> Outcome:
        before = self.pods
        if pods:
            self.pods, self._pods_at = self._asked.pods(self.target), now
        # A node is judged by its pods: with others, it is judged anew.
        same = {node for node, there in before.items() if set(there) == set(self.pods.get(node, ()))}
        done = {node: one for node, one in self.nodes.items() if one.state is State.IN_FORCE and node in same}
        missing = sorted(self.pods.keys() - done.keys())
        told = self._asked.statuses(missing) if missing else {}
        verdicts = {**done, **{node: judge(self.target, told.get(node), self.pods[node]) for node in missing}}
        self.nodes = {node: verdicts[node] for node in sorted(self.pods)}
        states = {verdict.state for verdict in self.nodes.values()}
        if State.FAILED in states:
            return Outcome.FAILED
        return Outcome.WAITING if State.WAITING in states else Outcome.IN_FORCE
