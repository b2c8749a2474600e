"""NP-70 to NP-73 and NP-90 to NP-93: pods, namespaces, labels and policies come, change and go.

What counts is the present moment, whatever was before. Pods with addresses of 198.51.100.0/24 are those whose address
an outsider has before or after them, as it is in a cluster where addresses are used again.
"""

from __future__ import annotations

from typing import Any

from ryu_netpol.model.objects import Pod
from tests.rules.cases import case, stage, story
from tests.support.build import EGRESS, INGRESS, namespace, pod, pods, policy, rule

TO_WEB = policy("red/p", "app=web", ingress=[rule(pods("app=db"))])
TO_BLUE = policy("blue/p", "app=db", ingress=[rule(pods("app=db", ns="*"))])
CLOSED = policy("red/closed", types=[INGRESS, EGRESS])

ONE_NODE = "on one node the newest ADD has the address: tests/e2e/test_faults.py"


def db(*addresses: str, **tweaks: Any) -> Pod:
    """Pod red/b of the world with other addresses, or otherwise different."""
    return pod("red/b", *addresses, **{"labelled": "app=db", "ports": ["http=TCP/8000"], **tweaks})


def aged(name: str, *addresses: str, started: int = 0, **tweaks: Any) -> Pod:
    """A pod that began at some time."""
    return pod(name, *addresses, started=f"2024-05-01T00:00:0{started}Z", **tweaks)


