"""Flows as OpenFlow 1.4 messages, with Open vSwitch's extensions: what the agent sends. Pure: bytes in, bytes out.

`messages` are those without a flow, `flowmods` those with one, `parts` what these consist of, `bundle` a whole plan.
Reading is in `decode` and `errors`. What is encoded here, dumped by Open vSwitch and decoded there is equal to what it
was (P8), so a dump can be compared with what is desired.
Traps: vlan_tci comes back whole only where its mask is inside 0x1fff or its VLAN id is not 0 (OpenFlow 1.4 has the
field in two parts); stack actions are 24 bytes long, os-ken and Ryu write two of the padding too few.
"""

from ryu_netpol.flows.wire.bundle import PIECE, EncodedPlan, encode_plan, xids_needed
from ryu_netpol.flows.wire.codes import Bundle, Command, MeterCommand
from ryu_netpol.flows.wire.flowmods import encode_flow_mod, encode_nothing
from ryu_netpol.flows.wire.messages import (
    encode_bundle_control,
    encode_flow_request,
    encode_meter_mod,
    encode_meter_request,
    encode_set_config,
)
from ryu_netpol.flows.wire.parts import WireError

__all__ = [
    "PIECE",
    "Bundle",
    "Command",
    "EncodedPlan",
    "MeterCommand",
    "WireError",
    "encode_bundle_control",
    "encode_flow_mod",
    "encode_flow_request",
    "encode_meter_mod",
    "encode_meter_request",
    "encode_nothing",
    "encode_plan",
    "encode_set_config",
    "xids_needed",
]
