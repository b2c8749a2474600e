"""Whether what the agent can prove must be told, and how soon. Pure.

Versions move with every object of the cluster, and nobody waits for that. What somebody may wait for is that a policy
comes in force where it has pods, or that something goes wrong or right.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ryu_netpol.adapters.kube.protocol import older
from ryu_netpol.adapters.kube.tell.status import status
from ryu_netpol.adapters.kube.tell.words import Json
from ryu_netpol.agent.events import Kind
from ryu_netpol.agent.standing import Standing, Version


class Need(enum.Enum):
    """How soon to write."""

    NOTHING = enum.auto()
    LATER = enum.auto()
    """Also where nothing has changed: somebody may have changed what the server has, and wants to know who is alive."""
    SOON = enum.auto()


@dataclass(frozen=True, slots=True)
class Picture:
    """What is told, and what of it somebody waits for."""

    status: Json
    news: tuple[object, ...]
    """What is told soon whenever it is another."""
    versions: Mapping[Kind, Version]
    """What is in force."""
    proved: frozenset[tuple[object, ...]]
    """Policies in force that select endpoints here, each in its version: one more is told soon, one less is not."""

    @classmethod
    def of(cls, standing: Standing, agent: str) -> Picture:
        """What an agent with this name is to tell."""
        failures = frozenset((c.kind, c.namespace, c.name, c.reason, c.message, c.version) for c in standing.failures)
        return cls(
            status(standing, agent),
            (standing.in_force is None, standing.ready, standing.closed, failures),
            {} if standing.in_force is None else standing.in_force.versions,
            frozenset(_proved(standing)),
        )


def need(told: Picture | None, wanted: Picture) -> Need:
    """How soon to tell it; None where nobody knows what was told."""
    if told is None:
        return Need.SOON
    # A backup that was put back takes back what was proved.
    back = any(older(wanted.versions[kind].version, told.versions[kind].version) for kind in _both(told, wanted))
    return Need.SOON if back or told.news != wanted.news or wanted.proved - told.proved else Need.LATER


def _both(told: Picture, wanted: Picture) -> Iterable[Kind]:
    return told.versions.keys() & wanted.versions.keys()


def _proved(standing: Standing) -> list[tuple[object, ...]]:
    """Without those of which a newer version is known: it is worth telling when that is in force."""
    if standing.in_force is None:
        return []
    version = standing.in_force.versions.get(Kind.POLICY)
    known = version.version if version is not None else ""
    return [
        (policy.key, policy.in_force, policy.version)
        for policy in standing.policies
        if policy.in_force is not None and not older(known, than=policy.version)
    ]