CASES = [
    story(
        "NP-70 a finished pod is no peer: its address is anybody's",
        stage(TO_BLUE, db("198.51.100.44"), allowed=["red/b > blue/b TCP/80"]),
        stage(TO_BLUE, db("198.51.100.44", finished=True), denied=["198.51.100.44 > blue/b TCP/80"]),
    ),
    story(
        "NP-70 a finished pod is no subject: who has its address is not isolated for it",
        stage(
            policy("red/p", "app=db", types=[INGRESS, EGRESS]), denied=["blue/a > red/b TCP/80", "red/b > red/a UDP/1"]
        ),
        stage(
            policy("red/p", "app=db", types=[INGRESS, EGRESS]),
            db("10.244.1.11", finished=True),
            pod("red/c", "10.244.1.11", labelled="app=cache"),
            allowed=["blue/a > red/c TCP/80", "red/c > red/a UDP/1"],
        ),
    ),
    story(
        "NP-70 its labels and ports are nobody's",
        stage(
            TO_BLUE,
            policy("red/names", ingress=[rule(ports=["TCP/http"])]),
            allowed=["red/b > blue/b TCP/80", "blue/a > red/b TCP/8000"],
        ),
        stage(
            TO_BLUE,
            policy("red/names", ingress=[rule(ports=["TCP/http"])]),
            db("10.244.1.11", finished=True),
            pod("red/c", "10.244.1.11", labelled="app=cache", ports=["http=TCP/9000"]),
            allowed=["blue/a > red/c TCP/9000"],
            denied=["red/c > blue/b TCP/80", "blue/a > red/c TCP/8000"],
        ),
    ),
    case(
        "NP-70 nor has a host-network pod the address that it shows",
        TO_BLUE,
        pod("grey/host", "10.244.1.11", labelled="app=x", host_network=True),
        pod("red/host", "10.244.1.20", labelled="app=db", host_network=True),
        allowed=["red/b > blue/b TCP/80"],
        denied=["blue/a > blue/b TCP/80"],
    ),
    story(
        "NP-71 the former owner leaves nothing",
        stage(TO_WEB, allowed=["red/b > red/a TCP/80", "red/b > red/a ICMP"]),
        stage(
            TO_WEB,
            pod("grey/new", "10.244.1.11", labelled="app=db"),
            gone=["red/b"],
            denied=["grey/new > red/a TCP/80", "grey/new > red/a ICMP"],
        ),
    ),
    story(
        "NP-71 nor does one on another node",
        stage(TO_BLUE, allowed=["red/b > blue/b TCP/80"], denied=["blue/a > blue/b TCP/80"]),
        stage(
            TO_BLUE,
            pod("grey/new", "10.244.1.11"),
            gone=["red/b"],
            denied=["grey/new > blue/b TCP/80"],
        ),
    ),
    case(
        "NP-71 a pod that stays beats one that is going",
        TO_BLUE,
        aged("red/x", "10.244.1.30", started=1, labelled="app=db"),
        aged("red/y", "10.244.1.30", started=9, terminating=True),
        allowed=["red/x > blue/b TCP/80"],
        denied=["blue/a > blue/b TCP/80"],
    ),
    case(
        "NP-71 the later start beats the earlier",
        TO_BLUE,
        aged("red/x", "10.244.1.30", started=1, labelled="app=db"),
        aged("red/y", "10.244.1.30", started=2),
        aged("red/v", "10.244.1.31", started=1),
        aged("red/w", "10.244.1.31", started=2, labelled="app=db"),
        allowed=["red/w > blue/b TCP/80"],
        denied=["red/y > blue/b TCP/80"],
    ),
    case(
        "NP-71 who started later is of no use to one that is going",
        TO_BLUE,
        aged("red/x", "10.244.1.30", started=2, terminating=True, labelled="app=db"),
        aged("red/y", "10.244.1.30", started=1),
        denied=["red/y > blue/b TCP/80"],
    ),
    case(
        "NP-71 equal claims elsewhere close the address",
        aged("red/x", "10.244.1.30", started=1),
        aged("red/y", "10.244.1.30", started=1),
        allowed=["red/a > blue/b TCP/80"],
        denied=["10.244.1.30 > blue/b TCP/80", "blue/b > 10.244.1.30 ICMP"],
        no_packets="a probe believes in a drop by a policy only, which a closed address is not",
    ),
    case(
        "NP-71 equal claims close the address, in both directions",
        aged("red/x", "10.244.1.30", started=1),
        aged("blue/x", "10.244.1.30", started=1),
        allowed=["red/a > red/b TCP/80"],
        denied=[
            "red/a > 10.244.1.30 TCP/80",
            "10.244.1.30 > 10.244.1.30 TCP/80",
            "node/node1 > 10.244.1.30 TCP/80",
        ],
        no_packets=ONE_NODE,
    ),
    case(
        "NP-71 a dispute closes the address, not the pod",
        aged("red/x", "10.244.1.30", "fd00:10:244:1::30", started=1),
        aged("red/y", "10.244.1.30", "fd00:10:244:1::31", started=1),
        allowed=["red/a > red/x TCP/80 v6", "red/y > red/a TCP/80 v6"],
        denied=["red/a > red/x TCP/80", "red/y > red/a TCP/80"],
        no_packets=ONE_NODE,
    ),
    story(
        "NP-71 a terminating pod keeps its meaning until it is gone",
        stage(
            policy("red/p", ingress=[rule(pods("app=db"))]),
            db("198.51.100.46", terminating=True),
            allowed=["red/b > red/a TCP/80"],
            denied=["blue/a > red/b TCP/80"],
        ),
        stage(policy("red/p", ingress=[rule(pods("app=db"))]), gone=["red/b"], denied=["198.51.100.46 > red/a TCP/80"]),
    ),
    story(
        "NP-72 a pod without an address matches nothing until it has one",
        stage(TO_WEB, db(), allowed=["red/a > blue/a TCP/80"], denied=["198.51.100.47 > red/a TCP/80"]),
        stage(TO_WEB, db("198.51.100.47"), allowed=["red/b > red/a TCP/80"]),
    ),
    story(
        "NP-72 a family at a time",
        stage(TO_WEB, db("10.244.1.11"), allowed=["red/b > red/a TCP/80"], denied=["2001:db8::47 > red/a TCP/80"]),
        stage(TO_WEB, db("10.244.1.11", "2001:db8::47"), allowed=["red/b > red/a TCP/80", "red/b > red/a TCP/80 v6"]),
    ),
    story(
        "NP-73 a new pod is isolated from its first packet",
        stage(CLOSED, TO_BLUE, allowed=["node/node1 > red/a TCP/80"], denied=["blue/a > red/a TCP/80"]),
        stage(
            CLOSED,
            TO_BLUE,
            pod("red/new", "10.244.1.60"),
            allowed=["node/node1 > red/new TCP/80"],
            denied=["red/a > red/new TCP/80", "red/new > blue/a TCP/80", "198.51.100.7 > red/new ICMP"],
        ),
    ),
    story(
        "NP-90 an update replaces the whole policy: subject, types and rules",
        stage(
            TO_WEB,
            allowed=["red/b > red/a TCP/80", "red/b > blue/a TCP/81"],
            denied=["blue/a > red/a TCP/80"],
        ),
        stage(
            policy("red/p", "app=db", egress=[rule(ports=["TCP/80"])], types=[EGRESS]),
            allowed=["blue/a > red/a TCP/80", "red/b > blue/a TCP/80"],
            denied=["red/b > blue/a TCP/81"],
        ),
    ),
    story(
        "NP-90 a policy is created, widened, narrowed and deleted",
        stage(allowed=["blue/a > red/a TCP/80"]),
        stage(
            policy("red/p", ingress=[rule(ports=["TCP/80"])]),
            allowed=["blue/a > red/a TCP/80"],
            denied=["blue/a > red/a TCP/81"],
        ),
        stage(
            policy("red/p", ingress=[rule(ports=["TCP/80-81"])]),
            allowed=["blue/a > red/a TCP/81"],
            denied=["blue/a > red/a TCP/82"],
        ),
        stage(policy("red/p"), denied=["blue/a > red/a TCP/80", "blue/a > red/a TCP/81"]),
        stage(allowed=["blue/a > red/a TCP/80", "blue/a > red/a TCP/82"]),
    ),
    story(
        "NP-91 a namespace that gets or loses a label gets or loses its rights",
        stage(
            policy("red/p", ingress=[rule(pods(ns="team=b"))]),
            allowed=["blue/a > red/a TCP/80", "blue/b > red/a TCP/80"],
            denied=["grey/a > red/a TCP/80"],
        ),
        stage(
            policy("red/p", ingress=[rule(pods(ns="team=b"))]),
            namespace("blue", "team=x"),
            namespace("grey", "team=b"),
            allowed=["grey/a > red/a TCP/80"],
            denied=["blue/a > red/a TCP/80", "blue/b > red/a TCP/80"],
        ),
    ),
    story(
        "NP-92 a relabelled pod is another subject and another peer",
        stage(
            TO_WEB,
            allowed=["red/b > red/a TCP/80", "blue/a > red/b TCP/80"],
            denied=["blue/a > red/a TCP/80"],
        ),
        stage(
            TO_WEB,
            pod("red/a", "10.244.1.10", "fd00:10:244:1::a", labelled="app=db"),
            pod("red/b", "10.244.1.11", "fd00:10:244:1::b", labelled="app=web"),
            allowed=["blue/a > red/a TCP/80", "red/a > red/b TCP/80"],
            denied=["blue/a > red/b TCP/80"],
        ),
    ),
    story(
        "NP-92 a pod of another node is relabelled",
        stage(policy("red/p", ingress=[rule(pods("app=db", ns="*"))]), allowed=["blue/b > red/a TCP/80"]),
        stage(
            policy("red/p", ingress=[rule(pods("app=db", ns="*"))]),
            pod("blue/b", "10.244.2.21", "fd00:10:244:2::15", labelled="app=x", node="node2"),
            denied=["blue/b > red/a TCP/80", "blue/b > red/a TCP/80 v6"],
        ),
    ),
    story(
        "NP-93 a new pod joins what selects it, and leaves it with its namespace",
        stage(policy("red/p", ingress=[rule(pods(ns="team=new"))]), denied=["198.51.100.48 > red/a TCP/80"]),
        stage(
            policy("red/p", ingress=[rule(pods(ns="team=new"))]),
            namespace("late", "team=new"),
            pod("late/x", "198.51.100.48"),
            allowed=["late/x > red/a TCP/80"],
            denied=["blue/a > red/a TCP/80"],
        ),
        stage(
            policy("red/p", ingress=[rule(pods(ns="team=new"))]),
            denied=["198.51.100.48 > red/a TCP/80"],
        ),
    ),
    story(
        "NP-93 a deleted namespace takes its policies and pods with it",
        stage(policy("red/p", types=[INGRESS, EGRESS]), denied=["blue/a > red/a TCP/80", "red/b > blue/b TCP/80"]),
        stage(
            policy("red/p", types=[INGRESS, EGRESS]),
            pod("grey/heir", "10.244.1.10"),
            gone=["red"],
            allowed=["blue/a > grey/heir TCP/80", "grey/heir > blue/b TCP/80"],
        ),
    ),
]
