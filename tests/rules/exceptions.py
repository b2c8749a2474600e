"""NP-50 to NP-61 and NP-75 to NP-83: nodes, oneself, families, services, other protocols."""

from __future__ import annotations

from tests.rules.cases import case, stage, story
from tests.support.build import EGRESS, INGRESS, block, node, pod, pods, policy, rule

CLOSED = policy("red/closed", types=[INGRESS, EGRESS])
CLOSED_BLUE = policy("blue/closed", types=[INGRESS, EGRESS])

GATEWAY = "probes know only the addresses that a node has among nodes; tests/e2e/test_faults.py asks the gateway's"

CASES = [
    case(
        "NP-50 the own node always gets in",
        CLOSED,
        allowed=["node/node1 > red/a TCP/80", "node/node1 > red/a ICMP v6", "node/node1 > red/b SCTP/9 v6"],
        denied=["node/node2 > red/a TCP/80", "node/node2 > red/a ICMP v6", "198.51.100.7 > red/a TCP/80"],
    ),
    case(
        "NP-50 a host-network pod of the same node cannot be told from it",
        CLOSED,
        CLOSED_BLUE,
        allowed=["red/host > red/a TCP/80", "red/host > blue/a TCP/80"],
        denied=["red/host > blue/b TCP/80"],
    ),
    case(
        "NP-50 what the node forwards is an outsider's, even with its address",
        CLOSED,
        denied=["192.168.0.1 > red/a TCP/80", "fd00:192:168::1 > red/a TCP/80"],
    ),
    case(
        "NP-50 even with the gateway's address",
        CLOSED,
        denied=["10.244.1.1 > red/a TCP/80", "fd00:10:244:1::1 > red/a TCP/80"],
        no_packets=GATEWAY,
    ),
    case(
        "NP-50 another node is an outsider that a block can name",
        policy("red/p", ingress=[rule(block("192.168.0.2/32"))]),
        allowed=["node/node2 > red/a TCP/80"],
        denied=["node/node2 > red/a TCP/80 v6", "192.168.0.1 > red/a TCP/80"],
    ),
    case(
        "NP-51 a pod reaches its own node, and no other",
        CLOSED,
        allowed=["red/a > node/node1 TCP/80", "red/a > node/node1 ICMP v6", "red/a > red/host TCP/9100"],
        denied=["red/a > node/node2 TCP/80", "red/a > node/node2 UDP/53 v6", "red/a > 192.168.0.3 TCP/80"],
    ),
    case(
        "NP-51 at all of the node's addresses",
        CLOSED,
        allowed=["red/a > 10.244.1.1 UDP/53", "red/a > fd00:10:244:1::1 ICMP"],
        denied=["red/a > 10.244.2.1 TCP/80", "red/a > fd00:10:244:2::1 ICMP"],
        no_packets=GATEWAY,
    ),
    case(
        "NP-51 the node-port range leads to other pods",
        CLOSED,
        allowed=["red/a > node/node1 TCP/29999", "red/a > node/node1 TCP/32768"],
        denied=[
            "red/a > node/node1 TCP/30000",
            "red/a > node/node1 UDP/32767",
            "red/a > node/node1 SCTP/31000",
            "red/a > node/node1 TCP/30000 v6",
        ],
    ),
    case(
        "NP-51 node ports are judged by the rules",
        policy("red/p", types=[EGRESS], egress=[rule(block("192.168.0.1/32"), ports=["TCP/30080"])]),
        allowed=["red/a > node/node1 TCP/30080"],
        denied=["red/a > node/node1 TCP/30081", "red/a > node/node1 UDP/30080", "red/a > node/node2 TCP/30080"],
    ),
    case(
        "NP-52 a pod reaches itself",
        CLOSED,
        allowed=["red/a > red/a TCP/80", "red/a > red/a ICMP v6", "red/b > red/b UDP/53 v6"],
        denied=["red/a > red/b TCP/80"],
    ),
    case(
        "NP-53 replies need no rule: ingress isolation does not touch what a pod opens",
        policy("red/in", "app=web", types=[INGRESS]),
        policy("blue/out", "app=db", types=[EGRESS]),
        allowed=[
            *("red/a > blue/b TCP/80", "red/a > blue/b UDP/53 v6", "red/a > blue/b SCTP/9", "red/a > blue/b ICMP"),
            *("red/a > 198.51.100.7 TCP/80", "red/a > node/node2 ICMP v6", "node/node1 > red/a UDP/53"),
        ],
        denied=["blue/b > red/a TCP/80"],
    ),
    case(
        "NP-60 a host-network pod is never a subject",
        policy("red/p", "app=web", types=[INGRESS, EGRESS]),
        allowed=["198.51.100.7 > red/host TCP/80", "red/host > 198.51.100.7 TCP/80", "red/host > blue/b TCP/80"],
        denied=["198.51.100.7 > red/a TCP/80"],
    ),
    case(
        "NP-61 as a peer a host-network pod is its node",
        policy("blue/p", "app=db", ingress=[rule(block("192.168.0.1/32")), rule(pods("app=web", ns="*"))]),
        allowed=["red/host > blue/b TCP/80", "node/node1 > blue/b TCP/80"],
        denied=["red/host > blue/b TCP/80 v6"],
    ),
    case(
        "NP-61 gateway addresses are the node's",
        policy("red/p", egress=[rule(block("10.244.2.1/32"))], types=[EGRESS]),
        allowed=["red/a > 10.244.2.1 TCP/80", "red/a > 10.244.1.1 TCP/80"],
        denied=["red/a > node/node2 TCP/80"],
        no_packets=GATEWAY,
    ),
    case(
        "NP-75 selectors and isolation hold for both addresses",
        policy("red/p", "app=web", ingress=[rule(pods("app=db"), ports=["TCP/http"])]),
        allowed=[
            "red/b > red/a TCP/80",
            "red/b > red/a TCP/80 v6",
            "node/node1 > red/a UDP/1 v6",
            "red/a > red/a ICMP v6",
        ],
        denied=[
            "red/b > red/a TCP/81 v6",
            "grey/a > red/a TCP/80",
            "198.51.100.7 > red/a TCP/80",
            "2001:db8::7 > red/a TCP/80",
        ],
    ),
    case(
        "NP-76 a block speaks about its own family",
        policy("red/p", ingress=[rule(block("0.0.0.0/0"))]),
        allowed=["198.51.100.7 > red/a TCP/80", "blue/b > red/a TCP/80"],
        denied=["2001:db8::7 > red/a TCP/80", "blue/b > red/a TCP/80 v6"],
    ),
    case(
        "NP-76 the same for IPv6",
        policy("red/p", types=[EGRESS], egress=[rule(block("::/0"))]),
        allowed=["red/a > 2001:db8::7 TCP/80", "red/a > blue/b TCP/80 v6"],
        denied=["red/a > 198.51.100.7 TCP/80", "red/a > blue/b TCP/80"],
    ),
    case(
        "NP-80 a flow to a service is judged at its backend",
        policy("red/p", types=[EGRESS], egress=[rule(pods("app=db", ns="team=b"))]),
        allowed=["red/a > blue/b TCP/8080"],
        denied=["red/a > 10.96.0.10 TCP/80"],
    ),
    case(
        "NP-81 ports are the pod's, not the service's",
        policy("red/p", "app=web", ingress=[rule(ports=["TCP/8080"])]),
        allowed=["blue/a > red/a TCP/8080"],
        denied=["blue/a > red/a TCP/80"],
    ),
    case(
        "NP-81 names are the pod's, too",
        policy("red/p", "app=db", ingress=[rule(ports=["TCP/http"])]),
        allowed=["blue/a > red/b TCP/8000"],
        denied=["blue/a > red/b TCP/80"],
    ),
    case(
        "NP-82 a block with only the virtual address matches nothing",
        policy("red/p", types=[EGRESS], egress=[rule(block("10.96.0.0/16"))]),
        denied=["red/a > blue/b TCP/80"],
    ),
    case(
        "NP-83 other protocols pass by rules without ports only",
        policy(
            "red/p", "app=web", ingress=[rule(pods("app=db")), rule(pods(ns="team=b"), ports=["TCP", "UDP", "SCTP"])]
        ),
        allowed=["red/b > red/a ICMP", "red/b > red/a ICMP v6"],
        denied=["blue/a > red/a ICMP", "198.51.100.7 > red/a ICMP"],
    ),
    case(
        "NP-50 another node is let in by rules without peers, and by no selector",
        policy("red/p", ingress=[rule(ports=["TCP/80"]), rule(pods("*", ns="*"))]),
        allowed=["node/node2 > red/a TCP/80", "node/node2 > red/a TCP/80 v6", "node/node1 > red/a TCP/81"],
        denied=["node/node2 > red/a TCP/81", "node/node2 > red/a ICMP"],
    ),
    case(
        "NP-50 every pod has its own node",
        CLOSED_BLUE,
        allowed=["node/node1 > blue/a TCP/80", "node/node2 > blue/b TCP/80", "node/node2 > blue/b SCTP/7 v6"],
        denied=["node/node2 > blue/a TCP/80", "node/node1 > blue/b TCP/80", "192.168.0.2 > blue/b TCP/80"],
    ),
    case(
        "NP-51 the node lets in whom no policy holds",
        CLOSED,
        allowed=["blue/a > node/node1 TCP/80", "blue/a > node/node2 TCP/30000"],
        denied=["red/b > node/node2 TCP/80"],
    ),
    case(
        "NP-60 nor is it one for the policies of another node",
        policy("red/p", types=[INGRESS, EGRESS]),
        pod("red/far", "192.168.0.2", node="node2", host_network=True),
        allowed=["red/far > blue/b TCP/80", "blue/a > red/far TCP/80", "198.51.100.7 > red/far ICMP"],
        denied=["red/far > red/a TCP/80"],
    ),
    case(
        "NP-61 a block of the node's address is for egress to a host-network pod, too",
        policy("blue/p", types=[EGRESS], egress=[rule(block("192.168.0.1/32")), rule(pods("app=web", ns="*"))]),
        allowed=["blue/b > red/host TCP/80", "blue/b > node/node1 UDP/53"],
        denied=["blue/b > red/host TCP/80 v6", "blue/b > node/node1 ICMP v6"],
    ),
    story(
        "NP-61 addresses are followed as they change",
        stage(CLOSED, denied=["red/a > 192.168.0.9 TCP/80"]),
        stage(
            CLOSED,
            node("node1", "192.168.0.9"),
            allowed=["red/a > 192.168.0.9 TCP/80"],
            denied=["red/a > 192.168.0.1 TCP/80"],
        ),
        no_packets="nodes of the lab keep their addresses; tests/net/test_gateway_addresses.py gives them others",
    ),
    case(
        "NP-75 egress and names hold for both addresses",
        policy("red/p", "app=web", types=[EGRESS], egress=[rule(pods("app=db"), ports=["TCP/http"])]),
        allowed=["red/a > red/b TCP/8000", "red/a > red/b TCP/8000 v6", "red/a > node/node1 TCP/1 v6"],
        denied=["red/a > red/b TCP/80 v6", "red/a > blue/b TCP/8000 v6", "red/a > 2001:db8::7 TCP/8000"],
    ),
    case(
        "NP-76 blocks of both families, with other ports each",
        policy("red/p", ingress=[rule(block("0.0.0.0/0"), ports=["TCP/80"]), rule(block("::/0"), ports=["TCP/81"])]),
        allowed=["blue/b > red/a TCP/80", "blue/b > red/a TCP/81 v6"],
        denied=["blue/b > red/a TCP/81", "blue/b > red/a TCP/80 v6"],
    ),
    case(
        "NP-82 nor does a block of it let anybody in",
        policy("red/p", ingress=[rule(block("10.96.0.0/16"))]),
        allowed=["red/a > blue/b TCP/80"],
        denied=["blue/b > red/a TCP/80", "198.51.100.7 > red/a TCP/80"],
    ),
    case(
        "NP-83 egress by other protocols",
        policy(
            "red/p",
            "app=web",
            types=[EGRESS],
            egress=[rule(block("198.51.100.0/24")), rule(pods(ns="*"), ports=["TCP/1-65535"])],
        ),
        allowed=["red/a > 198.51.100.7 ICMP", "red/a > red/b TCP/9"],
        denied=["red/a > red/b ICMP", "red/a > red/b ICMP v6", "red/a > 203.0.113.9 ICMP"],
    ),
]
