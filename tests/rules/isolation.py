"""NP-1 to NP-15: what isolates, how policies combine, what a policy object says."""

from __future__ import annotations

from tests.rules.cases import case, v1
from tests.support.build import EGRESS, INGRESS, block, pod, pods, policy, rule


def nothing(field: str) -> dict[str, str]:
    """The three ways to say nothing in a list, behind another field."""
    return {"missing": "", "null": f", {field}: null", "empty": f", {field}: []"}


CASES = [
    case(
        "NP-1 nobody is isolated without a policy",
        allowed=["red/b > red/a TCP/80", "198.51.100.7 > red/a UDP/53", "blue/b > red/a SCTP/7", "blue/a > red/a ICMP"],
    ),
    case(
        "NP-1 an SCTP rule closes TCP and UDP",
        policy("red/p", "app=web", ingress=[rule(ports=["SCTP/80"])]),
        allowed=["red/b > red/a SCTP/80", "198.51.100.7 > red/a SCTP/80"],
        denied=["red/b > red/a TCP/80", "red/b > red/a UDP/80", "red/b > red/a SCTP/81", "red/b > red/a ICMP"],
    ),
    case(
        "NP-1 a policy isolates for ingress only",
        policy("red/p", "app=web"),
        allowed=["red/a > red/b TCP/80", "red/a > 198.51.100.7 TCP/443"],
        denied=["red/b > red/a TCP/80"],
    ),
    case(
        "NP-1 what a policy does not select stays open",
        policy("red/p", "app=web"),
        allowed=["red/a > red/b TCP/80", "198.51.100.7 > red/b TCP/80"],
    ),
    case(
        "NP-2 egress isolation includes DNS and the world",
        policy("red/p", "app=web", types=[EGRESS]),
        allowed=["red/b > red/a TCP/80", "red/b > blue/b UDP/53"],
        denied=[
            "red/a > blue/b UDP/53",
            "red/a > 198.51.100.7 TCP/443",
            "red/a > red/b TCP/80",
            "red/a > node/node2 TCP/6443",
        ],
    ),
    case(
        "NP-3 flows without a pod are outside the API",
        policy("red/p", types=[INGRESS, EGRESS]),
        policy("blue/p", types=[INGRESS, EGRESS]),
        allowed=[
            "node/node1 > node/node2 TCP/22",
            "198.51.100.7 > 203.0.113.9 UDP/53",
            "198.51.100.7 > node/node1 ICMP",
        ],
    ),
    case(
        "NP-3 an unselected pod speaks to a restricted one by the rules of that one",
        policy("red/p", "app=web", ingress=[rule(pods("app=db"))]),
        allowed=["red/b > red/a TCP/1", "blue/a > red/b TCP/1"],
        denied=["blue/a > red/a TCP/1"],
    ),
    case(
        "NP-4 policies add up",
        policy("red/none"),
        policy("red/p80", ingress=[rule(ports=["TCP/80"])]),
        policy("red/p81", ingress=[rule(ports=["TCP/81"])]),
        allowed=["blue/a > red/a TCP/80", "blue/a > red/a TCP/81"],
        denied=["blue/a > red/a TCP/82"],
    ),
    case(
        "NP-4 a policy of another namespace adds nothing",
        policy("red/p"),
        policy("blue/p", ingress=[rule()]),
        denied=["blue/a > red/a TCP/80"],
        allowed=["red/a > blue/a TCP/80"],
    ),
    case(
        "NP-4 a policy for other pods adds nothing",
        policy("red/p"),
        policy("red/q", "app=db", ingress=[rule()]),
        denied=["blue/a > red/a TCP/80"],
        allowed=["blue/a > red/b TCP/80"],
    ),
    case(
        "NP-5 both ends must allow",
        policy("red/p", "app=web", egress=[rule(pods(ns="team=b"))], types=[EGRESS]),
        policy("blue/p", "app=db", ingress=[rule(pods(ns="team=r"), ports=["TCP/80"])]),
        allowed=["red/a > blue/b TCP/80", "red/a > blue/a TCP/81"],
        denied=["red/a > blue/b TCP/81", "red/a > red/b TCP/80", "blue/a > blue/b TCP/80"],
    ),
    case(
        "NP-5 the destination's ingress does not open the source's egress",
        policy("red/p", "app=web", types=[EGRESS]),
        policy("blue/p", ingress=[rule()]),
        denied=["red/a > blue/b TCP/80"],
    ),
    case(
        "NP-6 peers and ports of different rules do not mix",
        policy(
            "red/p",
            "app=web",
            ingress=[rule(pods("app=db"), ports=["TCP/80"]), rule(pods(ns="team=b"), ports=["TCP/81"])],
        ),
        allowed=["red/b > red/a TCP/80", "blue/a > red/a TCP/81"],
        denied=["red/b > red/a TCP/81", "blue/a > red/a TCP/80"],
    ),
    case(
        "NP-6 peers and ports of different policies do not mix",
        policy("red/p", ingress=[rule(pods("app=db"), ports=["TCP/80"])]),
        policy("red/q", ingress=[rule(pods(ns="team=b"), ports=["TCP/81"])]),
        allowed=["red/b > red/a TCP/80", "blue/a > red/a TCP/81"],
        denied=["red/b > red/a TCP/81", "blue/a > red/a TCP/80"],
    ),
    case(
        "NP-10 an empty podSelector selects its own namespace, all of it",
        policy("red/p"),
        allowed=["red/a > blue/a TCP/80"],
        denied=["blue/a > red/a TCP/80", "blue/a > red/b TCP/80", "grey/a > red/a TCP/80"],
    ),
    case(
        "NP-6 nor do those of egress rules",
        policy(
            "red/p",
            "app=web",
            types=[EGRESS],
            egress=[rule(pods("app=db"), ports=["TCP/80"]), rule(pods(ns="team=b"), ports=["TCP/81"])],
        ),
        allowed=["red/a > red/b TCP/80", "red/a > blue/b TCP/81"],
        denied=["red/a > red/b TCP/81", "red/a > blue/b TCP/80"],
    ),
    case(
        "NP-10 the same labels elsewhere are not selected",
        policy("red/p", "app=web"),
        allowed=["red/b > blue/a TCP/80"],
        denied=["red/b > red/a TCP/80"],
    ),
    case(
        "NP-12 rules of an unlisted direction are dead text",
        policy("red/p", "app=web", ingress=[rule(ports=["TCP/80"])], egress=[rule(ports=["TCP/80"])], types=[EGRESS]),
        allowed=["blue/a > red/a TCP/81", "red/a > blue/a TCP/80"],
        denied=["red/a > blue/a TCP/81"],
    ),
    case(
        "NP-12 dead rules open nothing that another policy closes",
        policy("red/p", "app=web", ingress=[rule()], types=[EGRESS]),
        policy("red/q", "app=web"),
        denied=["blue/a > red/a TCP/80"],
    ),
    case(
        "NP-15 an empty rule allows everything out",
        policy("red/p", "app=web", egress=[rule()]),
        allowed=["red/a > 198.51.100.7 UDP/1", "red/a > 2001:db8::7 ICMP", "red/a > node/node2 SCTP/9"],
        denied=["blue/a > red/a TCP/80"],
    ),
    case(
        "NP-1 only a policy of type Ingress isolates for ingress",
        policy("red/p", "app=web", types=[EGRESS]),
        allowed=["red/b > red/a TCP/80", "198.51.100.7 > red/a ICMP"],
        denied=["red/a > red/b TCP/80"],
    ),
    case(
        "NP-1 one of several policies is enough",
        policy("red/none", "app=nothing"),
        policy("red/out", types=[EGRESS], egress=[rule()]),
        policy("red/in", "app=web"),
        allowed=["blue/a > red/b TCP/80", "red/a > blue/a TCP/80"],
        denied=["blue/a > red/a TCP/80"],
    ),
    *(
        case(
            f"NP-4 the order of policies does not matter: {closed} closes, {opened} opens",
            policy(f"red/{closed}"),
            policy(f"red/{opened}", ingress=[rule(block("198.51.100.0/24"), ports=["TCP/80"])]),
            allowed=["198.51.100.7 > red/a TCP/80"],
            denied=["198.51.100.7 > red/a TCP/81"],
        )
        for closed, opened in (("a", "z"), ("z", "a"))
    ),
    *(
        case(
            f"NP-10 {what}",
            v1(spec),
            allowed=["red/a > blue/a TCP/80"],
            denied=["blue/a > red/a TCP/80", "198.51.100.7 > red/b ICMP", "red/a > red/b UDP/53 v6"],
        )
        for what, spec in {
            "a missing podSelector selects all": "{policyTypes: [Ingress]}",
            "a null podSelector selects all": "{podSelector: null}",
            "an empty podSelector selects all": "{podSelector: {}}",
            "a missing spec is an empty one": "",
            "a null spec is an empty one": "null",
            "an empty spec denies all ingress": "{}",
        }.items()
    ),
    case(
        "NP-10 a missing namespace is default",
        v1("{podSelector: {}}", name="p"),
        pod("default/x", "10.244.1.40"),
        allowed=["blue/a > red/a TCP/80", "default/x > red/a TCP/80"],
        denied=["red/a > default/x TCP/80", "198.51.100.7 > default/x TCP/80"],
    ),
    *(
        case(
            f"NP-11 policyTypes {how}: egress rules make it Egress too",
            v1(f"{{podSelector: {{matchLabels: {{app: web}}}}, egress: [{{ports: [{{port: 80}}]}}]{text}}}"),
            allowed=["red/a > blue/a TCP/80", "blue/a > red/b TCP/80"],
            denied=["blue/a > red/a TCP/80", "red/a > blue/a TCP/81"],
        )
        for how, text in nothing("policyTypes").items()
    ),
    *(
        case(
            f"NP-11 egress {how}: Ingress alone",
            v1(f"{{podSelector: {{matchLabels: {{app: web}}}}{text}}}"),
            allowed=["red/a > blue/a TCP/80"],
            denied=["blue/a > red/a TCP/80"],
        )
        for how, text in nothing("egress").items()
    ),
    case(
        "NP-11 ingress rules do not make it Egress",
        policy("red/p", "app=web", ingress=[rule(ports=["TCP/80"])]),
        allowed=["red/a > blue/a TCP/81", "blue/a > red/a TCP/80"],
        denied=["blue/a > red/a TCP/81"],
    ),
    case(
        "NP-12 a direction listed twice is listed",
        v1("{podSelector: {}, policyTypes: [Egress, Egress], egress: [{ports: [{port: 80}]}]}"),
        allowed=["blue/a > red/a TCP/81", "red/a > blue/a TCP/80"],
        denied=["red/a > blue/a TCP/81"],
    ),
    *(
        case(
            f"NP-13 ingress {how}",
            v1(f"{{podSelector: {{}}, policyTypes: [Ingress]{text}}}"),
            allowed=["red/a > blue/a TCP/80"],
            denied=[
                "blue/a > red/a TCP/80",
                "blue/b > red/b UDP/53 v6",
                "198.51.100.7 > red/a TCP/80",
                "node/node2 > red/a TCP/80",
            ],
        )
        for how, text in nothing("ingress").items()
    ),
    *(
        case(
            f"NP-14 egress {how}",
            v1(f"{{podSelector: {{}}, policyTypes: [Egress]{text}}}"),
            allowed=["blue/a > red/a TCP/80"],
            denied=["red/a > blue/a TCP/80", "red/b > 2001:db8::7 UDP/53", "red/a > node/node2 TCP/80"],
        )
        for how, text in nothing("egress").items()
    ),
    *(
        case(
            f"NP-15 {what} allows everything in",
            v1(f"{{podSelector: {{}}, policyTypes: [Ingress, Egress], ingress: [{text}]}}"),
            allowed=["198.51.100.7 > red/a TCP/1", "2001:db8::7 > red/a SCTP/9", "blue/b > red/a ICMP v6"],
            denied=["red/a > blue/a TCP/80"],
        )
        for what, text in {"an empty rule": "{}", "a null rule": "null"}.items()
    ),
    case(
        "NP-15 a null rule allows everything out",
        v1("{podSelector: {}, egress: [null]}"),
        allowed=["red/a > 198.51.100.7 UDP/1", "red/a > 2001:db8::7 ICMP", "red/a > node/node2 SCTP/9"],
        denied=["blue/a > red/a TCP/80"],
    ),
]
