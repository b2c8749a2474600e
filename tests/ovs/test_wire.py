"""P8 on a real Open vSwitch: what is sent, committed and read back is what it was, as message and as text."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from ryu_netpol.agent.events import Committed
from ryu_netpol.flows.ir import Flow, FlowTable, Meter
from ryu_netpol.flows.text import parse, render, render_table
from tests.ovs.conftest import BRIDGE, SwitchApp
from tests.support.flow_strategies import flow_tables

# Every shape of match and action that the pipeline uses, for both families, as tried by hand.
SHAPES = """
# classify: kind of source, untagged frames, senders of ARP and neighbour discovery
table=0, priority=0, cookie=0x6e70000200000000 actions=drop
table=0, priority=200, cookie=0x6e70000100000000, arp,in_port=1 actions=load:2->NXM_NX_REG0[0..3],goto_table:10
table=0, priority=210, cookie=0x6e70000400000001, icmp6,in_port=1,icmpv6_type=133 actions=drop
table=0, priority=110, cookie=0x6e70000400000001, arp,in_port=1,dl_src=0a:00:00:00:00:01,vlan_tci=0/0x1fff,arp_op=1,\
arp_spa=10.0.0.1,arp_tpa=10.0.0.1,arp_sha=0a:00:00:00:00:01 actions=drop
table=0, priority=100, cookie=0x6e70000300000001, ip,in_port=1,dl_src=0a:00:00:00:00:01,vlan_tci=0/0x1fff,\
nw_src=10.0.0.1 actions=load:1->NXM_NX_REG0[0..3],goto_table:20
table=0, priority=100, cookie=0x6e70000300000001, ipv6,in_port=1,dl_src=0a:00:00:00:00:01,vlan_tci=0/0x1fff,\
ipv6_src=fd00::1 actions=load:1->NXM_NX_REG0[0..3],goto_table:20
table=0, priority=130, cookie=0x6e70000300000001, icmp6,in_port=1,dl_src=0a:00:00:00:00:01,vlan_tci=0/0x1fff,\
ipv6_src=fe80::1,nw_ttl=255,icmpv6_type=135,icmpv6_code=0,nd_sll=00:00:00:00:00:00 \
actions=load:1->NXM_NX_REG0[0..3],goto_table:10
table=0, priority=140, cookie=0x6e70000400000001, icmp6,in_port=65534,icmpv6_type=135,nd_target=fd00::1 actions=drop
# answers to ARP and neighbour solicitations, metered
table=10, priority=100, cookie=0x6e70000100000000, arp,reg0=0x1/0xf,arp_op=1 actions=meter:1,\
move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:0e:00:00:00:00:01->eth_src,set_field:2->arp_op,\
move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],set_field:0e:00:00:00:00:01->arp_sha,push:NXM_OF_ARP_SPA[],\
move:NXM_OF_ARP_TPA[]->NXM_OF_ARP_SPA[],pop:NXM_OF_ARP_TPA[],IN_PORT
table=10, priority=100, cookie=0x6e70000100000000, icmp6,reg0=0x2/0xf,icmpv6_type=135,icmpv6_code=0,\
nd_target=fd00::/48 actions=meter:2,move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:0e:00:00:00:00:02->eth_src,\
push:NXM_NX_IPV6_SRC[],move:NXM_NX_ND_TARGET[]->NXM_NX_IPV6_SRC[],pop:NXM_NX_IPV6_DST[],\
set_field:136->icmpv6_type,resubmit(,11)
table=11, priority=100, cookie=0x6e70000100000000, icmp6,reg0=0x1/0xf,icmpv6_type=136 actions=\
set_field:0xe0000000->nd_reserved,set_field:2->nd_options_type,set_field:0e:00:00:00:00:01->nd_tll,IN_PORT
# connection tracking
table=20, priority=100, cookie=0x6e70000100000000, ip actions=ct(table=24,zone=1)
table=20, priority=100, cookie=0x6e70000100000000, ipv6 actions=ct(table=24,zone=1)
table=24, priority=100, cookie=0x6e70000100000000, ct_state=+rpl+trk,ct_mark=0x80000000/0x80000000 \
actions=load:1->NXM_NX_REG0[7],goto_table:25
table=25, priority=200, cookie=0x6e70000100000000, ct_state=+inv+trk actions=drop
table=25, priority=180, cookie=0x6e70000100000000, ct_state=+est+trk,ct_mark=0x5/0xffff actions=goto_table:70
table=25, priority=100, cookie=0x6e70000100000000, ct_state=+est-rpl+trk,ct_zone=1 actions=goto_table:28
table=25, priority=90, cookie=0x6e70000100000000, ip,ct_state=+est+rpl+trk actions=load:1->NXM_NX_REG0[4],\
push:NXM_OF_IP_SRC[],push:NXM_OF_IP_DST[],pop:NXM_OF_IP_SRC[],pop:NXM_OF_IP_DST[],goto_table:28
table=25, priority=95, cookie=0x6e70000100000000, tcp6,ct_state=+est+rpl+trk actions=load:1->NXM_NX_REG0[4],\
push:NXM_NX_IPV6_SRC[],push:NXM_NX_IPV6_DST[],pop:NXM_NX_IPV6_SRC[],pop:NXM_NX_IPV6_DST[],push:NXM_OF_TCP_SRC[],\
push:NXM_OF_TCP_DST[],pop:NXM_OF_TCP_SRC[],pop:NXM_OF_TCP_DST[],goto_table:28
table=25, priority=95, cookie=0x6e70000100000000, udp,ct_state=+est+rpl+trk actions=push:NXM_OF_UDP_SRC[],\
push:NXM_OF_UDP_DST[],pop:NXM_OF_UDP_SRC[],pop:NXM_OF_UDP_DST[],goto_table:28
table=25, priority=95, cookie=0x6e70000100000000, sctp,ct_state=+est+rpl+trk actions=push:OXM_OF_SCTP_SRC[],\
push:OXM_OF_SCTP_DST[],pop:OXM_OF_SCTP_SRC[],pop:OXM_OF_SCTP_DST[],goto_table:28
# identities, clauses, rules
table=30, priority=100, cookie=0x6e70000700000005, ip,nw_src=10.0.0.1 actions=load:5->NXM_NX_REG1[],\
load:1->NXM_NX_REG0[5],goto_table:31
table=31, priority=100, cookie=0x6e70000700000005, ipv6,ipv6_dst=fd00::1 actions=set_field:5->reg2,goto_table:40
table=40, priority=60001, cookie=0x6e70000100000000, ipv6,reg1=5,reg2=5,ipv6_src=fd00::1,ipv6_dst=fd00::1 \
actions=goto_table:60
table=41, priority=1000, cookie=0x6e70000b00000000, ip,reg1=5 actions=conjunction(7,1/3),conjunction(4294967295,2/2)
table=41, priority=1000, cookie=0x6e70000b00000000, ip,nw_dst=10.0.0.0/8 actions=conjunction(7,2/3)
table=41, priority=1000, cookie=0x6e70000b00000000, tcp,tcp_dst=0x50/0xfff0 actions=conjunction(7,3/3)
table=41, priority=1000, cookie=0x6e70000b00000000, udp6,udp_dst=53 actions=conjunction(7,3/3)
table=41, priority=1000, cookie=0x6e70000b00000000, sctp6,sctp_dst=0x8/0xfff8 actions=conjunction(7,3/3)
table=41, priority=1000, cookie=0x6e70000b00000000, ip,nw_frag=later actions=conjunction(7,3/3)
table=41, priority=1000, cookie=0x6e70000b00000000, ipv6,nw_frag=later actions=conjunction(7,3/3)
table=41, priority=1000, cookie=0x6e70000a00000007, ip,conj_id=7 actions=goto_table:50
table=41, priority=1, cookie=0x6e70000900000005, reg1=5 actions=drop
# commit and forward
table=60, priority=200, cookie=0x6e70000100000000, ip,reg0=0x10/0x10 actions=load:0->NXM_NX_REG0[4],resubmit(,60)
table=60, priority=90, cookie=0x6e70000100000000, ip actions=ct(commit,zone=1,exec(load:5->NXM_NX_CT_MARK[0..15],\
load:1->NXM_NX_CT_MARK[31])),goto_table:70
table=60, priority=80, cookie=0x6e70000100000000, ipv6 actions=ct(commit,zone=1),goto_table:70
table=70, priority=100, cookie=0x6e70000300000001, ip,nw_dst=10.0.0.1 actions=\
set_field:0e:00:00:00:00:01->eth_src,set_field:0a:00:00:00:00:01->eth_dst,output:11
table=70, priority=110, cookie=0x6e70000300000001, ip,in_port=11,nw_dst=10.0.0.1 actions=\
set_field:0a:00:00:00:00:01->eth_dst,IN_PORT
table=70, priority=10, cookie=0x6e70000100000000, ipv6 actions=output:65534
"""
FLOWS = tuple(parse(line) for line in SHAPES.replace("\\\n", "").splitlines() if line and not line.startswith("#"))


def _meters(flows: FlowTable) -> tuple[int, ...]:
    found = {action.id for flow in flows.values() for action in flow.actions if isinstance(action, Meter)}
    return tuple(sorted(found))


@pytest.mark.parametrize("flow", FLOWS, ids=render)
def test_shape(switch_app: SwitchApp, flow: Flow) -> None:
    """One flow, sent in a bundle, is read back equal from the switch and from ovs-ofctl's dump."""
    table = FlowTable([flow])

    ended, _ = switch_app.program(adds=(flow,), meters_add=_meters(table))

    assert ended == Committed(switch_app.generation)
    dumped = switch_app.dump()
    assert (dumped.flows, dumped.unreadable, dumped.meters) == (table, 0, set(_meters(table)))
    (line,) = _dump_by_ofctl(switch_app)
    assert parse(line) == flow


