"""The pipeline as data: which tables there are, what each may match, where each may go on.

Every flow that is compiled passes `check_flow`; docs/pipeline.md is generated from what stands here. Numbers leave gaps
for later stages. Table numbers only grow along a packet's way: OpenFlow's goto cannot go back.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ryu_netpol.flows.fields import FIELDS
from ryu_netpol.flows.ir import Ct, Flow, Goto, Load, Meter, Move, Pop, Resubmit, SetField


class PipelineError(ValueError):
    """A flow does something that the pipeline does not declare. Always a defect of the compiler."""


class TableId(enum.IntEnum):
    """Table numbers."""

    CLASSIFY = 0
    ARP_ND = 10
    ND_REPLY = 11
    CONNTRACK = 20
    ORIGIN = 24
    CT_STATE = 25
    RELATED = 26
    SERVICE = 28
    SOURCE_ID = 30
    DEST_ID = 31
    EGRESS_ADMIN = 40
    EGRESS = 41
    EGRESS_BASELINE = 42
    INGRESS_ADMIN = 50
    INGRESS = 51
    INGRESS_BASELINE = 52
    COMMIT = 60
    FORWARD = 70


@dataclass(frozen=True, slots=True)
class Table:
    """One stage."""

    id: TableId
    purpose: str
    matches: frozenset[str]
    """Fields that its flows may match."""
    miss: TableId | None
    """Where packets go on that no flow matches; None: they are dropped, and counted."""
    next: frozenset[TableId] = frozenset()
    """Where its flows may continue, the miss included."""


_FIVE_TUPLE = "eth_type ip_proto ip_frag ipv4_src ipv4_dst ipv6_src ipv6_dst tcp_dst udp_dst sctp_dst"
_POLICY = f"{_FIVE_TUPLE} reg0 reg1 reg2 reg3 conj_id"
T = TableId


def _table(table: TableId, purpose: str, matches: str, miss: TableId | None, *more: TableId) -> tuple[TableId, Table]:
    following = frozenset(more) | ({miss} if miss is not None else set())
    return table, Table(table, purpose, frozenset(matches.split()), miss, following)


TABLES = dict(
    (
        _table(
            T.CLASSIFY,
            "Says where a packet comes from, and refuses a wrong source MAC, IP, ARP or neighbour discovery sender.",
            "in_port eth_src vlan_tci eth_type ip_proto ipv4_src ipv6_src nw_ttl arp_op arp_spa arp_tpa "
            "arp_sha icmpv6_type icmpv6_code nd_target nd_sll",
            None,
            T.ARP_ND,
            T.CONNTRACK,
        ),
        _table(
            T.ARP_ND,
            "Answers ARP and neighbour solicitations: pods see the gateway's MAC, the gateway sees a second one.",
            "reg0 eth_type ip_proto ipv6_src arp_op arp_tpa icmpv6_type icmpv6_code nd_target",
            None,
            T.ND_REPLY,
        ),
        _table(
            T.ND_REPLY,
            "Finishes a neighbour advertisement; nd_tll may only be written where type 136 is matched.",
            "reg0 eth_type ip_proto icmpv6_type",
            None,
        ),
        _table(T.CONNTRACK, "Looks the packet's connection up in this bridge's zone.", "eth_type", None, T.ORIGIN),
        _table(
            T.ORIGIN,
            "For replies, takes from the connection's mark whether it was opened through the gateway.",
            "ct_state ct_mark",
            T.CT_STATE,
        ),
        _table(
            T.CT_STATE,
            "Lets connections of the current epoch and related errors pass; new and stale ones go on to be judged, "
            "a stale reply turned around.",
            "ct_state ct_mark eth_type ip_proto",
            None,
            T.RELATED,
            T.SERVICE,
            T.FORWARD,
        ),
        _table(
            T.RELATED,
            "Lets an ICMP error pass from an endpoint that is one end of the connection that it is about, and from the "
            "gateway: routers on the way speak, too.",
            "reg0 ct_state eth_type ipv4_src ipv6_src ct_nw_src ct_nw_dst ct_ipv6_src ct_ipv6_dst",
            None,
            T.FORWARD,
        ),
        _table(T.SERVICE, "Reserved: service address to backend.", f"{_FIVE_TUPLE} reg0", T.SOURCE_ID),
        _table(
            T.SOURCE_ID,
            "Source address to identity; says whether an endpoint of this node opened the connection.",
            "reg0 eth_type ipv4_src ipv6_src",
            T.DEST_ID,
        ),
        _table(
            T.DEST_ID,
            "Destination address to identity; says whether it is an endpoint of this node, or the node itself.",
            "reg0 eth_type ip_proto ipv4_dst ipv6_dst tcp_dst udp_dst sctp_dst",
            T.EGRESS_ADMIN,
        ),
        _table(
            T.EGRESS_ADMIN,
            "Skips egress policy where no endpoint of this node is the source. Reserved: Admin tier.",
            _POLICY,
            T.EGRESS,
            T.INGRESS_ADMIN,
            T.COMMIT,
        ),
        _table(T.EGRESS, "NetworkPolicy, egress at the source.", _POLICY, T.EGRESS_BASELINE, T.INGRESS_ADMIN),
        _table(T.EGRESS_BASELINE, "Reserved: Baseline tier.", _POLICY, T.INGRESS_ADMIN),
        _table(
            T.INGRESS_ADMIN,
            "Skips ingress policy where no endpoint of this node is the destination, and for the node itself. "
            "Reserved: Admin tier.",
            _POLICY,
            T.INGRESS,
            T.COMMIT,
        ),
        _table(T.INGRESS, "NetworkPolicy, ingress at the destination.", _POLICY, T.INGRESS_BASELINE, T.COMMIT),
        _table(T.INGRESS_BASELINE, "Reserved: Baseline tier.", _POLICY, T.COMMIT),
        _table(
            T.COMMIT,
            "Turns back what was turned around, and commits the connection with the current epoch.",
            "reg0 ct_state eth_type ip_proto",
            None,
            T.COMMIT,
            T.FORWARD,
        ),
        _table(
            T.FORWARD,
            "Destination address to MAC and port: an endpoint of this node (also back to itself), else the gateway.",
            "in_port reg0 eth_type ipv4_dst ipv6_dst",
            None,
        ),
    )
)
"""Every table, in the order of a packet's way."""


