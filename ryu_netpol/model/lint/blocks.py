"""Address blocks that cover pods, and exceptions that except nothing (NP-35, NP-36)."""

from __future__ import annotations

from collections.abc import Iterator

from ryu_netpol.model.decode import Path
from ryu_netpol.model.labels import EVERYTHING
from ryu_netpol.model.lint.case import Case, Finding, Name, WrittenRule
from ryu_netpol.model.names import PodKey
from ryu_netpol.model.net import Cidr, subtract
from ryu_netpol.model.objects import BlockPeer, PodPeer

_WHATEVER = "the rule allows them whatever their labels are"


def covers_pods(case: Case) -> Iterator[Finding]:
    """A block has addresses of pods, which no selector of the rule allows anyway, or of the pods of a node."""
    for written in case.rules():
        blocks = tuple(written.blocks())
        peers = [peer for _, peer in written.pod_peers()] if blocks else []
        selected = frozenset[PodKey]().union(*(case.scene.selected(peer, case.namespace) for peer in peers))
        for path, block in blocks:
            parts = subtract(block.cidr, block.excepts)
            there = [pair for part in parts for pair in case.scene.within(part)]
            meant = [pair for pair in there if pair[1].key not in selected] if selected else there
            if meant:
                address, pod = meant[0]
                more = f" and of {len(meant) - 1} more" if len(meant) > 1 else ""
                reason = f"covers the address of pod {pod.key}, {address}{more}"
                yield Finding(Name.BLOCK_COVERS_PODS, path, f"{reason}: {_WHATEVER}")
            elif not there and not any(_selects_all(peer) for peer in peers):
                yield from _covers_node(case, path=path, parts=parts)


def _covers_node(case: Case, *, path: Path, parts: tuple[Cidr, ...]) -> Iterator[Finding]:
    for node in case.scene.nodes:
        for cidr in node.pod_cidrs:
            if any(part in cidr or cidr in part for part in parts):
                reason = f"covers addresses of the pods of node {node.name}, {cidr}"
                yield Finding(Name.BLOCK_COVERS_PODS, path, f"{reason}: {_WHATEVER}")
                return


def _selects_all(peer: PodPeer) -> bool:
    return peer.namespaces == EVERYTHING and peer.pods in (None, EVERYTHING)


def empty(case: Case) -> Iterator[Finding]:
    """The excepts together leave nothing of the block."""
    for written in case.rules():
        for path, block in written.blocks():
            if not subtract(block.cidr, block.excepts):
                yield Finding(Name.EMPTY_BLOCK, path, f"matches nothing: its excepts together are all of {block.cidr}")


def needless_except(case: Case) -> Iterator[Finding]:
    """An except inside another one of the same block."""
    for written in case.rules():
        for path, block in written.blocks():
            for i, inner in enumerate(block.excepts):
                for j, outer in enumerate(block.excepts):
                    if inner in outer and (inner != outer or j < i):
                        reason = f"{inner} is needless: except[{j}], {outer}, takes it away"
                        yield Finding(Name.NEEDLESS_EXCEPT, (*path, "except", i), reason)
                        break


def undone_except(case: Case) -> Iterator[Finding]:
    """Other blocks of the rule allow again what an except takes away: it is no deny."""
    for written in case.rules():
        for path, block in written.blocks():
            for i, taken in enumerate(block.excepts):
                if not subtract(taken, tuple(_allowed_again(written, block, taken))):
                    reason = f"{taken} is allowed all the same, by another ipBlock of this rule: an except is no deny"
                    yield Finding(Name.UNDONE_EXCEPT, (*path, "except", i), reason)


def _allowed_again(written: WrittenRule, block: BlockPeer, taken: Cidr) -> Iterator[Cidr]:
    """What the other blocks of the rule allow of it."""
    for _, other in written.blocks():
        if other is not block and (taken in other.cidr or other.cidr in taken):
            yield from subtract(other.cidr, other.excepts)
