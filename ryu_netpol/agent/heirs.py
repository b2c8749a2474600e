"""Who had an address last, so that its next owner inherits no connection (NP-71, decision 0004)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ryu_netpol.model.net import Address, Cidr
from ryu_netpol.policy.owners import Owner
from ryu_netpol.policy.resolve import NodePolicy


@dataclass(frozen=True, slots=True)
class Heirs:
    """What one run of the agent knows of earlier owners."""

    pod_cidrs: tuple[Cidr, ...]
    past: dict[Address, Owner | None] = field(default_factory=dict)
    """The last owner of every address that ever had one; None: somebody who is gone."""
    planned: bool = False
    """The first plan of this run has been made. What it brings to somebody is for flows/narrow.py to see: nobody
    remembers who had an address before."""
    predecessor: bool = False
    """The switch had flows of an earlier run, which may have known owners that this one does not."""
    raised: bool = False
    """The epoch was raised in this run."""

    def inherits(self, policy: NodePolicy) -> bool:
        """Whether an address may have passed to another owner."""
        return any(self._is_heir(address, owner, policy) for address, owner in policy.owners.items())

    def _is_heir(self, address: Address, owner: Owner, policy: NodePolicy) -> bool:
        if address in self.past:
            return self.past[address] != owner
        if not self.planned:
            return False
        if address in policy.local:
            # Connections to it may have been judged as an outsider's, where nothing drops what nobody has.
            return self.predecessor or not any(address in cidr for cidr in self.pod_cidrs)
        return self.predecessor and not self.raised

    def after(self, policy: NodePolicy, *, found_flows: bool, raised: bool) -> Heirs:
        """What is known once a plan for this policy has been made."""
        return replace(
            self,
            past=dict.fromkeys(self.past) | dict(policy.owners),
            planned=True,
            predecessor=self.predecessor if self.planned else found_flows,
            raised=self.raised or raised,
        )
