"""Everything that the agent can want done: a closed union. Whoever does it reports back with an event."""

from __future__ import annotations

from dataclasses import dataclass

from ryu_netpol.flows.delta import Plan


@dataclass(frozen=True, slots=True)
class Program:
    """Send this plan as one atomic bundle; answered by Committed or CommitFailed."""

    plan: Plan
    connection: int
    """The connection whose dump the plan was made from; over another one it must not be sent."""


@dataclass(frozen=True, slots=True)
class Dump:
    """Read back what is on the switch; answered by FlowsDumped."""

    connection: int


@dataclass(frozen=True, slots=True)
class Settle:
    """Find out when packets feel this generation, which is acknowledged; answered by InForce, late or never."""

    generation: int


@dataclass(frozen=True, slots=True)
class Announce:
    """Say that this generation is in force."""

    generation: int


@dataclass(frozen=True, slots=True)
class SaveEpoch:
    """Write the epoch limit into the database; answered by EpochSaved."""

    limit: int


@dataclass(frozen=True, slots=True)
class MarkReady:
    """Tell the CNI plugin that the endpoint of this sandbox is ready."""

    port: str
    """Name of the port."""
    container: str


@dataclass(frozen=True, slots=True)
class MarkSynced:
    """Say on the bridge whether this run of the agent has installed everything it knows."""

    synced: bool


@dataclass(frozen=True, slots=True)
class SetAlarm:
    """Send Ticked after this many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """Something an operator must know: counted under `what`, with a sentence that names the object."""

    what: str
    message: str


Effect = Program | Dump | Settle | Announce | SaveEpoch | MarkReady | MarkSynced | SetAlarm | Report
