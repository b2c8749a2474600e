"""B2: every policy names its pods, peers, blocks and ports one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from ryu_netpol.bench.clusters.scene import Scene, named, one_of, placed, pod, policy_key, tcp
from ryu_netpol.model.net import Cidr, port_masks, subtract
from ryu_netpol.model.objects import BlockPeer, Namespace, PodPeer, Policy, PortSpec, Rule

PODS = 10
"""In each namespace."""
PORTS, RANGES, BLOCKS = 100, 100, 200
"""What policies choose from."""
REMOTE, OF_EACH = 5, 5
"""A policy's peers: so many namespaces, so many pods of each; and as many ports, ranges and blocks."""
_FIRST_PORT, _FIRST_RANGE, _APART, _WIDE = 5000, 10000, 20, 10
_BLOCKS = Cidr.parse("172.16.0.0/12")


@dataclass(frozen=True, slots=True)
class Fanout:
    """How large it is."""

    namespaces: int = 240
    policies: int = 20
    """In each namespace, the one that denies all not counted."""
    local_namespaces: int = 10
    """Whose pods are all on this node."""
    excepts: int = 0
    """In each block."""
    seed: int = 2

    def scene(self) -> Scene:
        """Make the cluster."""
        chance = Random(self.seed)
        names = [f"ns{number}" for number in range(self.namespaces)]
        pods = [pod(n, f"p{i}", at * PODS + i, {"pod": f"p{i}"}) for at, n in enumerate(names) for i in range(PODS)]
        policies = [policy for name in names for policy in self._policies(name, names, chance)]
        here = range(self.local_namespaces * PODS)
        return Scene(placed(pods, here), tuple(map(Namespace, names)), tuple(policies))

    def _policies(self, own: str, names: list[str], chance: Random) -> Iterator[Policy]:
        yield Policy(policy_key(own, "deny-all"))
        everybody = one_of("pod", (f"p{i}" for i in range(PODS)))
        others = [name for name in names if name != own]
        for number in range(self.policies):
            spaces = chance.sample(others, REMOTE)
            pods = PodPeer(one_of("pod", (f"p{i}" for i in chance.sample(range(PODS), OF_EACH))), named(spaces))
            blocks = [self._block(i) for i in chance.sample(range(BLOCKS), OF_EACH)]
            rule = Rule((pods, *blocks), tuple(_ports(chance)))
            yield Policy(policy_key(own, f"allow-{number}"), everybody, ingress=(rule,))

    def _block(self, number: int) -> BlockPeer:
        block = Cidr(4, _BLOCKS.address(number << 8).value, 24)
        # Apart from each other and from the edges, so that each of them really splits the block.
        holes = (Cidr(4, block.address(16 + 64 * i).value, 28) for i in range(self.excepts))
        return BlockPeer(block, tuple(holes))


def _ports(chance: Random) -> Iterator[PortSpec]:
    yield from (tcp(_FIRST_PORT + i) for i in chance.sample(range(PORTS), OF_EACH))
    for first in (_FIRST_RANGE + _APART * i for i in chance.sample(range(RANGES), OF_EACH)):
        yield tcp(first, first + _WIDE - 1)


@dataclass(frozen=True, slots=True)
class Formula:
    """What a perfect compiler needs in the policy tables: counted from the cluster, not from its flows."""

    peers: int
    """Distinct pods that some rule with a local subject refers to: each is an identity of its own."""
    blocks: int
    """Distinct blocks, their excepts subtracted."""
    ports: int
    """Distinct port masks."""
    subjects: int
    rules: int

    @property
    def total(self) -> int:
        """All together."""
        return self.peers + self.blocks + self.ports + self.subjects + self.rules


def formula(scene: Scene) -> Formula:
    """Count what the policies of the local namespaces name."""
    here = {item.key.namespace for item in scene.local}
    rules = [rule for policy in scene.policies if policy.key.namespace in here for rule in policy.ingress]
    peers: set[tuple[str, str]] = set()
    blocks: set[Cidr] = set()
    for rule in rules:
        for item in rule.peers or ():
            if isinstance(item, BlockPeer):
                blocks.update(subtract(item.cidr, item.excepts))
            elif item.pods is not None and item.namespaces is not None:
                spaces, pods = (s.requirements[0].values for s in (item.namespaces, item.pods))
                peers.update((space, name) for space in spaces for name in pods)
    specs = {spec for rule in rules for spec in rule.ports or ()}
    masks = {mask for spec in specs if not isinstance(spec.port, str | None) for mask in port_masks(spec.port)}
    return Formula(len(peers), len(blocks), len(masks), len(scene.local), len(rules))
