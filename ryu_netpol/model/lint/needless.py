"""What another rule or another entry of the same list allows anyway.

`covers` looks at how things are written, never at pods: what it says holds for every cluster. It does not find all:
an entry that only several others together make needless is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from ryu_netpol.model.decode import Path, show_path
from ryu_netpol.model.labels import EVERYTHING, Selector
from ryu_netpol.model.lint.case import Case, Finding, Name
from ryu_netpol.model.names import Direction
from ryu_netpol.model.net import Cidr, PortRange, subtract
from ryu_netpol.model.objects import BlockPeer, Peer, PodPeer, PortSpec, Rule

T = TypeVar("T")


def rules(case: Case) -> Iterator[Finding]:
    """A rule allows nothing that another one does not."""
    for direction in Direction:
        path = ("spec", direction.lower())
        yield from _needless(case.policy.rules(direction), _rule_covers, path=path, name=Name.NEEDLESS_RULE)


def peers(case: Case) -> Iterator[Finding]:
    """A peer matches nothing that another one of its rule does not."""
    for written in case.rules():
        found = written.rule.peers or ()
        path, rivals = written.peers_path, _rivals(found)
        yield from _needless(found, _peer_covers, path=path, name=Name.NEEDLESS_PEER, rivals=rivals)


def ports(case: Case) -> Iterator[Finding]:
    """A port entry matches nothing that another one of its rule does not."""
    for written in case.rules():
        path = (*written.path, "ports")
        yield from _needless(written.rule.ports or (), _port_covers, path=path, name=Name.NEEDLESS_PORT)


def _needless(
    entries: Sequence[T],
    covers: Callable[[T, T], bool],
    *,
    path: Path,
    name: Name,
    rivals: Sequence[Sequence[int]] | None = None,
) -> Iterator[Finding]:
    """Name every entry that another one covers; of two equal ones the second. Rivals are whom to compare each with."""
    for j, entry in enumerate(entries):
        for i in range(len(entries)) if rivals is None else rivals[j]:
            other = entries[i]
            if i != j and covers(other, entry) and (i < j or not covers(entry, other)):
                same = "is there twice, first as" if other == entry else "adds nothing to"
                yield Finding(name, (*path, j), f"{same} {show_path((*path, i))}")
                break


def _rivals(peers: Sequence[Peer]) -> Sequence[Sequence[int]]:
    """Who could cover each peer: selectors each other, a block those around it. Lists of blocks can be very long."""
    selectors = [i for i, peer in enumerate(peers) if isinstance(peer, PodPeer)]
    blocks: dict[Cidr, list[int]] = {}
    for i, peer in enumerate(peers):
        if isinstance(peer, BlockPeer):
            blocks.setdefault(peer.cidr, []).append(i)
    return [
        selectors if isinstance(peer, PodPeer) else [i for cidr in _around(peer.cidr) for i in blocks.get(cidr, ())]
        for peer in peers
    ]


def _around(cidr: Cidr) -> Iterator[Cidr]:
    """The block itself and all that contain it."""
    return (Cidr(cidr.version, cidr.network, prefix) for prefix in range(cidr.prefix + 1))


def _rule_covers(a: Rule, b: Rule) -> bool:
    return _covers_all(a.ports, b.ports, _port_covers) and _covers_all(a.peers, b.peers, _peer_covers)


def _covers_all(a: Sequence[T] | None, b: Sequence[T] | None, covers: Callable[[T, T], bool]) -> bool:
    """Whether list `a` allows what list `b` does; None is any. An empty list, of the old API, is never needless."""
    if b is not None and not b:
        return False
    if a is None or a == b:
        return True
    return b is not None and all(any(covers(x, y) for x in a) for y in b)


def _peer_covers(a: Peer, b: Peer) -> bool:
    if isinstance(a, BlockPeer) and isinstance(b, BlockPeer):
        return _block_covers(a, b)
    if isinstance(a, PodPeer) and isinstance(b, PodPeer):
        own = a.namespaces is None and b.namespaces is None
        return (own or _selector_covers(a.namespaces, b.namespaces)) and _selector_covers(
            a.pods or EVERYTHING, b.pods or EVERYTHING
        )
    return False


def _selector_covers(a: Selector | None, b: Selector | None) -> bool:
    """Whether `a` matches whatever `b` matches, since it demands no more. None is one namespace, of unknown labels."""
    if a is None:
        return False
    return set(a.requirements) <= set(() if b is None else b.requirements)


def _block_covers(a: BlockPeer, b: BlockPeer) -> bool:
    if b.cidr not in a.cidr:
        return False
    allowed, parts = subtract(a.cidr, a.excepts), subtract(b.cidr, b.excepts)
    return bool(parts) and not any(subtract(part, allowed) for part in parts)


def _port_covers(a: PortSpec, b: PortSpec) -> bool:
    if a.protocol is not b.protocol:
        return False
    if isinstance(a.port, PortRange) and isinstance(b.port, PortRange):
        return a.port.first <= b.port.first and b.port.last <= a.port.last
    return a.port is None or a.port == b.port
