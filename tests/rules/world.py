"""A world that everybody knows: what the tables add to it, or take away, is all that a reader must keep in mind.

    node1: red/a red/b blue/a           node2: blue/b grey/a            outside: 198.51.100.7, 2001:db8::7
    red/a    app=web  dual stack, http=TCP/80 http=TCP/8080 dns=UDP/53
    red/b    app=db   dual stack, http=TCP/8000
    blue/a   app=web  IPv4
    blue/b   app=db   dual stack, http=UDP/80
    grey/a   no label, IPv6
    red/host host network of node1, app=web
    namespaces: red team=r, blue team=b, grey has no label of its own

Outsiders 198.51.100.1 and 198.51.100.2 are taken: in the lab nodes masquerade them (ryu_netpol/lab/node.py).
"""

from __future__ import annotations

from ryu_netpol.model.objects import Object
from tests.support.build import namespace, node, pod

WORLD: tuple[Object, ...] = (
    node("node1", "192.168.0.1", "fd00:192:168::1", "10.244.1.1", "fd00:10:244:1::1"),
    node("node2", "192.168.0.2", "fd00:192:168::2", "10.244.2.1", "fd00:10:244:2::1"),
    namespace("red", "team=r"),
    namespace("blue", "team=b"),
    namespace("grey"),
    pod(
        "red/a",
        "10.244.1.10",
        "fd00:10:244:1::a",
        labelled="app=web",
        ports=["http=TCP/80", "http=TCP/8080", "dns=UDP/53"],
    ),
    pod("red/b", "10.244.1.11", "fd00:10:244:1::b", labelled="app=db", ports=["http=TCP/8000"]),
    pod("blue/a", "10.244.1.20", labelled="app=web"),
    pod("blue/b", "10.244.2.21", "fd00:10:244:2::15", labelled="app=db", node="node2", ports=["http=UDP/80"]),
    pod("grey/a", "fd00:10:244:2::1e", node="node2"),
    pod("red/host", "192.168.0.1", "fd00:192:168::1", labelled="app=web", host_network=True),
)
