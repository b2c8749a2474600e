"""How many packets the drop flows of a running switch have dropped, exactly and at once (LabNode.flows)."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from ryu_netpol.flows.ir import Cookie
from ryu_netpol.flows.pipeline import TableId
from ryu_netpol.lab.node import LabNode

_DROP = re.compile(r"cookie=(0x[0-9a-f]+), .*?table=(\d+), n_packets=(\d+), .* actions=drop$", re.MULTILINE)


@dataclass(frozen=True, slots=True, order=True)
class Drop:
    """Where a packet is dropped: the flows of one table that have one cookie."""

    node: str
    table: int
    cookie: int

    def __str__(self) -> str:
        table = TableId(self.table).name if self.table in set(TableId) else f"table {self.table}"
        ours = Cookie.decode(self.cookie)
        flow = f"cookie {self.cookie:#x}" if ours is None else f"{ours.kind.name}/{ours.value}"
        return f"{flow} in {table} on {self.node}"


def dropped(node: LabNode) -> Counter[Drop]:
    """The packets that every drop flow of a node has dropped so far."""
    return counted(node.name, node.flows())


def counted(node: str, flows: str) -> Counter[Drop]:
    """The same from what `ovs-ofctl dump-flows` printed."""
    found: Counter[Drop] = Counter()
    for cookie, table, packets in _DROP.findall(flows):
        found[Drop(node, int(table), int(cookie, 16))] += int(packets)
    return found
