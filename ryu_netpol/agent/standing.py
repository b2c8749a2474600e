"""What an agent can prove of the objects of an API server: what it has seen, what is in force, and what fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ryu_netpol.agent.events import Kind
from ryu_netpol.model.names import PolicyKey


@dataclass(frozen=True, slots=True)
class Version:
    """How far one kind of objects is known."""

    api: str
    """API version of the list that is followed, as `networking.k8s.io/v1`."""
    version: str
    """A resourceVersion: everything up to it."""


@dataclass(frozen=True, slots=True)
class InForceNow:
    """The flows that packets feel now."""

    generation: int
    since: float
    """Seconds since 1970."""
    took: float | None
    """Seconds from the delivery of the oldest change in them; None where that says nothing, as after a start."""
    versions: Mapping[Kind, Version]
    """The newest version of each kind that is in these flows; none of what did not come from an API server."""


@dataclass(frozen=True, slots=True)
class Concern:
    """Something about an object that whoever wrote it should know."""

    kind: str
    """As `NetworkPolicy`."""
    api: str
    namespace: str
    """Empty for what is in no namespace."""
    name: str
    reason: str
    """One word, as `CannotDecode`."""
    message: str
    """A sentence."""
    uid: str = ""
    version: str = ""
    """resourceVersion of the object that it is about, where it is known."""
    since: float = 0.0
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class PolicyStanding:
    """A policy that selects a pod of this node."""

    key: PolicyKey
    seen: int | None
    """metadata.generation that was seen last; None where it did not come from an API server."""
    version: str
    """resourceVersion that was seen last."""
    in_force: int | None
    """metadata.generation in force; None if none is known to be."""
    since: float | None
    """Since when, in seconds since 1970."""
    took: float | None
    """Seconds from its delivery until it was in force; None for what was there at the start."""
    endpoints: int
    """How many endpoints of this node it selects; 0: its pods here are not attached yet."""
    failures: tuple[Concern, ...] = ()
    """Why it is not enforced as it is written."""
    hints: tuple[Concern, ...] = ()
    """What is enforced as it is written, and surely means something else than was meant."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything that can be proved at one moment."""

    in_force: InForceNow | None
    """None: nobody knows what is on the switch."""
    ready: int
    """Endpoints of this node whose policy is installed."""
    closed: int
    """Those that reach nobody and are reached by nobody, whatever the reason."""
    failures: tuple[Concern, ...]
    """Objects that are not enforced as they are written; policies first."""
    hints: tuple[Concern, ...]
    policies: tuple[PolicyStanding, ...]
    """In the order of their keys."""
