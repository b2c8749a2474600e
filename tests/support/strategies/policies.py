"""Generated policies: selectors, peers, ports."""

from __future__ import annotations

from collections.abc import Sequence

from ryu_netpol.model.labels import Operator, Requirement, Selector
from ryu_netpol.model.names import Api, Direction, PolicyKey, Protocol
from ryu_netpol.model.net import BITS, Cidr, PortRange
from ryu_netpol.model.objects import BlockPeer, Peer, PodPeer, Policy, PortSpec, Rule
from tests.support.strategies.alphabet import (
    BLOCKS_4,
    BLOCKS_6,
    KEYS,
    NAMESPACE_KEYS,
    NAMESPACE_VALUES,
    PORT_NAMES,
    PORTS,
    RANGES,
    VALUES,
    Feature,
)
from tests.support.strategies.choices import Dice


def halves(cidr: Cidr) -> tuple[Cidr, ...]:
    """Its two halves, or the one address that it is."""
    size = BITS[cidr.version] - cidr.prefix
    if not size:
        return (cidr,)
    ends = cidr.network, cidr.network + (1 << (size - 1))
    return tuple(Cidr(cidr.version, network, cidr.prefix + 1) for network in ends)


class PolicyMaker:
    """Makes policies."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice

    def policy(self, namespaces: Sequence[str]) -> Policy:
        """A policy of either API, in one of the namespaces."""
        namespace = self._dice.pick(namespaces)
        name = f"p{self._dice.number(0, 7)}"
        if self._dice.has(Feature.LEGACY) and self._dice.chance(25):
            rules = self._dice.several(0, 2, self._legacy_rule)
            return Policy(PolicyKey(namespace, name, Api.LEGACY), self._selector(KEYS, VALUES), ingress=rules)
        directions = [frozenset({Direction.INGRESS})]
        if self._dice.has(Feature.EGRESS):
            directions += [frozenset(Direction), frozenset({Direction.EGRESS})]
        return Policy(
            key=PolicyKey(namespace, name),
            subject=self._selector(KEYS, VALUES),
            directions=self._dice.pick(directions),
            ingress=self._dice.several(0, 3, self._rule),
            egress=self._dice.several(0, 3, self._rule) if self._dice.has(Feature.EGRESS) else (),
        )

    def _selector(self, keys: Sequence[str], values: Sequence[str]) -> Selector:
        """A selector with 0 to 2 requirements."""
        count = self._dice.pick((0, 1, 1, 0, 1, 2))
        return Selector(tuple(self._requirement(keys, values) for _ in range(count)))

    def _rule(self) -> Rule:
        peers = None if self._dice.chance(15) else self._peers()
        return Rule(peers, None if self._dice.chance(30) else self._dice.several(1, 3, self._port))

    def _peers(self) -> tuple[Peer, ...]:
        """Some peers, sometimes two blocks that touch among them."""
        peers = self._dice.several(1, 3, self._peer)
        if self._dice.has(Feature.BLOCKS) and self._dice.chance(8):
            return (*peers[:1], *map(BlockPeer, halves(self._cidr())))
        return peers

    def _legacy_rule(self) -> Rule:
        peers = None if self._dice.chance(20) else self._dice.several(0, 2, self._legacy_peer)
        return Rule(peers, None if self._dice.chance(30) else self._dice.several(0, 2, self._legacy_port))

    def _peer(self) -> Peer:
        if self._dice.has(Feature.BLOCKS) and self._dice.chance(45):
            return self._block()
        if not self._dice.has(Feature.NAMESPACE_PEERS) or self._dice.chance(40):
            return PodPeer(pods=self._selector(KEYS, VALUES))
        pods = self._selector(KEYS, VALUES) if self._dice.chance(50) else None
        return PodPeer(pods, self._selector(NAMESPACE_KEYS, NAMESPACE_VALUES))

    def _legacy_peer(self) -> Peer:
        if self._dice.has(Feature.NAMESPACE_PEERS) and self._dice.chance(50):
            return PodPeer(namespaces=self._selector(NAMESPACE_KEYS, NAMESPACE_VALUES))
        return PodPeer(pods=self._selector(KEYS, VALUES))

    def _cidr(self) -> Cidr:
        return self._dice.pick(BLOCKS_6 if self._dice.has(Feature.IPV6) and self._dice.chance(40) else BLOCKS_4)

    def _block(self) -> BlockPeer:
        """A block, often with holes, sometimes with nothing but holes."""
        cidr = self._cidr()
        inside = [block for block in (*BLOCKS_4, *BLOCKS_6) if block in cidr and block != cidr]
        if not inside or not self._dice.has(Feature.EXCEPTS) or self._dice.chance(40):
            return BlockPeer(cidr)
        if self._dice.chance(10):
            return BlockPeer(cidr, halves(cidr))
        return BlockPeer(cidr, self._dice.several(1, 3, lambda: self._dice.pick(inside)))

    def _port(self) -> PortSpec:
        protocols = (Protocol.TCP, Protocol.UDP, Protocol.SCTP)[: 3 if self._dice.has(Feature.SCTP) else 2]
        protocol = self._dice.pick((Protocol.TCP, *protocols))
        if self._dice.has(Feature.RANGES) and self._dice.chance(35):
            return PortSpec(protocol, self._dice.pick(RANGES))
        return self._plain_port(protocol)

    def _legacy_port(self) -> PortSpec:
        return self._plain_port(self._dice.pick((Protocol.TCP, Protocol.UDP)))

    def _plain_port(self, protocol: Protocol) -> PortSpec:
        if self._dice.chance(15):
            return PortSpec(protocol)
        if self._dice.has(Feature.NAMED_PORTS) and self._dice.chance(35):
            return PortSpec(protocol, self._dice.pick(PORT_NAMES))
        number = self._dice.pick(PORTS)
        return PortSpec(protocol, PortRange(number, number))

    def _requirement(self, keys: Sequence[str], values: Sequence[str]) -> Requirement:
        key = self._dice.pick(keys)
        operator = self._dice.pick(tuple(Operator)) if self._dice.has(Feature.EXPRESSIONS) else Operator.IN
        if operator in (Operator.EXISTS, Operator.DOES_NOT_EXIST):
            return Requirement(key, operator)
        count = self._dice.pick((1, 2)) if self._dice.has(Feature.EXPRESSIONS) else 1
        return Requirement(key, operator, tuple(self._dice.pick(values) for _ in range(count)))
