"""The claim itself: what is not newer than the version in force, and does not fail, is enforced as it is written."""

from __future__ import annotations

import random

import pytest

from ryu_netpol.agent.events import Committed, Event, InForce, Kind, Reached, Said, Ticked
from ryu_netpol.agent.progress import Progress
from ryu_netpol.agent.proof import Proof
from ryu_netpol.model.names import Api, PolicyKey

KEYS = [PolicyKey("shop", name) for name in "ab"]
SEEDS = range(150)
CLOSED = -1
"""The content of a policy of which no version could be read."""


class Node:
    """An agent that has one plan in flight at most, and the policies of a server: good, wrong, deleted."""

    def __init__(self, rng: random.Random, proof: Proof) -> None:
        self.rng, self.proof = rng, proof
        self.version = self.sent = self.acknowledged = 0
        self.in_flight: int | None = None
        self.in_force: int | None = None
        self.pending = True
        self.history: dict[PolicyKey, list[tuple[int, bool]]] = {key: [] for key in KEYS}
        """Every version of each policy, and whether it can be read; a version that is gone has content None."""
        self.content: dict[PolicyKey, int | None] = dict.fromkeys(KEYS)
        """The version by which the agent goes."""
        self.plans: dict[int, dict[PolicyKey, int | None]] = {}

    def step(self) -> None:
        """Something happens."""
        event = self._event()
        if self.pending and self.in_flight is None:
            self.sent += 1
            self.plans[self.sent] = dict(self.content)
            self.in_flight, self.pending = self.sent, False
        self.proof.follow(event, at=0, progress=Progress(self.pending, self.sent, self.in_force))

    def _event(self) -> Event:
        what = self.rng.random()
        if what < 0.45:
            return self._policy(self.rng.choice(KEYS))
        if what < 0.7 and self.in_flight is not None:
            self.acknowledged, self.in_flight = self.in_flight, None
            return Committed(self.acknowledged)
        if what < 0.85 and self.acknowledged and self.in_force != self.acknowledged:
            self.in_force = self.acknowledged
            return InForce(self.acknowledged)
        return Ticked()

    def _policy(self, key: PolicyKey) -> Reached:
        self.version, self.pending = self.version + 1, True
        before, what = self.content[key], self.rng.random()
        kept = before not in (None, CLOSED)
        said: Said | None = None
        if what < 0.2:
            self.content[key] = None
        elif what < 0.75:
            self.content[key] = self.version
            said = Said("uid", str(self.version), 1)
        else:
            self.content[key] = before if kept else CLOSED
            said = Said("uid", str(self.version), 1, ("it is wrong",), kept)
        self.history[key].append((self.version, said is not None))
        return Reached(Kind.POLICY, Api.V1, str(self.version), {key: said})

    def lies(self) -> bool:
        """Whether a policy is another than the proof says."""
        now = self.proof.now
        if now is None or self.in_force is None or Kind.POLICY not in now.versions:
            return False
        proved = int(now.versions[Kind.POLICY].version)
        for key, versions in self.history.items():
            known = [one for one in versions if one[0] <= proved]
            if known and (Kind.POLICY, key) not in self.proof.failing:
                version, is_there = known[-1]
                if self.plans[self.in_force][key] != (version if is_there else None):
                    return True
        return False


def lied(seed: int, proof: Proof) -> bool:
    """Whether a proof says at some time what is not so."""
    node = Node(random.Random(seed), proof)
    for _ in range(60):
        node.step()
        if node.lies():
            return True
    return False


@pytest.mark.parametrize("seed", SEEDS)
def test_the_claim_holds(seed: int) -> None:
    """Whatever is heard while plans are on their way."""
    assert not lied(seed, Proof())


class Forgiving(Proof):
    """Takes a failure for mended as soon as it hears so."""

    def follow(self, event: Event, *, at: float, progress: Progress) -> tuple[float, ...]:
        taken = super().follow(event, at=at, progress=progress)
        for where in self._mended:
            self.failing.pop(where, None)
        for plan in self._plans.values():
            for where in plan.mended:
                self.failing.pop(where, None)
        return taken


def test_a_proof_that_forgives_too_early_is_found() -> None:
    """The check above can fail."""
    assert sum(lied(seed, Forgiving()) for seed in SEEDS) > len(SEEDS) / 2
