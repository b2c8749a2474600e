"""Who had an address last, so that its next owner inherits no connection (NP-71, decision 0004)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from immutables import Map

from ryu_netpol.model.net import Address, Cidr
from ryu_netpol.policy.owners import Owner
from ryu_netpol.policy.resolve import NodePolicy
from ryu_netpol.policy.touched import Touched


@dataclass(frozen=True, slots=True)
class Heirs:
    """What one run of the agent knows of earlier owners.

    Who is asked about a policy may be told what is `touched` since the policy of the last `after`: what is not has the
    owner that is remembered. None: anything may be.
    """

    pod_cidrs: tuple[Cidr, ...]
    past: Map[Address, Owner | None] = field(default_factory=Map)
    """The last owner of every address that ever had one; None: somebody who is gone."""
    planned: bool = False
    """The first plan of this run has been made. What it brings to somebody is for flows/narrow.py to see: nobody
    remembers who had an address before."""
    predecessor: bool = False
    """The switch had flows of an earlier run, which may have known owners that this one does not."""
    raised: bool = False
    """The epoch was raised in this run."""

    def inherits(self, policy: NodePolicy, touched: Touched | None = None) -> bool:
        """Whether an address may have passed to another owner."""
        return self.planned and any(
            self._is_heir(address, policy) for address in (policy.owners if touched is None else touched.addresses)
        )

    def _is_heir(self, address: Address, policy: NodePolicy) -> bool:
        owner = policy.owners.get(address)
        if owner is None:
            return False
        if address in self.past:
            return self.past[address] != owner
        if address in policy.local:
            # Connections to it may have been judged as an outsider's, where nothing drops what nobody has.
            return self.predecessor or not any(address in cidr for cidr in self.pod_cidrs)
        return self.predecessor and not self.raised

    def after(self, policy: NodePolicy, touched: Touched | None = None, *, found_flows: bool, raised: bool) -> Heirs:
        """What is known once a plan for this policy has been made."""
        return replace(
            self,
            past=self._past(policy, touched) if self.planned else Map(policy.owners),
            planned=True,
            predecessor=self.predecessor if self.planned else found_flows,
            raised=self.raised or raised,
        )

    def _past(self, policy: NodePolicy, touched: Touched | None) -> Map[Address, Owner | None]:
        addresses: Iterable[Address] = {*self.past, *policy.owners} if touched is None else touched.addresses
        past = self.past.mutate()
        for address in addresses:
            if (owner := policy.owners.get(address)) is not None or address in past:
                past[address] = owner
        return past.finish()
