"""The table of a node, kept up to date: the incremental twin of `compile_node`, in steps that follow what changed.

The table is made of parts: what one address brings, one endpoint, one isolated identity, one rule, one merged clause;
and the few that belong to the node. A change makes anew the parts that it can concern, and those only.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from ryu_netpol.flows.addresses import address_flows, node_flows
from ryu_netpol.flows.base import base_flows, epoch_flows
from ryu_netpol.flows.bridge import Bridge
from ryu_netpol.flows.clauses import MergedClauses
from ryu_netpol.flows.compile import meters
from ryu_netpol.flows.conjunction import conjunction_flow, dimensions, isolation_flows, versions_of
from ryu_netpol.flows.endpoints import endpoint_flows, silent_flows
from ryu_netpol.flows.ir import Flow, FlowKey
from ryu_netpol.flows.numbers import Numbers
from ryu_netpol.model.names import ConjId, Epoch
from ryu_netpol.model.net import VERSIONS, Address, Version
from ryu_netpol.policy.identity import Identity
from ryu_netpol.policy.owners import Endpoint
from ryu_netpol.policy.resolve import NodePolicy
from ryu_netpol.policy.rules import RuleKey
from ryu_netpol.policy.touched import Touched, everything


class Whole(enum.Enum):
    """Parts of which a node has one."""

    BRIDGE = enum.auto()
    EPOCH = enum.auto()
    SILENT = enum.auto()


PartKey = Whole | Endpoint | Address | Identity | ConjId | FlowKey
"""Whose part it is. A flow's key stands for a clause, which is a part of its own."""

Part = tuple[PartKey, tuple[Flow, ...]]


class LiveFlows:
    """What `compile_node` would make of the policy, bridge, numbers and epoch that it was told last."""

    def __init__(self) -> None:
        self._parts = _Parts()
        self._clauses = MergedClauses()
        self._policy: NodePolicy | None = None
        self._bridge: Bridge | None = None
        self._numbers = Numbers()
        self._epoch: Epoch | None = None
        self._speaking: Counter[Version] = Counter()
        """How many addresses of endpoints there are, by IP version."""
        self._versions: tuple[Version, ...] = VERSIONS
        self.table: Mapping[FlowKey, Flow] = MappingProxyType(self._parts.table)
        """All flows, as they are now: a view."""
        self.meters: frozenset[int] = frozenset()
        """The meters that they refer to."""

    def update(
        self, policy: NodePolicy, bridge: Bridge, numbers: Numbers, epoch: Epoch, touched: Touched
    ) -> set[FlowKey]:
        """Follow a change; returns the keys at which the table is another than before, and no others.

        `touched` must name all that may differ between this policy and that of the last call, the first time
        everything. `numbers` must have come from the last ones by `assign`.
        """
        if self._bridge is not None and _reshaped(self._bridge, bridge):
            touched |= everything(policy)
        remade = dict(self._remade(policy, bridge, numbers, epoch, touched))
        if touched.endpoints or bridge != self._bridge:
            self.meters = meters(policy, bridge)
        self._policy, self._bridge, self._numbers, self._epoch = policy, bridge, numbers, epoch
        return self._parts.put(remade)

    def _remade(
        self, policy: NodePolicy, bridge: Bridge, numbers: Numbers, epoch: Epoch, touched: Touched
    ) -> Iterator[Part]:
        """The parts that may be other than they were, as they are now."""
        if self._bridge is None or _frame(bridge) != _frame(self._bridge):
            yield Whole.BRIDGE, (*base_flows(bridge), *node_flows(bridge))
        if epoch != self._epoch:
            yield Whole.EPOCH, epoch_flows(epoch)
        if bridge != self._bridge or any(a in touched.addresses for c in bridge.closed for a in c.addresses):
            yield Whole.SILENT, tuple(silent_flows(policy, bridge))
        for endpoint in touched.endpoints:
            there = endpoint in policy.endpoints
            yield endpoint, tuple(endpoint_flows(endpoint, policy, bridge)) if there else ()
        for address in touched.addresses:
            yield address, tuple(address_flows(address, policy, bridge, numbers.identities))
        for identity in touched.identities:
            yield identity, tuple(isolation_flows(identity, policy, numbers.identities))
        yield from self._rules(policy, numbers, touched)

    def _rules(self, policy: NodePolicy, numbers: Numbers, touched: Touched) -> Iterator[Part]:
        old_versions, self._versions = self._versions, self._versions_now(policy, touched)
        rules: Collection[RuleKey] = touched.rules
        if self._versions != old_versions:
            # The first endpoint of an IP version has come, or the last one has gone: all ports are written otherwise.
            rules = touched.rules.union(policy.rules)
        # Clauses keep their rules sorted: in the order of numbers, which is that of policies, new ones come last.
        for key in sorted(rules, key=lambda key: numbers.rules.get(key, 0)):
            old = self._policy.rules.get(key) if self._policy is not None else None
            new = policy.rules.get(key)
            was = dimensions(old, self._numbers.rules[key], old_versions) if old is not None else {}
            now = dimensions(new, numbers.rules[key], self._versions) if new is not None else {}
            self._clauses.remove(was, self._numbers.identities, but=now)
            self._clauses.add(now, numbers.identities, but=was)
            if old is not None:
                yield self._numbers.rules[key], ()
            if new is not None:
                yield numbers.rules[key], conjunction_flow(new, numbers.rules[key])
        for place, flow in self._clauses.changes():
            yield place, () if flow is None else (flow,)

    def _versions_now(self, policy: NodePolicy, touched: Touched) -> tuple[Version, ...]:
        """The IP versions that endpoints have, by those addresses that are touched."""
        before = self._policy.local if self._policy is not None else {}
        for address in touched.addresses:
            self._speaking[address.version] += (address in policy.local) - (address in before)
        return versions_of(+self._speaking)