def check_flow(flow: Flow) -> None:
    """Raise PipelineError if the flow does what its table does not declare, or what OVS would refuse."""
    table = TABLES.get(TableId(flow.table)) if flow.table in set(TableId) else None
    if table is None:
        raise PipelineError(f"there is no table {flow.table}")
    if not 0 <= flow.priority <= 0xFFFF:
        raise PipelineError(f"{table.id.name}: priority {flow.priority} is out of range")
    for name, value, mask in flow.match.fields:
        if name not in table.matches:
            raise PipelineError(f"{table.id.name} does not declare a match on {name}")
        if mask is not None and not FIELDS[name].maskable:
            raise PipelineError(f"{table.id.name}: {name} cannot be masked")
        if mask is not None and value & ~mask:
            raise PipelineError(f"{table.id.name}: {name} has bits outside its mask")
        for needed, values in FIELDS[name].needs:
            if flow.match.value(needed) not in values:
                raise PipelineError(f"{table.id.name}: a match on {name} needs {needed} matched")
    for position, action in enumerate(flow.actions):
        last = position == len(flow.actions) - 1
        match action:
            case Goto(target):
                if not last or target not in table.next or target <= table.id:
                    raise PipelineError(f"{table.id.name} does not declare going on to table {target}")
            case Resubmit(target) | Ct(table=int(target)):
                if not last or target not in table.next:
                    raise PipelineError(f"{table.id.name} does not declare going on to table {target}")
            case Meter() if position:
                raise PipelineError(f"{table.id.name}: a meter comes first")
            case SetField(field):
                _check_settable(table, field)
            case Load(target) | Move(_, target) | Pop(target):
                _check_settable(table, target.field)
            case _:
                pass


def _check_settable(table: Table, field: str) -> None:
    if not FIELDS[field].settable:
        raise PipelineError(f"{table.id.name}: {field} cannot be written")
