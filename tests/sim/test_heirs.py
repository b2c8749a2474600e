"""Who had an address last, kept up to date where policy was touched (decision 0004)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from ryu_netpol.agent.heirs import Heirs
from ryu_netpol.model.net import Address, Cidr
from ryu_netpol.policy.owners import Owner
from ryu_netpol.policy.resolve import NodePolicy
from ryu_netpol.policy.touched import Touched
from tests.sim.test_touched import SEEDS, closed, states
from tests.support.nodes import pod_cidrs
from tests.support.touching import difference, policies, some


@dataclass
class Slow:
    """The same by going through all addresses each time."""

    pod_cidrs: tuple[Cidr, ...]
    past: dict[Address, Owner | None] = field(default_factory=dict)
    planned: bool = False
    predecessor: bool = False
    raised: bool = False

    def inherits(self, policy: NodePolicy) -> bool:
        """Whether some address has another owner than it had, or may have."""
        return any(self._is_heir(address, owner, policy) for address, owner in policy.owners.items())

    def _is_heir(self, address: Address, owner: Owner, policy: NodePolicy) -> bool:
        if address in self.past or not self.planned:
            return self.past.get(address, owner) != owner
        if address in policy.local:
            return self.predecessor or not any(address in cidr for cidr in self.pod_cidrs)
        return self.predecessor and not self.raised

    def plan(self, policy: NodePolicy, *, found_flows: bool, raised: bool) -> None:
        """Remember who has what."""
        self.past = dict.fromkeys(self.past) | dict(policy.owners)
        self.predecessor = self.predecessor if self.planned else found_flows
        self.planned = True
        self.raised |= raised


def disagreements(seed: int) -> Iterator[str]:
    """Where it makes a difference that only what is touched is looked at. Not every policy comes to a plan."""
    rng = random.Random(seed)
    cidrs = rng.choice((pod_cidrs(1), ()))
    found_flows = rng.random() < 0.7
    slow, heirs = Slow(cidrs), Heirs(cidrs)
    touched, before = Touched(), None
    for number, policy in enumerate(policies(states(seed))):
        touched |= difference(before, policy) if before is not None else Touched()
        touched |= some(rng, policy) if rng.random() < 0.3 else Touched()
        before = policy
        expected, actual = slow.inherits(policy), heirs.inherits(closed(policy), touched)
        if not expected == actual == heirs.inherits(policy):
            yield f"{number}: {expected} for whoever looks at everything"
        if rng.random() < 0.6:
            raised = expected or rng.random() < 0.1
            slow.plan(policy, found_flows=found_flows, raised=raised)
            whole = heirs.after(policy, found_flows=found_flows, raised=raised)
            heirs = heirs.after(policy, touched, found_flows=found_flows, raised=raised)
            if not slow.past == dict(heirs.past) == dict(whole.past):
                yield f"{number}: other owners are remembered"
            touched = Touched()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_not_touched_has_the_owner_that_is_remembered(seed: int) -> None:
    """Heirs are found, and owners remembered, by those who look at what is touched since the last plan."""
    assert list(disagreements(seed)) == []


def test_both_answers_occur() -> None:
    """There are heirs in these histories, and changes without any."""
    found = {
        Heirs(pod_cidrs(1)).after(before, found_flows=True, raised=False).inherits(after)
        for seed in SEEDS
        for before, after in pairwise(policies(states(seed)))
    }

    assert found == {False, True}


@pytest.mark.parametrize("what", ["inherits", "_past"], ids=["who inherits", "what is remembered"])
def test_a_short_cut_that_leaves_out_addresses_shows(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: where only every second address that is touched counts, somebody notices."""
    sound = getattr(Heirs, what)

    def halved(heirs: Heirs, policy: NodePolicy, touched: Touched | None = None) -> object:
        some_of = touched and Touched(frozenset(sorted(touched.addresses)[::2]))
        return sound(heirs, policy, some_of)

    monkeypatch.setattr(Heirs, what, halved)

    assert any(next(disagreements(seed), None) for seed in SEEDS)
