"""Which flows decide about a connection in each bridge on its way, whoever ran them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ryu_netpol.cli.judges import words
from ryu_netpol.cli.judges.answer import Answer
from ryu_netpol.flows.ir import Cookie, CookieKind
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.model.names import NodeName

_POLICY = (TableId.EGRESS, TableId.INGRESS_ADMIN, TableId.INGRESS)
_UNLIMITED = (TableId.EGRESS, TableId.INGRESS)


@dataclass(frozen=True, slots=True)
class Decision:
    """A flow that decided."""

    table: int
    flow: str
    """As ovs-ofctl writes it, without counters."""
    cookie: Cookie | None
    """None: it is no flow of ours."""
    meaning: str
    packets: int | None = None
    """How many packets it has decided about; None where no switch was asked."""

    @property
    def table_name(self) -> str:
        """The name of its table."""
        return table_name(self.table)


@dataclass(frozen=True, slots=True)
class Passage:
    """What one bridge did with a connection's first packet."""

    node: NodeName
    answer: Answer
    tables: tuple[int, ...]
    """Those that it met, in order."""
    decisions: tuple[Decision, ...]


def table_name(number: int) -> str:
    """The name of a table."""
    return TableId(number).name if number in set(TableId) else str(number)


Ways = dict[str, list[Passage]]
"""What the bridges on a connection's way do, by who says so: "flows" or "lab"."""


def deciding(steps: Sequence[words.Step], *, allowed: bool) -> list[int]:
    """Which of the steps decided, by index.

    The drop; or, where the packet left, what let it pass each direction: a rule, the node's right, or that nobody
    isolates.
    """
    if not allowed:
        return [len(steps) - 1]
    return [index for index, (table, cookie) in enumerate(steps) if _lets_pass(table, cookie)]


def _lets_pass(table: int, cookie: Cookie | None) -> bool:
    if cookie is None or table not in _POLICY:
        return False
    return cookie.kind in (CookieKind.RULE, CookieKind.NODE) or (cookie.kind is CookieKind.MISS and table in _UNLIMITED)
