"""Which flows of a bridge drop, and what they have counted."""

from ryu_netpol.lab.drops import Drop, counted

ISOLATED = 0x6E70_0009_0000_0005
DUMP = """OFPST_FLOW reply (OF1.4) (xid=0x6):
 cookie=0x6e70000300000002, duration=2s, table=0, n_packets=70, n_bytes=7, priority=9,in_port=2 actions=goto_table:20
 cookie=0x6e70000400000002, duration=2s, table=0, n_packets=3, n_bytes=74, priority=50,in_port=2 actions=drop
 cookie=0x6e70000900000005, duration=2s, table=51, n_packets=7, n_bytes=0, priority=9,ip,reg2=0x5 actions=drop
 cookie=0x6e70000900000005, duration=2s, table=51, n_packets=4, n_bytes=0, priority=1000,ipv6,reg2=0x5 actions=drop
 cookie=0x6e70000900000005, duration=2s, table=41, n_packets=0, n_bytes=0, priority=1000,reg1=0x5 actions=drop
"""


def test_drops_are_counted_by_table_and_cookie() -> None:
    """Flows that pass something on are left out; those for both families are one drop."""
    assert counted("n1", DUMP) == {
        Drop("n1", 0, 0x6E70_0004_0000_0002): 3,
        Drop("n1", 51, ISOLATED): 11,
        Drop("n1", 41, ISOLATED): 0,
    }


def test_a_drop_says_where_it_is() -> None:
    """In the words of docs/pipeline.md; what is not ours by its numbers."""
    assert str(Drop("n1", 51, ISOLATED)) == "ISOLATED/5 in INGRESS on n1"
    assert str(Drop("n1", 99, 7)) == "cookie 0x7 in table 99 on n1"
