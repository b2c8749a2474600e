"""What an agent shows of itself."""

from __future__ import annotations

from dataclasses import dataclass

from ryu_netpol.agent.problems import Problem
from ryu_netpol.flows.delta import Plan
from ryu_netpol.flows.ir import FlowTable
from ryu_netpol.flows.numbers import Numbers
from ryu_netpol.model.names import Epoch
from ryu_netpol.model.objects import Cluster
from ryu_netpol.policy.resolve import NodePolicy


@dataclass(frozen=True, slots=True)
class AgentView:
    """What the agent knows, for status, tests and a curious operator."""

    cluster: Cluster
    policy: NodePolicy | None
    numbers: Numbers | None
    epoch: Epoch | None
    installed: FlowTable | None
    in_flight: Plan | None
    synced: bool
    in_force: int | None
    """The highest generation that packets are known to feel; 0 is what the agent found at its start."""
    problems: frozenset[Problem]
