"""B5: one namespace in which every policy selects everybody, on both sides, each with a port of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from ryu_netpol.agent.events import Deleted, Event, Upserted
from ryu_netpol.bench.clusters.scene import Scene, placed, pod, policy_key, tcp
from ryu_netpol.model.labels import EVERYTHING
from ryu_netpol.model.objects import Namespace, PodPeer, Policy, Rule

_SPACE = "everybody"
_FIRST_PORT = 10_000


@dataclass(frozen=True, slots=True)
class Dense:
    """How large it is."""

    pods: int = 10_000
    policies: int = 10_000
    local: int = 100
    seed: int = 5

    def scene(self) -> Scene:
        """Make the cluster."""
        pods = [pod(_SPACE, f"p{number}", number, {"app": f"a{number % 10}"}) for number in range(self.pods)]
        policies = tuple(_policy(number) for number in range(self.policies))
        return Scene(placed(pods, range(self.local)), (Namespace(_SPACE),), policies)

    def events(self, count: int) -> Iterator[Event]:
        """A pod and a policy come, another policy changes its port, the pod goes; again and again."""
        chance = Random(self.seed)
        for number in range(0, count, 4):
            new = pod(_SPACE, f"new{number}", self.pods + number, {"app": "a0"})
            changed = chance.randrange(self.policies)
            yield Upserted(new)
            yield Upserted(_policy(self.policies + number))
            yield Upserted(_policy(changed, self.policies + number + 1))
            yield Deleted(new)


def _policy(number: int, port: int | None = None) -> Policy:
    rule = Rule((PodPeer(EVERYTHING),), (tcp(_FIRST_PORT + (number if port is None else port)),))
    return Policy(policy_key(_SPACE, f"port-{number}"), EVERYTHING, ingress=(rule,))
