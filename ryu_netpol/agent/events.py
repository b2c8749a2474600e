"""Everything that can happen to the agent: a closed union, decoded at the edge, complete in itself."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ryu_netpol.flows.ir import FlowTable
from ryu_netpol.model.names import OfPort
from ryu_netpol.model.net import Address
from ryu_netpol.model.objects import Object


class Kind(enum.StrEnum):
    """The kinds of objects that a feed delivers. The agent is synced when each has been listed once."""

    POD = "Pod"
    NAMESPACE = "Namespace"
    NODE = "Node"
    POLICY = "NetworkPolicy"


@dataclass(frozen=True, slots=True)
class Upserted:
    """An object exists, as it is now."""

    object: Object


@dataclass(frozen=True, slots=True)
class Deleted:
    """An object, as it was last, is gone."""

    object: Object


@dataclass(frozen=True, slots=True)
class Relisted:
    """The complete list of one kind; what is not in it is gone (R12)."""

    kind: Kind
    objects: frozenset[Object]


@dataclass(frozen=True, slots=True)
class Replaced:
    """The complete list of everything, at once: for a feed whose changes belong together."""

    objects: frozenset[Object]


@dataclass(frozen=True, slots=True)
class Said:
    """How an API server has an object: what can be proved later is that this, or what is newer, is in force."""

    uid: str
    version: str
    """metadata.resourceVersion"""
    generation: int
    """metadata.generation: grows with every change of its spec."""
    errors: tuple[str, ...] = ()
    """Why it cannot be taken as it is written."""
    kept: bool = False
    """What it said before stays in force instead (UR-1)."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A feed has told everything of a kind up to a version; comes after the changes that it speaks of."""

    kind: Kind
    api: str
    """The API version that is followed, as `networking.k8s.io/v1`."""
    version: str
    """A resourceVersion."""
    said: Mapping[Any, Said | None]
    """What is new, by key: of policies; of other objects only where they have errors. None: gone, or without."""
    complete: bool = False
    """Nothing else is known of this kind any more."""


@dataclass(frozen=True, slots=True)
class Together:
    """Changes that belong together, in this order: nobody looks at a state in between."""

    events: tuple[Upserted | Deleted | Relisted | Reached, ...]


@dataclass(frozen=True, slots=True)
class Attachment:
    """What the CNI plugin wrote about a pod's port (docs/cni.md)."""

    namespace: str
    pod: str
    uid: str
    container: str
    """Container id of the sandbox."""
    ifname: str
    mac: int
    addresses: tuple[Address, ...]
    created: int
    """Time of the ADD, nanoseconds; of two claims to one address the newer wins (NP-71)."""


@dataclass(frozen=True, slots=True)
class BridgePort:
    """A port of the bridge that has an OpenFlow number, the gateway excepted."""

    name: str
    number: OfPort
    attachment: Attachment | None = None
    """None: nobody declared it, or what was declared cannot be read; then `problem` says why."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class GatewayPort:
    """The node's own internal port on the bridge."""

    number: OfPort
    mac: int


@dataclass(frozen=True, slots=True)
class BridgeSeen:
    """The complete state of the bridge in OVSDB. A port that an earlier boot declared counts as unknown."""

    ports: frozenset[BridgePort]
    gateway: GatewayPort | None
    epoch_limit: int = 0
    """No epoch above this one was ever used on this bridge, whatever happened to its flows (decision 0004)."""


@dataclass(frozen=True, slots=True)
class HostAddressesSeen:
    """Every address of the node itself, as its kernel knows them (NP-61)."""

    addresses: frozenset[Address]


@dataclass(frozen=True, slots=True)
class SwitchUp:
    """The switch is connected; nothing is known of its flows yet."""

    connection: int
    """Number of the connection: what belongs to an earlier one is stale."""


@dataclass(frozen=True, slots=True)
class FlowsDumped:
    """Everything on the switch that carries our cookies."""

    connection: int
    flows: FlowTable
    meters: frozenset[int] = frozenset()
    unreadable: int = 0
    """Flows that could not be read: then nothing is known, and everything is replaced."""


@dataclass(frozen=True, slots=True)
class SwitchLost:
    """The connection ended."""

    connection: int


@dataclass(frozen=True, slots=True)
class Committed:
    """The switch acknowledged the bundle of this generation."""

    generation: int


@dataclass(frozen=True, slots=True)
class CommitFailed:
    """The switch refused the bundle, or nobody knows what became of it."""

    generation: int
    errors: tuple[str, ...]
    rules: frozenset[int] = frozenset()
    """Numbers of the rules whose flows the errors name."""


@dataclass(frozen=True, slots=True)
class InForce:
    """No packet is treated any more as it was before this generation was committed (decision 0010)."""

    generation: int


@dataclass(frozen=True, slots=True)
class EpochSaved:
    """The epoch limit is in the database."""

    limit: int


@dataclass(frozen=True, slots=True)
class Ticked:
    """An alarm went off (SetAlarm)."""


Event = (
    Upserted
    | Deleted
    | Relisted
    | Replaced
    | Reached
    | Together
    | BridgeSeen
    | HostAddressesSeen
    | SwitchUp
    | FlowsDumped
    | SwitchLost
    | Committed
    | CommitFailed
    | InForce
    | EpochSaved
    | Ticked
)
