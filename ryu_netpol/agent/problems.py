"""What is wrong on this node while it lasts: ports, pods, addresses, and what the switch refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ryu_netpol.model.names import PodKey, PolicyKey
from ryu_netpol.policy.resolve import NodePolicy
from ryu_netpol.policy.rules import RuleKey


class Problem(NamedTuple):
    """Something an operator must know as long as it is so."""

    what: str
    """The kind of report under which it is counted (docs/operations.md)."""
    message: str
    pods: tuple[PodKey, ...] = ()
    """Those that are closed by it."""


class Refused(NamedTuple):
    """What the switch did not take, since the last bundle that it took."""

    errors: tuple[str, ...] = ()
    policies: frozenset[PolicyKey] = frozenset()
    """Those whose flows the errors name."""


def contested(policy: NodePolicy) -> Iterable[Problem]:
    """Addresses that nobody has, because several claim them."""
    for address, pods in policy.contested.items():
        yield Problem(
            "contested_address", f"address {address} is closed: {' and '.join(map(str, pods))} claim it", tuple(pods)
        )


def policies_of(numbers: Iterable[int], rules: Iterable[tuple[RuleKey, int]]) -> frozenset[PolicyKey]:
    """The policies whose rules have these numbers."""
    wanted = frozenset(numbers)
    return frozenset(key.policy for key, number in rules if number in wanted)
