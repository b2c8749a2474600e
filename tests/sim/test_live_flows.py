"""P2 of the compiler: after every change LiveFlows has the table that compile_node makes, and names where it changed.

A history changes the cluster, which of our pods have a port that is ready, the bridge, the epoch; at times several of
them at once. Half of the disputes about addresses end contested.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest

from ryu_netpol.flows import clauses
from ryu_netpol.flows import live as live_flows
from ryu_netpol.flows.bridge import Bridge, ClosedPort
from ryu_netpol.flows.clauses import MergedClauses
from ryu_netpol.flows.compile import compile_node, meters
from ryu_netpol.flows.delta import apply, apply_to, plan, plan_changes
from ryu_netpol.flows.ir import Flow, FlowKey
from ryu_netpol.flows.live import LiveFlows
from ryu_netpol.flows.numbers import Numbers, following
from ryu_netpol.flows.offline import FIRST_EPOCH, FIRST_POD_PORT, GATEWAY_MAC, GATEWAY_PORT, POD_MAC
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.model.names import Epoch, OfPort
from ryu_netpol.model.net import Address, Cidr
from ryu_netpol.model.objects import Cluster, Pod
from ryu_netpol.policy.owners import Endpoint
from ryu_netpol.policy.resolve import NodePolicy, resolve
from ryu_netpol.policy.touched import Touched, everything
from tests.support.nodes import pod_cidrs
from tests.support.strategies import ALL, OURS, random_cluster, random_history
from tests.support.touched import difference

SEEDS = range(40)
STEPS = 12

BLOCKS = (pod_cidrs(1), pod_cidrs(1)[:1], (Cidr.parse("10.244.0.0/16"), Cidr.parse("fd00:10:244::/48")))
"""The node's blocks; the last ones hold pods of the other node, too."""
NODE_ADDRESSES = tuple(map(Address.parse, ("192.168.0.1", "fd00:192:168::1", "10.244.1.200", "203.0.113.1")))


@dataclass(frozen=True, slots=True)
class State:
    """All that the table depends on."""

    policy: NodePolicy
    bridge: Bridge
    epoch: Epoch


class Story:
    """States of one node, one after the other."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._cluster = random_cluster(self._rng, features=ALL, policies=self._rng.choice([0, 4, 8]))
        self._unready: set[int] = set()
        self._bridge = Bridge(GATEWAY_PORT, GATEWAY_MAC, BLOCKS[0], node_addresses=frozenset(NODE_ADDRESSES[:2]))
        self._epoch = FIRST_EPOCH

    def states(self, steps: int = STEPS) -> Iterator[State]:
        """The first state and those after so many changes; some changes are seen together with the next."""
        yield self._state()
        for step in random_history(self._rng, self._cluster, steps):
            match self._rng.randrange(8):
                case 0:
                    self._change_bridge()
                case 1:
                    self._epoch = following(self._epoch)
                case 2:
                    self._unready ^= {self._rng.randrange(10)}
                case 3:
                    continue
                case _:
                    self._cluster = step.cluster
            yield self._state()

    def _change_bridge(self) -> None:
        match self._rng.randrange(4):
            case 0:
                self._bridge = replace(self._bridge, pod_cidrs=self._rng.choice(BLOCKS))
            case 1:
                self._bridge = replace(self._bridge, gateway_mac=GATEWAY_MAC + self._rng.randrange(2))
            case 2:
                self._bridge = replace(self._bridge, unknown=tuple(range(90, 90 + self._rng.randrange(3))))
            case _:
                chosen = frozenset(a for a in NODE_ADDRESSES if self._rng.random() < 0.5)
                self._bridge = replace(self._bridge, node_addresses=chosen)

    def _state(self) -> State:
        pods = sorted((p for p in self._cluster.pods.values() if p.node == OURS), key=lambda pod: pod.key)
        ready = [_endpoint(pod, n) for n, pod in enumerate(pods) if n not in self._unready]
        closed = tuple(
            ClosedPort(FIRST_POD_PORT + n, POD_MAC + n, pod.addresses)
            for n, pod in enumerate(pods)
            if n in self._unready
        )
        return State(resolve(self._cluster, OURS, ready), replace(self._bridge, closed=closed), self._epoch)


def _endpoint(pod: Pod, number: int) -> Endpoint:
    return Endpoint(pod.key, OfPort(FIRST_POD_PORT + number), POD_MAC + number, pod.addresses)


Named = Callable[[NodePolicy, NodePolicy], Touched]
"""What LiveFlows is told about a change."""

NOTHING = resolve(Cluster(), OURS, ())


def differences(seed: int, named: Named) -> Iterator[str]:
    """Where the live flows, the numbers, or the plans are other than they should be."""
    live, numbers, policy = LiveFlows(), Numbers(), NOTHING
    installed: dict[FlowKey, Flow] = {}
    for step, state in enumerate(Story(seed).states()):
        touched = named(policy, state.policy)
        whole, numbers = numbers.assign(state.policy), numbers.assign(state.policy, touched)
        if numbers != whole:
            yield f"{step}: other numbers"
            return
        changed = live.update(state.policy, state.bridge, numbers, state.epoch, touched)
        table = compile_node(state.policy, state.bridge, numbers, state.epoch)
        if live.table != dict(table):
            yield f"{step}: another table"
        if live.meters != meters(state.policy, state.bridge):
            yield f"{step}: other meters"
        if changed != {key for key in {*installed, *table} if installed.get(key) != table.get(key)}:
            yield f"{step}: not the keys that changed"
        change, reference = (
            plan_changes(installed, live.table, changed, generation=step),
            plan(installed, table, generation=step),
        )
        if (set(change.deletes), set(change.adds)) != (set(reference.deletes), set(reference.adds)):
            yield f"{step}: another plan"
        after = apply(installed, change)
        apply_to(installed, change)
        if not installed == dict(after) == dict(table):
            yield f"{step}: the plan leads elsewhere"
            return
        policy = state.policy


@pytest.mark.parametrize("named", [difference, everything], ids=["the least", "everything"])
@pytest.mark.parametrize("seed", SEEDS)
def test_live_equals_compiled(seed: int, named: Named) -> None:
    """Whatever changes, table, numbers, changed keys and plans are those of the full functions, also if told more."""
    assert list(differences(seed, named)) == []


@pytest.mark.parametrize("seed", SEEDS[:10])
def test_clauses_of_several_pages(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same where so many rules share clauses that these are several flows."""
    monkeypatch.setattr(clauses, "ACTIONS_PER_FLOW", 2)

    assert list(differences(seed, difference)) == []


