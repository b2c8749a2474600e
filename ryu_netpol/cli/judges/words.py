"""What happened to a packet in a bridge, in words: from the cookies of the flows that it hit."""

from __future__ import annotations

from collections.abc import Iterable

from ryu_netpol.cli.judges.answer import Answer
from ryu_netpol.flows.ir import Cookie, CookieKind
from ryu_netpol.flows.offline import OfflineNode
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.model.names import Direction

Step = tuple[int, Cookie | None]
"""A table, and the cookie of the flow that the packet hit there; None where it is no flow of ours."""

NO_BRIDGE = "no bridge sees it: no end is a pod"
_DIRECTIONS = {TableId.EGRESS: Direction.EGRESS, TableId.INGRESS: Direction.INGRESS}
_DROPS = {
    CookieKind.MISS: "nothing there matches",
    CookieKind.BASE: "the pipeline itself refuses it",
    CookieKind.SPOOF: "port {} may not send that",
    CookieKind.CLOSED: "port {} is not ready",
    CookieKind.UNKNOWN: "nobody declared port {}",
    CookieKind.CONTESTED: "two pods claim the address",
}


def answer(node: OfflineNode, steps: Iterable[Step], *, sent: tuple[int, ...], wanted: int) -> Answer:
    """Say what one bridge did with a packet that should leave it by the port `wanted`."""
    steps = tuple(steps)
    if sent == (wanted,):
        return Answer(True, f"{node.name}: {_allowed_by(node, steps)}")
    if sent:
        return Answer(False, f"{node.name}: leaves by {', '.join(f'port {p}' for p in sent)} instead of port {wanted}")
    table, cookie = steps[-1]
    return Answer(False, f"{node.name}: {_table(table)} drops it: {_dropped_by(node, table, cookie)}")


def through(answers: list[Answer]) -> Answer:
    """Put the answers of the bridges on a packet's way together: the last one decides."""
    if not answers:
        return Answer(True, NO_BRIDGE)
    return answers[-1] if not answers[-1].allowed else Answer(True, "; ".join(a.reason for a in answers))


def meaning(node: OfflineNode, table: int, cookie: Cookie | None) -> str:
    """Say what a flow is there for: what its cookie means on this node."""
    if cookie is None:
        return "no flow of ours"
    if cookie.kind is CookieKind.RULE:
        key = next((key for key, number in node.numbers.rules.items() if number == cookie.value), None)
        return "a rule allows it" if key is None else f"a rule of {key.policy} allows it"
    if cookie.kind is CookieKind.ISOLATED and table in _DIRECTIONS:
        return _isolation(node, _DIRECTIONS[TableId(table)], cookie.value)
    if cookie.kind is CookieKind.MISS and table in _DIRECTIONS:
        return f"no policy isolates it for {_DIRECTIONS[TableId(table)].lower()}"
    if cookie.kind is CookieKind.NODE:
        return "the node itself is always allowed"
    return cookie.kind.meaning


def _allowed_by(node: OfflineNode, steps: tuple[Step, ...]) -> str:
    rules = {int(number): key for key, number in node.numbers.rules.items()}
    kinds = {cookie.kind for _, cookie in steps if cookie is not None}
    used = [rules[c.value] for _, c in steps if c is not None and c.kind is CookieKind.RULE and c.value in rules]
    if used:
        return " and ".join(f"{key.direction.lower()} allowed by a rule of {key.policy}" for key in used)
    return "the node itself is always allowed" if CookieKind.NODE in kinds else "no policy isolates it"


def _table(number: int) -> str:
    return TableId(number).name if number in set(TableId) else f"table {number}"


def _dropped_by(node: OfflineNode, table: int, cookie: Cookie | None) -> str:
    if cookie is None:
        return "no flow matches"
    if cookie.kind is CookieKind.ISOLATED and table in _DIRECTIONS:
        return _isolation(node, _DIRECTIONS[TableId(table)], cookie.value)
    return _DROPS.get(cookie.kind, cookie.kind.name.lower()).format(cookie.value)


def _isolation(node: OfflineNode, direction: Direction, number: int) -> str:
    identity = next((i for i, n in node.numbers.identities.items() if n == number), None)
    if identity is None:
        return f"identity {number} is isolated and no rule allows it"
    policies = ", ".join(map(str, node.policy.isolated[direction].get(identity, ())))
    by = policies or "the annotation of its namespace"
    return f"identity {number}, {identity}, is isolated by {by} and no rule allows it"
