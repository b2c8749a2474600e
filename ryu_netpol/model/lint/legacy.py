"""The API of Kubernetes 1.3, where less means something else than today."""

from __future__ import annotations

from collections.abc import Iterator

from ryu_netpol.model.decode.core import ANNOTATION
from ryu_netpol.model.decode.problem import plain
from ryu_netpol.model.lint.case import Case, Finding, Name


def without_isolation(case: Case) -> Iterator[Finding]:
    """The policy has no effect, because its namespace is not isolated (LG-4)."""
    if not case.policy.legacy:
        return
    namespace = case.scene.listed.get(case.namespace)
    if namespace is not None and not namespace.default_deny:
        reason = f"has no effect in this API version: namespace {plain(namespace.name)} has no {ANNOTATION} DefaultDeny"
        yield Finding(Name.LEGACY_NOT_ISOLATED, ("apiVersion",), reason)


def empty_list(case: Case) -> Iterator[Finding]:
    """An empty list matches nothing here, and everything in v1 (LG-7). Without rules nothing is allowed (LG-10)."""
    if not case.policy.legacy:
        return
    if not case.policy.ingress:
        reason = "has no rules: in this API version the policy has no effect, it isolates nothing"
        yield Finding(Name.LEGACY_EMPTY_LIST, ("spec", "ingress"), reason)
    for written in case.rules():
        for field, entries in (("from", written.rule.peers), ("ports", written.rule.ports)):
            if entries == ():
                reason = "matches nothing in this API version, so that the rule allows nothing; leave it out for any"
                yield Finding(Name.LEGACY_EMPTY_LIST, (*written.path, field), reason)
