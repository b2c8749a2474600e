"""What has changed in the cluster, object by object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from ryu_netpol.model.names import PodKey, PolicyKey
from ryu_netpol.model.objects import Namespace, Pod, Policy

Thing = TypeVar("Thing")


class Change(NamedTuple, Generic[Thing]):
    """What an object was and is; None: it was not, or is not, there."""

    old: Thing | None
    new: Thing | None


@dataclass(frozen=True, slots=True)
class Changes:
    """Every object that is another one now. Nodes matter to no policy."""

    pods: Mapping[PodKey, Change[Pod]] = field(default_factory=dict)
    namespaces: Mapping[str, Change[Namespace]] = field(default_factory=dict)
    """As described: those that are only mentioned are none."""
    policies: Mapping[PolicyKey, Change[Policy]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.pods or self.namespaces or self.policies)
