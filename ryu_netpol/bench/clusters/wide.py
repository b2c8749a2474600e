"""B4: very many small namespaces, each closed but for itself and one neighbour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from ryu_netpol.agent.events import Deleted, Event, Upserted
from ryu_netpol.bench.clusters.scene import Scene, named, one_of, placed, pod, policy_key, tcp
from ryu_netpol.model.labels import EVERYTHING, Labels
from ryu_netpol.model.objects import Namespace, PodPeer, Policy, Rule

PODS = 4
"""In each namespace."""


@dataclass(frozen=True, slots=True)
class Wide:
    """How large it is: 4 pods and 3 policies a namespace."""

    namespaces: int = 25_000
    local: int = 110
    """Each in a namespace of its own, far from each other."""
    seed: int = 4

    def scene(self) -> Scene:
        """Make the cluster."""
        names = [_name(number) for number in range(self.namespaces)]
        pods = [pod(n, f"p{i}", at * PODS + i, {"app": f"a{i}"}) for at, n in enumerate(names) for i in range(PODS)]
        policies = [
            policy for number, name in enumerate(names) for policy in _policies(name, names[(number + 1) % len(names)])
        ]
        return Scene(placed(pods, self._places()), tuple(map(Namespace, names)), tuple(policies))

    def _places(self) -> range:
        return range(0, self.namespaces * PODS, self.namespaces // self.local * PODS)[: self.local]

    def events(self, count: int) -> Iterator[Event]:
        """Everyday changes, one half in namespaces that some pod of this node has to do with."""
        chance = Random(self.seed)
        for number in range(0, count, 4):
            near = chance.choice(self._places()) // PODS
            place = near if number % 8 else chance.randrange(self.namespaces)
            new = pod(
                _name(place), f"new{number}", self.namespaces * PODS + number, {"app": f"a{chance.randrange(PODS)}"}
            )
            more = Policy(
                policy_key(_name(place), f"more{number}"), EVERYTHING,
                ingress=(Rule((PodPeer(one_of("app", ["a1"])),), (tcp(1000 + number),)),),
            )  # fmt: skip
            yield from (
                Upserted(new),
                Upserted(replace(new, labels=Labels({"app": f"a{chance.randrange(PODS)}", "version": "2"}))),
                Upserted(more),
                chance.choice((Deleted(new), Deleted(more))),
            )


def _name(number: int) -> str:
    return f"ns{number}"


def _policies(own: str, neighbour: str) -> Iterator[Policy]:
    yield Policy(policy_key(own, "deny-all"))
    inside = Rule((PodPeer(one_of("app", ["a0", "a1"])),), (tcp(80), tcp(8080)))
    yield Policy(policy_key(own, "inside"), EVERYTHING, ingress=(inside,))
    yield Policy(
        policy_key(own, "neighbour"), EVERYTHING, ingress=(Rule((PodPeer(None, named([neighbour])),), (tcp(443),)),)
    )
