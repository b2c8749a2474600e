"""Which epoch comes next, and how many are reserved for this bridge (decision 0004)."""

from __future__ import annotations

from collections.abc import Mapping

from ryu_netpol.flows.ir import Flow, FlowKey
from ryu_netpol.flows.numbers import MAX_EPOCH, following, recover_epoch
from ryu_netpol.model.names import Epoch

AT_ONCE = 1000
"""Epochs are reserved in the database this many at a time, so that raising one does not wait for it."""


class Epochs:
    """Those of one bridge."""

    def __init__(self) -> None:
        self.last: Epoch | None = None
        """This run's; None before its first plan."""
        self.saving = False
        """More are being reserved."""
        self._limit = 0

    def reserved(self, limit: int) -> None:
        """No epoch above this one was ever used on the bridge."""
        self._limit = max(self._limit, limit)

    def current(self, flows: Mapping[FlowKey, Flow] | None) -> Epoch:
        """This run's; on a fresh start that of the flows on the switch, else the last that can have been used."""
        if self.last is not None:
            return self.last
        on_switch = recover_epoch(flows) if flows is not None else None
        return on_switch if on_switch is not None else Epoch(min(self._limit, MAX_EPOCH))

    def following(self, epoch: Epoch) -> tuple[Epoch, int | None]:
        """The next one; and the limit that must be saved before it may be used."""
        found = following(epoch)
        if found <= self._limit:
            return found, None
        # The epoch to go on from is fixed now: the limit is about to grow.
        self.saving, self.last = True, epoch
        return found, min(found + AT_ONCE, MAX_EPOCH)
