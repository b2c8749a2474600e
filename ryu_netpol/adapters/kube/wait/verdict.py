"""Whether a policy is in force on a node, by what the node's agent has told (NodePolicyStatus). Pure.

A status has one version for all policies: everything up to it is in force, but what is among the failures.
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass

from msgspec import Struct

from ryu_netpol.adapters.kube.protocol import number
from ryu_netpol.agent.events import Kind
from ryu_netpol.model.labels import Selector
from ryu_netpol.model.names import PolicyKey

FINAL = "CannotDecode"
"""The reason of a failure that stays until somebody changes the policy. What a switch refuses is tried again."""


@dataclass(frozen=True, slots=True)
class Target:
    """A policy, as the API server has it now."""

    key: PolicyKey
    uid: str
    version: str
    generation: int
    subject: Selector

    def __str__(self) -> str:
        """As users are told of it."""
        return f"NetworkPolicy {self.key}" + (f", generation {self.generation}," if self.generation else "")


class Seen(Struct):
    """The newest version in force of one kind."""

    apiVersion: str
    kind: str
    resourceVersion: str


class InForce(Struct):
    """The flows that packets feel."""

    generation: int
    since: str
    seen: list[Seen] = []


class Failure(Struct):
    """An object that is not enforced as it is written."""

    kind: str
    namespace: str
    name: str
    reason: str
    message: str
    resourceVersion: str = ""


class Status(Struct):
    """What a node's agent has told (deploy/base/nodepolicystatus.yaml), as far as it matters here."""

    inForce: InForce | None = None
    failureCount: int = 0
    failures: list[Failure] = []
    told: str = ""


class State(enum.StrEnum):
    """How far a node is."""

    IN_FORCE = "in force"
    WAITING = "waiting"
    FAILED = "failed"
    """And it stays so until somebody changes the policy."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far a node is, and why."""

    state: State
    reason: str = ""
    generation: int | None = None
    """Of the node's flows, not of the policy."""
    since: str = ""
    version: str = ""
    """The newest version of policies that is in force there."""
    told: str = ""
    """When its agent said so."""


def judge(target: Target, status: Status | None, pods: Collection[str] = ()) -> Verdict:
    """How far a node is with a policy, of which it has these pods; None where it has told nothing."""
    if status is None:
        return Verdict(State.WAITING, "nothing was ever told from there: does an agent run?")
    failures = _failures(target, status)
    if final := [one for one in failures if one.resourceVersion == target.version and one.reason == FINAL]:
        return Verdict(State.FAILED, _sentence(final[0]), told=status.told)
    if status.inForce is None:
        why = next((f": {_sentence(one)}" for one in status.failures if one.kind == Kind.NODE), "")
        return Verdict(State.WAITING, f"nothing is known to be in force there{why}", told=status.told)
    now = status.inForce
    version = next((seen.resourceVersion for seen in now.seen if _is_of(seen, target)), "")
    failures += [one for one in status.failures if _is_of_pod(one, target.key.namespace, pods)]
    state, reason = _of_version(target, version, failures, status, pods)
    return Verdict(state, reason, now.generation, now.since, version, status.told)


def _of_version(
    target: Target, version: str, failures: list[Failure], status: Status, pods: Collection[str]
) -> tuple[State, str]:
    if not version:
        return State.WAITING, f"no policy of {target.key.api} is in force there"
    if not _reached(version, target.version):
        return State.WAITING, f"version {version} is in force there, not yet {target.version}"
    if failures:
        about = "" if failures[0].kind == Kind.POLICY else f"pod {failures[0].name}: "
        return State.WAITING, f"{about}{_sentence(failures[0])}"
    if not _are_all_listed(status, target.key.namespace, pods):
        return State.WAITING, f"{status.failureCount:,} objects fail there, and not all of them are told"
    return State.IN_FORCE, ""


def _is_of(seen: Seen, target: Target) -> bool:
    """Whether the version is one of the policies among which the target is: versions of one resource have one order."""
    return seen.kind == Kind.POLICY and seen.apiVersion.partition("/")[0] == target.key.api.partition("/")[0]


def _reached(version: str, target: str) -> bool:
    one, other = number(version), number(target)
    return version == target or (one is not None and other is not None and one >= other)


def _failures(target: Target, status: Status) -> list[Failure]:
    """Those of the policy, of its version first."""
    key = (Kind.POLICY, target.key.namespace, target.key.name)
    named = [failure for failure in status.failures if (failure.kind, failure.namespace, failure.name) == key]
    return sorted(named, key=lambda one: one.resourceVersion != target.version)


def _is_of_pod(failure: Failure, namespace: str, pods: Collection[str]) -> bool:
    """Whether it is about one of these pods, which the policy selects."""
    return failure.kind == Kind.POD and failure.namespace == namespace and failure.name in pods


def _are_all_listed(status: Status, namespace: str, pods: Collection[str]) -> bool:
    """Whether every failure is listed that matters here: policies come first, then everything by its name."""
    if status.failureCount <= len(status.failures):
        return True
    last = status.failures[-1] if status.failures else None
    if last is None or last.kind == Kind.POLICY:
        return False
    return all((namespace, pod) < (last.namespace, last.name) for pod in pods)


def _sentence(failure: Failure) -> str:
    return f"{failure.reason}: {failure.message}"
