"""NP-30 to NP-38: who the other end is."""

from __future__ import annotations

from ryu_netpol.model.objects import Peer
from tests.rules.cases import case, v1
from tests.support.build import EGRESS, block, pod, pods, policy, rule

MIRROR: list[tuple[str, Peer, str, str]] = [
    ("NP-31", pods("app=db"), "red/b", "blue/b"),
    ("NP-32", pods(ns="team=b"), "blue/b", "red/b"),
    ("NP-33", pods("app=db", ns="team=b"), "blue/b", "blue/a"),
    ("NP-35", block("198.51.100.0/24"), "198.51.100.255", "198.51.101.0"),
    ("NP-36", block("198.51.100.0/24", "198.51.100.7/32"), "198.51.100.6", "198.51.100.7"),
]
"""A rule, a peer, one who is meant, and one who is not: the same for `from` and `to`."""

CASES = [
    case(
        "NP-30 no peers means everyone, outsiders and nodes too",
        policy("red/p", ingress=[rule(ports=["TCP/80"])]),
        allowed=[
            "red/b > red/a TCP/80",
            "blue/b > red/a TCP/80 v6",
            "198.51.100.7 > red/a TCP/80",
            "2001:db8::7 > red/a TCP/80",
            "node/node2 > red/a TCP/80",
        ],
        denied=["red/b > red/a TCP/81", "198.51.100.7 > red/a UDP/80"],
    ),
    case(
        "NP-31 podSelector alone means the own namespace",
        policy("red/p", ingress=[rule(pods("app=web"))]),
        policy("blue/p", "app=db", ingress=[rule(pods("app=web"))]),
        allowed=["red/a > red/b TCP/80", "blue/a > blue/b TCP/80"],
        denied=["blue/a > red/b TCP/80", "red/a > blue/b TCP/80"],
    ),
    case(
        "NP-31 an empty podSelector alone means the whole own namespace and nobody else",
        policy("red/p", ingress=[rule(pods("*"))]),
        allowed=["red/b > red/a TCP/80"],
        denied=["blue/a > red/a TCP/80", "198.51.100.7 > red/a TCP/80", "node/node2 > red/a TCP/80"],
    ),
    case(
        "NP-32 namespaceSelector alone means all pods of the namespaces",
        policy("red/p", ingress=[rule(pods(ns="team=b"))]),
        allowed=["blue/a > red/a TCP/80", "blue/b > red/a TCP/80"],
        denied=["red/b > red/a TCP/80", "grey/a > red/a TCP/80"],
    ),
    case(
        "NP-32 the own namespace only if it matches",
        policy("red/p", "app=web", ingress=[rule(pods(ns="team=r"))]),
        allowed=["red/b > red/a TCP/80"],
        denied=["blue/a > red/a TCP/80"],
    ),
    case(
        "NP-32 an empty namespaceSelector means all pods",
        policy("red/p", ingress=[rule(pods(ns="*"))]),
        allowed=["red/b > red/a TCP/80", "blue/b > red/a TCP/80", "grey/a > red/a TCP/80"],
        denied=["198.51.100.7 > red/a TCP/80"],
    ),
    case(
        "NP-33 both selectors in one entry must match",
        policy("red/p", ingress=[rule(pods("app=web", ns="team=b"))]),
        allowed=["blue/a > red/b TCP/80"],
        denied=["blue/b > red/b TCP/80", "red/a > red/b TCP/80"],
    ),
    case(
        "NP-33 podSelector with an empty namespaceSelector means matching pods anywhere",
        policy("red/p", ingress=[rule(pods("app=db", ns="*"))]),
        allowed=["red/b > red/a TCP/80", "blue/b > red/a TCP/80"],
        denied=["blue/a > red/a TCP/80", "grey/a > red/a TCP/80"],
    ),
    case(
        "NP-33 an empty podSelector adds nothing to namespaceSelector",
        policy("red/p", ingress=[rule(pods("*", ns="team=b"))]),
        allowed=["blue/a > red/a TCP/80", "blue/b > red/a TCP/80"],
        denied=["red/b > red/a TCP/80"],
    ),
    case(
        "NP-34 selectors match pods and nothing else",
        policy("red/p", types=[EGRESS], egress=[rule(pods("*")), rule(pods(ns="*"))]),
        policy("blue/p", ingress=[rule(pods("*")), rule(pods(ns="*"))]),
        allowed=["red/a > blue/b TCP/80", "red/a > grey/a TCP/80"],
        denied=[
            "red/a > 198.51.100.7 TCP/80",
            "red/a > node/node2 TCP/80",
            "red/a > 10.96.0.10 UDP/53",
            "198.51.100.7 > blue/a TCP/80",
            "node/node2 > blue/a TCP/80",
            "192.168.0.1 > blue/a TCP/80",
        ],
    ),
    case(
        "NP-34 a host-network pod's labels match nothing",
        policy("blue/p", "app=db", ingress=[rule(pods("app=web", ns="team=r"))]),
        allowed=["red/a > blue/b TCP/80"],
        denied=["red/host > blue/b TCP/80"],
    ),
    case(
        "NP-35 a block matches whoever has the address, pods too",
        policy("red/p", ingress=[rule(block("10.244.2.0/24")), rule(block("198.51.100.0/29"))]),
        allowed=["blue/b > red/a TCP/80", "198.51.100.7 > red/a TCP/80", "198.51.100.0 > red/a TCP/80"],
        denied=["blue/a > red/a TCP/80", "198.51.100.8 > red/a TCP/80", "198.51.99.255 > red/a TCP/80"],
    ),
    case(
        "NP-35 a block of one address, and of all",
        policy("red/p", "app=web", ingress=[rule(block("198.51.100.7/32"))]),
        policy("red/q", "app=db", ingress=[rule(block("0.0.0.0/0"))]),
        allowed=["198.51.100.7 > red/a TCP/80", "198.51.100.6 > red/b TCP/80", "blue/a > red/b TCP/80"],
        denied=["198.51.100.6 > red/a TCP/80", "198.51.100.8 > red/a TCP/80"],
    ),
    case(
        "NP-35 blocks of IPv6, at both edges",
        policy("red/p", types=[EGRESS], egress=[rule(block("2001:db8::/64"))]),
        allowed=["red/a > 2001:db8:: TCP/80", "red/a > 2001:db8::ffff:ffff:ffff:ffff TCP/80"],
        denied=["red/a > 2001:db8:0:1:: TCP/80", "red/a > 2001:db7:ffff:ffff:ffff:ffff:ffff:ffff TCP/80"],
    ),
    case(
        "NP-36 except shrinks its entry, at both edges",
        policy("red/p", ingress=[rule(block("198.51.100.0/24", "198.51.100.64/26"))]),
        allowed=["198.51.100.63 > red/a TCP/80", "198.51.100.128 > red/a TCP/80"],
        denied=["198.51.100.64 > red/a TCP/80", "198.51.100.127 > red/a TCP/80"],
    ),
    case(
        "NP-36 except is no deny: another entry may allow",
        policy("red/p", ingress=[rule(block("198.51.100.0/24", "198.51.100.64/26"), block("198.51.100.65/32"))]),
        allowed=["198.51.100.65 > red/a TCP/80"],
        denied=["198.51.100.66 > red/a TCP/80"],
    ),
    case(
        "NP-36 except is no deny: another rule may allow",
        policy("red/p", ingress=[rule(block("0.0.0.0/0", "10.0.0.0/8")), rule(pods(ns="team=b"), ports=["TCP/80"])]),
        allowed=["blue/a > red/a TCP/80", "198.51.100.7 > red/a TCP/81"],
        denied=["blue/a > red/a TCP/81", "red/b > red/a TCP/80"],
    ),
    case(
        "NP-36 except is no deny: another policy may allow",
        policy("red/p", ingress=[rule(block("0.0.0.0/0", "198.51.100.0/24"))]),
        policy("red/q", ingress=[rule(block("198.51.100.7/32"))]),
        allowed=["198.51.100.7 > red/a TCP/80"],
        denied=["198.51.100.8 > red/a TCP/80"],
    ),
    case(
        "NP-36 overlapping and nested excepts add up",
        policy(
            "red/p",
            ingress=[rule(block("198.51.100.0/24", "198.51.100.0/25", "198.51.100.64/26", "198.51.100.192/26"))],
        ),
        allowed=["198.51.100.128 > red/a TCP/80", "198.51.100.191 > red/a TCP/80"],
        denied=["198.51.100.0 > red/a TCP/80", "198.51.100.100 > red/a TCP/80", "198.51.100.192 > red/a TCP/80"],
    ),
    case(
        "NP-37 entries are alternatives",
        policy("red/p", ingress=[rule(pods("app=db"), pods(ns="team=b"), block("198.51.100.7/32"), ports=["TCP/80"])]),
        allowed=["red/b > red/a TCP/80", "blue/a > red/a TCP/80", "198.51.100.7 > red/a TCP/80"],
        denied=["grey/a > red/a TCP/80", "198.51.100.8 > red/a TCP/80", "blue/a > red/a TCP/81"],
    ),
    case(
        "NP-37 two entries are not one entry with both selectors",
        policy("red/p", ingress=[rule(pods("app=web"), pods(ns="team=b"))]),
        allowed=["blue/b > red/b TCP/80", "red/a > red/b TCP/80"],
    ),
    case(
        "NP-38 a block chooses by address alone, whatever the labels",
        policy("red/p", ingress=[rule(block("10.244.1.20/32"))]),
        pod("grey/c", "10.244.1.21", labelled="app=web"),
        allowed=["blue/a > red/a TCP/80"],
        denied=["grey/c > red/a TCP/80"],
    ),
    case(
        "NP-38 selectors that are null beside a block are not there",
        v1(
            "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.244.1.20/32}, "
            "podSelector: null, namespaceSelector: null}]}]}"
        ),
        allowed=["blue/a > red/a TCP/80"],
        denied=["red/b > red/a TCP/80", "198.51.100.7 > red/a TCP/80"],
    ),
    *(
        case(
            f"NP-30 from {how} means everyone",
            v1(f"{{podSelector: {{}}, ingress: [{{ports: [{{port: 80}}]{text}}}]}}"),
            allowed=["blue/b > red/a TCP/80 v6", "198.51.100.7 > red/a TCP/80", "node/node2 > red/a TCP/80"],
            denied=["198.51.100.7 > red/a TCP/81"],
        )
        for how, text in {"null": ", from: null", "empty": ", from: []"}.items()
    ),
    *(
        case(
            f"NP-30 to {how} means everyone",
            v1(f"{{podSelector: {{}}, policyTypes: [Egress], egress: [{{ports: [{{port: 80}}]{text}}}]}}"),
            allowed=["red/a > blue/b TCP/80 v6", "red/a > 198.51.100.7 TCP/80", "red/a > node/node2 TCP/80"],
            denied=["red/a > 198.51.100.7 TCP/81"],
        )
        for how, text in {"missing": "", "null": ", to: null", "empty": ", to: []"}.items()
    ),
    case(
        "NP-34 no host-network pod, even if everything is empty",
        policy("blue/p", "app=db", ingress=[rule(pods("*", ns="*"))]),
        policy("red/p", "app=db", types=[EGRESS], egress=[rule(pods("*", ns="*"))]),
        pod("grey/host", "192.168.0.2", node="node2", host_network=True),
        allowed=["red/a > blue/b TCP/80", "red/b > blue/b TCP/80"],
        denied=["red/host > blue/b TCP/80", "red/b > grey/host TCP/80"],
    ),
    case(
        "NP-35 host bits of a manifest are ignored",
        v1("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 198.51.100.77/24}}]}]}"),
        allowed=["198.51.100.9 > red/a TCP/80", "198.51.100.255 > red/a TCP/80"],
        denied=["198.51.101.1 > red/a TCP/80"],
    ),
    case(
        "NP-35 pods inside a block may be reached, on this node and on another",
        policy("red/p", "app=web", types=[EGRESS], egress=[rule(block("10.244.0.0/16", "10.244.2.0/25"))]),
        pod("grey/far", "10.244.2.200", node="node2"),
        allowed=["red/a > red/b TCP/80", "red/a > grey/far TCP/80"],
        denied=["red/a > blue/b TCP/80", "red/a > red/b TCP/80 v6"],
    ),
    case(
        "NP-36 excepts of IPv6, at both edges",
        policy("red/p", ingress=[rule(block("2001:db8::/64", "2001:db8::100/120"))]),
        allowed=["2001:db8::ff > red/a TCP/80", "2001:db8::200 > red/a TCP/80"],
        denied=["2001:db8::100 > red/a TCP/80", "2001:db8::1ff > red/a TCP/80", "2001:db8:0:1:: > red/a TCP/80"],
    ),
    case(
        "NP-36 an except takes out pods, too",
        policy("red/p", ingress=[rule(block("10.244.0.0/16", "10.244.2.0/24"))]),
        allowed=["blue/a > red/a TCP/80"],
        denied=["blue/b > red/a TCP/80"],
    ),
    *(
        case(
            f"{number} ingress",
            policy("red/p", "app=web", ingress=[rule(peer)]),
            allowed=[f"{inside} > red/a TCP/80"],
            denied=[f"{beyond} > red/a TCP/80"],
        )
        for number, peer, inside, beyond in MIRROR
    ),
    *(
        case(
            f"{number} egress",
            policy("red/p", "app=web", egress=[rule(peer)]),
            allowed=[f"red/a > {inside} TCP/80"],
            denied=[f"red/a > {beyond} TCP/80"],
        )
        for number, peer, inside, beyond in MIRROR
    ),
]
