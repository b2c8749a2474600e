"""Events in words, for the log."""

from __future__ import annotations

from typing import assert_never

from ryu_netpol.agent.events import (
    BridgeSeen,
    CommitFailed,
    Committed,
    Deleted,
    EpochSaved,
    Event,
    FlowsDumped,
    HostAddressesSeen,
    InForce,
    Reached,
    Relisted,
    Replaced,
    SwitchLost,
    SwitchUp,
    Ticked,
    Together,
    Upserted,
)
from ryu_netpol.agent.store import key_of


def describe(event: Event) -> str:
    """An event in one line, without what may be long."""
    match event:
        case Relisted(kind, objects):
            return f"relisted {kind}: {len(objects)}"
        case Replaced(objects):
            return f"replaced everything: {len(objects)} objects"
        case Reached(kind, _, version):
            return f"reached version {version} of {kind}"
        case Together(events):
            return f"{len(events)} changes together: {', '.join(map(describe, events[:5]))}"
        case FlowsDumped(connection, flows, meters, unreadable):
            return f"dumped over connection {connection}: {len(flows)} flows, {len(meters)} meters, {unreadable} unread"
        case BridgeSeen(ports, gateway, epoch_limit):
            return f"bridge seen: {len(ports)} ports, gateway {gateway}, epoch limit {epoch_limit}"
        case HostAddressesSeen(addresses):
            return f"host addresses: {', '.join(sorted(map(str, addresses)))}"
        case Upserted(item) | Deleted(item):
            return f"{type(event).__name__.lower()} {type(item).__name__} {key_of(item)}"
        case SwitchUp() | SwitchLost() | Committed() | CommitFailed() | InForce() | EpochSaved() | Ticked():
            return repr(event)
        case _:
            assert_never(event)
