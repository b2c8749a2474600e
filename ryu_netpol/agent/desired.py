"""What should be on the switch: policy, numbers and flows of the cluster as it is, kept up to date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ryu_netpol.flows.bridge import Bridge
from ryu_netpol.flows.ir import Flow, FlowKey
from ryu_netpol.flows.live import LiveFlows
from ryu_netpol.flows.numbers import Numbers, recover
from ryu_netpol.model.names import Epoch, NodeName
from ryu_netpol.policy.coverage import Coverage
from ryu_netpol.policy.live import Changes, LivePolicy
from ryu_netpol.policy.owners import Endpoint
from ryu_netpol.policy.resolve import NodePolicy
from ryu_netpol.policy.touched import Touched


class Desired:
    """Equal to a full recomputation after every update, with work in proportion to what changed (decision 0012)."""

    def __init__(self, node: NodeName) -> None:
        self._live = LivePolicy(node)
        self._flows = LiveFlows()
        self.policy: NodePolicy | None = None
        self.numbers: Numbers | None = None

    @property
    def flows(self) -> Mapping[FlowKey, Flow]:
        """The whole table: a view."""
        return self._flows.table

    @property
    def active(self) -> int:
        """How many policies select an endpoint of this node."""
        return self._live.active

    def coverage(self) -> Iterator[Coverage]:
        """What they mean here."""
        return self._live.coverage()

    @property
    def meters(self) -> frozenset[int]:
        """The meters that the flows refer to."""
        return self._flows.meters

    def update(
        self,
        changes: Changes,
        endpoints: Iterable[Endpoint],
        bridge: Bridge,
        epoch: Epoch,
        on_switch: Mapping[FlowKey, Flow],
    ) -> tuple[NodePolicy, set[FlowKey], Touched]:
        """Follow the cluster; returns the policy, and which flows and what of it may be other than before.

        `on_switch` is where numbers are found again that an earlier run gave out.
        """
        policy, touched = self._live.update(changes, endpoints)
        self.policy = policy
        if self.numbers is None:
            self.numbers = recover(on_switch, policy)
        else:
            self.numbers = self.numbers.assign(policy, touched)
        return policy, self._flows.update(policy, bridge, self.numbers, epoch, touched), touched

    def raise_epoch(self, bridge: Bridge, epoch: Epoch) -> set[FlowKey]:
        """The same with another epoch; returns the flows that are others. Raises RuntimeError before any update."""
        if self.policy is None or self.numbers is None:
            raise RuntimeError("there is nothing yet that could have an epoch")
        return self._flows.update(self.policy, bridge, self.numbers, epoch, Touched())

    def alive(self) -> frozenset[int]:
        """The numbers of all identities."""
        return frozenset(map(int, self.numbers.identities.values())) if self.numbers is not None else frozenset()