def test_an_epoch_touches_what_carries_it() -> None:
    """A new epoch changes the flows that carry it and no others, however large the node is."""
    state = next(Story(0).states())
    live, numbers = LiveFlows(), Numbers().assign(state.policy)
    live.update(state.policy, state.bridge, numbers, FIRST_EPOCH, everything(state.policy))
    changed = live.update(state.policy, state.bridge, numbers, following(FIRST_EPOCH), Touched())

    assert Counter(key.table for key in changed) == {TableId.CT_STATE: 4, TableId.COMMIT: 4}


def _forgets(kind: str) -> Named:
    return lambda before, after: replace(difference(before, after), **{kind: frozenset()})


@pytest.mark.parametrize("kind", ["addresses", "endpoints", "identities", "rules"])
def test_all_that_is_touched_counts(kind: str) -> None:
    """P10: whoever is not told of a kind of change has other flows or numbers, or fails."""
    assert _shows(_forgets(kind))


@pytest.mark.parametrize(
    ("owner", "name"),
    [(MergedClauses, "remove"), (MergedClauses, "add"), (live_flows._Parts, "_take")],
    ids=["clauses stay", "clauses do not come", "flows stay"],
)
def test_the_property_can_fail(owner: type, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: with a part that does nothing the property does not hold."""
    monkeypatch.setattr(owner, name, lambda *_, **__: None)

    assert _shows(difference)


def _shows(named: Named) -> bool:
    for seed in SEEDS:
        try:
            if next(differences(seed, named), None):
                return True
        except (KeyError, ValueError):
            return True
    return False


CORNERS: dict[str, Callable[[State, State], bool]] = {
    "a contested address": lambda _, s: bool(s.policy.contested),
    "a closed port": lambda _, s: bool(s.bridge.closed),
    "a closed port whose address a pod has": lambda _, s: any(
        address in s.policy.owners for closed in s.bridge.closed for address in closed.addresses
    ),
    "an unknown port": lambda _, s: bool(s.bridge.unknown),
    "a pod elsewhere in our block that nobody refers to": lambda _, s: any(
        address in cidr and address not in s.policy.local and address not in s.policy.remote
        for address in s.policy.owners
        for cidr in s.bridge.pod_cidrs
    ),
    "an endpoint outside of our blocks": lambda _, s: any(
        not any(address in cidr for cidr in s.bridge.pod_cidrs) for address in s.policy.local
    ),
    "other blocks": lambda old, new: old.bridge.pod_cidrs != new.bridge.pod_cidrs,
    "another gateway": lambda old, new: old.bridge.gateway_mac != new.bridge.gateway_mac,
    "other addresses of the node": lambda old, new: old.bridge.node_addresses != new.bridge.node_addresses,
    "another epoch": lambda old, new: old.epoch != new.epoch,
    "a rule with other members": lambda old, new: any(
        key in new.policy.rules and new.policy.rules[key] != rule for key, rule in old.policy.rules.items()
    ),
    "an identity that comes while another goes": lambda old, new: bool(
        new.policy.members.keys() - old.policy.members.keys() and old.policy.members.keys() - new.policy.members.keys()
    ),
    "an address that passes to another pod": lambda old, new: any(
        address in new.policy.owners and new.policy.owners[address] != owner
        for address, owner in old.policy.owners.items()
    ),
}


@pytest.mark.parametrize("corner", CORNERS.values(), ids=CORNERS.keys())
def test_the_stories_meet(corner: Callable[[State, State], bool]) -> None:
    """What the property is meant to be tried on does occur."""
    stories = (list(Story(seed).states()) for seed in SEEDS)

    assert any(corner(old, new) for states in stories for old, new in pairwise(states))
