"""Why a connection is gained or lost: the policies that make the difference, or what else does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ryu_netpol.model.names import PolicyKey
from ryu_netpol.oracle.sight import Annotation, Dispute, Judged
from ryu_netpol.oracle.traffic import Traffic


class Presence(NamedTuple):
    """One end of the connection, or its address, is in one of the clusters only."""

    new: bool
    """False: in the old one."""


@dataclass(frozen=True, slots=True)
class Move:
    """The pod is on another node now, and no policy comes between a pod and its own node (NP-50, NP-51)."""


Cause = PolicyKey | Annotation | Dispute | Presence | Move


def causes(traffic: Traffic, closed: Judged, opened: Judged) -> frozenset[Cause]:
    """What makes the difference between two judgements of one direction, for this traffic.

    Where the end is isolated in the more open cluster, it is the policies that allow the traffic there, whose rules are
    not in the other; else it is whatever isolates it in the other.
    """
    found: frozenset[Cause] = frozenset()
    if difference := traffic - closed.allowed:
        if opened.isolated_by:
            found = frozenset(policy for policy, _, part in opened.by if part & difference) or frozenset({Move()})
        else:
            found = frozenset(closed.isolated_by)
    return found
