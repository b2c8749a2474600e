"""Causes in words, and what became of a policy between two clusters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ryu_netpol.cli.diff.cause import Cause, Move, Presence
from ryu_netpol.model.names import Api, PolicyKey
from ryu_netpol.model.objects import Cluster, Policy
from ryu_netpol.oracle.sight import Annotation

Json = dict[str, object]

NEW, GONE, CHANGED, SAME = "new", "gone", "changed", "unchanged"


class Reasons:
    """What differs between two clusters."""

    def __init__(self, old: Cluster, new: Cluster) -> None:
        self._old, self._new = old, new
        keys = sorted({*old.policies, *new.policies})
        self.policies: Mapping[PolicyKey, str] = {
            key: state(*(_rules(cluster.policies.get(key)) for cluster in (old, new))) for key in keys
        }
        """What became of each policy."""

    def words(self, cause: Cause) -> str:
        """One cause."""
        match cause:
            case PolicyKey():
                state = self.policies[cause]
                hint = " itself: labels, ports or addresses differ" if state == SAME else ""
                return f"{_kind(cause)} {cause} ({state}{hint})"
            case Annotation():
                return f"Annotation of namespace {cause.namespace} ({self._annotation(cause)})"
            case Presence():
                return "New" if cause.new else "Gone"
            case Move():
                return "Pods on another node"
        return "Addresses that two pods claim"

    def json(self, cause: Cause) -> Json:
        """One cause."""
        match cause:
            case PolicyKey():
                found: Json = {"kind": "NetworkPolicy", "namespace": cause.namespace, "name": cause.name}
                return {**found, "apiVersion": str(cause.api), "state": self.policies[cause]}
            case Annotation():
                return {"kind": "Namespace", "name": cause.namespace, "state": self._annotation(cause)}
            case Presence():
                return {"kind": "Presence", "state": NEW if cause.new else GONE}
            case Move():
                return {"kind": "Move"}
        return {"kind": "Dispute"}

    def _annotation(self, cause: Annotation) -> str:
        old, new = (
            cause.namespace in cluster.namespaces and cluster.namespaces[cause.namespace].default_deny
            for cluster in (self._old, self._new)
        )
        return state(old or None, new or None)


def order(cause: Cause) -> tuple[int, tuple[str, ...]]:
    """A sort key: policies first, who is new or gone last."""
    ranks = (PolicyKey, Annotation, Move, Presence)
    rank = next((index for index, kind in enumerate(ranks) if isinstance(cause, kind)), len(ranks))
    return rank, tuple(map(str, cause)) if isinstance(cause, tuple) else ()


def state(old: object, new: object) -> str:
    """What became of something; None is what is not there."""
    if old is None or new is None:
        return NEW if old is None else GONE
    return SAME if old == new else CHANGED


def _rules(policy: Policy | None) -> Policy | None:
    """The policy without what means nothing."""
    return None if policy is None else replace(policy, uid="")


def _kind(key: PolicyKey) -> str:
    return "NetworkPolicy" if key.api is Api.V1 else f"NetworkPolicy of {key.api}"
