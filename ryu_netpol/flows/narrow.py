"""Whether a plan makes policy narrower, so that established connections must be judged again (decision 0004).

Where it is known what policy the installed flows stand for, the two policies are compared (policy/narrower.py), and of
the flows only those that no policy brings about. Otherwise, after a restart, the flows themselves are: they cannot say
whose they are, so that errs on the narrow side. A needless raise of the epoch costs every live connection one visit to
the slow path, a missing one would let a revoked connection live on.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Set

from ryu_netpol.flows.delta import Plan
from ryu_netpol.flows.fields import DEST_IDENTITY, SOURCE_IDENTITY
from ryu_netpol.flows.ir import Conjunction, CookieKind, Flow, FlowKey
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.model.net import Address
from ryu_netpol.policy.narrower import narrower
from ryu_netpol.policy.resolve import NodePolicy
from ryu_netpol.policy.touched import Touched

_NEVER = frozenset({CookieKind.SPOOF, CookieKind.CLOSED, CookieKind.UNKNOWN, CookieKind.MISS})
"""Flows about ports that speak or do not speak at all: CLASSIFY sees to that for every packet."""

_POLICY = frozenset({CookieKind.ENDPOINT, CookieKind.ADDRESS, CookieKind.ISOLATED, CookieKind.RULE, CookieKind.CLAUSE})
"""Flows about which a comparison of policies says all that there is to say."""

_ADDRESS_TABLES = frozenset({TableId.SOURCE_ID, TableId.DEST_ID})


def narrows(
    installed: Mapping[FlowKey, Flow],
    change: Plan,
    *,
    before: NodePolicy | None,
    after: NodePolicy,
    alive: Callable[[], Set[int]],
    touched: Touched | None = None,
) -> bool:
    """Tell whether some connection that was allowed may be denied after the change.

    `before`: the policy that is installed, None if nobody knows. `touched`: where it may differ from `after`, None:
    anywhere. `alive`: numbers of the identities that remain, asked for only where there is no `before`; clauses of
    others concern nobody. That an address passes to another owner is not seen here: the agent keeps count of that.
    """
    if change.replace_all or not installed:
        return True  # Connection tracking may remember what the flow tables have forgotten.
    said: frozenset[CookieKind] = frozenset()
    numbers: Set[int] = frozenset()
    if before is None:
        numbers = alive()
    elif narrower(before, after, touched):
        return True
    else:
        said = _POLICY
    return any(_deleted(flow, numbers, after.owners) for flow in change.deletes if flow.cookie.kind not in said) or any(
        _changed(installed[flow.key], flow) if flow.key in installed else _added(flow)
        for flow in change.adds
        if flow.cookie.kind not in said
    )


def _addresses(flow: Flow) -> frozenset[Address]:
    """The addresses that a flow of SOURCE_ID or DEST_ID is about."""
    if flow.table not in _ADDRESS_TABLES:
        return frozenset()
    return frozenset(
        Address(6 if field.field.startswith("ipv6") else 4, field.value)
        for field in flow.match.fields
        if field.field.startswith(("ipv4_", "ipv6_"))
    )


def _deleted(flow: Flow, alive: Container[int], owned: Container[Address]) -> bool:
    if flow.cookie.kind in _NEVER or flow.cookie.kind in (CookieKind.ISOLATED, CookieKind.CONTESTED):
        return False
    if flow.cookie.kind in (CookieKind.ENDPOINT, CookieKind.ADDRESS):
        # A pod that is gone opens nothing. One that still has the address is somebody now whom no rule refers to.
        return any(address in owned for address in _addresses(flow))
    if flow.cookie.kind in (CookieKind.CLAUSE, CookieKind.RULE):
        numbers = [
            found.value for sub in (SOURCE_IDENTITY, DEST_IDENTITY) if (found := flow.match.get(sub.field)) is not None
        ]
        return not numbers or any(number in alive for number in numbers)
    return True


def _changed(old: Flow, new: Flow) -> bool:
    if old.actions == new.actions:
        return False
    if old.cookie.kind is CookieKind.CLAUSE:
        return not set(_conjunctions(old)) <= set(_conjunctions(new))
    return old.cookie.kind not in _NEVER


def _conjunctions(flow: Flow) -> list[Conjunction]:
    return [action for action in flow.actions if isinstance(action, Conjunction)]


def _added(flow: Flow) -> bool:
    if flow.cookie.kind in (CookieKind.ENDPOINT, CookieKind.ADDRESS):
        # Nobody remembers who had the address last: it may have passed on while there was no agent.
        return bool(_addresses(flow))
    return flow.cookie.kind in (CookieKind.ISOLATED, CookieKind.CONTESTED)
