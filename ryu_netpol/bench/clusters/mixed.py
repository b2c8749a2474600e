"""B3: a cluster as many are: applications and tiers in namespaces of teams, a few policies each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from ryu_netpol.bench.clusters.scene import Scene, named, one_of, placed, pod, policy_key, tcp
from ryu_netpol.model.labels import EVERYTHING, Labels, Selector
from ryu_netpol.model.names import Direction, Protocol
from ryu_netpol.model.net import Cidr, PortRange
from ryu_netpol.model.objects import BlockPeer, Namespace, Pod, PodPeer, Policy, PortSpec, Rule

PODS = 100
"""In each namespace."""
APPS, TEAMS = 10, 10
TIERS = ("front", "middle", "back")
POLICIES = 10
"""In each namespace."""
_INSIDE = 4
_BOTH = frozenset(Direction)
_OUT = frozenset({Direction.EGRESS})
_BLOCKS = Cidr.parse("172.16.0.0/12")


@dataclass(frozen=True, slots=True)
class Mixed:
    """How large it is: 100 pods and 10 policies a namespace, one pod of each on this node."""

    namespaces: int = 100
    pods: int = PODS
    """In each namespace."""
    local: int = 1
    """In each namespace."""
    seed: int = 3

    def scene(self) -> Scene:
        """Make the cluster."""
        chance = Random(self.seed)
        names = [f"ns{number}" for number in range(self.namespaces)]
        each = [(at * self.pods + i, name, i) for at, name in enumerate(names) for i in range(self.pods)]
        pods = [pod(name, f"p{i}", number, _labels(i)) for number, name, i in each]
        starts = range(0, len(pods), self.pods)
        here = sorted(at + i for at in starts for i in chance.sample(range(self.pods), self.local))
        namespaces = (Namespace(name, Labels({"team": f"t{at % TEAMS}"})) for at, name in enumerate(names))
        policies = (policy for name in names for policy in _policies(name, names, chance))
        return Scene(placed(pods, here), tuple(namespaces), tuple(policies))

    def joining(self, scene: Scene, count: int) -> Iterator[Pod]:
        """Pods elsewhere that start, one after the other: each becomes a peer of a policy with a subject here."""
        chance = Random(self.seed + 1)
        wanted = [place for policy in _applied(scene) for place in _wanted(policy, scene)]
        for number in range(count):
            space, labels = chance.choice(wanted)
            labels = {"app": f"a{chance.randrange(APPS)}", "tier": chance.choice(TIERS), **labels}
            yield pod(space, f"joined{number}", self.namespaces * self.pods + number, labels)


def _applied(scene: Scene) -> Iterator[Policy]:
    """The policies that select a pod of this node."""
    local = defaultdict(list)
    for item in scene.local:
        local[item.key.namespace].append(item)
    for policy in scene.policies:
        if any(policy.subject.matches(item.labels) for item in local[policy.key.namespace]):
            yield policy


def _wanted(policy: Policy, scene: Scene) -> Iterator[tuple[str, dict[str, str]]]:
    """Namespaces and labels of its peers."""
    for peer in (peer for rule in policy.ingress for peer in rule.peers or ()):
        if isinstance(peer, PodPeer) and peer.pods is not None:
            labels = {requirement.key: requirement.values[0] for requirement in peer.pods.requirements}
            for space in scene.namespaces:
                own = peer.namespaces is None and space.name == policy.key.namespace
                if own or (peer.namespaces is not None and peer.namespaces.matches(space.labels)):
                    yield space.name, labels


def _labels(number: int) -> dict[str, str]:
    return {"app": f"a{number % APPS}", "tier": TIERS[number // APPS % len(TIERS)], "instance": f"i{number}"}


def _app(chance: Random) -> Selector:
    return one_of("app", [f"a{chance.randrange(APPS)}"])


def _tier(chance: Random) -> Selector:
    return one_of("tier", [chance.choice(TIERS)])


def _policies(own: str, names: list[str], chance: Random) -> Iterator[Policy]:
    yield Policy(policy_key(own, "deny-all"), directions=_BOTH)
    dns = Rule((PodPeer(None, named(names[:1])),), (PortSpec(Protocol.UDP, PortRange(53, 53)),))
    yield Policy(policy_key(own, "dns"), EVERYTHING, _OUT, egress=(dns,))
    for number in range(_INSIDE):
        rule = Rule((PodPeer(_app(chance)),), (tcp(8000 + chance.randrange(50)),))
        yield Policy(policy_key(own, f"inside-{number}"), _app(chance), ingress=(rule,))
    for number in range(2):
        team = one_of("team", [f"t{chance.randrange(TEAMS)}"])
        rule = Rule((PodPeer(one_of("tier", TIERS[:1]), team),), (tcp(443), tcp(9000, 9099)))
        yield Policy(policy_key(own, f"team-{number}"), _tier(chance), ingress=(rule,))
    yield Policy(policy_key(own, "outside"), _tier(chance), _OUT, egress=(Rule((_block(chance),), (tcp(443),)),))
    visitors = Rule((_block(chance), _block(chance)), (tcp(80), tcp(30000, 30999)))
    yield Policy(policy_key(own, "visitors"), _app(chance), ingress=(visitors,))


def _block(chance: Random) -> BlockPeer:
    block = Cidr(4, _BLOCKS.address(chance.randrange(200) << 8).value, 24)
    return BlockPeer(block, (Cidr(4, block.address(64).value, 26),))
