"""What the frameworks' own encoders make of our flows, for everything that they can say.

All that are installed are compared: os-ken in every environment, Ryu beside it in the classic one. One that is
installed and cannot be imported is an error of the tests, not a skip.
"""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from types import SimpleNamespace
from typing import Any

from ryu_netpol.flows.ir import (
    Action,
    Conjunction,
    Ct,
    Flow,
    Goto,
    InPort,
    Load,
    Meter,
    Move,
    Output,
    Resubmit,
    SetField,
)

_NAMES = {name: f"ipv6_{name}" for name in ("nd_target", "nd_sll", "nd_tll")}
"""Without the prefix they mean Nicira's older headers, which we read but do not write."""
_UNKNOWN = {"ip_frag", "nw_ttl", "nd_reserved", "nd_options_type", "vlan_tci"}


class Framework:
    """One framework's objects for OpenFlow 1.4."""

    def __init__(self, package: str) -> None:
        self.package = package
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.parser: Any = importlib.import_module(f"{package}.ofproto.ofproto_v1_4_parser")
            self.ofproto: Any = importlib.import_module(f"{package}.ofproto.ofproto_v1_4")
        self.datapath: Any = SimpleNamespace(ofproto=self.ofproto, ofproto_parser=self.parser)

    def message(self, kind: str, *args: Any, **named: Any) -> Any:
        """One of its messages."""
        return getattr(self.parser, kind)(self.datapath, *args, **named)

    def flow_mod(self, flow: Flow) -> Any:
        """The message that adds the flow; NotImplementedError where the framework cannot say that."""
        p = self.parser
        if any(field.field in _UNKNOWN for field in flow.match.fields):
            raise NotImplementedError
        fields = {
            _NAMES.get(name, name): _value(name, value) if mask is None else (_value(name, value), _value(name, mask))
            for name, value, mask in flow.match.fields
        }
        instructions: list[Any] = []
        rest = list(flow.actions)
        if rest and isinstance(rest[0], Meter):
            instructions.append(p.OFPInstructionMeter(rest.pop(0).id))  # type: ignore[union-attr]
        goto = rest.pop() if rest and isinstance(rest[-1], Goto) else None
        if rest:
            actions = [self._action(action) for action in rest]
            instructions.append(p.OFPInstructionActions(self.ofproto.OFPIT_APPLY_ACTIONS, actions))
        if isinstance(goto, Goto):
            instructions.append(p.OFPInstructionGotoTable(goto.table))
        return self.message(
            "OFPFlowMod",
            cookie=int(flow.cookie),
            table_id=flow.table,
            command=self.ofproto.OFPFC_ADD,
            priority=flow.priority,
            out_port=self.ofproto.OFPP_ANY,
            out_group=self.ofproto.OFPG_ANY,
            match=p.OFPMatch(**fields),
            instructions=instructions,
        )

    def _action(self, action: Action) -> Any:
        p = self.parser
        match action:
            case SetField(name, value) if name not in _UNKNOWN:
                return p.OFPActionSetField(**{_NAMES.get(name, name): _value(name, value)})
            case Load(target, value):
                return p.NXActionRegLoad(target.first << 6 | target.bits - 1, target.field, value)
            case Move(source, target):
                return p.NXActionRegMove(source.field, target.field, source.bits, source.first, target.first)
            case Output(port):
                return p.OFPActionOutput(port, 0)
            case InPort():
                return p.OFPActionOutput(self.ofproto.OFPP_IN_PORT, 0)
            case Resubmit(table):
                return p.NXActionResubmitTable(0xFFF8, table)
            case Ct():
                table = 0xFF if action.table is None else action.table
                nested = [self._action(load) for load in action.mark]
                return p.NXActionCT(int(action.commit), "", action.zone, table, 0, nested)
            case Conjunction(number, clause, clauses):
                return p.NXActionConjunction(clause - 1, clauses, number)
            case _:
                raise NotImplementedError


def _value(name: str, value: int) -> Any:
    if name in ("eth_src", "eth_dst", "arp_sha", "arp_tha", "nd_sll", "nd_tll"):
        return value.to_bytes(6, "big").hex(":")
    if name in ("ipv4_src", "ipv4_dst", "arp_spa", "arp_tpa"):
        return ".".join(str(byte) for byte in value.to_bytes(4, "big"))
    if name in ("ipv6_src", "ipv6_dst", "nd_target"):
        return value.to_bytes(16, "big").hex(":", 2)
    return value


def encoded(message: Any, xid: int = 0) -> bytes:
    """A framework's message as bytes."""
    message.xid = xid
    message.serialize()
    return bytes(message.buf)


INSTALLED = [package for package in ("os_ken", "ryu") if importlib.util.find_spec(package)]
FRAMEWORKS = [Framework(package) for package in INSTALLED]
