"""An agent at a glance: what costs next to nothing to say, whatever the size of the cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ryu_netpol.agent.attach import Attached, Sandbox
from ryu_netpol.agent.desired import Desired
from ryu_netpol.agent.events import BridgeSeen, Kind
from ryu_netpol.agent.problems import Problem
from ryu_netpol.agent.store import Store
from ryu_netpol.flows.ir import FlowKey
from ryu_netpol.model.names import Epoch, PodKey
from ryu_netpol.model.net import Address


@dataclass(frozen=True, slots=True)
class Heard:
    """What the agent has been told."""

    objects: Mapping[Kind, int]
    listed: frozenset[Kind]
    """The kinds of which it had a complete list."""
    bridge: bool
    """The bridge, and its gateway port."""
    addresses: bool
    """The node's own."""

    @classmethod
    def of(cls, store: Store, seen: BridgeSeen | None, addresses: Iterable[Address] | None) -> Heard:
        """What has been told so far."""
        return cls(store.counts, store.listed, seen is not None and seen.gateway is not None, addresses is not None)


@dataclass(frozen=True, slots=True)
class OnSwitch:
    """How far the agent is with the switch."""

    connected: bool
    synced: bool
    """Everything has been installed since it connected; what is newer is on its way."""
    epoch: Epoch | None
    generation: int
    """The last plan that was sent; 0 is what was there at the start."""
    in_flight: bool
    """It is not acknowledged yet."""
    in_force: int | None


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much policy there is on this node."""

    policies: int = 0
    """Those that select an endpoint here."""
    identities: int = 0
    """Those that have a number."""
    rules: int = 0

    @classmethod
    def of(cls, desired: Desired) -> Sizes:
        """As it was planned last."""
        policy = desired.policy
        return cls() if policy is None else cls(desired.active, len(policy.members), len(policy.rules))


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the bridge, the gateway's excepted."""

    name: str
    pod: PodKey | None
    """None: nobody knows whose it is."""
    state: str
    """`ready`: its policy is installed; `waiting`: it will be; `closed`: declared, and refused; `unknown`."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What an agent knows and has done."""

    heard: Heard
    switch: OnSwitch
    ports: tuple[Port, ...]
    sizes: Sizes
    problems: frozenset[Problem]
    """What is wrong now."""


def ports(seen: BridgeSeen | None, attached: Attached | None, ready: Iterable[Sandbox]) -> tuple[Port, ...]:
    """Every port by number, with its state. One that came after the last plan waits for the next."""
    there = sorted(seen.ports if seen is not None else (), key=lambda port: (port.number, port.name))
    closed = {port.port for port in attached.closed} if attached is not None else set()
    # No flow speaks for ports of one number.
    closed |= {number for number, count in Counter(port.number for port in there).items() if count > 1}
    installed = {(sandbox.port, sandbox.container) for sandbox in ready}
    found = []
    for port in there:
        if (attachment := port.attachment) is None:
            found.append(Port(port.name, None, "unknown"))
            continue
        settled = "ready" if (port.name, attachment.container) in installed else "waiting"
        state = "closed" if port.number in closed else settled
        found.append(Port(port.name, PodKey(attachment.namespace, attachment.pod), state))
    return tuple(found)


def by_table(flows: Iterable[FlowKey]) -> Counter[int]:
    """How many flows each table has."""
    return Counter(key.table for key in flows)
