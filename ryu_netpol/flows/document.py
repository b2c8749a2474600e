"""docs/pipeline.md, from the pipeline itself: `python -m ryu_netpol.flows.document > docs/pipeline.md`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ryu_netpol.flows.bridge import SECOND_MAC
from ryu_netpol.flows.fields import CT_ZONE, MARKS, REGISTERS, Subfield
from ryu_netpol.flows.ir import Cookie, CookieKind, Flow
from ryu_netpol.flows.offline import OfflineNode, offline_node
from ryu_netpol.flows.pipeline import TABLES, Table, TableId
from ryu_netpol.flows.text import render
from ryu_netpol.model.labels import Labels, Selector
from ryu_netpol.model.names import Direction, NodeName, PodKey, PolicyKey, Protocol
from ryu_netpol.model.net import Address, Cidr, PortRange
from ryu_netpol.model.objects import BlockPeer, Cluster, Node, Pod, PodPeer, Policy, PortSpec, Rule

NODE = NodeName("node1")


def example() -> OfflineNode:
    """A node with two pods of its own, one elsewhere, and one policy: what the document shows the flows of."""
    database = PolicyKey("default", "database")
    cluster = Cluster.of(
        Node(NODE, addresses=(Address.parse("192.168.50.1"),)),
        Pod(PodKey("default", "db"), labels=Labels({"role": "db"}), node=NODE, addresses=_addresses("10.244.1.10")),
        Pod(PodKey("default", "web"), labels=Labels({"role": "web"}), node=NODE, addresses=_addresses("10.244.1.11")),
        Pod(
            PodKey("default", "far"),
            labels=Labels({"role": "web"}),
            node=NodeName("node2"),
            addresses=_addresses("10.244.2.10"),
        ),
        Policy(
            database,
            Selector.of(role="db"),
            frozenset({Direction.INGRESS}),
            ingress=(
                Rule(
                    (PodPeer(Selector.of(role="web")), BlockPeer(Cidr.parse("198.51.100.0/24"))),
                    (PortSpec(Protocol.TCP, PortRange(6379, 6379)),),
                ),
            ),
        ),
    )
    return offline_node(cluster, NODE, [Cidr.parse("10.244.1.0/24")])


def _addresses(text: str) -> tuple[Address, ...]:
    return (Address.parse(text),)


def document() -> str:
    """The whole document."""
    node = example()
    parts = [
        *_introduction(),
        *_bits("Registers", REGISTERS),
        *_bits("The connection's mark (ct_mark)", MARKS),
        *_cookies(),
        *(line for table in TABLES.values() for line in _table(table, node)),
    ]
    return "\n".join(parts) + "\n"


def _introduction() -> Iterator[str]:
    yield "# The pipeline"
    yield ""
    yield "Generated from `ryu_netpol/flows/` by `make docs`; `make check` compares. Do not edit."
    yield ""
    yield "The flows shown are those of one node with gateway port 1, pods default/db (port 2, 10.244.1.10) and"
    yield "default/web (port 4, 10.244.1.11), a pod default/far with role=web on another node (10.244.2.10), and one"
    yield "policy: pods with role=db accept TCP/6379 from pods with role=web and from 198.51.100.0/24. IPv4 only."
    yield f"Connections are tracked in zone {CT_ZONE}. Pods know the gateway by its port's MAC, the gateway knows all"
    yield f"pods by {SECOND_MAC.to_bytes(6, 'big').hex(':')}."
    yield ""
    yield "| table | number | what it does | miss |"
    yield "|---|---|---|---|"
    for table in TABLES.values():
        yield f"| [{table.id.name}](#{table.id.name.lower()}) | {table.id.value} | {table.purpose} | {_miss(table)} |"
    yield ""


def _miss(table: Table) -> str:
    return "drop" if table.miss is None else table.miss.name


def _bits(title: str, subfields: dict[str, tuple[Subfield, str]]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield "| name | bits | meaning |"
    yield "|---|---|---|"
    for name, (sub, meaning) in subfields.items():
        last = sub.first + sub.bits - 1
        where = f"{sub.first}" if sub.bits == 1 else f"{sub.first}..{last}"
        yield f"| {name} | {sub.field}[{where}] | {meaning} |"
    yield ""


def _cookies() -> Iterator[str]:
    yield "## Cookies"
    yield ""
    yield f"Bits 48..63 are {Cookie.SIGNATURE >> 48:#x}, which makes a flow ours; 32..47 the kind; 0..31 the value."
    yield ""
    yield "| kind | number | meaning |"
    yield "|---|---|---|"
    for kind in CookieKind:
        yield f"| {kind.name} | {kind.value} | {kind.meaning} |"
    yield ""


def _table(table: Table, node: OfflineNode) -> Iterator[str]:
    yield f"## {table.id.name}"
    yield ""
    yield f"Table {table.id.value}. {table.purpose}"
    yield ""
    yield f"- matches: {', '.join(sorted(table.matches))}"
    yield f"- goes on to: {', '.join(TableId(t).name for t in sorted(table.next)) or 'nowhere'}"
    yield f"- miss: {_miss(table)}"
    yield ""
    yield "```"
    flows = [flow for flow in node.flows.values() if flow.table == table.id]
    for flow in sorted(flows, key=lambda f: (-f.priority, render(f))):
        yield f"{_label(flow):<11} {_body(flow)}"
    yield "```"
    yield ""


def _label(flow: Flow) -> str:
    kind = flow.cookie.kind
    return kind.name if kind in (CookieKind.BASE, CookieKind.MISS) else f"{kind.name}/{flow.cookie.value}"


def _body(flow: Flow) -> str:
    """The flow as ovs-ofctl reads it, without table and cookie, which the reader sees beside it."""
    return re.sub(r"table=\d+, |cookie=0x[0-9a-f]+(, )?", "", render(flow)).replace(",  ", ", ")


if __name__ == "__main__":
    print(document(), end="")
