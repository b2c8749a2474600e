"""What is different between two policies of a node, and no more: found by comparing them whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from ryu_netpol.model.net import Address
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.owners import Endpoint
from ryu_netpol.policy.resolve import NodePolicy
from ryu_netpol.policy.touched import Touched

Key = TypeVar("Key")


def difference(before: NodePolicy, after: NodePolicy) -> Touched:
    """The least that a Touched must name."""
    return Touched(
        addresses=_differ(before.local, after.local)
        | _differ(before.remote, after.remote)
        | _differ(before.contested, after.contested)
        | _differ(before.owners, after.owners)
        | _differ(_identities(before), _identities(after)),
        endpoints=_differ(before.endpoints, after.endpoints) | _differ(_owned(before), _owned(after)),
        identities=_differ(before.members, after.members)
        | {i for way, of in after.isolated.items() for i in _differ(before.isolated[way], of)},
        rules=_differ(before.rules, after.rules),
    )


def _differ(old: Mapping[Key, Any], new: Mapping[Key, Any]) -> frozenset[Key]:
    return frozenset(key for key in {*old, *new} if old.get(key) != new.get(key))


def _identities(policy: NodePolicy) -> dict[Address, Identity]:
    return {address: policy.endpoints[endpoint] for address, endpoint in policy.local.items()}


def _owned(policy: NodePolicy) -> dict[Endpoint, set[Address]]:
    owned: dict[Endpoint, set[Address]] = {}
    for address, endpoint in policy.local.items():
        owned.setdefault(endpoint, set()).add(address)
    return owned