def _dump_by_ofctl(app: SwitchApp) -> list[str]:
    return app.ovs.ofctl("--no-stats", "dump-flows", BRIDGE).splitlines()


def test_text_means_the_same(switch_app: SwitchApp) -> None:
    """What ovs-ofctl makes of our text is what we make of our messages."""
    table = FlowTable(FLOWS)
    for meter in _meters(table):
        switch_app.ovs.ofctl("add-meter", BRIDGE, f"meter={meter},pktps,bands=type=drop rate=100")

    switch_app.ovs.ofctl("add-flows", BRIDGE, "-", stdin=render_table(table))

    assert switch_app.dump().flows == table


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flow_tables())
def test_any_table(switch_app: SwitchApp, table: FlowTable) -> None:
    """Whole tables of anything that the IR can say survive the way to the switch and back, as messages and as text."""
    switch_app.clear()

    ended, _ = switch_app.program(adds=tuple(table.values()), meters_add=_meters(table))

    assert ended == Committed(switch_app.generation)
    dumped = switch_app.dump()
    assert (dumped.flows, dumped.unreadable) == (table, 0)
    assert FlowTable(map(parse, _dump_by_ofctl(switch_app))) == table


def test_the_pipelines_longest_flow(switch_app: SwitchApp) -> None:
    """A flow that fills its message to the last conjunction is accepted, and comes back whole."""
    clauses = ",".join(f"conjunction({number},1/2)" for number in range(4090))
    flow = parse(f"table=41, priority=1, cookie=0x6e70000b00000000, ip actions={clauses}")

    ended, _ = switch_app.program(adds=(flow,))

    assert ended == Committed(switch_app.generation)
    assert switch_app.dump().flows == FlowTable([flow])
