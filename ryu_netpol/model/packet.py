"""What can be asked about a cluster, and what an answer looks like."""

from __future__ import annotations

from dataclasses import dataclass, field

from ryu_netpol.model.names import Direction, NodeName, PodKey, PolicyKey, Protocol
from ryu_netpol.model.net import Address


@dataclass(frozen=True, slots=True)
class Connection:
    """Somebody opens a connection: the one thing that policies speak about.

    Addresses are those that the packets carry where the bridge sees them (NP-80, NP-82).
    """

    source: Address
    destination: Address
    protocol: Protocol
    port: int | None = None
    """Destination port; None for protocols that have none."""
    origin: NodeName | None = None
    """The node whose own processes opened it; None when a pod or an outsider did (NP-50)."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """How one direction was judged at its subject."""

    direction: Direction
    subject: PodKey
    allowed: bool
    isolated_by: tuple[PolicyKey, ...] = ()
    """The policies that isolate the subject; with none and isolated, the namespace's annotation does (LG-1)."""
    isolated: bool = False
    policy: PolicyKey | None = None
    """A policy that allows the connection, with the index of the rule."""
    rule: int | None = None

    def __str__(self) -> str:
        word = self.direction.lower()
        if self.policy is not None:
            return f"{word}: {self.policy} rule {self.rule} allows it"
        if not self.isolated:
            return f"{word}: {self.subject} is not isolated"
        if self.allowed:
            return f"{word}: no policy comes between {self.subject} and its own node"
        by = ", ".join(map(str, self.isolated_by)) or "the annotation of its namespace"
        return f"{word}: {self.subject} is isolated by {by} and no rule allows it"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a connection is allowed, and why."""

    allowed: bool
    reason: str
    judgements: tuple[Judgement, ...] = field(default=())
