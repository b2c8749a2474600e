"""Directions that a policy isolates or not without saying so, and the namespace it is in."""

from __future__ import annotations

from collections.abc import Iterator

from ryu_netpol.model.decode.problem import plain
from ryu_netpol.model.lint.case import Case, Finding, Name
from ryu_netpol.model.lint.scene import BUILT_IN
from ryu_netpol.model.names import Direction

_TYPES = ("spec", "policyTypes")


def egress_cuts_ingress(case: Case) -> Iterator[Finding]:
    """Egress rules alone, without policyTypes: the policy isolates for ingress as well (NP-11)."""
    if case.policy.legacy or case.written(_TYPES) or case.written(("spec", "ingress")) is not None:
        return
    if case.policy.egress:
        reason = "is missing: a policy with nothing but egress rules also cuts all ingress; write [Egress] if not meant"
        yield Finding(Name.EGRESS_CUTS_INGRESS, _TYPES, reason)


def list_without_effect(case: Case) -> Iterator[Finding]:
    """An empty list of a direction that the policy does not have: it denies nothing (NP-12).

    Lists with rules are the decoder's.
    """
    if case.policy.legacy:
        return
    for direction in Direction:
        path = ("spec", direction.lower())
        if direction not in case.policy.directions and case.written(path) == []:
            reason = f"denies nothing: {direction} is not in policyTypes"
            yield Finding(Name.LIST_WITHOUT_EFFECT, path, reason)


def unknown_namespace(case: Case) -> Iterator[Finding]:
    """There are manifests of namespaces, and the policy is in none of them."""
    known = {*case.scene.listed, *case.scene.pods, *(BUILT_IN - {"default"})}
    if case.scene.listed and case.namespace not in known:
        reason = f"{plain(case.namespace)} is not among the namespaces of the manifests"
        yield Finding(Name.UNKNOWN_NAMESPACE, ("metadata", "namespace"), reason)