def _frame(bridge: Bridge) -> Bridge:
    """All but the ports that may not speak, which come and go with every pod."""
    return replace(bridge, closed=(), unknown=())


def _reshaped(old: Bridge, new: Bridge) -> bool:
    """Whether endpoints and addresses look otherwise on this bridge, though nothing is new about them."""
    return (old.gateway_mac, old.pod_cidrs) != (new.gateway_mac, new.pod_cidrs)


class _Parts:
    """Flows by part. Parts may give the same flow: it is in the table as long as one of them does."""

    def __init__(self) -> None:
        self.table: dict[FlowKey, Flow] = {}
        self._flows: dict[PartKey, tuple[Flow, ...]] = {}
        self._more: dict[FlowKey, int] = {}
        """How many parts give a flow, beside the first."""

    def put(self, parts: Mapping[PartKey, tuple[Flow, ...]]) -> set[FlowKey]:
        """Put these parts in place of those of the same keys; returns the keys where the table is another now.

        All old flows leave before new ones come: what passes from one part to another is no conflict. Raises ValueError
        where parts disagree.
        """
        changed = {part: flows for part, flows in parts.items() if self._flows.get(part, ()) != flows}
        before: dict[FlowKey, Flow | None] = {}
        for part in changed:
            for flow in self._flows.pop(part, ()):
                key = flow.key
                before.setdefault(key, flow)
                self._take(key)
        for part, flows in changed.items():
            if flows:
                self._flows[part] = flows
            for flow in flows:
                key = flow.key
                known = self.table.get(key)
                before.setdefault(key, known)
                if known is None:
                    self.table[key] = flow
                elif known == flow:
                    self._more[key] = self._more.get(key, 0) + 1
                else:
                    raise ValueError(f"two flows for one match: {known} and {flow}")
        return {key for key, flow in before.items() if self.table.get(key) != flow}

    def _take(self, key: FlowKey) -> None:
        more = self._more.pop(key, 0)
        if not more:
            del self.table[key]
        elif more > 1:
            self._more[key] = more - 1
